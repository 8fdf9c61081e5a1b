"""Agents of several tasks, each with steps, gated calls and questions, whose process is killed at a chosen moment."""

from __future__ import annotations

import asyncio
import json
import linecache
import os
import random
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import story
import world

import hitl_nb as hitl
from hitl_nb.engine.run.cell_run import AgentCell, compile_cell, run_cell
from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.proposals import Proposals
from hitl_nb.ledger.run_lifecycle import Runs
from hitl_nb.ledger.runs.steps import Steps
from hitl_nb.records import Run
from hitl_nb.storage import open_store

hitl.live(sys.modules[__name__])  # what is in this module is no state of a run

START = """
import asyncio, task_kills
async def wait():
    await asyncio.sleep(task_kills.delay())
@hitl.step
async def pay(n):
    await wait()
    return task_kills.effect("pay", n)
@hitl.step
def look(n):
    return task_kills.effect("look", n)
@hitl.gate(title="{n}")
async def send(n):
    await wait()
    return task_kills.effect("send", n)
async def both(n):
    done = [await pay(n + " first")]
    await wait()
    return [*done, look(n + " then"), hitl.checkpoint(n, title=n).value]
"""
OPERATIONS = {
    "await wait()": (),
    'done.append(await pay("{n}"))': ("",),
    'done.append(look("{n}"))': ("",),
    'done.append(await send("{n}"))': ("",),
    'done.append(hitl.checkpoint("{n}", title="{n}").value)': ("",),
    'done += await asyncio.gather(pay("{n} a"), send("{n} b"))': (" a", " b"),
    'done += await both("{n}")': (" first", " then", ""),
    'for part in "ab": done.append(await pay("{n} " + part))': (" a", " b"),
    'tasks = [asyncio.create_task(pay("{n} a")), asyncio.create_task(both("{n}"))]; done.append(await tasks[0]); '
    "done += await tasks[1]": (" a", " first", " then", ""),
}
"""Of each, what it adds to the result."""
WAYS = (
    "x = await asyncio.gather({calls})\n",
    (
        "async with asyncio.TaskGroup() as group:\n    tasks = [group.create_task(call) for call in ({calls},)]\n"
        "x = [task.result() for task in tasks]\n"
    ),
    "tasks = [asyncio.create_task(call) for call in ({calls},)]\nx = [await task for task in tasks]\n",
)


def program(seed: int) -> tuple[str, list[list[str]]]:
    """An agent cell of several tasks, and its result."""
    chosen = random.Random(seed)
    source, result = START, []
    names = [f"work{i}" for i in range(chosen.choice((2, 3)))]
    for name in names:
        source += f"async def {name}():\n    done = []\n"
        result.append([])
        for k in range(chosen.randint(2, 4)):
            operation = chosen.choice(list(OPERATIONS))
            source += f"    {operation}\n".replace("{n}", f"{name} {k}")
            result[-1] += [f"{name} {k}{end}" for end in OPERATIONS[operation]]
        source += "    return done\n"
    return source + chosen.choice(WAYS).format(calls=", ".join(f"{name}()" for name in names)), result


def delay() -> float:
    """Some time: other tasks are first after a crash than before it."""
    pass_moment()
    return random.choice((0, 0, 0.0005, 0.002))


def effect(name: str, about: str) -> str:
    pass_moment()
    story.note("effects", name, about)
    pass_moment()
    return about


_left = -1
"""How many moments are left to live."""


def pass_moment() -> None:
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def _dies_around(service: type, method: str) -> None:
    """Whoever calls this method of the ledger may die before it, and after it, when what it wrote is durable."""
    original: Callable[..., Any] = getattr(service, method)

    def call(self: Any, *args: Any, **more: Any) -> Any:
        pass_moment()
        done = original(self, *args, **more)
        if service is Steps and method == "finish" and _left == 1:
            done.result()
        pass_moment()
        return done

    setattr(service, method, call)


def play(folder: Path, seed: int, moments: int, *, steps: bool = True) -> Any:
    """In a new process: run the agent, or continue it, with a person who answers; die after so many moments.

    Args:
        steps: whether its steps are steps, or just functions.

    Returns the result.
    """
    global _left
    story.use(folder)
    _left, source = moments, program(seed)[0]
    if not steps:
        source = source.replace("@hitl.step\n", "")
    for method in ("start", "retry", "finish"):
        _dies_around(Steps, method)
    for method in ("pause", "save_snapshot", "claim_saved", "finish"):
        _dies_around(Runs, method)
    _dies_around(Proposals, "decide")
    linecache.cache[world.FILE] = (len(source), None, source.splitlines(True), world.FILE)
    ns = world._namespace(hitl)
    while True:
        cell = AgentCell("nb", "agent", "", compile_cell(source, world.FILE), ns)
        outcome = asyncio.run(run_cell(Ledger(open_store()), cell, Saver(ns), RunDisplay()))
        if outcome.status == "finished":
            return ns["x"]
        for p in (one for one in outcome.proposals if one.status == "open"):
            answer(Ledger(open_store()), p)


def answer(ledger: Ledger, p: Any) -> None:
    """Approve; look up what is in doubt."""
    doubt = re.match(r"Did (\w+)\('([^']+)'\) happen", p.title)
    if doubt is None:
        ledger.proposals.decide(p.id, "approve", reviewer="ann")
        return
    happened = [*doubt.groups()] in story.notes("effects")
    value = {"happened": happened, "result": doubt[2] if happened else None}
    ledger.proposals.decide(p.id, "edit", value=value, reviewer="ann")


def find_wrong(folder: Path) -> list[str]:
    """What happened twice, was asked twice, or is damaged."""
    story.use(folder)
    ledger = Ledger(open_store())
    run: Run | None = ledger.runs.find(agent="agent", notebook="nb")
    assert run is not None
    effects = [json.dumps(one) for one in story.notes("effects")]
    asked = [p.title for p in ledger.proposals.list_of_run(run.id) if not p.title.startswith("Did ")]
    twice = [f"{one}, {what}" for what, all_ in (("done", effects), ("asked", asked)) for one in all_]
    wrong = sorted({one for one in twice if twice.count(one) > 1})
    log = ledger.audit.verify()
    return wrong if log.ok else [*wrong, f"the log: {log.problem}"]
