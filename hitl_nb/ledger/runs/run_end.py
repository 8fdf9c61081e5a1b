"""Ways to end the execution of a run: it finishes, it fails, or it gets back the status from before its claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.runs import claim_records, snapshots
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.records import Run, RunStatus, Snapshot, Statement, now
from hitl_nb.storage.interface import Transaction


def end_run(
    transaction: Transaction,
    claim: Claim,
    status: RunStatus,
    snapshot: Snapshot | None,
    error: str | None,
    statements: Sequence[Statement],
) -> Run:
    """Record that a run has finished or failed, and end its claim.

    Args:
        transaction: A transaction that has checked the claim.
        claim: This process's exclusive right to execute the run.
        status: "finished" or "failed".
        snapshot: The state of the run at the end; None: the last saved state stays.
        error: The error as text; None: no error.
        statements: Statements that took long since the run's last event, for the display of its timeline.

    Returns:
        The run afterwards.
    """
    run = rows.with_status(rows.load_run(transaction, claim.run), status, error=error)
    records = snapshots.put_snapshot(transaction, run.id, snapshot) if snapshot is not None else {}
    records |= rows.put_run(transaction, run)
    if status == "finished":
        standing.close_all(transaction, run.id, claim.owner)
    failed = {} if error is None else {"error": error}
    saved = {} if snapshot is None else {"pause": run.pauses, "epoch": claim.epoch}
    data = {**failed, **saved, **statements_data(statements)} or None
    chain.append_event(transaction, f"run.{status}", actor=claim.owner, run=run.id, data=data, records=records)
    claim_records.end_claim(transaction, run.id)
    return run


def restore_status(transaction: Transaction, claim: Claim, status: RunStatus) -> None:
    """Give a run back its status from before the claim, and end the claim.

    Args:
        transaction: A transaction that has checked the claim.
        claim: This process's exclusive right to execute the run.
        status: The status of the run before it was claimed.
    """
    run = rows.load_run(transaction, claim.run)
    records = rows.put_run(transaction, msgspec.structs.replace(run, status=status, updated_at=now()))
    chain.append_event(
        transaction, "run.handed_back", actor=claim.owner, run=run.id, data={"to": status}, records=records
    )
    claim_records.end_claim(transaction, run.id)


def statements_data(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return the slow statements of a run as data for an event.

    Returns:
        `{"statements": [...]}` with one mapping for each statement; an empty dict if there are none.
    """
    return {"statements": [msgspec.to_builtins(one) for one in statements]} if statements else {}
