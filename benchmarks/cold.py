"""Resuming in a new process, against LangGraph: from the process's start to the statement behind the question.

The runs were paused, and ours decided, by other processes before. Each round starts `cold_hitl.py` or
`cold_langgraph.py`, a script as a user would write it, and reads the line that it prints behind its question.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import hitl_nb as hitl
from benchmarks.measuring import Line, faster, interleaved
from hitl_nb.ledger.ledger import Ledger

WARM = 1


def resumer(script: str, *arguments: str) -> Callable[[], float]:
    """Each call resumes the next run in a new process: milliseconds until it prints."""
    numbers = itertools.count()
    path = str(Path(__file__).with_name(script))

    def resume() -> float:
        command = [sys.executable, path, "resume", str(next(numbers)), *arguments]
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            line = child.stdout.readline()
            took = (time.perf_counter() - began) * 1000
        assert line == "went on with approve\n", line
        return took

    return resume


def measure(folder: Path, rounds: int = 10) -> list[Line]:
    here, peers = Path(__file__).parent, str(folder / "peer.db")
    runs = str(rounds + WARM)
    subprocess.run([sys.executable, str(here / "cold_hitl.py"), "start", runs], check=True)
    subprocess.run([sys.executable, str(here / "cold_langgraph.py"), "start", runs, peers], check=True)
    ledger = Ledger(hitl.open_store())
    for waiting in ledger.proposals.list_open(limit=rounds + WARM):
        ledger.proposals.decide(waiting.id, "approve", reviewer="ann")
    ours, theirs = interleaved(rounds, resumer("cold_hitl.py"), resumer("cold_langgraph.py", peers), warm=WARM)
    return [faster("resume in a new process, from its start", ours, theirs, "LangGraph, SqliteSaver", 1)]
