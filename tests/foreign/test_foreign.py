"""A few of CPython's own test modules end as natively, instrumented and with pauses; `make foreign` runs all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.foreign.catalogue import LANGUAGE, LIBRARY, PAUSED, Run
from tests.foreign.comparing import compare_module, compare_paused, has_tests
from tests.foreign.differences import EXPLAINED
from tests.foreign.differences import PAUSED as WITH_PAUSES

FAST = ("test_generators", "test_named_expressions", "test_scope", "test_unpack_ex", "test_with", "textwrap")
RUNS = {run.name: run for run in (*LANGUAGE, *LIBRARY)}

pytestmark = pytest.mark.skipif(
    not has_tests(RUNS["test_scope"]), reason="this Python was installed without its own tests"
)


@pytest.mark.parametrize("name", FAST)
def test_no_test_ends_differently(name: str) -> None:
    found = compare_module(RUNS[name])
    assert len(found.tests) >= 1
    assert set(found.instrumented.loaded) >= {*RUNS[name].instrumented} - {"doctest examples"}
    assert not [found.describe(test) for test in found.unexplained_tests]
    assert all(marked == count > 10 for count, marked in found.instrumented.functions.values())


@pytest.mark.parametrize("name", ["test_named_expressions", "test_scope", "test_unpack", "textwrap"])
def test_none_ends_differently_when_it_pauses(name: str) -> None:
    run = next(run for run in PAUSED if run.name == name)
    found = compare_paused(run, rounds=1, most=10)
    assert found.count("continued") >= 10
    assert not [found.describe(test) for test in found.unexplained_tests]
    assert not found.unknown_refusals


def test_a_difference_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = 'def compile_module(source, name): return compile(source.replace("x += 1", "x += 2"), name, "exec")\n'
    (tmp_path / "wrong_compiler.py").write_text(wrong, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = Run("test.test_augassign", ("test.test_augassign",), "test_augassign")
    wrong_run = compare_module(run, "wrong_compiler:compile_module")
    assert wrong_run.different == ["test.test_augassign.AugAssignTest.testCustomMethods1"]
    assert not compare_module(run, "native").different


def test_each_explanation_is_a_sentence_about_a_test() -> None:
    names = {run.tests for run in (*LANGUAGE, *LIBRARY)}
    for test, why in (*EXPLAINED.items(), *WITH_PAUSES.items()):
        assert test.startswith(tuple(names))
        assert len(why.split()) > 3
