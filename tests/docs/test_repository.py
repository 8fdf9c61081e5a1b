"""The repository's own files: versions agree, workflows are pinned, paths that pages name exist."""

from __future__ import annotations

import json
import re
import tomllib

import hitl_nb
from tests.docs.pages import ROOT, read_pages

_PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d")
_PATH = re.compile(r"`((?:tests|benchmarks|examples|docs)/[\w./-]+\.(?:py|md|yml|ipynb|json|toml))`")
_OPTION = re.compile(r"c\.HitlNb\.(\w+)")


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    npm = json.loads((ROOT / "extension" / "package.json").read_text(encoding="utf-8"))
    cited = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert {hitl_nb.__version__, npm["version"], *cited} == {project["version"]}


def test_every_action_of_a_workflow_is_pinned_to_a_commit() -> None:
    workflows = [*(ROOT / ".github" / "workflows").glob("*.yml"), ROOT / "docs" / "notebooks.yml"]
    lines = [line for file in workflows for line in file.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert [line.strip() for line in lines if not _PINNED.search(line)] == []


def test_the_files_that_pages_name_exist() -> None:
    named = {(name, path) for name, page in read_pages().items() for path in _PATH.findall(page.text)}
    assert [pair for pair in sorted(named) if not (ROOT / pair[1]).exists()] == []


def test_the_options_that_pages_name_exist() -> None:
    from tests.docs.test_reference import code

    named = {option for page in read_pages().values() for option in _OPTION.findall(page.text)}
    assert named <= set(code.server_options())


def test_each_promise_has_tests_and_its_benchmarks_exist() -> None:
    from benchmarks.__main__ import NAMES

    rows = re.findall(r"^\| \*\*.*\|$", read_pages()["explanation/promises.md"].text, re.MULTILINE)
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [promise for promise, tests, _ in cells if not _PATH.search(tests)] == []
    named = {name for _, _, numbers in cells for name in re.findall(r"`(\w+)`", numbers)}
    assert named <= set(NAMES)


def test_the_files_and_folders_of_the_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w-]+(?:/[\w.-]*)+)`", text))
    places = (ROOT / "hitl_nb", ROOT / "extension" / "src", ROOT / "extension", ROOT)
    found = {
        name
        for name in named
        for place in places
        for end in ("", ".py", ".ts", ".tsx")
        if (place / f"{name}{end}").exists()
    }
    assert named - found == set()


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 60
