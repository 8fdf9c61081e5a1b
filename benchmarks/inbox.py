"""A page of the inbox: 50 of 100,000 open proposals, in 100 notebooks.

The first page, the page behind the 50,000th proposal, and the first of one notebook. For information beside it: 50 rows
of a table as large, by plain sqlite3. And 5,000 open proposals with terms (two needs, a timeline) against as many
without, each in a store of its own: the first page, and all of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import hitl_nb as hitl
from benchmarks.measuring import Line, at_most, below, interleaved, milliseconds
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.rules.rules import CallTerms, make_plan
from hitl_nb.records import Facts, Question, Snapshot

NOTEBOOKS, EACH = 100, 1_000
PAGE = 50
LIMIT = 5
WITH_TERMS = 5_000
AS_FAST = 1.1
TERMS = CallTerms(reviewers=("ada", "bo", "cy"), quorum=2, deadline=timedelta(days=1), on_deadline="reject")


def fill(ledger: Ledger) -> None:
    """Each notebook has one paused run that waits for a thousand decisions."""
    questions = [
        Question(title=f"Refund order {n}", kind="text", value="Dear Ann, your refund is on its way. " * 8)
        for n in range(EACH)
    ]
    for number in range(NOTEBOOKS):
        _, claim = ledger.runs.open(agent="refunds", notebook=f"/notebooks/{number}.ipynb")
        ledger.runs.pause(claim, Snapshot(envelope=b"", blobs={}), questions)


def fill_with(ledger: Ledger, call: CallTerms | None) -> None:
    """Five notebooks' runs wait for a thousand decisions each, under the terms of the call."""
    facts = Facts(now=ledger.now())
    for number in range(WITH_TERMS // EACH):
        run, claim = ledger.runs.open(agent="refunds", notebook=f"/notebooks/{number}.ipynb")
        asked = [
            Question(title=f"Refund order {n}", kind="text", value="Dear Ann, your refund is on its way. " * 8)
            for n in range(EACH)
        ]
        plans = [make_plan(None, q, facts, agent=run.agent, notebook=run.notebook, call=call) for q in asked]
        ledger.runs.pause(claim, Snapshot(envelope=b"", blobs={}), asked, plans=plans, facts=facts)


def measure_terms(folder: Path, rounds: int) -> list[Line]:
    with_terms = Ledger(hitl.open_store(f"diskcache://{folder / 'with'}"))
    without = Ledger(hitl.open_store(f"diskcache://{folder / 'without'}"))
    fill_with(with_terms, TERMS)
    fill_with(without, None)

    def read(ledger: Ledger, limit: int) -> Callable[[], float]:
        assert len(ledger.proposals.list_open(limit=limit)) == limit
        return lambda: milliseconds(lambda: ledger.proposals.list_open(limit=limit))

    first, plain = interleaved(rounds, read(with_terms, PAGE), read(without, PAGE))
    everything, all_plain = interleaved(max(3, rounds // 8), read(with_terms, WITH_TERMS), read(without, WITH_TERMS))
    return [
        at_most("inbox, first page of 50 in 5,000 with terms", first, plain, "without terms", AS_FAST),
        at_most("inbox, 5,000 with terms", everything, all_plain, "without terms", AS_FAST),
    ]


def rows(folder: Path) -> Callable[[], object]:
    connection = sqlite3.connect(folder / "raw.db")
    connection.execute("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)")
    pairs = ((f"proposal/{n:09d}", b"x" * 900) for n in range(NOTEBOOKS * EACH))
    connection.executemany("INSERT INTO t VALUES (?, ?)", pairs)
    connection.commit()
    return lambda: connection.execute("SELECT * FROM t WHERE k > ? LIMIT ?", ("proposal/000050000", PAGE)).fetchall()


def measure(folder: Path, rounds: int = 40) -> list[Line]:
    ledger = Ledger(hitl.open_store())
    fill(ledger)
    plain = rows(folder)
    middle = ledger.proposals.list_open(limit=NOTEBOOKS * EACH // 2)[-1].id
    one = f"/notebooks/{NOTEBOOKS // 2}.ipynb"

    def page(**filters: str) -> Callable[[], float]:
        assert len(ledger.proposals.list_open(limit=PAGE, **filters)) == PAGE
        return lambda: milliseconds(lambda: ledger.proposals.list_open(limit=PAGE, **filters))

    first, behind, filtered, raw = interleaved(
        rounds, page(), page(after=middle), page(notebook=one), lambda: milliseconds(plain)
    )
    return [
        below("inbox, first page of 50 in 100,000", first, LIMIT),
        below("inbox, a page in the middle", behind, LIMIT),
        below("inbox, first page of one notebook in 100", filtered, LIMIT),
        at_most("inbox, first page, in raw selects", first, raw, "50 rows of 100,000, sqlite3"),
        *measure_terms(folder, rounds),
    ]
