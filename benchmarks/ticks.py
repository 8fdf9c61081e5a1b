"""What the clock costs at each look: `ledger.timers.run_due_steps()` with no timer in the store, and with 1,000, none
of them due."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import hitl_nb as hitl
from benchmarks.measuring import Line, below, interleaved
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.rules.rules import CallTerms, make_plan
from hitl_nb.records import Facts, Question, Snapshot

TIMERS = 1_000
LIMIT = 20
LOOKS = 200


def fill(ledger: Ledger) -> None:
    run, claim = ledger.runs.open(agent="refunds", notebook="/notebooks/refunds.ipynb")
    questions = [Question(title=f"Refund {n}", kind="json", value=n, position=f"{n:09d}") for n in range(TIMERS)]
    facts, call = Facts(now=ledger.now()), CallTerms(deadline=timedelta(days=1), on_deadline="reject")
    plans = [make_plan(None, q, facts, agent=run.agent, notebook=run.notebook, call=call) for q in questions]
    ledger.runs.pause(claim, Snapshot(envelope=b"", blobs={}), questions, plans=plans, facts=facts)


def microseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(LOOKS):
        work()
    return (time.perf_counter() - began) * 1e6 / LOOKS


def measure(folder: Path, rounds: int = 40) -> list[Line]:
    empty = Ledger(hitl.open_store(f"diskcache://{folder / 'empty'}"))
    empty.runs.open(agent="refunds", notebook="/notebooks/refunds.ipynb")
    filled = Ledger(hitl.open_store(f"diskcache://{folder / 'filled'}"))
    fill(filled)
    none, waiting = interleaved(
        rounds, lambda: microseconds(empty.timers.run_due_steps), lambda: microseconds(filled.timers.run_due_steps)
    )
    return [
        below("a tick, no timers", none, LIMIT, "us"),
        below(f"a tick, {TIMERS:,} timers and none due", waiting, LIMIT, "us"),
    ]
