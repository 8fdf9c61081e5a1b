"""`instrument_function`: code for a function of a module or script, or a sentence that says why there is none."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import inspect
import linecache
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.instrument import InstrumentationError, NoSourceError, SourceChangedError, instrument_function


def instrument_copy(function: Any) -> Any:
    """A function like this one, of instrumented code."""
    made = types.FunctionType(
        instrument_function(function),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    assert find_code(made.__code__) is not None
    return made


def import_source(path: Path, source: str) -> Any:
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULE = '''"""A module."""
from __future__ import annotations
import functools

def plain(x: Nowhere, *rest, key=len, **more):
    """Doc."""
    def inner(y):
        return [key(str(x + y)) for _ in range(abs(y))]
    return inner(2), sum(abs(r) for r in rest), (lambda: abs(x))()

class A:
    def __init__(self, n):
        self.__n = abs(n)

    def m(self):
        return super().__repr__()[:1], self.__n, __class__.__name__

    @property
    def p(self):
        return abs(self.__n)

def outer(a):
    def closed(b):
        nonlocal a
        a += abs(b)
        return a
    return closed

@functools.lru_cache
def cached(x):
    return abs(x)

one, two = (lambda: abs(1)), (lambda: abs(2))

async def awaits(x):
    return abs(x)

def yields(x):
    for i in range(x):
        yield abs(i)
'''


@pytest.fixture
def module(tmp_path: Path) -> Any:
    return import_source(tmp_path / "some_module.py", MODULE)


def test_a_function_with_all_inside_it(module: Any) -> None:
    made = instrument_copy(module.plain)
    assert made(1, -2, 3) == module.plain(1, -2, 3)
    assert made.__code__.co_name == "plain"
    assert made.__code__.co_firstlineno == module.plain.__code__.co_firstlineno
    assert inspect.getsource(made) == inspect.getsource(module.plain)
    assert find_code(module.plain.__code__) is None  # the rest of the module is left alone


def test_methods_with_private_names_and_super(module: Any) -> None:
    a = module.A(-3)
    assert instrument_copy(module.A.m)(a) == a.m() == ("<", 3, "A")
    assert instrument_copy(module.A.p.fget)(a) == 3
    instrument_copy(module.A.__init__)(a, -4)
    assert a.p == 4


def test_a_closure_keeps_its_cells(module: Any) -> None:
    closed = module.outer(1)
    made = instrument_copy(closed)
    assert (closed(1), made(1), closed(1)) == (2, 3, 4)


def test_below_a_decorator(module: Any) -> None:
    assert instrument_copy(module.cached.__wrapped__)(-1) == 1


def test_lambdas_of_one_line_are_told_apart(module: Any) -> None:
    assert (instrument_copy(module.one)(), instrument_copy(module.two)()) == (1, 2)


def test_generators_and_coroutines(module: Any) -> None:
    assert list(instrument_copy(module.yields)(3)) == [0, 1, 2]
    with contextlib.closing(instrument_copy(module.awaits)(-1)) as waiting, pytest.raises(StopIteration) as stop:
        waiting.send(None)
    assert stop.value.value == 1


def test_it_is_made_once(module: Any) -> None:
    code = instrument_function(module.plain)
    assert instrument_function(module.plain) is code
    assert instrument_function(instrument_copy(module.plain)) is code


def test_a_function_whose_assertions_pytest_has_rewritten() -> None:
    def assert_small(x: int) -> int:
        assert abs(x) < 5, str(x)
        return abs(x)

    assert instrument_copy(assert_small)(-1) == 1
    with pytest.raises(AssertionError):
        instrument_copy(assert_small)(9)


def test_a_text_that_was_executed_and_is_known_to_linecache(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def f(x):\n    return [abs(x) for _ in range(2)]\n"
    monkeypatch.setitem(linecache.cache, "<made>", (len(source), None, source.splitlines(keepends=True), "<made>"))
    names: dict[str, Any] = {}
    exec(compile(source, "<made>", "exec"), names)  # with this file's `from __future__ import annotations`
    assert instrument_copy(names["f"])(-1) == [1, 1]


def test_a_cell_that_awaits_at_its_top(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def f(x):\n    return abs(x)\nawait f(1)\n"
    monkeypatch.setitem(linecache.cache, "<awaits>", (len(source), None, source.splitlines(keepends=True), "<awaits>"))
    names: dict[str, Any] = {}
    exec(compile("\n".join(source.splitlines()[:2]), "<awaits>", "exec"), names)
    assert instrument_copy(names["f"])(-1) == 1


def test_no_source() -> None:
    names: dict[str, Any] = {}
    exec("def f(x):\n    return abs(x)\n", names)
    with pytest.raises(NoSourceError, match=r"the source of f\(\) is not available"):
        instrument_function(names["f"])


@pytest.mark.parametrize(
    "change", [("abs(x)", "abs(x) + 1"), ("def plain", "\n\ndef plain"), ("def plain", "def plain(")]
)
def test_source_that_was_edited_since_the_import(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "edited.py"
    module = import_source(path, "import os\n\ndef plain(x):\n    return abs(x)\n")
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(SourceChangedError, match=r"is no(t| longer) what"):
        instrument_function(module.plain)


def test_an_edit_elsewhere_in_the_file_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "edited.py"
    module = import_source(path, "def plain(x):\n    return abs(x)\n\ndef other():\n    return abs(1)\n")
    path.write_text(path.read_text().replace("abs(1)", "abs(2) * 2"))
    assert instrument_copy(module.plain)(-1) == 1


@pytest.mark.parametrize(
    "head",
    [
        "@hitl.step\ndef f(x):",
        "def f(x):  # hitl: native",
        "# hitl: native\ndef f(x):",
        "# hitl: native\n@same\ndef f(x):",
    ],
)
def test_what_is_left_native_is_no_agent(tmp_path: Path, head: str) -> None:
    module = import_source(
        tmp_path / "left.py", f"import hitl_nb as hitl\nsame = lambda f: f\n{head}\n    return abs(x)\n"
    )
    with pytest.raises(InstrumentationError, match="left native"):
        instrument_function(getattr(module.f, "function", module.f))


def test_a_step_inside_of_an_agent_is_left_native(tmp_path: Path) -> None:
    source = (
        "import hitl_nb as hitl\ndef f(x):\n    @hitl.step\n    def s(y):\n        return abs(x + y)\n    return s\n"
    )
    step = instrument_copy(import_source(tmp_path / "inside.py", source).f)(1)
    assert find_code(step.function.__code__) is None
    assert step.function(-3) == 2


@pytest.fixture
def standard() -> list[Callable[..., Any]]:
    return [
        value
        for module in (functools, contextlib, inspect)
        for value in vars(module).values()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__
    ]


def test_functions_of_the_standard_library(standard: list[Callable[..., Any]]) -> None:
    assert len(standard) > 100
    for function in standard:
        made: Any = instrument_function(function)
        assert made.co_freevars == function.__code__.co_freevars
        assert sys.intern(made.co_qualname) == function.__qualname__
