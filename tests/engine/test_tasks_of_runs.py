"""Tasks of a run with steps, gates and checkpoints: each effect happens once, each question is asked once."""

from __future__ import annotations

import random

import pytest
import world
from desk import Desk, effects

import hitl_nb as hitl

START = """
import asyncio, world
@hitl.step
async def pay(n):
    await asyncio.sleep(0)
    return world.effect("pay", n)
@hitl.step
def look(n):
    return world.effect("look", n)
@hitl.gate(title="{n}")
async def send(n):
    await asyncio.sleep(0)
    return world.effect("send", n)
"""
OPERATIONS = (
    "await asyncio.sleep(0)",
    'done.append(await pay("{n}"))',
    'done.append(look("{n}"))',
    'done.append(await send("{n}"))',
    'done.append(hitl.checkpoint("{n}", title="{n}").value)',
    'done.append(world.effect("plain", "{n}"))',
    'done += await asyncio.gather(pay("{n} a"), send("{n} b"))',
)
WAYS = (
    "x = await asyncio.gather({calls})\n",
    (
        "async with asyncio.TaskGroup() as group:\n    tasks = [group.create_task(call) for call in ({calls},)]\n"
        "x = [task.result() for task in tasks]\n"
    ),
    "tasks = [asyncio.create_task(call) for call in ({calls},)]\nx = [await task for task in tasks]\n",
)


def program(seed: int) -> str:
    """A small program of several tasks."""
    chosen = random.Random(seed)
    source = START
    names = [f"work{i}" for i in range(chosen.choice((2, 3)))]
    for name in names:
        mark = chosen.choice(("", "@hitl.agent\n"))
        source += f"{mark}async def {name}():\n    done = []\n"
        for k in range(chosen.randint(2, 4)):
            source += f"    {chosen.choice(OPERATIONS)}\n".format(n=f"{name} {k}")
        source += "    return done\n"
    return source + chosen.choice(WAYS).format(calls=", ".join(f"{name}()" for name in names))


def run_to_the_end(source: str, seed: int) -> tuple[list[str], list[str], object]:
    """Approve all questions, each time in the same or in a new kernel; what was asked, what was done, the result."""
    chosen, desk = random.Random(seed), Desk()
    asked: list[str] = []
    made: list[str] = []
    while (outcome := desk.run(source)).status == "waiting":
        asked += [p.title for p in outcome.proposals]
        assert len(asked) < 40
        desk.answer()
        made += effects()
        world.journal.clear()
        if chosen.random() < 0.6:
            desk.new_kernel()
    return asked, [*made, *effects()], desk.ns["x"]


def check(seed: int) -> None:
    source = program(seed)
    asked, made, result = run_to_the_end(source, seed)
    assert len(asked) == len(set(asked)), source
    assert len(made) == len(set(made)), source
    names = {part for line in source.splitlines() for part in line.split('"')[1::2] if part.startswith("work")}
    assert sorted(one for part in result for one in part) == sorted(names), source


@pytest.mark.parametrize("seed", range(8))
def test_tasks_that_pause_do_all_once(seed: int) -> None:
    check(seed)


FAILS = """
def crash():
    if not world.outside.get("crashed"):
        world.outside["crashed"] = True
        raise OSError("no line")
{mark}async def both():
    done = [await pay("a"), look("b")]
    crash()
    return done
"""


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("mark", ["", "@hitl.agent\n"])
@pytest.mark.parametrize("call", ["await both()", "await asyncio.create_task(both())"])
def test_steps_of_a_coroutine_that_failed_are_not_repeated(mark: str, call: str, fresh: bool) -> None:
    world.outside.clear()
    desk, source = Desk(), f"{START}{FAILS.format(mark=mark)}x = {call}\n"
    with pytest.raises(OSError, match="no line"):
        desk.run(source)
    assert effects() == ["pay('a',)", "look('b',)"]
    if fresh:
        desk.new_kernel()
    world.journal.clear()
    assert desk.run(source).status == "finished"
    assert effects() == []


BESIDE = """
async def one(n):
    await asyncio.sleep(0)
    return look(n)
async def other():
    await asyncio.sleep(0)
    for n in "pqrs":
        await asyncio.sleep(0)
        hitl.checkpoint(n, title=n)
async def work():
    done = []
    for n in "abcd":
        done.append({call})
        {wait}
    return done
x = (await asyncio.gather(work(), other()))[0]
"""


@pytest.mark.parametrize("wait", ["pass", "await asyncio.sleep(0)", "await one('x' + n)"])
@pytest.mark.parametrize(
    "call", ["await pay(n)", "look(n)", "await send(n)", "await one(n)", "await asyncio.create_task(pay(n))"]
)
def test_a_call_in_a_loop_is_another_one_after_a_pause_of_another_task(call: str, wait: str) -> None:
    """Each time around the next call got the result of the one before."""
    desk, source = Desk(), START + BESIDE.format(call=call, wait=wait)
    asked: list[str] = []
    made: list[str] = []
    while (outcome := desk.run(source)).status == "waiting":
        asked += [p.title for p in outcome.proposals]
        assert len(asked) < 12
        desk.answer()
        made += effects()
        desk.new_kernel()
    made += effects()
    assert desk.ns["x"] == list("abcd")
    assert (len(set(asked)), len(set(made))) == (len(asked), len(made))


