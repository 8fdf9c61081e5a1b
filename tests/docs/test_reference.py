"""The reference is complete: what the pages are made from has every name that the code has."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

import hitl_nb
from hitl_nb import settings
from hitl_nb.server.base.context import HitlNb
from hitl_nb.storage import open_store
from tests.commands import Commands
from tests.docs.pages import DOCS, read_pages
from tests.docs.stories import play_story

sys.path.insert(0, str(DOCS))

from _extension import code, reference

PAGES = read_pages()


def test_the_pages_name_only_parts_that_exist_and_all_of_them() -> None:
    named = [part for page in PAGES.values() for part in reference.MARK.findall(page.text)]
    assert sorted(named) == sorted(reference.PARTS)


@pytest.mark.parametrize("part", list(reference.PARTS))
def test_every_part_is_made_from_the_code(part: str) -> None:
    assert reference.PARTS[part]().strip()


def test_the_settings_page_has_every_option_of_the_server_and_every_environment_variable() -> None:
    options, environment = reference.server_options(), reference.environment()
    assert all(f"`c.HitlNb.{name}`" in options for name in HitlNb.class_traits(config=True))
    for variable in (*settings.VARIABLES, *settings.FOREIGN_VARIABLES):
        assert f"| `{variable.name}` | {variable.value_type} | {variable.default} | " in environment


def test_every_public_name_is_documented_once() -> None:
    text = PAGES["reference/python-api.md"].text
    named = re.findall(r"^\.\. auto(?:function|class|exception):: (\w+)", text, re.MULTILINE)
    assert sorted(named) == sorted(set(hitl_nb.__all__) - {"__version__", "guardrails"})


def test_the_command_line_page_has_every_command() -> None:
    text = reference.command_line()
    for name, command in code.command_group().commands.items():
        for path in [f"{name} {one}" for one in getattr(command, "commands", ())] or [name]:
            assert f"### `hitl-nb {path}`" in text


@pytest.mark.parametrize("name", ["tutorial/write-together.md", "how-to/two-approvals.md"])
def test_the_store_format_has_every_key_that_a_story_leaves(name: str, tmp_path: Path, commands: Commands) -> None:
    documented = set(re.findall(r"`([a-z]+)/", PAGES["reference/store-format.md"].text))
    play_story(PAGES[name], tmp_path, commands)
    store = open_store(f"diskcache://{tmp_path}/s")
    kept = {key.split("/")[0] for part in (store, store.drafts) for key, _ in part.scan("!", "~")}
    assert kept - documented == set()


SPELLED = {"ArrowDown": "down", "ArrowUp": "up", "ArrowLeft": "left", "ArrowRight": "right", "Space": "space"}
SPELLED |= {"Shift /": "?", "Accel Enter": "Ctrl Enter"}


def test_the_page_about_deciding_has_every_key_with_its_command() -> None:
    shown = json.loads((DOCS.parent / "extension" / "schema" / "shortcuts.json").read_text(encoding="utf-8"))
    page = (DOCS / "how-to" / "review-many.md").read_text(encoding="utf-8")
    expected: dict[str, list[str]] = {}
    for one in shown["jupyter.lab.shortcuts"]:
        (key,) = one["keys"]
        spelled = SPELLED.get(key, key.lower() if len(key) == 1 else key)
        if spelled not in (keys := expected.setdefault(one["command"], [])):  # the same key at several places
            keys.append(spelled)
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| `(hitl-nb:[a-z-]+)` \|$", page, re.MULTILINE)
    assert {command: keys.replace("`", "").split(" or ") for keys, command in rows} == expected
