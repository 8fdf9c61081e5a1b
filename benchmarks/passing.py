"""A checkpoint that a policy passes, against a durable step in the same run.

20 calls of each in a row in one run, in turns: `hitl.checkpoint` with a policy file whose rule passes it, and a
`@hitl.step`; from the first call until the run has ended, when all is durable. A pass is recorded before the agent
continues; a step as started before it is called, with its result after.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from pathlib import Path

import hitl_nb as hitl
from benchmarks.measuring import Line, at_most, interleaved

CALLS = 20
MOST = 1.3
POLICY = """
version = 1
[[rule]]
id = "small-refund"
when = "value.amount <= 50"
do = "pass"
"""

began = 0.0


def mark() -> None:
    global began
    began = time.perf_counter()


@hitl.step
def send(i: int) -> int:
    return i


@hitl.agent
def stepping(n: int) -> None:
    mark()
    for i in range(n):
        send(i)


@hitl.agent
def passing(n: int) -> None:
    mark()
    for i in range(n):
        hitl.checkpoint({"amount": i}, title=f"Refund {i}")


def measure(folder: Path, rounds: int = 20) -> list[Line]:
    file = folder / "hitl-policy.toml"
    file.write_text(POLICY)
    os.environ["HITL_NB_POLICY"] = str(file)
    loop, keys = asyncio.new_event_loop(), map(str, itertools.count())

    def run(agent: object) -> float:
        loop.run_until_complete(agent.run(CALLS, key=next(keys)))
        return (time.perf_counter() - began) * 1000 / CALLS

    ours, theirs = interleaved(rounds, lambda: run(passing), lambda: run(stepping))
    return [at_most("one checkpoint that a policy passes", ours, theirs, "one durable step", MOST)]
