"""Stopping a run for good: what it asks is closed, and nothing of it is written any more."""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.runs import claims
from hitl_nb.records import Run
from hitl_nb.storage.interface import Transaction


def cancel_run(tx: Transaction, run: Run, *, actor: str, why: str | None = None) -> Run:
    """Stop a run for good: its open proposals are superseded, and its owner can write no more.

    `why` is kept as the run's error, for whoever runs it again.
    """
    stale, records = _supersede(tx, run.id, run.pauses)
    run = rows.moved(run, "cancelled", open=0, error=why)
    records |= rows.put_run(tx, run)
    claims.free(tx, run.id)
    standing.close_all(tx, run.id, actor)
    data: dict[str, Any] = {"superseded": stale, **({} if why is None else {"error": why})}
    chain.append(tx, "run.cancelled", actor=actor, run=run.id, data=data, records=records)
    return run


def _supersede(tx: Transaction, run_id: str, pause: int) -> tuple[list[str], Digests]:
    """Close the open proposals of a run's pause without a decision; their ids, and digests for the caller's event."""
    stale = [p for p in rows.load_proposals(tx, run_id, pause) if p.status == "open"]
    records: Digests = {}
    for p in stale:
        records |= rows.close_proposal(tx, msgspec.structs.replace(p, status="superseded", revision=p.revision + 1))
    return [p.id for p in stale], records
