"""Errors point at the same text: each call of the standard library's sources stands where Python has it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from hitl_nb.engine.compile import compile_module
from tests.foreign.instrumenting import compile_natively
from tests.foreign.positions import found_calls, functions


@pytest.mark.parametrize("name", ["argparse", "configparser", "contextlib", "functools", "inspect", "subprocess"])
def test_each_call_stands_where_python_has_it(name: str) -> None:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    source = Path(found.origin).read_text(encoding="utf-8")
    native, made = (functions(compiler(source, name)) for compiler in (compile_natively, compile_module))
    # Compared for the whole module: newer Pythons put comprehensions into the function around.
    calls, own = ({place for code in side.values() for place in found_calls(code)} for side in (native, made))
    assert len(calls) > 100
    assert sorted(calls - own, key=str) == []