LOOP = """
def crash(n):
    if n == "b" and not world.outside.get("crashed"):
        world.outside["crashed"] = True
        raise OSError("no line")
async def one(n):
    return await pay(n)
"""
BODY = """
done = []
for n in "abcd":
    done.append({call})
    {then}
"""


@pytest.mark.parametrize("place", ["the cell", "a coroutine"])
@pytest.mark.parametrize("then", ["crash(n)", 'crash(n) if n == "c" else [crash(m) for m in n]'])
@pytest.mark.parametrize("call", ["await pay(n)", "look(n)", "await one(n)", "await asyncio.create_task(pay(n))"])
def test_a_call_in_a_loop_is_another_one_after_a_failure(call: str, then: str, place: str) -> None:
    world.outside.clear()
    body = BODY.format(call=call, then=then)
    if place == "a coroutine":
        body = "async def work():" + body.replace("\n", "\n    ") + "return done\ndone = await work()\n"
    desk, source = Desk(), START + LOOP + body
    with pytest.raises(OSError, match="no line"):
        desk.run(source)
    made = effects()
    desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert desk.ns["done"] == list("abcd")
    assert sorted(made + effects()) == [f"{'look' if 'look' in call else 'pay'}('{n}',)" for n in "abcd"]


HELD = """
event, asked, queue, lock = asyncio.Event(), asyncio.Event(), asyncio.Queue(), asyncio.Lock()
@hitl.step
async def held():
    {waits}
    return world.effect("held", 1)
@hitl.step
async def busy():
    async with lock:
        await asyncio.sleep(0.05)
async def other():
    await asked.wait()
    event.set()
    queue.put_nowait(1)
async def asks():
    await asyncio.sleep(0.01)
    try:
        return hitl.checkpoint(1, title="q").value
    finally:
        asked.set()
async def main():
    global task
    task = asyncio.create_task(other())
    return await asyncio.gather(held(), task, asks(){more})
x = await main()
"""


@pytest.mark.parametrize(
    "waits",
    [
        "await event.wait()",
        "await asyncio.wait_for(queue.get(), 5)",
        "await asyncio.sleep(0.1); await event.wait()",
        "await asyncio.sleep(0); await task",
        "await asyncio.sleep(0); await asyncio.wait([task])",
        "await asyncio.sleep(0); await asyncio.gather(asyncio.sleep(0), event.wait())",
    ],
)
def test_a_question_is_refused_beside_a_step_that_would_never_end(waits: str) -> None:
    """The pause ended the task that the step waited for, and waited for the step."""
    desk = Desk()
    with pytest.raises(hitl.CannotPause, match=r"the step held\(\) is under way and waits for another task"):
        desk.run(START + HELD.format(waits=waits, more=""))


@pytest.mark.parametrize("waits", ["async with lock: pass", "await asyncio.sleep(0.02)"])
def test_a_pause_waits_for_steps_that_wait_for_one_another(waits: str) -> None:
    desk = Desk()
    source = START + HELD.format(waits=waits, more=", busy()").replace("gather(held", "gather(busy(), held")
    assert desk.run(source).status == "waiting"
    assert effects() == ["held(1,)"]
    desk.answer()
    assert desk.run(source).status == "finished"
    assert effects() == ["held(1,)"]


COMPLETED = {
    "in a loop": "x = []\nfor f in asyncio.as_completed([work(n) for n in 'abc']):\n    x.append(await f)\n",
    "taken before": (
        "fs = list(asyncio.as_completed([work(n) for n in 'abc']))\nhitl.checkpoint(0, title='before')\n"
        "x = []\nfor f in fs:\n    x.append(await f)\n    hitl.checkpoint(0, title='got ' + x[-1])\n"
    ),
    "gathered": "x = await asyncio.gather(*asyncio.as_completed([asyncio.create_task(work(n)) for n in 'abc']))\n",
}


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("kind", COMPLETED)
def test_as_completed_continues_with_what_is_not_done(kind: str, fresh: bool) -> None:
    """It waited for ever: what its tasks tell that they are done was not joined to them again."""
    work = "async def work(n):\n    await asyncio.sleep(0)\n    await send(n)\n    return await pay('paid ' + n)\n"
    desk, source = Desk(), START + work + COMPLETED[kind]
    asked: list[str] = []
    made: list[str] = []
    while (outcome := desk.run(source)).status == "waiting":
        asked += [p.title for p in outcome.proposals]
        assert len(asked) < 12
        desk.answer()
        made += effects()
        world.journal.clear()
        if fresh:
            desk.new_kernel()
    made += effects()
    assert sorted(desk.ns["x"]) == ["paid a", "paid b", "paid c"]
    assert (len(set(asked)), len(set(made))) == (len(asked), len(made))
