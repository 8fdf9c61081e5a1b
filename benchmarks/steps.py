"""One durable step against one raw commit of the same disk.

sequential   20 calls of a `@hitl.step` in a row in one run, each recorded as started before it is called and with its
             result after; from the first call until `agent.run()` has returned, when the last result is durable too.
             Beside it 20 commits of one row of 360 bytes by plain sqlite3 (WAL, synchronous=FULL).
concurrent   64 threads, each with a run of its own, 10 such calls each, from the common start until every run has
             ended; beside it as many raw commits, one by one. Calls a second.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hitl_nb as hitl
from benchmarks.measuring import Line, RawCommits, at_most, faster, interleaved, milliseconds

CALLS = 20
RUNS, CALLS_EACH = 64, 10

began = 0.0
ready = threading.Barrier(RUNS)


@hitl.step
def send(i: int) -> int:
    return i


def mark() -> None:
    global began
    began = time.perf_counter()


def meet() -> None:
    if ready.wait() == 0:
        mark()


@hitl.agent
def one_by_one(n: int) -> None:
    mark()
    for i in range(n):
        send(i)


@hitl.agent
def among_others(n: int) -> None:
    meet()
    for i in range(n):
        send(i)


def measure(folder: Path, rounds: int = 20) -> list[Line]:
    raw, loop, keys = RawCommits(folder), asyncio.new_event_loop(), map(str, itertools.count())
    threads = ThreadPoolExecutor(RUNS)

    def sequential() -> float:
        loop.run_until_complete(one_by_one.run(CALLS, key=next(keys)))
        return (time.perf_counter() - began) * 1000 / CALLS

    def one(key: str) -> None:
        asyncio.run(among_others.run(CALLS_EACH, key=key))

    def concurrent() -> float:
        list(threads.map(one, [next(keys) for _ in range(RUNS)]))
        return (time.perf_counter() - began) * 1000 / (RUNS * CALLS_EACH)

    def commits(n: int) -> float:
        return milliseconds(lambda: raw.commit(n)) / n

    ours, theirs = interleaved(rounds, sequential, lambda: commits(CALLS))
    many, alone = interleaved(max(3, rounds // 4), concurrent, lambda: commits(RUNS * CALLS_EACH), warm=1)
    floor = "raw SQLite commit, WAL, FULL"
    return [
        at_most("one durable step", ours, theirs, floor, 2.5),
        faster("one durable step among 64 concurrent runs", many, alone, f"{floor}, one by one", 1),
    ]
