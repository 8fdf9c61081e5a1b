"""A page of the inbox: 50 of 100,000 open proposals, in 100 notebooks.

The first page, the page behind the 50,000th proposal, and the first of one notebook. For information beside it: 50 rows
of a table as large, by plain sqlite3.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import hitl_nb as hitl
from hitl_nb.records import Question, Snapshot
from hitl_nb.store.ledger import Ledger

from .measuring import Line, at_most, below, interleaved, milliseconds

NOTEBOOKS, EACH = 100, 1_000
PAGE = 50
LIMIT = 5


def fill(ledger: Ledger) -> None:
    """Each notebook has one paused run that waits for a thousand decisions."""
    questions = [
        Question(title=f"Refund order {n}", kind="text", value="Dear Ann, your refund is on its way. " * 8)
        for n in range(EACH)
    ]
    for number in range(NOTEBOOKS):
        _, claim = ledger.open_run(agent="refunds", notebook=f"/notebooks/{number}.ipynb")
        ledger.pause(claim, Snapshot(envelope=b"", blobs={}), questions)


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
    middle = ledger.inbox(limit=NOTEBOOKS * EACH // 2)[-1].id
    one = f"/notebooks/{NOTEBOOKS // 2}.ipynb"

    def page(**filters: str) -> Callable[[], float]:
        assert len(ledger.inbox(limit=PAGE, **filters)) == PAGE
        return lambda: milliseconds(lambda: ledger.inbox(limit=PAGE, **filters))

    first, behind, filtered, raw = interleaved(
        rounds, page(), page(after=middle), page(notebook=one), lambda: milliseconds(plain)
    )
    return [
        below("inbox, first page of 50 in 100,000", first, LIMIT),
        below("inbox, a page in the middle", behind, LIMIT),
        below("inbox, first page of one notebook in 100", filtered, LIMIT),
        at_most("inbox, first page, in raw selects", first, raw, "50 rows of 100,000, sqlite3"),
    ]
