"""Threads that an agent starts: their steps are recorded, and those of other code are left alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import world
from desk import Desk, effects

import hitl_nb as hitl
from hitl_nb.engine.current_session import current_session

DEFINITIONS = """
import asyncio, threading, world
from concurrent.futures import ThreadPoolExecutor
@hitl.step
def pay(n):
    return world.effect("pay", n)
def crash_once(found):
    if not world.outside.get("crashed"):
        world.outside["crashed"] = True
        raise RuntimeError("crash")
    return found
"""

WAYS = {
    "run_in_executor": """
async def pay_all():
    loop = asyncio.get_running_loop()
    return crash_once(await asyncio.gather(*[loop.run_in_executor(None, pay, n) for n in order()]))
paid = await pay_all()
""",
    "pool": """
def pay_all():
    with ThreadPoolExecutor(1) as pool:
        return crash_once(list(pool.map(pay, order())))
paid = pay_all()
""",
    "threads": """
def pay_all():
    found = []
    for n in order():
        thread = threading.Thread(target=lambda n=n: found.append(pay(n)))
        thread.start()
        thread.join()
    return crash_once(found)
paid = pay_all()
""",
    "to_thread": """
async def pay_all():
    return crash_once([await asyncio.to_thread(pay, n) for n in order()])
paid = await pay_all()
""",
}


@pytest.fixture
def desk() -> Desk:
    world.outside.clear()
    return Desk()


@pytest.mark.parametrize("way", WAYS)
def test_steps_in_threads_are_recorded_and_known_by_their_arguments(desk: Desk, way: str) -> None:
    order = "def order():\n    return [0, 1, 2] if not world.outside.get('crashed') else [2, 0, 1]"
    library, _, source = WAYS[way].rpartition("\npaid = ")  # its code is not instrumented: it is made again
    source = f"paid = {source}"
    desk.cell(DEFINITIONS + order + library)
    with pytest.raises(RuntimeError, match="crash"):
        desk.run(source)
    made = effects()
    desk.new_kernel()
    desk.cell(DEFINITIONS + order + library)
    assert desk.run(source).status == "finished"
    assert sorted(made + effects()) == [f"pay({n},)" for n in range(3)]
    assert desk.ns["paid"] == [2, 0, 1]


def test_a_step_inside_a_step_that_uses_threads_is_just_called(desk: Desk) -> None:
    desk.cell(DEFINITIONS)
    desk.run(
        "@hitl.step\ndef all_of():\n    with ThreadPoolExecutor(2) as pool:\n"
        "        return list(pool.map(pay, [1, 2]))\nx = all_of()"
    )
    assert desk.ns["x"] == [1, 2]
    assert [step.name for step in desk.ledger.steps.list_of_run(desk.record().id)] == ["all_of"]


def test_a_thread_that_outlives_the_run_calls_no_step(desk: Desk) -> None:
    desk.cell(DEFINITIONS)
    world.outside["go"] = threading.Event()
    desk.run(
        "def late():\n    world.outside['go'].wait()\n"
        "    try:\n        pay(1)\n    except hitl.NotInAgent:\n        world.effect('refused')\n"
        "world.outside['thread'] = threading.Thread(target=late)\nworld.outside['thread'].start()"
    )
    world.outside["go"].set()
    world.outside["thread"].join()
    assert effects() == ["refused()"]


def test_threads_of_other_code_know_no_run(desk: Desk) -> None:
    found: list[object] = []
    with ThreadPoolExecutor(1) as pool:
        world.outside["pool"] = pool
        desk.run("import world\nworld.outside['pool'].submit(int).result()")
        found.append(pool.submit(current_session).result())
    thread = threading.Thread(target=lambda: found.append(current_session()))
    thread.start()
    thread.join()
    assert found == [None, None]
    assert hitl.step(lambda: 3)() == 3
