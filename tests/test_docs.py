"""The pages of docs/ are true: their notebooks run with their policies, and print what the pages say."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from hitl_nb.policies.documents.documents import read_text
from hitl_nb.policies.rules.rules import merge_documents
from tests.commands import Commands

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {str(page.relative_to(DOCS)): page for page in sorted(DOCS.rglob("*.md"))}

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

_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def blocks(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page, each with its language; those with more behind the language are left out."""
    return [(kind, text) for kind, more, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if not more.strip()]


STORIES = [name for name, page in PAGES.items() if any(kind == "text" for kind, _ in blocks(page))]


@pytest.mark.parametrize("name", STORIES)
def test_the_story_of_a_page_prints_what_the_page_says(name: str, tmp_path: Path, commands: Commands) -> None:
    found = blocks(PAGES[name])
    policies = [text for kind, text in found if kind == "toml"]
    (tmp_path / "hitl-policy.toml").write_text("\n".join(policies), encoding="utf-8")
    (tmp_path / ".git").mkdir()  # the search for policy files ends here
    notebook = tmp_path / "story.ipynb"
    cells = [nbformat.v4.new_code_cell(text.rstrip("\n")) for kind, text in found if kind == "python"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    written = next((json.loads(text) for kind, text in found if kind == "json"), None)
    script = tmp_path / "story.decisions.json"
    script.write_text(json.dumps(written or {"version": 1, "decisions": DECISIONS[name]}), encoding="utf-8")

    environment = {**os.environ, "HITL_NB_REVIEWER": f"script:{script}", "HITL_NB_STORE": f"diskcache://{tmp_path}/s"}
    done = commands.run(["run", str(notebook)], cwd=tmp_path, env=environment, seconds=120)
    assert done.returncode == 0, done.stderr

    ran = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    for index, text in expected(found):
        assert shown(ran[index]) == text


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if "toml" in dict(blocks(page))])
def test_the_policies_of_the_pages_are_accepted(name: str) -> None:
    merge_documents([read_text(text, name) for kind, text in blocks(PAGES[name]) if kind == "toml"])


def expected(found: list[tuple[str, str]]) -> list[tuple[int, str]]:
    """Which of the notebook's cells prints what: a `text` block belongs to the last `python` block before it."""
    index, pairs = -1, []
    for kind, text in found:
        index += kind == "python"
        if kind == "text":
            pairs.append((index, text))
    return pairs


def shown(cell: Any) -> str:
    parts = [output.get("text") or output["data"]["text/plain"] for output in cell.outputs]
    return "".join(part if part.endswith("\n") else part + "\n" for part in parts)


@pytest.mark.parametrize("name", list(PAGES))
def test_the_links_between_pages_lead_somewhere(name: str) -> None:
    page = PAGES[name]
    targets = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []
