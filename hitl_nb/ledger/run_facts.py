"""Facts about runs apart from their state: labels, requesters, the restart mark, and notes on open proposals."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hitl_nb.ledger.open.due_actions import ProposalTimers
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.rows.requesters import with_requesters
from hitl_nb.ledger.runs.cancellation import supersede_run
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.records import CHANGED_SINCE, Proposal, Run
from hitl_nb.storage.interface import Store, StoreReader, Transaction

MAX_LABELS = 50
"""Most labels of one run."""


class RunFacts:
    """Facts that are recorded about the runs of a store, apart from their saved state.

    Args:
        store: The store of the runs.
        claims: Rights of this process to execute runs (claims). Writes of a run are checked against them.
        timers: Automatic actions on open proposals. Due actions are taken before facts are changed.
    """

    def __init__(self, store: Store, claims: Claims, timers: ProposalTimers) -> None:
        self._store = store
        self._claims = claims
        self._timers = timers

    def add_labels(self, claim: Claim, labels: Mapping[str, str]) -> Run:
        """Add labels to a run. A new label replaces an old one with the same name.

        Args:
            claim: This process's exclusive right to execute the run.
            labels: Texts of the labels by name.

        Returns:
            The changed run.

        Raises:
            RunClaimed: Another process has taken over the run.
            ValueError: The run would have more than `MAX_LABELS` (50) labels.
        """
        return self._claims.write(claim, lambda tx: _add_labels(tx, claim.run, labels, claim.owner))

    def add_requester(self, run_id: str, user: str, *, actor: str = "") -> None:
        """Record that a person started or continued a run (a *requester* of the run).

        Under a four-eyes rule, requesters may not approve the proposals of the run.

        Args:
            run_id: Id of the run.
            user: User name of the person.
            actor: User or process that reports this, for the audit log event. Default: `user`.

        Raises:
            UnknownRun: No run has this id.
        """
        self._timers.run_due_steps_quietly()
        if user not in rows.load_run(self._store, run_id).requesters:
            self._store.transact(lambda tx: _add_requester(tx, run_id, user, actor or user))

    def forget_restart(self, run_id: str) -> Run:
        """Record that the cell whose `--restart` started the run was executed without the flag.

        If the flag is added to the cell again later, the cell starts a new run.

        Returns:
            The changed run.

        Raises:
            UnknownRun: No run has this id.
        """
        return self._store.transact(lambda tx: _clear_restart(tx, run_id))

    def start_over(self, run_id: str, *, actor: str) -> Run:
        """Mark a run so that the next execution of its agent begins a new run, as if its cell had `--restart` once.

        An unfinished run is cancelled: its open proposals are closed without a decision, and a process that executes it
        can no longer write. A finished run keeps its record.

        Args:
            run_id: Id of the run, which must be the newest one of its agent.
            actor: User or process that starts the agent over, for the audit log event.

        Returns:
            The marked run.

        Raises:
            UnknownRun: No run has this id.
            HitlError: The agent has a newer run.
        """
        self._timers.run_due_steps_quietly()
        return self._store.transact(lambda tx: supersede_run(tx, rows.load_run(tx, run_id), actor=actor))

    def note_changes(self, run_id: str, text: str) -> list[Proposal]:
        """Add a note to the open proposals of a run's last pause, because inputs of the agent have changed.

        The questions and their fingerprints do not change, so decisions stay valid.

        Args:
            run_id: Id of the run.
            text: The note, which begins with `CHANGED_SINCE` and replaces an earlier one. "": remove the note.

        Returns:
            The proposals of the last pause, in order.

        Raises:
            UnknownRun: No run has this id.
        """
        self._timers.run_due_steps_quietly()
        asked, stale = _find_stale_notes(self._store, run_id, text)
        return self._store.transact(lambda tx: _put_notes(tx, run_id, text)) if stale else asked


def _add_labels(transaction: Transaction, run_id: str, labels: Mapping[str, str], actor: str) -> Run:
    """Add labels to a run, inside a transaction. A new label replaces an old one with the same name.

    Args:
        transaction: The transaction to write in.
        run_id: Id of the run.
        labels: Values of the labels by name.
        actor: User or process that the audit log event names.

    Returns:
        The run afterwards.

    Raises:
        ValueError: The run would have more than `MAX_LABELS` labels.
    """
    run = rows.load_run(transaction, run_id)
    merged = {**run.labels, **labels}
    if merged == run.labels:
        return run
    if len(merged) > MAX_LABELS:
        raise ValueError(f"a run has {MAX_LABELS} labels at most, and {run.agent!r} would have {len(merged)}")
    run = msgspec.structs.replace(run, labels=merged)
    records = rows.put_run(transaction, run)
    chain.append_event(
        transaction, "run.labeled", actor=actor, run=run_id, data={"labels": dict(labels)}, records=records
    )
    return run


def _clear_restart(transaction: Transaction, run_id: str) -> Run:
    """Remove the restart mark of a run (`Run.restarted`), because its cell was executed without `--restart`.

    If the flag is added to the cell again, the cell starts a new run.

    Returns:
        The run afterwards.
    """
    run = rows.load_run(transaction, run_id)
    if not run.restarted:
        return run
    run = msgspec.structs.replace(run, restarted="")
    records = rows.put_run(transaction, run)
    chain.append_event(transaction, "run.restart_forgotten", actor="kernel", run=run_id, records=records)
    return run


def _add_requester(transaction: Transaction, run_id: str, user: str, actor: str) -> None:
    """Add a person to the requesters of a run. No effect if the person is one already.

    Args:
        transaction: The transaction to write in.
        run_id: Id of the run.
        user: User name of the person.
        actor: User or process that the audit log event names.
    """
    run = rows.load_run(transaction, run_id)
    if user not in run.requesters:
        records = rows.put_run(transaction, with_requesters(run, (user,)))
        data = {"requester": user}
        chain.append_event(transaction, "run.requested", actor=actor, run=run_id, data=data, records=records)


def _find_stale_notes(reads: StoreReader, run_id: str, text: str) -> tuple[list[Proposal], list[Proposal]]:
    """Return two lists: the proposals of a run's last pause, and those of them that are open and lack this note."""
    asked = rows.load_proposals(reads, run_id, rows.load_run(reads, run_id).pauses)
    stale = [one for one in asked if one.status == "open" and _with_note(one, text) != one]
    return asked, stale


def _put_notes(transaction: Transaction, run_id: str, text: str) -> list[Proposal]:
    """Add a note to the open proposals of a run's last pause, inside a transaction.

    Args:
        transaction: The transaction to write in.
        run_id: Id of the run.
        text: The note; "": remove the note.

    Returns:
        The proposals of the last pause, in order.
    """
    asked, stale = _find_stale_notes(transaction, run_id, text)
    records: Digests = {}
    for proposal in stale:
        records |= rows.put_proposal(transaction, _with_note(proposal, text))
    if stale:
        data = {"proposals": [proposal.id for proposal in stale], "note": text}
        chain.append_event(transaction, "run.noted", actor="kernel", run=run_id, data=data, records=records)
    return [_with_note(proposal, text) if proposal in stale else proposal for proposal in asked]


def _with_note(proposal: Proposal, text: str) -> Proposal:
    notes = [note for note in proposal.notes if not note.startswith(CHANGED_SINCE)]
    return msgspec.structs.replace(proposal, notes=(*notes, text) if text else tuple(notes))
