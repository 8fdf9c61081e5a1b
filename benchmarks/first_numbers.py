"""What a pause, a resume and a step cost, each beside a raw limit of the same disk in the same run.

    python benchmarks/first_numbers.py

Medians of interleaved rounds, in milliseconds. "raw commit" is one row committed by plain sqlite3 (WAL,
synchronous=FULL): what durability costs on this disk before anybody adds anything.
"""

from __future__ import annotations

import ast
import asyncio
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 40
AGENT = """
import hitl_nb as hitl
for i in range({rounds}):
    decision = hitl.checkpoint("Dear Ann, your refund is on its way.", title="Refund order 5678")
"""
STEPS = """
import hitl_nb as hitl
@hitl.step
def send(i):
    return i
for i in range({rounds}):
    clock()
    send(i)
    clock()
"""


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def raw_commits(folder: Path) -> Callable[[], float]:
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)")
    return lambda: milliseconds(lambda: connection.execute("INSERT INTO t (v) VALUES (?)", (b"x" * 360,)))


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="hitl-bench-"))
    os.environ["JUPYTER_DATA_DIR"] = str(folder / "data")
    from hitl_nb.engine.runs import Cell, Outcome, Shown, ledger_of, run_cell
    from hitl_nb.engine.state import Saver
    from hitl_nb.engine.units import CellUnit
    from hitl_nb.store import open_store

    ledger = ledger_of(open_store(f"diskcache://{folder / 'store'}"))

    def run(source: str, ns: dict[str, object]) -> Outcome:
        unit = CellUnit("bench", source, ast.parse(source), "<bench>")
        cell = Cell("bench", "bench", "", unit, ns)
        return asyncio.run(run_cell(ledger, cell, Saver(ns), Shown()))

    raw = raw_commits(folder)
    pauses, raws = [], []
    ns: dict[str, object] = {"__name__": "__main__"}
    source = AGENT.format(rounds=ROUNDS)
    outcome = run(source, ns)
    while outcome.status == "waiting":
        ledger.decide(outcome.proposals[0].id, "approve", reviewer="bench")
        began = time.perf_counter()
        outcome = run(source, ns)
        pauses.append((time.perf_counter() - began) * 1000)
        raws.append(raw())

    marks: list[float] = []
    ledger.forget(agent="bench", notebook="bench")
    run(STEPS.format(rounds=ROUNDS), {"__name__": "__main__", "clock": lambda: marks.append(time.perf_counter())})
    steps = [(after - before) * 1000 for before, after in zip(marks[::2], marks[1::2], strict=True)]
    bare = [milliseconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)) for _ in range(9)]
    ours = [
        milliseconds(lambda: subprocess.run([sys.executable, "-c", "import hitl_nb"], check=True)) for _ in range(9)
    ]

    floor = statistics.median(raws)
    rows = [
        ("raw commit (sqlite3, WAL, FULL)", floor, ""),
        (
            "decided -> resumed -> paused again, durable",
            statistics.median(pauses),
            f"{statistics.median(pauses) / floor:.1f}x raw",
        ),
        ("one durable step", statistics.median(steps), f"{statistics.median(steps) / floor:.1f}x raw"),
        ("import hitl_nb, over bare Python", statistics.median(ours) - statistics.median(bare), ""),
    ]
    for name, value, note in rows:
        print(f"{name:46} {value:9.2f} ms   {note}")


if __name__ == "__main__":
    main()
