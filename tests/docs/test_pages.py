"""The pages are true: their notebooks and commands run, and print what the pages say; their policies are accepted."""

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
import pytest

from hitl_nb.policies.documents import read_text
from hitl_nb.policies.rules import merge_documents
from hitl_nb.store import open_store
from hitl_nb.store.ledger import Ledger
from tests.commands import Commands
from tests.docs.pages import ROOT, Page, read_pages

PAGES = read_pages()

DECISIONS: dict[str, list[dict[str, Any]]] = {
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

STORIES = [name for name, page in PAGES.items() if page.cells and not page.session]
SESSIONS = [name for name, page in PAGES.items() if page.session]
_ID = re.compile(r"\b[a-z2-7]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_DURATION = re.compile(r"\b\d+(\.\d+)?s\b")
_FOLDER = re.compile(r"(?<![\w.])/(?:[\w.-]+/)+(?=[\w.-]+)")


@pytest.mark.parametrize("name", STORIES)
def test_the_story_of_a_page_prints_what_the_page_says(name: str, tmp_path: Path, commands: Commands) -> None:
    page = PAGES[name]
    notebook = set_stage(page, tmp_path)
    written = next((json.loads(text) for text in page.executed("json")), None)
    script = notebook.with_suffix(".decisions.json")
    script.write_text(json.dumps(written or {"version": 1, "decisions": DECISIONS.get(name, [])}), encoding="utf-8")
    environment = {**os.environ, "HITL_NB_REVIEWER": f"script:{script}", "HITL_NB_STORE": f"diskcache://{tmp_path}/s"}
    done = commands.run(["run", str(notebook)], cwd=tmp_path, env=environment, seconds=120)
    assert done.returncode == 0, done.stderr
    compare_outputs(page, notebook)


@pytest.mark.parametrize("name", SESSIONS)
def test_the_commands_of_a_page_print_what_the_page_says(name: str, tmp_path: Path, commands: Commands) -> None:
    page = PAGES[name]
    notebook = set_stage(page, tmp_path)
    store = f"diskcache://{tmp_path}/s"
    environment = {**os.environ, "HITL_NB_STORE": store, "PYTHONPATH": str(ROOT)}
    for command, output in page.session:
        line = fill_id(command, store)
        assert comparable(run_line(line, tmp_path, environment, commands)) == comparable(output), command
    compare_outputs(page, notebook)


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if page.executed("toml")])
def test_the_policies_of_the_pages_are_accepted(name: str) -> None:
    merge_documents([read_text(text, name) for text in PAGES[name].executed("toml")])


def set_stage(page: Page, folder: Path) -> Path:
    """Write the page's notebook and the files beside it to a folder; the notebook."""
    (folder / ".git").mkdir()  # the search for policy files ends here
    if policies := page.executed("toml"):
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
    return re.sub(r"\bID\b", Ledger(open_store(store)).inbox()[0].id, command)


def comparable(text: str) -> str:
    """Output without what differs from run to run: ids, times, durations, folders, widths of columns."""
    for pattern, word in ((_ID, "ID"), (_TIME, "TIME"), (_DURATION, "0s"), (_FOLDER, "")):
        text = pattern.sub(word, text)
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def compare_outputs(page: Page, notebook: Path) -> None:
    ran = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    for index, text in page.outputs:
        assert shown(ran[index]) == text


def shown(cell: Any) -> str:
    parts = [output.get("text") or output["data"]["text/plain"] for output in cell.outputs]
    return "".join(part if part.endswith("\n") else part + "\n" for part in parts)
