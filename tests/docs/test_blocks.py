"""Blocks, links and commands of the pages: each is executed, or says why not; each leads somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hitl_nb.cli.app import app
from hitl_nb.review.notifications.channels import load_channels
from tests.docs.pages import DOCS, ROOT, Block, Page, read_pages

PAGES = read_pages()
EXECUTED = {("python", ""), ("text", ""), ("toml", ""), ("json", ""), ("toml", "channels")}
_LINK = re.compile(r"(?<!`)\]\(<?([^)#\s>]+)(?:#[^)\s]*)?>?\)")
_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", list(PAGES))
def test_every_block_is_executed_or_says_why_not(name: str) -> None:
    page = PAGES[name]
    assert [f"line {b.line}: {b.language} {b.more}" for b in page.blocks if not is_tried(b, page)] == []


@pytest.mark.parametrize("name", list(PAGES))
def test_the_links_between_pages_lead_somewhere(name: str) -> None:
    page = PAGES[name]
    folder = (DOCS / name if (DOCS / name).exists() else ROOT / name).parent
    targets = [link for link in _LINK.findall(page.text) if "://" not in link and not link.startswith("mailto:")]
    # The build makes these pages.
    notebooks = {DOCS / "examples" / file.name for file in (ROOT / "examples").glob("*.ipynb")}
    missing = [link for link in targets if not (folder / link).exists() and not link.startswith("../examples/")]
    assert [link for link in missing if (folder / link).resolve() not in notebooks] == []


@pytest.mark.parametrize("name", list(PAGES))
def test_the_commands_of_the_pages_exist_with_their_options(name: str) -> None:
    for line in command_lines(PAGES[name]):
        check_command(shlex.split(line, comments=True))


def test_every_page_is_in_one_table_of_contents() -> None:
    listed: list[str] = []
    for name, page in PAGES.items():
        for body in _TOCTREE.findall(page.text):
            folder = (DOCS / name).parent
            entries = [line.split("<")[-1].strip(" >") for line in body.splitlines() if line and line[0] != ":"]
            listed += [str((folder / f"{entry}.md").resolve().relative_to(DOCS)) for entry in entries]
    pages = [str(file.relative_to(DOCS)) for file in DOCS.rglob("*.md") if "_build" not in file.parts]
    notebooks = [f"examples/{file.stem}.md" for file in (ROOT / "examples").glob("*.ipynb")]
    assert sorted(listed) == sorted({*pages, *notebooks} - {"index.md"})


def is_tried(block: Block, page: Page) -> bool:
    """Whether a test executes the block, or the block says why none does."""
    if block.reason or (block.language, block.more) in EXECUTED or block.language == "console":
        return True
    return block.language == "python" and any(block.more in command for command, _ in page.session)


def command_lines(page: Page) -> list[str]:
    """The lines of the page's console blocks that are commands."""
    found: list[str] = []
    for text in page.executed_blocks("console"):
        lines = text.splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        found += [line.split(";")[0].split("|")[0] for line in lines if line.strip() and line[0] != "#"]
    return found


def check_command(words: list[str]) -> None:
    """Fails for a command of ours, of make or of pip that does not exist, or lacks an option."""
    if words[0] == "hitl-nb":
        check_hitl(words[1:])
    elif words[0] == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert words[1] in targets, words
    elif words[:2] == ["pip", "install"]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        for named in re.findall(r"hitl_nb\[([a-z,-]+)\]", " ".join(words)):
            assert set(named.replace("-", "_").split(",")) <= set(project["optional-dependencies"]), words


def check_hitl(words: list[str]) -> None:
    from typer.main import get_command

    command: Any = get_command(app)
    while hasattr(command, "commands"):
        assert words, "the command is missing"
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    known = {spelled for option in command.params for spelled in (*option.opts, *option.secondary_opts)}
    assert {word.split("=")[0] for word in words if word.startswith("-") and word != "-"} <= {*known, "--help"}, words


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if page.executed_blocks("toml", "channels")])
def test_the_channels_of_the_pages_are_accepted(name: str, tmp_path: Path) -> None:
    for text in PAGES[name].executed_blocks("toml", "channels"):
        file = tmp_path / "channels.toml"
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)
        assert load_channels(file)
