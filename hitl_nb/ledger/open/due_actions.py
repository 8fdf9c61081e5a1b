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
from hitl_nb.ledger.decisions.absences import load_people
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.open.seat_rechecks import is_recheck, run_recheck_page
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.policies.terms import terms
from hitl_nb.policies.terms.vote_completion import complete_decision
from hitl_nb.records import Proposal
from hitl_nb.storage.interface import Store, StoreReader, Transaction

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound="ProposalTimers")

ACTOR = "deadline"
"""Who the log names for what the clock does."""

_FIRST, _END = "due/", "due0"


class ProposalTimers:
    """The timers of a store's proposals."""

    store: Store

    def run_due_steps(self, at: datetime | None = None) -> int:
        """Do what is due about open proposals, each step in a transaction of its own; how many steps were taken.

        `at` is the time to act for; this machine's if left out. Raises StoreCorrupt or UnknownRun for a record that is
        damaged, once all others are done.
        """
        taken, start, damage = 0, _FIRST, None
        while (key := _first_due(self.store, start, at)) is not None:
            try:
                taken += self.store.transact(partial(_take_due_row, key=key, at=at))
            except (StoreCorrupt, UnknownRun) as found:
                damage, start = damage or found, key + "\0"  # the others are not kept from theirs
        if damage is not None:
            raise damage
        return taken

    def run_due_steps_of(self, proposal_id: str) -> Proposal:
        """Do what is due about one proposal, also by the clock of a decisions file, which `tick` does not look at.

        Raises UnknownProposal.
        """

        def work(transaction: Transaction) -> Proposal:
            proposal = rows.load_proposal(transaction, proposal_id)
            if proposal is None:
                raise UnknownProposal(f"there is no proposal {proposal_id!r} in this store")
            return take_due_steps(transaction, proposal, clock.store_now(transaction))

        return self.store.transact(work)

    def run_due_steps_quietly(self) -> None:
        """`tick`, where something else is asked for: what cannot be done now is left to the next look."""
        with suppress(StoreBusy, StoreFull, StoreCorrupt, UnknownRun):
            self.run_due_steps()

    def next_due(self) -> datetime | None:
        """When the clock acts next; None if no open proposal has a timer and nobody is about to go or come back."""
        found = self.store.scan(_FIRST, _END, limit=1)
        return rows.index_time(found[0][0]) if found else None


def take_due_steps(transaction: Transaction, proposal: Proposal, now: datetime) -> Proposal:
    """The proposal as it is once the clock has done what is due by `now`: before anybody votes on it."""
    while (
        proposal.status == "open"
        and proposal.terms is not None
        and (step := _take_due_step(transaction, proposal, now)) is not None
    ):
        proposal = step
    return proposal


def with_machine_clock(proposal: Proposal) -> Proposal:
    """The proposal as people decide it: its timeline is by this machine's clock where no decisions file answers."""
    if proposal.asked_at is None or clock.replaced_now() is not None:
        return proposal
    return msgspec.structs.replace(proposal, asked_at=None)


def after_due_steps(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method of the ledger that lets the clock act first, so that nobody sees or decides what is over."""

    @wraps(method)
    def act_first(self: S, *args: P.args, **kwargs: P.kwargs) -> T:
        self.run_due_steps_quietly()
        return method(self, *args, **kwargs)

    return act_first


def _first_due(reads: StoreReader, start: str, at: datetime | None) -> str | None:
    """The key of the first row from `start` on, if its time has come."""
    found = reads.scan(start, _END, limit=1)
    if not found:
        return None
    due = rows.index_microseconds(found[0][0])
    return found[0][0] if due <= (clock.local_microseconds() if at is None else int(rows.sortable_time(at))) else None


def _take_due_row(transaction: Transaction, key: str, at: datetime | None) -> int:
    """Take the step of one row, if it is still due; how many were taken."""
    now, raw = at or clock.machine_now(transaction), transaction.get(key)
    if raw is None:
        return 0  # somebody else was first
    if is_recheck(raw):
        return run_recheck_page(transaction, key, raw, now)
    proposal = rows.load_proposal(transaction, rows.decode_index_id(key, raw))
    if (
        proposal is not None
        and rows.due_key(proposal) == key
        and _take_due_step(transaction, proposal, now) is not None
    ):
        return 1
    transaction.delete(key)  # it names nothing that is due: a row that was planted
    return 0


def _take_due_step(transaction: Transaction, proposal: Proposal, now: datetime) -> Proposal | None:
    run = rows.load_run(transaction, proposal.run)
    people = load_people(transaction, proposal, now)
    change = terms.run_due_step(proposal, people, now)
    if change is None:
        return None
    change = complete_decision(change, people, now)
    if run.status != "waiting":
        raise StoreCorrupt(
            f"proposal {proposal.id} ({proposal.title}) is open, and its run is {run.status}: one of them was changed"
        )
    return write_change(transaction, change, actor=ACTOR, at=now)[0]
