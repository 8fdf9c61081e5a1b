"""Resuming late: after 100, 1,000 and 10,000 earlier statements and recorded steps.

Each run makes its steps once and then asks again and again, so that every round is one more resume of a run with that
history. Timed from calling `agent.run()` (`workflow.invoke(Command(resume=...))`) to the statement behind the
question. LangGraph's functional API runs its function from the top at every resume, with the results of its tasks from
the record; its run with 10,000 tasks takes minutes, and is left out unless asked for (`--slow`), for one round.

warm             in the process that paused
in a new process the state is loaded from the store, by a process that has resumed another run before
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import hitl_nb as hitl
from benchmarks import peer
from benchmarks.measuring import Line, at_most, faster, interleaved
from hitl_nb.ledger.ledger import Ledger

SIZES = (100, 1_000, 10_000)
FLAT = 1.3

went_on = 0.0


def mark() -> None:
    global went_on
    went_on = time.perf_counter()


@hitl.step
def one(i: int) -> int:
    return i


@hitl.agent
def work(n: int) -> int:
    total = 0
    for i in range(n):
        total += one(i)
    while hitl.checkpoint(total, title="Refund order 5678").approved:
        mark()
    return total


class Ours:
    """A run with `n` steps behind it; each call decides what it waits for and resumes it."""

    def __init__(self, n: int, loop: asyncio.AbstractEventLoop) -> None:
        self.n = n
        self.loop = loop
        self.ledger = Ledger(hitl.open_store())
        self.waiting = self.run()

    def run(self) -> str:
        state = self.loop.run_until_complete(work.run(self.n, key=str(self.n)))
        assert state.status == "waiting", state
        return state.open[0].id

    def decide(self) -> None:
        self.ledger.proposals.decide(self.waiting, "approve", reviewer="ann")

    def resume(self) -> float:
        began = time.perf_counter()
        self.waiting = self.run()
        return (went_on - began) * 1000

    def __call__(self) -> float:
        self.decide()
        return self.resume()

    def in_a_new_process(self) -> float:
        """The same in a child, warmed by the run with the key "warm"."""
        self.decide()
        command = [sys.executable, "-m", "benchmarks.history", str(self.n)]
        made = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent)
        took, self.waiting = json.loads(made.stdout)
        return took


def child(n: int) -> None:
    """Resume the run with `n` steps, after having paused and resumed a small one."""
    loop = asyncio.new_event_loop()
    Ours(0, loop)()
    target = object.__new__(Ours)
    target.n, target.loop = n, loop
    took = target.resume()
    print(json.dumps([took, target.waiting]))


class Theirs:
    """The same with LangGraph."""

    def __init__(self, n: int, folder: Path) -> None:
        self.thread = peer.Thread(peer.working(peer.saver(folder / f"peer-{n}.db"), mark))
        self.thread.start(n)

    def __call__(self) -> float:
        began = time.perf_counter()
        self.thread.resume("again")
        return (went_on - began) * 1000


def measure(folder: Path, rounds: int = 20, *, slow: bool = False) -> list[Line]:
    loop = asyncio.new_event_loop()
    ours = [Ours(n, loop) for n in SIZES]
    theirs = [Theirs(n, folder) for n in SIZES[:2]]
    mine_100, mine_1000, mine_10000, their_100, their_1000 = interleaved(rounds, *ours, *theirs)
    name = "LangGraph, functional API"
    fresh = interleaved(max(3, rounds // 4), *(one.in_a_new_process for one in ours), warm=1)
    lines = [
        at_most("warm resume after 1,000 steps", mine_1000, mine_100, "after 100 steps", FLAT),
        at_most("warm resume after 10,000 steps", mine_10000, mine_100, "after 100 steps", FLAT),
        at_most("resume in a new process after 1,000 steps", fresh[1], fresh[0], "after 100 steps", FLAT),
        at_most("resume in a new process after 10,000 steps", fresh[2], fresh[0], "after 100 steps", FLAT),
        faster("warm resume after 100 steps", mine_100, their_100, name),
        faster("warm resume after 1,000 steps", mine_1000, their_1000, name),
    ]
    if slow:
        their_10000 = [Theirs(SIZES[2], folder)()]
        lines.append(faster("warm resume after 10,000 steps", mine_10000, their_10000, f"{name}, one round"))
    return lines


if __name__ == "__main__":
    child(int(sys.argv[1]))
