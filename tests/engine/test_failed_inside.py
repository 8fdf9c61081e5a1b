"""A run that fails in a coroutine continues at that very place."""

from __future__ import annotations

import pytest
import world
from desk import Desk, effects

COROUTINES = {
    "a coroutine": "async def f():\n    effect('a')\n    boom()\n    return 1\nx = await f()\n",
    "a chain": (
        "async def g(n):\n    effect('g', n)\n    boom()\n    return n\n"
        "async def f(n):\n    effect('f')\n    return 1 + await g(n - 1)\nx = await f(1)\n"
    ),
    "a function that a coroutine calls": (
        "def h():\n    effect('h')\n    boom()\n    return 1\nasync def f():\n    effect('f')\n    return h()\n"
        "x = await f()\n"
    ),
    "a coroutine with a name": (
        "async def g():\n    effect('g')\n    boom()\n    return 1\n"
        "async def f():\n    c = g()\n    effect('f')\n    return await c\nx = await f()\n"
    ),
    "a loop": (
        "async def g(n):\n    effect('g', n)\n    if n == 1: boom()\n    return n\n"
        "async def f():\n    return sum([await g(i) for i in range(3)])\nx = (await f()) - 2\n"
    ),
    "behind other awaits": (
        "async def g(n):\n    await asyncio.sleep(0)\n    return n\n"
        "async def f():\n    n = await g(1)\n    effect('f', n)\n    boom()\n    return n\nx = await f()\n"
    ),
    "an agent": ("@hitl.agent\nasync def f():\n    effect('f')\n    boom()\n    return 1\nx = await f()\n"),
    "a coroutine that raises": (
        "async def g():\n    if not is_mended(): raise LookupError\n    return 1\n"
        "async def f():\n    effect('f')\n    return await g()\nx = await f()\n"
    ),
    "a library's await": (
        "async def g():\n    boom()\n    return 1\n"
        "async def f():\n    effect('f')\n    return await asyncio.wait_for(g(), 5)\nx = await f()\n"
    ),
    "a finally": (
        "async def f():\n    effect('f')\n    try:\n        effect('t')\n        boom()\n    finally:\n        y = 1\n"
        "    return 1\nx = await f()\n"
    ),
    "a handler": (
        "async def f():\n    effect('f')\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n"
        "        effect('h')\n        boom()\n        return len(str(e)) - 15\nx = await f()\n"
    ),
    "a cell's own await": "effect('a')\nx = 1\nawait asyncio.sleep(0)\neffect('b')\nboom()\n",
}


@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("name", COROUTINES)
def test_it_continues_there(name: str, is_new: bool) -> None:
    """Whatever ran before the failure runs once."""
    source = "import asyncio, contextlib\n" + COROUTINES[name]
    desk = Desk()
    desk.ns |= {"boom": boom, "is_mended": is_mended}
    world.outside["mended"] = False
    with pytest.raises(LookupError):
        desk.run(source)
    done = effects()
    if is_new:
        desk.new_kernel()
    world.journal.clear()
    world.outside["mended"] = True
    assert desk.run(source).status == "finished"
    assert desk.ns["x"] == 1
    assert not {*done} & {*effects()}, (done, effects())


PAUSED = """
async def f(n):
    effect("f")
    hitl.checkpoint(n, title="Ask?")
    assert is_mended()
    return n
async def g(n):
    effect("g")
    return await f(n)
x = await g(1)
"""


def test_a_coroutine_that_paused_is_not_made_again() -> None:
    desk = Desk()
    desk.ns["is_mended"] = is_mended
    world.outside["mended"] = False
    desk.run(PAUSED)
    desk.answer()
    for _ in range(3):
        with pytest.raises(AssertionError):
            desk.run(PAUSED)
    world.outside["mended"] = True
    assert desk.run(PAUSED).status == "finished"
    assert effects() == ["g()", "f()"]


EDITED = """
async def f(n):
    effect("f", n)
    {}
    return n
async def g(n):
    effect("g")
    return await f(n)
x = await g(1)
"""


def test_the_statement_that_failed_may_be_mended_in_a_coroutine() -> None:
    desk = Desk()
    with pytest.raises(ZeroDivisionError):
        desk.run(EDITED.format("y = 1 / 0"))
    assert desk.run(EDITED.format("y = 1 / 1")).status == "finished"
    assert effects() == ["g()", "f(1,)"]


def boom() -> None:
    if not is_mended():
        raise LookupError


def is_mended() -> bool:
    return world.outside["mended"]
