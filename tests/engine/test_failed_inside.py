"""A run that fails in a coroutine, or inside `with`, continues at that very place."""

from __future__ import annotations

import pytest
import world
from desk import Desk, effects

from hitl_nb.engine.live.run_position import RunPosition
from hitl_nb.engine.run.saves import Saves

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
    "an asynchronous with": (
        "class M:\n    async def __aenter__(self):\n        effect('in')\n        return 1\n"
        "    async def __aexit__(self, *error):\n        pass\n"
        "async def f():\n    async with M() as x:\n        effect('f')\n        boom()\n        return x\n"
        "x = await f()\n"
    ),
    "a lock": (
        "async def f():\n    async with lock:\n        effect('f')\n        boom()\n        return 1\n"
        "lock = asyncio.Lock()\nx = await f()\nassert not lock.locked()\n"
    ),
}
WITH = {
    "a class": (
        "class M:\n    def __enter__(self):\n        effect('in')\n        return 1\n    def __exit__(self, *error):\n"
        "        self.closed = True\nwith M() as x:\n    effect('a')\n    boom()\n"
    ),
    "a generator": (
        "@contextlib.contextmanager\ndef m():\n    effect('in')\n    try:\n        yield 1\n"
        "    finally:\n        y = 1\nwith m() as x:\n    effect('a')\n    boom()\n"
    ),
    "a file that is read": (
        "import json\nwith open(json.__file__) as file:\n    n = len(file.readline())\n    effect('a', n)\n    boom()\n"
        "    file.seek(0)\n    x = len(file.readline()) - n + 1\n"
    ),
    "two": (
        "class M:\n    def __enter__(self):\n        effect('in')\n        return 1\n    def __exit__(self, *error):\n"
        "        pass\nwith contextlib.suppress(OSError), M() as x:\n    effect('a')\n    boom()\n"
    ),
    "a loop in it": (
        "class M:\n    def __enter__(self):\n        effect('in')\n        return 1\n    def __exit__(self, *error):\n"
        "        pass\nwith M() as x:\n    for i in range(3):\n        effect('a', i)\n        if i == 1: boom()\n"
    ),
    "a function called in it": (
        "def f():\n    effect('f')\n    boom()\n    return 1\n"
        "with contextlib.nullcontext():\n    effect('a')\n    x = f()\n"
    ),
    "what is written to it": (
        "import io\nwith contextlib.redirect_stdout(io.StringIO()) as out:\n    print('a')\n    effect('a')\n"
        "    boom()\n    print('b')\nx = len(out.getvalue()) - 3\n"
    ),
    "a finally in it": (
        "with contextlib.nullcontext():\n    effect('a')\n    try:\n        effect('b')\n        boom()\n"
        "        x = 1\n    finally:\n        y = 1\n"
    ),
    "it around a function with one": (
        "def f():\n    with contextlib.nullcontext():\n        effect('f')\n        boom()\n    return 1\n"
        "with contextlib.nullcontext():\n    effect('a')\n    x = f()\n"
    ),
}


@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("name", [*COROUTINES, *WITH])
def test_it_continues_there(name: str, is_new: bool) -> None:
    """Whatever ran before the failure runs once."""
    source = "import asyncio, contextlib\n" + {**COROUTINES, **WITH}[name]
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


ENDED = {
    "suppress": "for i in range(5):\n    with contextlib.suppress(LookupError):\n        boom()\n",
    "a generator": (
        "@contextlib.contextmanager\ndef m():\n    try:\n        yield 1\n    except LookupError:\n        pass\n"
        "for i in range(5):\n    with m():\n        boom()\n"
    ),
    "a class": (
        "class M:\n    def __enter__(self): pass\n    def __exit__(self, kind, *error): return kind is LookupError\n"
        "for i in range(5):\n    with M():\n        boom()\n"
    ),
    "an ExitStack": (
        "for i in range(5):\n    with contextlib.ExitStack() as stack:\n"
        "        stack.enter_context(contextlib.suppress(LookupError))\n        boom()\n"
    ),
    "a try around it": (
        "for i in range(5):\n    try:\n        with contextlib.nullcontext():\n            boom()\n"
        "    except LookupError:\n        pass\n"
    ),
}


@pytest.mark.parametrize("name", ENDED)
def test_an_error_that_may_be_handled_costs_no_save(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[object] = []

    def save_position(self: Saves, position: RunPosition) -> None:
        saved.append(position)

    monkeypatch.setattr(Saves, "save_position", save_position)
    desk = Desk()
    desk.ns["boom"] = boom
    world.outside["mended"] = False
    assert desk.run(f"import contextlib\n{ENDED[name]}").status == "finished"
    assert saved == []
