"""Whoever only loads the extension notices nothing: the same cells in two shells, one of which instruments."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from instrument.cell_cases import CASES
from instrument.shells import Shell

from hitl_nb.engine.compile import compile_unit, find_code
from hitl_nb.engine.instrument import install


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Shell, Shell]]:
    main = sys.modules["__main__"]
    shells = Shell(is_hooked=False), Shell(is_hooked=True)
    sys.modules["__main__"] = main
    gc.freeze()  # IPython collects garbage for each of the notebooks
    yield shells
    gc.unfreeze()
    for shell in shells:
        shell.close()


INLINED = {"stop iteration in a comprehension", "error in nested scopes", "trace lines", "profile events"}
"""Since Python 3.12 comprehensions have no frame of their own; instrumented ones still do, and tracers, tracebacks and
what counts frames see it."""


@pytest.mark.parametrize("name", CASES)
def test_cells_run_as_natively(pair: tuple[Shell, Shell], name: str) -> None:
    if name in INLINED and sys.version_info >= (3, 12):
        pytest.xfail("a comprehension shows its frame")
    native, hooked = (shell.run_all(CASES[name]) for shell in pair)
    for cell, before, after in zip(CASES[name], native, hooked, strict=True):
        assert after == before, cell
    assert not [name for name in hooked[-1].names if "." in name]


def test_nothing_is_warned_of_twice_or_forgotten(pair: tuple[Shell, Shell]) -> None:
    cells = [
        "import warnings\ndef f():\n    warnings.warn('once')\nf()",
        "def g():\n    return abs(1) is 1, '\\d'\nf()",
        "before = list(warnings.filters)\ndef h(): return abs(1)\nf()",
        "warnings.filters == before, len(before)",
        "warnings.simplefilter('error')",
        "def i():\n    return 1 is abs\n",
    ]
    native, hooked = (shell.run_all(cells) for shell in pair)
    assert hooked == native
    assert "UserWarning" in hooked[0].text
    assert "SyntaxWarning" in hooked[1].text
    assert "SyntaxError" in hooked[5].error


def test_compiling_does_not_make_python_forget_which_warnings_it_has_shown() -> None:
    names: dict[str, Any] = {}
    exec("import warnings\ndef f():\n    warnings.warn('once')\n", names)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        before = list(warnings.filters)
        names["f"]()
        compile_unit("def g():\n    return abs(1) is 1, '\\d'\n", "<of somebody>", warns=False)
        names["f"]()
        assert warnings.filters == before
    assert [str(warning.message) for warning in seen] == ["once"]


@pytest.mark.parametrize("is_late", [False, True])
def test_a_function_that_calls_what_its_cell_imports_is_instrumented(is_late: bool) -> None:
    """IPython compiles each statement alone: Python does not see the import, and the call becomes others."""
    main = sys.modules["__main__"]
    shell = Shell(is_hooked=not is_late)
    sys.modules["__main__"] = main
    shell.run("import random\ndef draw():\n    return random.random()\nclass A:\n    def draw(self): random.random()\n")
    if is_late:
        install(shell.shell)
    names = shell.shell.user_ns
    instrumented = [find_code(function.__code__) for function in (names["draw"], names["A"].draw)]
    shell.close()
    assert None not in instrumented


def test_the_cell_that_loads_the_extension_is_instrumented_below_that_line() -> None:
    """Its statements were parsed before, and are compiled one by one."""
    main = sys.modules["__main__"]
    shell = Shell(is_hooked=False)
    sys.modules["__main__"] = main
    shell.shell.user_ns["load"] = lambda: install(shell.shell)
    names = shell.shell.user_ns
    shell.run(
        "def above(): return abs(1)\nload()\ndef below(): return abs(1)\nclass A:\n    def method(self): abs(1)\n"
    )
    shell.run("def after(): return abs(1)")
    functions = [names["above"], names["below"], names["A"].method, names["after"]]
    instrumented = [find_code(function.__code__) for function in functions]
    shell.close()
    assert None not in instrumented
    assert [function.__code__.co_firstlineno for function in functions] == [1, 3, 5, 1]
