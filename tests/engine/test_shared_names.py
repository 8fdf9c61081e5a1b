"""Which names functions share is found without compiling a text twice; it is what its compiled code says."""

from __future__ import annotations

import sys

import pytest

from hitl_nb.engine.compile import compile_unit

SHARING = {
    "a closure": "def outer(a):\n    b = g(a)\n    def inner():\n        return f(a, b)\n    return inner\n",
    "a lambda in a lambda": "made = lambda a: f(lambda: g(a))\n",
    "a comprehension": "def outer(a, xs):\n    return [f(a, x) for x in xs]\n",
    "a comprehension without calls": "def outer(a, xs):\n    f()\n    return [lambda: a + x for x in xs]\n",
    "a generator expression": "def outer(a, xs):\n    return f(a * x for x in xs)\n",
    "super in a method": "class One(Base):\n    def go(self):\n        return super().go()\n",
    "the class of a generator's": "class One(Base):\n    def go(self):\n        yield f(__class__)\n",
    "a method of a class in a function": (
        "def outer(a):\n    class One:\n        def go(self):\n            yield f(a)\n    return One\n"
    ),
    "a lambda in a default": "def outer(a, key=lambda b: f(lambda: b)):\n    return g(a, key)\n",
    "a coroutine": "async def outer(a):\n    async def inner():\n        return await f(a)\n    return await inner()\n",
    "an argument that a cell awaits": "def outer(a=await f()):\n    return lambda: g(a)\n",
}
GENERIC = {
    "a generic function": "def outer[T](a: T) -> T:\n    yield f(T, a)\n",
    "a method of a generic class": "class One[T]:\n    def go(self):\n        yield f(T)\n",
}
if sys.version_info >= (3, 12):
    SHARING |= GENERIC


@pytest.mark.parametrize("name", SHARING)
def test_shared_names_are_those_of_the_code(name: str) -> None:
    unit = compile_unit(SHARING[name], f"<{name}>")
    found: dict[str, set[str]] = {}
    for function in unit.functions:
        if function.kind in ("def", "lambda"):
            code = unit.find_function_code(function.number)
            found[function.qualname] = {*code.co_cellvars, *code.co_freevars}
            assert {*function.cells} == found[function.qualname], function.qualname
    assert any(found.values())
