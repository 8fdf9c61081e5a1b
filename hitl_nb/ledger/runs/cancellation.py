"""Cancellation of a run: its open proposals are closed, and the process that executes it can no longer write."""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.errors import HitlError
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.runs import claim_records
from hitl_nb.records import Run
from hitl_nb.storage.interface import Transaction


def cancel_run(transaction: Transaction, run: Run, *, actor: str, why: str | None = None) -> Run:
    """Cancel a run permanently. Its open proposals get the status "superseded", and its process can no longer write.

    Args:
        transaction: The transaction to write in.
        run: The run.
        actor: User or process that cancels it, for the audit log event.
        why: Reason, stored as the error of the run and shown to a person who runs the agent again. None (default): no
            reason.

    Returns:
        The cancelled run.

    Raises:
        HitlError: The run is finished.
    """
    stale, records = _supersede(transaction, run.id, run.pauses)
    run = rows.with_status(run, "cancelled", open=0, error=why)
    records |= rows.put_run(transaction, run)
    claim_records.end_claim(transaction, run.id)
    standing.close_all(transaction, run.id, actor)
    data: dict[str, Any] = {"superseded": stale, **({} if why is None else {"error": why})}
    chain.append_event(transaction, "run.cancelled", actor=actor, run=run.id, data=data, records=records)
    return run


def supersede_run(transaction: Transaction, run: Run, *, actor: str) -> Run:
    """Mark a run so that the next execution of its agent begins a new run. An unfinished run is cancelled.

    No effect on a run that has this mark.

    Args:
        transaction: The transaction to write in.
        run: The run, which must be the newest one of its agent.
        actor: User or process that starts the agent over, for the audit log event.

    Returns:
        The marked run.

    Raises:
        HitlError: The agent has a newer run.
    """
    newest = rows.newest_run(transaction, run.notebook, run.agent, run.key)
    if newest is not None and newest.id != run.id:
        raise HitlError(f"run {run.id} ({run.agent}) was started over before: its newest run is {newest.id}")
    if run.superseded:
        return run
    if run.status not in ("finished", "cancelled"):
        run = cancel_run(transaction, run, actor=actor)
    run = msgspec.structs.replace(run, superseded=True)
    chain.append_event(transaction, "run.superseded", actor=actor, run=run.id, records=rows.put_run(transaction, run))
    return run


def _supersede(transaction: Transaction, run_id: str, pause: int) -> tuple[list[str], Digests]:
    """Close the open proposals of a pause without a decision: they get the status "superseded".

    Returns:
        The ids of these proposals, and their digests by their keys for the caller's event.
    """
    stale = [proposal for proposal in rows.load_proposals(transaction, run_id, pause) if proposal.status == "open"]
    records: Digests = {}
    for proposal in stale:
        records |= rows.close_proposal(
            transaction, msgspec.structs.replace(proposal, status="superseded", revision=proposal.revision + 1)
        )
    return [proposal.id for proposal in stale], records
