"""Tasks, threads and submitted calls that nobody waits for are not lost at a pause: the question is refused."""

from __future__ import annotations

import asyncio
import threading

import pytest
import world
from desk import Desk, effects

import hitl_nb as hitl

START = """
import asyncio, threading, world
from concurrent.futures import ThreadPoolExecutor
async def send(n):
    await asyncio.sleep(0)
    return world.effect("send", n)
async def waits(n):
    await world.outside["event"].wait()
def blocks(n):
    world.outside["gate"].wait()
    return world.effect("send", n)
@hitl.step
async def pay(n):
    return await send(n)
"""

TASKS = {
    "task": "asyncio.create_task(send(1))",
    "ensure_future": "asyncio.ensure_future(send(1))",
    "task of a loop": "asyncio.get_running_loop().create_task(send(1), name='mine')",
    "task of a helper": "async def start():\n    asyncio.create_task(send(1))\nawait start()",
    "task behind a step": (
        "async def both():\n    await pay(0)\n    await send(1)\nasyncio.create_task(both())\nawait asyncio.sleep(0)"
    ),
    "step": "asyncio.create_task(pay(1))",
    "step under way": "asyncio.create_task(pay(1))\nawait asyncio.sleep(0)",
}

LOST = {
    "task": ("asyncio.create_task(send(1))", r"the task send\(\), started at line 15, .* await it"),
    "task of a library": ("asyncio.create_task(asyncio.open_connection('h', 1))", r"the task open_connection\(\)"),
    "task of a library, cell with await": (
        "await asyncio.sleep(0)\nasyncio.create_task(asyncio.open_connection('h', 1))",
        r"the task open_connection\(\)",
    ),
    "thread": ("threading.Thread(target=blocks, args=(1,), daemon=True).start()", r"the thread of blocks\(\).* join"),
    "class of a thread": (
        "class Mine(threading.Thread):\n    def run(self):\n        blocks(1)\nMine(daemon=True).start()",
        r"the thread of Mine\.run\(\)",
    ),
    "pool": ("ThreadPoolExecutor(1).submit(blocks, 1)", r"the submitted call of blocks\(\).* result\(\)"),
    "run_in_executor": ("asyncio.get_running_loop().run_in_executor(None, blocks, 1)", r"the submitted call of blocks"),
}


@pytest.fixture
def desk() -> Desk:
    world.outside.clear()
    world.outside.update(event=asyncio.Event(), gate=threading.Event())
    return Desk()


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("asks", ["hitl.checkpoint(1, title='Go on?')", "ask()"])
def test_a_question_is_refused_while_something_would_be_lost(desk: Desk, kind: str, asks: str) -> None:
    start, why = LOST[kind]
    source = (
        f"{START}{start}\ndef ask():\n    return hitl.checkpoint(1, title='Go on?')\n"
        f"try:\n    {asks}\nfinally:\n    world.outside['gate'].set()\n"
    )
    with pytest.raises(hitl.CannotPause, match=why):
        desk.run(source)
    assert desk.open() == []


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("kind", TASKS)
def test_a_task_that_nobody_awaits_goes_on_behind_a_question(desk: Desk, kind: str, fresh: bool) -> None:
    source = (
        f"{START}{TASKS[kind]}\nx = hitl.checkpoint(1, title='Go on?').value\n"
        "for _ in range(9):\n    await asyncio.sleep(0.001)\n"
    )
    assert desk.run(source).status == "waiting"
    before = effects()
    desk.answer()
    world.journal.clear()
    if fresh:
        desk.new_kernel()
    assert desk.run(source).status == "finished"
    done = [*before, *effects()]
    assert done.count("send(1,)") == 1
    assert len(done) == len(set(done))


KEPT = {
    "awaited": "task = asyncio.create_task(send(1))\nawait task\ndel task",
    "ended": "asyncio.create_task(send(1))\nfor _ in range(5):\n    await asyncio.sleep(0)",
    "step": "async def start():\n    asyncio.create_task(pay(1))\n    await asyncio.sleep(0)\nawait start()",
    "closing": "from openai import AsyncOpenAI\nf = AsyncOpenAI(api_key='k')\nf = None\nworld.effect('send', 1)",
    "joined": "t = threading.Thread(target=blocks, args=(1,))\nt.start()\nt.join()\ndel t",
    "pool": "with ThreadPoolExecutor(1) as pool:\n    pool.submit(blocks, 1)\ndel pool",
}


@pytest.mark.parametrize("kind", KEPT)
def test_a_question_is_asked_when_all_has_ended(desk: Desk, kind: str) -> None:
    source = f"{START}{KEPT[kind]}\nx = hitl.checkpoint(1, title='Go on?').value\n"
    world.outside["gate"].set()
    assert desk.run(source).status == "waiting"
    assert effects() == ["send(1,)"]
    desk.answer()
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert effects() == []
