"""Plays the notebook and the commands of a page, as its reader would."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store
from tests.commands import Commands
from tests.docs.pages import Page

DECISIONS: dict[str, list[dict[str, Any]]] = {
    "README.md": [
        {"title": "*Ann", "action": "edit", "value": "Dear Ann, we refunded you today."},
        {"action": "approve"},
    ],
    "tutorial/refund-desk.md": [
        {"title": "*1002", "action": "approve"},
        {"title": "*1003", "action": "edit", "value": {"order": "1003", "amount": 30.0}},
    ],
    "how-to/escalate-by-rule.md": [{"action": "approve"}],
    "how-to/escalate-by-confidence.md": [
        {"title": "*arrived*", "action": "edit", "value": "damaged"},
        {"action": "approve"},
    ],
    "how-to/guardrail.md": [{"action": "edit", "value": {"amount": 25.0, "email": "We refund 25.00 EUR."}}],
    "how-to/two-approvals.md": [
        {
            "votes": [
                {"as": "bo", "action": "approve"},
                {"as": "cy", "action": "edit", "value": {"version": "1.4.0", "replicas": 4}},
                {"as": "bo", "action": "approve"},
            ]
        },
        {"action": "wait"},
    ],
    "how-to/deadlines.md": [{"action": "wait"}, {"action": "wait"}, {"action": "wait"}],
}
"""What people did in the stories whose page does not show a file of decisions."""


def play_story(page: Page, folder: Path, commands: Commands) -> Path:
    """Run the page's notebook to its end with the decisions of the page; the notebook, executed."""
    notebook = set_stage(page, folder)
    written = next((json.loads(text) for text in page.executed_blocks("json")), None)
    script = notebook.with_suffix(".decisions.json")
    document = written or {"version": 1, "decisions": DECISIONS.get(page.name, [])}
    script.write_text(json.dumps(document), encoding="utf-8")
    environment = {**os.environ, "HITL_NB_REVIEWER": f"script:{script}", "HITL_NB_STORE": f"diskcache://{folder}/s"}
    done = commands.run(["run", str(notebook)], cwd=folder, env=environment, seconds=120)
    assert done.returncode == 0, done.stderr
    return notebook


def set_stage(page: Page, folder: Path) -> Path:
    """Write the page's notebook and the files beside it to a folder; the notebook."""
    (folder / ".git").mkdir()  # the search for policy files ends here
    if policies := page.executed_blocks("toml"):
        (folder / "hitl-policy.toml").write_text("\n".join(policies), encoding="utf-8")
    for name, text in page.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    notebook = folder / page.notebook
    cells = [nbformat.v4.new_code_cell(text.rstrip("\n")) for text in page.cells]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    return notebook


def run_line(line: str, folder: Path, environment: dict[str, str], commands: Commands) -> str:
    """Run one line of a shell; what it prints to both streams."""
    if line.startswith("hitl-nb ") and not re.search(r"[|;&>$]", line):
        done = commands.run(shlex.split(line)[1:], cwd=folder, env=environment, seconds=120)
        return done.stdout + done.stderr
    programs = f'hitl-nb() {{ "{sys.executable}" -m hitl_nb.cli "$@"; }}; python() {{ "{sys.executable}" "$@"; }}; '
    tests = f'pytest() {{ "{sys.executable}" -m pytest "$@"; }}; '
    ran = subprocess.run(
        ["bash", "-c", programs + tests + line],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    return ran.stdout


def fill_id(command: str, store: str) -> str:
    """A command with the id of the oldest open proposal in place of ID."""
    if not re.search(r"\bID\b", command):
        return command
    return re.sub(r"\bID\b", Ledger(open_store(store)).proposals.list_open()[0].id, command)
