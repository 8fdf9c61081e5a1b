"""A tracer sees the lines of instrumented code as it does natively: debuggers and coverage rely on it."""

from __future__ import annotations

import difflib
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest

from hitl_nb.engine.compile import compile_module
from tests.foreign.instrumenting import compile_natively, run_code

HELPERS = """
def g(*x): return x[0]
class N:
    def __enter__(self): return self
    def __exit__(self, *error): pass
"""

CASES = {
    "for end": """
def f():
    for i in range(2):
        pass
""",
    "while one line": """
def f():
    i=0
    while i<3: i+=1
""",
    "named except": """
def f():
    try:
        1/0
    except Exception as ex:
        1/0
        pass
""",
    "except name ok": """
def f():
    try:
        1/0
    except Exception as ex:
        x=1
    return 1
""",
    "finally normal": """
def f():
    try:
        pass
    finally:
        1/0
        pass
""",
    "finally except": """
def f():
    try:
        1/0
    finally:
        1/0
        pass
""",
    "finally ok": """
def f():
    try:
        x=1
    finally:
        y=2
    return y
""",
    "finally end": """
def f():
    try:
        x=1
    finally:
        y=2
""",
    "return in try": """
def f():
    for i in [1,2]:
        try:
            return i
        finally:
            y=2
""",
    "break": """
def f():
    for i in [1,2]:
        try:
            break
        finally:
            y=2
    z=3
""",
    "continue": """
def f():
    for i in [1,2]:
        try:
            continue
        finally:
            y=2
    z=3
""",
    "with raise": """
def f():
    with N():
        1/0
        pass
""",
    "with ok": """
def f():
    with N() as n:
        x=1
    return x
""",
    "with end": """
def f():
    with N() as n:
        x=1
""",
    "with two": """
def f():
    with N() as n, \
         N() as m:
        x=1
    y=2
""",
    "with return": """
def f():
    with N() as n:
        return 1
""",
    "comprehension": """
def f():
    a = [g(x)
         for x in range(2)
         if g(x)]
    return a
""",
    "genexpr": """
def f():
    return sum(g(x)
         for x in range(2)
         if g(x))
""",
    "calls over lines": """
def f():
    a = g(1,
          g(2),
          3)
    return a
""",
    "chain": """
def f():
    return (' a '
        .strip()
        .upper()
        .replace('A',
                 'b'))
""",
    "match": """
def f():
    for v in (1,[2],{'a':3}):
        match v:
            case int() if g(v):
                x=1
            case [y] if g(y)==5:
                x=2
            case [y]:
                x=3
            case {'a': z}:
                x=4
""",
    "if and": """
def f():
    if (g(0) or
        g(1) and
        g(2)):
        x=1
    else:
        x=2
""",
    "gen": """
def numbers():
    yield 1
    yield 2
def f():
    for x in numbers():
        y=x
""",
    "nested def": """
def f():
    n=1
    def h():
        return n
    return h()
""",
    "try in loop": """
def f():
    for i in range(2):
        try:
            int('x')
        except ValueError:
            pass
        else:
            z=1
""",
    "while else": """
def f():
    i=0
    while i<2:
        i+=1
    else:
        j=2
    return j
""",
    "augassign": """
def f():
    a=[1]
    a[g(0)] += g(2)
    return a
""",
    "decorated": """
def d(f): return f
def f():
    @d
    def h(x=d(1)):
        return x
    return h()
""",
    "class": """
def f():
    class A:
        x=1
        def m(self):
            return 2
    return A().m()
""",
    "del": """
def f():
    x=[1]
    del x[0]
    assert not x, 'no'
    return x
""",
}

_TRY = "what is added to a `try` or `with` that an exception leaves has line events of its own"
_BEGINS = "what is added in front of a `try` at the start of a function has an event at the function's first line"

DIFFERENT: dict[str, str] = {
    "while one line": "the poll at the start of the loop's body is one more event of the same line",
    "named except": _TRY,
    "finally normal": _TRY,
    "finally except": _TRY,
    "finally ok": _BEGINS,
    "finally end": _BEGINS,
    "with raise": _TRY,
    "with two": "each of several managers is entered and left as a `with` of its own",
    "comprehension": "the loop that stands for the comprehension is at the line of its iterable",
    "genexpr": "the loop that stands for the generator expression is at the line of its iterable",
    "match": "the subject is matched again after each guard that was asked",
}
"""Cases whose line events differ, and why."""


def events(name: str, compile_module: Callable[[str, str], types.CodeType]) -> list[str]:
    """What a tracer is told while `f()` runs, of the code of the case alone."""
    names: dict[str, Any] = {"__name__": "case"}
    run_code(compile_module(HELPERS + CASES[name], name), names)
    found: list[str] = []

    def trace(frame: types.FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename != name:
            return None
        found.append(f"{frame.f_code.co_name} {event} {frame.f_lineno}")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        names["f"]()
    except ZeroDivisionError:
        found.append("raised")
    finally:
        sys.settrace(before)
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_lines_are_those_that_python_has(name: str) -> None:
    native, made = events(name, compile_natively), events(name, compile_module)
    diff = "\n".join(difflib.unified_diff(native, made, "native", "instrumented", lineterm="", n=9))
    assert (native != made) == (name in DIFFERENT), f"{CASES[name]}\n{diff}"
