"""The clock's part: what is due about open proposals is done once, by the process that notices it first.

due/<microseconds>-<proposal> names each open proposal that has a timer, by when the clock acts on it next; whatever
writes a proposal keeps it right (`ledger/rows/layout.py`). Rows of another kind say when somebody goes away or comes
back (`seat_rechecks.py`). Each step is a transaction of its own that looks again whether it is due:
of two processes that see the same row, the second finds it gone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial, wraps
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from hitl_nb.errors import StoreBusy, StoreCorrupt, StoreFull, UnknownProposal, UnknownRun
from hitl_nb.ledger.decisions.absences import find_people
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.open.seat_rechecks import is_recheck, recheck_page
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.policies.terms import terms
from hitl_nb.policies.terms.vote_completion import complete
from hitl_nb.records import Proposal
from hitl_nb.storage.interface import Reads, Store, Transaction

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound="Due")

ACTOR = "deadline"
"""Who the log names for what the clock does."""

_FIRST, _END = "due/", "due0"


class Due:
    """The timers of a store's proposals."""

    store: Store

    def tick(self, at: datetime | None = None) -> int:
        """Do what is due about open proposals, each step in a transaction of its own; how many steps were taken.

        `at` is the time to act for; this machine's if left out. Raises StoreCorrupt or UnknownRun for a record that is
        damaged, once all others are done.
        """
        taken, start, damage = 0, _FIRST, None
        while (key := _first_due(self.store, start, at)) is not None:
            try:
                taken += self.store.transact(partial(_take, key=key, at=at))
            except (StoreCorrupt, UnknownRun) as found:
                damage, start = damage or found, key + "\0"  # the others are not kept from theirs
        if damage is not None:
            raise damage
        return taken

    def tick_proposal(self, proposal_id: str) -> Proposal:
        """Do what is due about one proposal, also by the clock of a decisions file, which `tick` does not look at.

        Raises UnknownProposal.
        """

        def work(tx: Transaction) -> Proposal:
            p = rows.load_proposal(tx, proposal_id)
            if p is None:
                raise UnknownProposal(f"there is no proposal {proposal_id!r} in this store")
            return take_due_steps(tx, p, clock.store_now(tx))

        return self.store.transact(work)

    def tick_quietly(self) -> None:
        """`tick`, where something else is asked for: what cannot be done now is left to the next look."""
        with suppress(StoreBusy, StoreFull, StoreCorrupt, UnknownRun):
            self.tick()

    def next_due(self) -> datetime | None:
        """When the clock acts next; None if no open proposal has a timer and nobody is about to go or come back."""
        found = self.store.scan(_FIRST, _END, limit=1)
        return rows.time_at(found[0][0]) if found else None


def take_due_steps(tx: Transaction, p: Proposal, now: datetime) -> Proposal:
    """The proposal as it is once the clock has done what is due by `now`: before anybody votes on it."""
    while p.status == "open" and p.terms is not None and (step := _take_step(tx, p, now)) is not None:
        p = step
    return p


def by_own_clock(p: Proposal) -> Proposal:
    """The proposal as people decide it: its timeline is by this machine's clock where no decisions file answers."""
    if p.asked_at is None or clock.replaced_now() is not None:
        return p
    return msgspec.structs.replace(p, asked_at=None)


def after_clock(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method of the ledger that lets the clock act first, so that nobody sees or decides what is over."""

    @wraps(method)
    def acting(self: S, *args: P.args, **kwargs: P.kwargs) -> T:
        self.tick_quietly()
        return method(self, *args, **kwargs)

    return acting


def _first_due(reads: Reads, start: str, at: datetime | None) -> str | None:
    """The key of the first row from `start` on, if its time has come."""
    found = reads.scan(start, _END, limit=1)
    if not found:
        return None
    due = rows.microseconds_at(found[0][0])
    return found[0][0] if due <= (clock.local_microseconds() if at is None else int(rows.microseconds(at))) else None


def _take(tx: Transaction, key: str, at: datetime | None) -> int:
    """Take the step of one row, if it is still due; how many were taken."""
    now, raw = at or clock.machine_now(tx), tx.get(key)
    if raw is None:
        return 0  # somebody else was first
    if is_recheck(raw):
        return recheck_page(tx, key, raw, now)
    p = rows.load_proposal(tx, rows.id_at(key, raw))
    if p is not None and rows.due_key(p) == key and _take_step(tx, p, now) is not None:
        return 1
    tx.delete(key)  # it names nothing that is due: a row that was planted
    return 0


def _take_step(tx: Transaction, p: Proposal, now: datetime) -> Proposal | None:
    run = rows.load_run(tx, p.run)
    people = find_people(tx, p, now)
    change = terms.tick(p, people, now)
    if change is None:
        return None
    change = complete(change, people, now)
    if run.status != "waiting":
        raise StoreCorrupt(f"proposal {p.id} ({p.title}) is open, and its run is {run.status}: one of them was changed")
    return write_change(tx, change, actor=ACTOR, at=now)[0]
