"""Which variables the rest of a saved frame may still read: what it does not read need not be saved."""

from __future__ import annotations

import builtins
import os
import sys
import types
from typing import Any

import pytest
from exact import pruning
from exact.shapes import ENDING, shapes
from forks import Forks
from hypothesis import HealthCheck, assume, given, note, seed, settings
from hypothesis import strategies as st
from programs import programs

from hitl_nb.engine.compile import Unit, compile_unit
from hitl_nb.engine.compile.runtime.runtime import Unwind
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.liveness.liveness import (
    find_live_globals,
    find_live_variables,
    find_names_mentioned,
    find_names_read,
)


class Anything:
    """A value that lets everything be done with it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Anything:
        return self

    def __getattr__(self, name: str) -> Anything:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __enter__(self) -> Anything:
        return self

    def __exit__(self, *args: Any) -> None: ...

    def __iter__(self) -> Any:
        return iter([self, self])

    def __add__(self, other: Any) -> Anything:
        return self

    def __getitem__(self, key: Any) -> Anything:
        return self

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def __gt__(self, other: Any) -> bool:
        return True


def frames_at(source: str, nth: int = 1) -> tuple[Unit, list[SavedFrame]]:
    """The frames at the `nth` question, outermost first. All names have values; `ask` asks, `use` and `new` do not."""
    unit = compile_unit(source, "<cell>")
    driver = Driver()
    found: list[SavedFrame] = []
    left = [nth]

    def ask(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] > 0:
            return Anything()
        found.extend(driver.read_stack(sys._getframe(1), lambda function: function is ask).order)
        raise Unwind

    def fail(*args: Any) -> Any:
        raise ValueError

    anything = Anything()
    namespace: dict[str, Any] = {name: anything for name in find_names_mentioned(unit) if not hasattr(builtins, name)}
    main = types.ModuleType("__main__")
    main.__dict__.update(namespace, ask=ask, fail=fail)
    with pytest.raises(Unwind):
        driver.start(types.FunctionType(unit.code, main.__dict__))
    return unit, found


TOOLS = frozenset(("ask", "use", "new", "fail", *dir(builtins)))


def user_names(names: frozenset[str]) -> set[str]:
    return {name for name in names if not name.startswith((".", "__")) and name not in TOOLS}


CELLS = {
    # straight on
    "ask()\nuse(x)": "x",
    "ask()\nx = new()\nuse(x)": "",
    "ask()\nx = new(x)": "x",
    "use(x)\nask()": "",
    "x = ask()\nuse(x)": "",
    "x = ask(x)": "",
    "use(x, ask())": "",
    "use(x, ask(), y)": "y",
    "y = x + ask() + z": "z",
    "y.z = ask()": "y",
    "y[z] = ask()": "y z",
    "ask()\ny[z] = 1": "y z",
    "ask()\nx += 1": "x",
    "x += ask()": "",
    "x.y += ask()": "",
    "ask()\ndel x": "x",
    "ask()\ndel x.y": "x",
    "ask()\na, (b, *c) = x\nuse(a, b, c)": "x",
    "ask()\nfor a, b in x: use(a, b)": "x",
    "ask()\nimport os.path, sys as s\nuse(os, s)": "",
    "ask()\nfrom os import path as p, sep\nuse(p, sep)": "",
    "ask()\nfrom os import *\nuse(path)": "path",
    "ask()\n(y := x)\nuse(y)": "x",
    "ask()\nuse(y := x, y)": "x",
    "ask()\nuse(y, y := x)": "x y",
    "ask()\nx: int = 1\nuse(x)": "",
    "ask()\nx: y": "y",
    "ask()\nassert x, y": "x y",
    "ask()\nraise x from y": "x y",
    "ask()\nraise ValueError\nuse(x)": "",
    "ask()\nf'{x!r:>{y}} {z=}'": "x y z",
    # branches
    "if ask(): use(x)\nelse: use(y)": "x y",
    "if x: ask()\nelse: use(y)": "",
    "ask()\nif c: x = 1\nuse(x)": "c x",
    "ask()\nif c: x = 1\nelse: x = 2\nuse(x)": "c",
    "ask()\nif c: x = 1\nelse: raise ValueError\nuse(x)": "c",
    "x = ask() and y": "y",
    "ask()\na and (b := 1)\nuse(b)": "a b",
    "ask()\n(b := 1) and a\nuse(b)": "a",
    "ask()\nuse(1 if (b := a) else b)": "a",
    "ask()\nuse((b := 1) < a < (c := 2), b, c)": "a c",
    # loops
    "while True:\n    use(x)\n    ask()\n    x = new()": "",
    "while True:\n    ask()\n    use(x)\n    x = new()": "x",
    "while True:\n    use(x)\n    ask()\n    if c: x = new()": "x c",
    "while c:\n    x = new()\n    ask()\n    use(x)": "x c",
    "while c:\n    x = new()\n    use(x)\n    ask()\nuse(y)": "c y",
    "while c:\n    ask()\n    x = 1\nuse(x)": "c",
    "while c:\n    ask()\n    break\nelse: use(x)\nuse(y)": "y",
    "while c:\n    ask()\n    if d: break\nelse: use(x)\nuse(y)": "c d x y",
    "while c:\n    ask()\n    if d: continue\n    x = 1\nuse(x)": "c d x",
    "while ask(): use(x)\nuse(y)": "x y",
    "while use() and ask(): x = 1\nuse(x)": "x",
    "while True:\n    ask()\n    if d: break\n    y = 1\nuse(x)": "d x",
    "for a in z:\n    ask()\n    use(b)\n    b = a": "a b",
    "for a in z:\n    ask()": "",
    "for a in z:\n    ask()\n    use(a)": "a",
    "for a in z:\n    use(b)\n    ask()\n    b = 1": "",
    "for a in z:\n    ask()\nelse: use(x)": "x",
    "for a in z:\n    for b in y:\n        ask()\n    x = 1\nuse(x)": "y",
    "for a in z:\n    for b in y:\n        ask()\n        c = a\n    use(c)": "a y",
    "ask()\nfor a in z: use(a)\nuse(a)": "z a",
    "for a in ask(): use(a)": "",
    "for x.y in ask(): pass": "x",
    # errors
    "try:\n    ask()\n    x = 1\nexcept ValueError:\n    use(x)": "x",
    "try:\n    y = ask()\n    x = new()\nexcept ValueError:\n    use(x)": "x",
    "try:\n    ask()\nexcept ValueError: x = 1\nelse: x = 2\nuse(x)": "",
    "try:\n    ask()\n    x = 1\nexcept y as e: use(e)\nuse(x)": "x y",
    "try:\n    ask()\n    x = 1\nexcept y as e: raise\nuse(x)": "y",
    "try:\n    ask()\n    x = 1\nfinally: use(y)\nuse(x)": "y",
    "try:\n    ask()\nfinally: x = 1\nuse(x)": "",
    "try: fail()\nexcept ValueError as e:\n    ask()\n    use(e)\nuse(x)": "e x",
    "try: fail()\nexcept ValueError as e:\n    ask()\n    x = e\nuse(x)": "e",
    "try: fail()\nfinally:\n    ask()\n    x = y": "y",
    "try: use()\nfinally:\n    ask()\n    x = y\nuse(x)": "y",
    "while c:\n    try:\n        ask()\n        break\n    finally: use(y)\n    use(z)\nuse(x)": "y x",
    "while c:\n    try: break\n    finally: ask()\n    use(z)\nuse(x)": "x",
    "while c:\n    try: continue\n    finally: ask()\n    use(z)\nuse(x)": "c x",
    "try:\n    try: ask()\n    finally: use(a)\nexcept ValueError: use(b)\nuse(c)": "a b c",
    "ask()\ntry: use(x)\nexcept* ValueError as e: use(e, y)\nuse(e)": "x y e",
    "ask()\ntry:\n    with a as b: c = b\nexcept* ValueError: pass\nuse(c)": "a c",
    "with x as y:\n    ask()": "",
    "with x as y:\n    ask()\n    use(y)\nuse(z)": "y z",
    "with x:\n    ask()\n    y = 1\nuse(y)": "y",  # the error may be swallowed
    "with ask() as y, use(z): use(y)": "z",
    # matches
    "ask()\nmatch x:\n    case [a, *b]: use(a, b)\n    case {'k': c, **d}: use(c, d)\n    case e: use(e)": "x",
    "ask()\nmatch x:\n    case y.z: use(a)\n    case list(b) if b > c: use(d)\nuse(e)": "x y a c d e",
    "ask()\nmatch x:\n    case 1: y = 1\n    case _: y = 2\nuse(y)": "x",
    "ask()\nmatch x:\n    case 1: y = 1\n    case 2: y = 2\nuse(y)": "x y",
    "match ask():\n    case 1: y = 1\n    case _ if z: y = 2\nuse(y)": "y z",
    "match x:\n    case _: ask()\nuse(y)": "y",
    "match x:\n    case y if ask(): use(y)\n    case z: use(a)": "y a",
    # functions, classes, comprehensions
    "ask()\ndef f(a, b=x, *, c=y): return a + b + c + z\nuse(f)": "x y z",
    "ask()\nlambda a, b=x: a + b + z": "x z",
    "ask()\nlambda a=lambda q: q: q": "q",
    "ask()\ndef f():\n    x = 1\n    return x": "",
    "ask()\ndef f():\n    global x\n    x = 1\n    return x": "",
    "ask()\ndef f():\n    global x\n    x += 1": "x",
    "x = 0\nask()\nx = 1\ndef f():\n    global x\n    x += 1": "",
    "ask()\ndef f():\n    x = 1\n    def g():\n        global x\n        return x + y": "x y",
    "ask()\ndef f():\n    x = 1\n    def g():\n        nonlocal x\n        x = y": "y",
    "ask()\ndef f(x: a) -> b: pass": "a b",
    "ask()\n@x\ndef f(): pass": "x",
    "ask()\n@x\nclass C(y, k=z): pass": "x y z",
    "ask()\nclass C:\n    a = 1\n    b = a\n    c = d": "d",
    "ask()\nclass C:\n    a = a": "a",
    "ask()\nclass C:\n    x = 1\n    def m(self): return x": "x",
    "ask()\nclass C:\n    x = 1\n    y = [x for i in z]": "x z",
    "ask()\nclass C:\n    z = 1\n    y = [i for i in z]": "",
    "ask()\nclass C:\n    __x = 1\n    def m(self): return self.__x + __y": "_C__y",
    "ask()\nclass C:\n    def m(self): return super().m() + __class__.n": "",
    "ask()\n[a for a in x if b]": "x b",
    "ask()\n[a for a in a]": "a",
    "ask()\n[a + c for a in x for b in a for c in b if c]": "x",
    "ask()\n{a: b for a, b in x}": "x",
    "ask()\n[m for a in x if (m := a)]": "x",
    "ask()\n[m for a in x if (m := use(a))]": "x",
    "ask()\n[m for a in x if (m := a)]\nuse(m)": "x m",
    "ask()\nx = [use(a) for a in x]": "x",
    "ask()\nx = (a for a in y)": "y",
    "y = [use(s, i) for i in ask()]": "s",  # the function for it is defined before the question
    "y = [(lambda: s + i) for i in ask()]": "s",
    "y = (lambda: [use(s, i) for i in z])(ask())": "",
    "y = [use(s, ask()) for i in z]\nuse(y)": "",
    "y = [ask() for i in z]\nuse(a)": "a",
    "while [use(s, i) for i in ask()]: s = new()": "s",
    "s = 1\nask()\nf()": "f",  # what `f` reads is found by following it
    # anything
    "x = 1\nask()\neval('x')": "*",
    "x = 1\nask()\nuse(locals)": "*",
    "x = 1\nask()\nglobals()['x']": "*",
    "x = 1\nask()\ndir(y)": "y",
    "x = 1\nask()\ndir(*y)": "*",
    "x = 1\nask()\ndef f(): exec('x')": "*",
    "x = 1\neval(ask() and 'x')": "*",
    "x = 1\nask()\nimport __main__": "*",
    "x = 1\nask()\nfrom builtins import eval as e": "*",
    "x = 1\nask()\nget_ipython().run_line_magic('time', 'x')": "*",
    "x = 1\nask()\nimport sys\nsys._getframe()": "*",
    "x = 1\nask()\nif __name__ == '__main__': use(y)": "y",
    "x = 1\nask()\ny.query('a > @x and b < @z')": "x y z",
}
"""A cell -> the names of the namespace that are live at its question; "*": all."""


@pytest.mark.parametrize("source", CELLS)
def test_names_that_the_rest_of_a_cell_reads(source: str) -> None:
    unit, frames = frames_at(source)
    frame = frames[0]
    expected = set(CELLS[source].split()) if CELLS[source] != "*" else user_names(frozenset(frame.namespace))
    assert user_names(find_live_variables(unit, frame)) == expected
    assert user_names(find_live_globals(unit, frame)) == expected


FUNCTIONS = {
    # a function's body, called with x and y -> its own names, and those of the namespace
    "ask()\nuse(x)": ("x", ""),
    "ask()\nx = 1\nuse(x, z)": ("", "z"),
    "s = x\nask()\ns = y\nuse(s)": ("y", ""),
    "s = x\nuse(s)\nask()\nreturn y": ("y", ""),
    "s = x\nreturn use(s, ask())": ("", ""),
    "while True:\n    s = x\n    use(s)\n    ask()": ("x", ""),
    "x += ask()\nreturn x": ("x", ""),
    "try:\n    return ask()\nfinally: use(x)": ("x", ""),
    "try:\n    return x\nfinally: ask()": ("", ""),
    "try:\n    return x\nfinally:\n    ask()\n    use(y)": ("y", ""),
    "s = x\ng = lambda: s\nask()\ns = 1\ng()": ("s g", ""),  # the function holds it
    "s = x\ndef g(): return s\nask()": ("s", ""),
    "s = x\nuse([i + s for i in y])\nask()\ns = 1\nuse(s)": ("", ""),
    "s = x\nuse([use(i, s) for i in y])\nask()\ns = 1\nuse(s)": ("", ""),
    "s = x\nuse([use(i, s) for i in y])\nask()\nuse(s)": ("s", ""),
    "s = x\nuse([use(i, s) for i in ask()])\ns = 1\nuse(s)": ("s", ""),
    "s = x\nuse(use(i, s) for i in y)\nask()": ("s", ""),
    "s = x\nuse([lambda: s for i in y])\nask()": ("s", ""),
    "s = x\nwhile [use(i, s) for i in ask()]: s = y": ("s y", ""),
    "s = x\nclass C:\n    def m(self): return s\nask()": ("s", ""),
    "global c\nc = 1\nask()\nuse(c)": ("", "c"),
    "global c\nask()\nc = 1\nuse(c)\nx = z": ("", "z"),
    "ask()\ndef g():\n    global x\n    return x\ng()": ("", "x"),
    "ask()\nclass C:\n    x = x": ("x", "x"),
    "ask()\nreturn locals()": ("x y", "*"),
    "s = x\nask()\nreturn eval('s')": ("s x y", "*"),
    "s = x\nreturn eval(ask() and 's')": ("s x y", "*"),
    "ask()\nsuper": ("x", ""),
}


@pytest.mark.parametrize("body", FUNCTIONS)
def test_names_that_the_rest_of_a_function_reads(body: str) -> None:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    unit, frames = frames_at(f"def f(x, y):\n{lines}f(p, q)\n")
    frame = frames[1]
    own, spaced = FUNCTIONS[body]
    assert user_names(find_live_variables(unit, frame)) == set(own.split())
    expected = set(spaced.split()) if spaced != "*" else user_names(frozenset(frame.namespace))
    assert user_names(find_live_globals(unit, frame)) == expected


def test_a_variable_of_a_function_around_is_always_live() -> None:
    unit, frames = frames_at(
        "def f(x, y):\n    def g():\n        nonlocal x\n        ask()\n        x = 1\n    g()\nf(p, q)"
    )
    assert user_names(find_live_variables(unit, frames[2])) == {"x"}
    assert user_names(find_live_variables(unit, frames[1])) == {"x"}  # `g` may be kept somewhere; `y` nobody reads


def test_names_of_a_class_are_private() -> None:
    body = "class C:\n    def m(self, __x, __y):\n        ask()\n        return __x + __z\nC().m(p, q)"
    unit, frames = frames_at(body)
    assert user_names(find_live_variables(unit, frames[1])) == {"_C__x"}
    assert user_names(find_live_globals(unit, frames[1])) == {"_C__z"}


def test_names_that_only_the_engine_writes() -> None:
    unit, frames = frames_at("for a in z:\n    use(x, ask(), [use(i) for i in y])")
    engine = {name for name in find_live_variables(unit, frames[0]) if name.startswith(".")}
    kinds = sorted(name[1] for name in engine)
    assert engine <= {*frames[0].locals}
    assert kinds == ["c", "i", "t", "t"]  # the comprehension, the loop's iterator, `use`, and `x`


@pytest.mark.parametrize(
    ("source", "read", "bound"),
    [
        ("x = y\nuse(x)", "x y", "x"),
        ("x = y", "y", "x"),
        ("def f(a):\n    global c, d\n    c = a\n    return d + e", "d e", "f c d"),
        ("class C(b):\n    m = n\n    def f(self): return m + o", "b n m o", "C"),
        ("import os.path as p, sys\nfor i in z: [j for j in i]", "i z", "p sys i"),
        ("try: pass\nexcept E as e: pass\nmatch x:\n    case [a, *b]: pass", "E x", "e a b"),
        ("del x", "", "x"),
        ("[w := i for i in z]", "z", "w"),
        ("if 0: x = y\nwhile True: pass\nuse(z)", "y z", "x"),
    ],
)
def test_names_of_a_unit(source: str, read: str, bound: str) -> None:
    unit = compile_unit(source, "<cell>")
    assert user_names(find_names_read(unit)) == set(read.split())
    assert user_names(find_names_mentioned(unit)) == {*read.split(), *bound.split()}


def test_a_unit_that_may_read_anything_says_so() -> None:
    assert "*" in find_names_read(compile_unit("def f(): return eval('x')", "<cell>"))
    assert "*" not in find_names_mentioned(compile_unit("def f(): return eval('x')", "<cell>"))


PROGRAMS = int(os.environ.get("HITL_PROGRAMS", "12"))
SEED = int(os.environ.get("HITL_SEED", "0"))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("poll_every", [0, 1])
def test_programs_need_no_more_than_what_is_live(exact_forks: Forks, poll_every: int) -> None:
    """They do as natively although all else is left out of what is saved."""
    lost: list[int] = []

    @seed(SEED * 10 + poll_every)
    @settings(
        max_examples=PROGRAMS // (1 + poll_every),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(shapes(), shapes(), programs()), st.booleans())
    def check(source: str, is_told: bool) -> None:
        source = source if is_told else source.removesuffix(ENDING)
        note(f"HITL_SEED={SEED}\n{source}")
        found = exact_forks(pruning.check_pruned, source, poll_every)
        assume(found is not None)
        lost.append(found)

    check()
    assert sum(lost) > 0
