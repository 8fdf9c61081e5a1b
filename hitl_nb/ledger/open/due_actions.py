"""Automatic actions on open proposals at planned times: reminders, escalations and deadlines.

The key `due/<microseconds>-<proposal>` lists each open proposal by the time of its next action. Every write of a
proposal updates this entry (`ledger/rows/stored_records.py`). Other entries have the times at which a user goes away or
comes back (`seat_rechecks.py`).

Held questions whose program has ended are withdrawn together with these actions (`ledger/runs/held_runs.py`).

Any process that finds an action due takes it. Each action is a transaction of its own, which checks again that the
action is due. So if two processes find the same entry, only the first one takes the action.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial

import msgspec

from hitl_nb.errors import StoreBusy, StoreCorrupt, StoreFull, UnknownProposal, UnknownRun
from hitl_nb.ledger.decisions.absences import load_people
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.open.seat_rechecks import is_recheck, run_recheck_page
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.ledger.runs.held_runs import withdraw_ended
from hitl_nb.policies.terms import terms
from hitl_nb.policies.terms.vote_completion import complete_decision
from hitl_nb.records import Proposal
from hitl_nb.storage.interface import Store, StoreReader, Transaction

ACTOR = "deadline"
"""Name in the audit log of the actor of automatic actions."""

_FIRST, _END = "due/", "due0"


class ProposalTimers:
    """The automatic actions on a store's open proposals.

    The ledger takes all due actions before it reads a run or a proposal. So no proposal whose deadline is over is shown
    as open, or decided. Nor is a question whose program has ended.

    Args:
        store: The store of the proposals.
        claims: Tells whether the program that holds a question is alive.
    """

    def __init__(self, store: Store, claims: Claims) -> None:
        self._store = store
        self._claims = claims

    def run_due_steps(self, at: datetime | None = None) -> int:
        """Take all automatic actions that are due on open proposals, each one in a transaction of its own.

        Held questions whose program has ended are withdrawn; they are not counted. A damaged record does not prevent
        the actions on the others; its error is raised at the end.

        Args:
            at: Time; actions that are due at this time are taken. None (default): this machine's time.

        Returns:
            Number of actions that were taken.

        Raises:
            StoreCorrupt, UnknownRun: A record is damaged, or its run is missing.
        """
        taken, start, damage = 0, _FIRST, withdraw_ended(self._store, self._claims)
        while (key := _first_due(self._store, start, at)) is not None:
            try:
                taken += self._store.transact(partial(_take_due_row, key=key, at=at))
            except (StoreCorrupt, UnknownRun) as found:
                damage, start = damage or found, key + "\0"  # continue with the other proposals
        if damage is not None:
            raise damage
        return taken

    def run_due_steps_of(self, proposal_id: str) -> Proposal:
        """Take the automatic actions that are due on one proposal, and return the proposal afterwards.

        Unlike `run_due_steps`, this includes a proposal whose timeline follows the clock of a decisions file.

        Raises:
            UnknownProposal: No proposal has this id.
        """

        def work(transaction: Transaction) -> Proposal:
            proposal = rows.load_proposal(transaction, proposal_id)
            if proposal is None:
                raise UnknownProposal(f"there is no proposal {proposal_id!r} in this store")
            return take_due_steps(transaction, proposal, clock.store_now(transaction))

        return self._store.transact(work)

    def run_due_steps_quietly(self) -> None:
        """Take all automatic actions that are due, before another operation on the store.

        Errors are ignored here: a store that is busy or full, or a damaged record. The next call tries the action
        again.
        """
        with suppress(StoreBusy, StoreFull, StoreCorrupt, UnknownRun):
            self.run_due_steps()

    def next_due(self) -> datetime | None:
        """Return the time of the next automatic action or check; None if none is planned."""
        found = self._store.scan(_FIRST, _END, limit=1)
        return layout.index_time(found[0][0]) if found else None

    def has_planned_steps(self) -> bool:
        """Return whether any automatic action or check is planned, now or later."""
        return bool(self._store.scan(_FIRST, _END, limit=1))


def take_due_steps(transaction: Transaction, proposal: Proposal, now: datetime) -> Proposal:
    """Take all automatic actions on a proposal that are due at the time `now`, inside a transaction.

    Returns:
        The proposal afterwards.
    """
    while (
        proposal.status == "open"
        and proposal.terms is not None
        and (step := _take_due_step(transaction, proposal, now)) is not None
    ):
        proposal = step
    return proposal


def with_machine_clock(proposal: Proposal) -> Proposal:
    """Return the proposal with a timeline that follows this machine's clock.

    Unchanged if the timeline follows it already, or if a decisions file replaces the clock of this process.
    """
    if proposal.asked_at is None or clock.replaced_now() is not None:
        return proposal
    return msgspec.structs.replace(proposal, asked_at=None)


def _first_due(reads: StoreReader, start: str, at: datetime | None) -> str | None:
    """Return the key of the first entry for an automatic action, if the action is due; None otherwise.

    Args:
        reads: The store, or a transaction.
        start: First key to look at; entries with smaller keys are ignored.
        at: Time at which the action must be due. None: this machine's time.
    """
    found = reads.scan(start, _END, limit=1)
    if not found:
        return None
    due = layout.index_microseconds(found[0][0])
    return found[0][0] if due <= (clock.local_microseconds() if at is None else int(layout.sortable_time(at))) else None


def _take_due_row(transaction: Transaction, key: str, at: datetime | None) -> int:
    """Take the action that the entry at `key` plans, if it is still due; return the number of actions."""
    now, raw = at or clock.machine_now(transaction), transaction.get(key)
    if raw is None:
        return 0  # another process was first
    if is_recheck(raw):
        return run_recheck_page(transaction, key, raw, now)
    proposal = rows.load_proposal(transaction, layout.decode_index_id(key, raw))
    if (
        proposal is not None
        and layout.due_key(proposal) == key
        and _take_due_step(transaction, proposal, now) is not None
    ):
        return 1
    transaction.delete(key)  # no action is due at this time: a program other than hitl_nb wrote the entry
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
