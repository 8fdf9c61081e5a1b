"""Environment variables are declared once, and only `hitl_nb/settings.py` touches them."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from hitl_nb import settings

ROOT = Path(__file__).resolve().parent.parent
ALL = (*settings.VARIABLES, *settings.FOREIGN_VARIABLES)
NAMES = {variable.name for variable in ALL}
SOURCES = [file for file in (ROOT / "hitl_nb").rglob("*.py") if file.name != "settings.py"]


def test_every_variable_is_declared_once_and_says_all_about_itself() -> None:
    assert len(NAMES) == len(ALL)
    declared = {value for value in vars(settings).values() if isinstance(value, settings.Variable)}
    assert declared == set(ALL)
    for variable in ALL:
        assert variable.value_type in get_args(settings.ValueType)
        assert variable.owner in get_args(settings.Owner)
        assert variable.default
        assert variable.meaning.endswith(".")
        assert variable.name.startswith("HITL_NB_") == (variable in settings.VARIABLES)


def test_no_other_module_spells_the_name_of_a_variable_as_a_value() -> None:
    spelled = [
        (file.relative_to(ROOT).as_posix(), node.value)
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in NAMES
    ]
    assert spelled == []


def test_texts_name_only_variables_that_exist() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in SOURCES)
    assert set(re.findall(r"\bHITL_NB_[A-Z_]+[A-Z]\b", text)) <= NAMES


@pytest.mark.parametrize("code", ["os.environ", "os.environb", "os.getenv('X')", "os.putenv('X', '')"])
@pytest.mark.parametrize("file", ["hitl_nb/cli/other.py", "hitl_nb/settings.py"])
def test_the_linter_refuses_the_environment_outside_of_settings(code: str, file: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", "--stdin-filename", file, "-"]
    checked = subprocess.run(command, input=f"import os\n\nx = {code}\n", cwd=ROOT, text=True, capture_output=True)
    assert ("TID251" in checked.stdout) == (file != "hitl_nb/settings.py"), checked.stdout + checked.stderr


def test_a_variable_is_read_set_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    flag = settings.SIGNED_ONLY
    monkeypatch.delenv(flag.name, raising=False)
    assert (flag.read(), flag.is_set(), flag.is_on()) == ("", False, False)
    flag.write("0")
    assert (flag.read(), flag.is_set(), flag.is_on()) == ("0", True, False)
    flag.write_flag(True)
    assert os.environ[flag.name] == "1"
    assert flag.is_on()
    flag.write_flag(False)
    flag.write_flag(False)
    assert flag.name not in os.environ


def test_a_child_gets_this_environment_with_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "this")
    monkeypatch.setenv("KEPT", "1")
    made = settings.child_environment({"HITL_NB_STORE": "memory:child"}, without=[settings.PYTEST])
    assert made["KEPT"] == "1"
    assert made["HITL_NB_STORE"] == "memory:child"
    assert "PYTEST_CURRENT_TEST" not in made
    assert "PYTEST_CURRENT_TEST" in os.environ
    assert os.environ.get("HITL_NB_STORE") != "memory:child"
    assert settings.child_environment({"B": "2"}, base={"A": "1"}) == {"A": "1", "B": "2"}
    assert settings.child_environment(base={}) == dict(os.environ)


def test_a_changed_environment_is_restored_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_NB_NOTEBOOK", "/outer.ipynb")
    monkeypatch.delenv("ADDED", raising=False)
    before = dict(os.environ)

    def change() -> None:
        with settings.change_environment({"HITL_NB_STORE": "memory:x"}, without=[settings.NOTEBOOK]):
            assert os.environ["HITL_NB_STORE"] == "memory:x"
            assert "HITL_NB_NOTEBOOK" not in os.environ
            os.environ["ADDED"] = "inside"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change()
    assert dict(os.environ) == before


def test_raw_values_are_those_of_the_environment_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HITL_TEST_RAW", raising=False)
    read = settings.raw_reader(["HITL_TEST_RAW"])
    assert list(read()) == [None]
    monkeypatch.setenv("HITL_TEST_RAW", "é")
    (value,) = read()
    assert value is not None
    assert os.fsdecode(value) == "é"
    assert value in settings.copy_raw_environment().values()
