"""The pages are true: their notebooks and commands run, and print what the pages say; their policies are accepted."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from hitl_nb.policies.documents.documents import read_policy_document
from hitl_nb.policies.rules.rules import merge_documents
from tests.commands import Commands
from tests.docs.pages import ROOT, Page, read_pages
from tests.docs.stories import fill_id, play_story, run_line, set_stage

PAGES = read_pages()
STORIES = [name for name, page in PAGES.items() if page.cells and not page.session]
SESSIONS = [name for name, page in PAGES.items() if page.session]
PLAIN_PYTEST = "-p no:cacheprovider -p no:schemathesis -p no:hypothesispytest -p no:timeout"
"""A reader's pytest does not have the plugins of this repository's tests."""
_ID = re.compile(r"\b[a-z2-7]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_DURATION = re.compile(r"\b\d+(\.\d+)?s\b( \(\d+:\d\d:\d\d\))?")
_FOLDER = re.compile(r"(?<![\w.])/(?:[\w.-]+/)+(?=[\w.-]+)")


@pytest.mark.parametrize("name", STORIES)
def test_the_story_of_a_page_prints_what_the_page_says(name: str, tmp_path: Path, commands: Commands) -> None:
    compare_outputs(PAGES[name], play_story(PAGES[name], tmp_path, commands))


@pytest.mark.parametrize("name", SESSIONS)
def test_the_commands_of_a_page_print_what_the_page_says(name: str, tmp_path: Path, commands: Commands) -> None:
    page = PAGES[name]
    notebook = set_stage(page, tmp_path)
    store = f"diskcache://{tmp_path}/s"
    environment = {**os.environ, "HITL_NB_STORE": store, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": PLAIN_PYTEST}
    for command, output in page.session:
        line = fill_id(command, store)
        assert comparable(run_line(line, tmp_path, environment, commands)) == comparable(output), command
    compare_outputs(page, notebook)


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if page.executed_blocks("toml")])
def test_the_policies_of_the_pages_are_accepted(name: str) -> None:
    merge_documents([read_policy_document(text, name) for text in PAGES[name].executed_blocks("toml")])


def comparable(text: str) -> str:
    """Output without what differs from run to run: ids, times, durations, folders, widths of columns."""
    for pattern, word in ((_ID, "ID"), (_TIME, "TIME"), (_DURATION, "0s"), (_FOLDER, "")):
        text = pattern.sub(word, text)
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def compare_outputs(page: Page, notebook: Path) -> None:
    ran = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    for index, text in page.outputs:
        assert output_text(ran[index]) == text


def output_text(cell: Any) -> str:
    parts = [output.get("text") or output["data"]["text/plain"] for output in cell.outputs]
    return "".join(part if part.endswith("\n") else part + "\n" for part in parts)
