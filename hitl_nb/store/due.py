"""The clock's part: what is due about open proposals is done once, whoever notices it first.

due/<microseconds>-<proposal> names each open proposal that has a timer, by when the clock acts on it next; whatever
writes a proposal keeps it right (`rows.py`). Each step is a transaction of its own that looks again whether it is due:
of two processes that see the same row, the second finds it gone.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from hitl_nb.errors import StoreBusy, StoreFull
from hitl_nb.policies import terms
from hitl_nb.policies.terms import People
from hitl_nb.records import Proposal
from hitl_nb.store import clock, rows
from hitl_nb.store.base import Reads, Store, Transaction
from hitl_nb.store.changes import write_change

ACTOR = "deadline"
"""Who the log names for what the clock does."""

_FIRST, _END = "due/", "due0"


class Due:
    """The timers of a store's proposals."""

    store: Store

    def tick(self, at: datetime | None = None) -> int:
        """Do what is due about open proposals, each step in a transaction of its own; how many steps were taken.

        `at` is the time to act for; the store's own if left out.
        """
        taken = 0
        while _is_due(self.store, at or clock.local_now()):
            done = self.store.transact(lambda tx: _take_first(tx, at))
            if done is None:
                break
            taken += done
        return taken

    def tick_quietly(self) -> None:
        """`tick` at the start of what reads or writes: nothing is lost if there is no room for it now."""
        with suppress(StoreBusy, StoreFull):
            self.tick()

    def next_due(self) -> datetime | None:
        """When the clock acts next; None if no open proposal has a timer."""
        found = self.store.scan(_FIRST, _END, limit=1)
        return rows.time_at(found[0][0]) if found else None


def take_due_steps(tx: Transaction, p: Proposal, now: datetime) -> Proposal:
    """The proposal as it is once the clock has done what is due by `now`: before anybody votes on it."""
    while (step := _take_step(tx, p, now)) is not None:
        p = step
    return p


def people_of(reads: Reads, p: Proposal) -> People:
    """How things are with the people of a proposal."""
    return People(requesters=frozenset(rows.load_run(reads, p.run).requesters))


def _is_due(reads: Reads, now: datetime) -> bool:
    found = reads.scan(_FIRST, _END, limit=1)
    return bool(found) and found[0][0] < f"{_FIRST}{rows.microseconds(now + timedelta(microseconds=1))}"


def _take_first(tx: Transaction, at: datetime | None) -> int | None:
    """Take the step of the first row; how many were taken, or None if nothing is due by now."""
    now = at or clock.store_now(tx)
    if not _is_due(tx, now):
        return None
    [(key, raw)] = tx.scan(_FIRST, _END, limit=1)
    p = rows.load_proposal(tx, rows.id_at(key, raw))
    if p is None or rows.due_key(p) != key or _take_step(tx, p, now) is None:
        tx.delete(key)  # it names nothing that is due: a row that was planted
        return 0
    return 1


def _take_step(tx: Transaction, p: Proposal, now: datetime) -> Proposal | None:
    change = None if p.terms is None or p.status != "open" else terms.tick(p, people_of(tx, p), now)
    return None if change is None else write_change(tx, change, actor=ACTOR, at=now)[0]
