"""What became of a proposal with terms, as it is written: the record, what the log says, and who is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import msgspec

from hitl_nb.ledger.decisions.decisions import logged
from hitl_nb.ledger.decisions.notices import NoticeKind, put_notice
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.policies.terms.terms import Change
from hitl_nb.records import Proposal, Run, effect_happened
from hitl_nb.storage.interface import Transaction


def write_change(tx: Transaction, change: Change, *, actor: str, at: datetime) -> tuple[Proposal, Run]:
    """Write what became of an open proposal, in the transaction that causes it; the proposal and its run then.

    Args:
        actor: who caused it; a decision's event names its reviewer.
        at: the store's time.
    """
    p, run = change.proposal, rows.load_run(tx, change.proposal.run)
    if p.decision is None:
        records = rows.put_proposal(tx, p)
    else:
        made = msgspec.structs.replace(p.decision, event=chain.head(tx).n + len(change.events) + 1)
        p = msgspec.structs.replace(p, decision=made)
        run = rows.moved(run, "waiting" if run.open > 1 else "ready", open=run.open - 1)
        records = rows.close_proposal(tx, p) | rows.put_run(tx, run)
    for type_, data in change.events:
        chain.append(tx, type_, actor=actor, run=p.run, proposal=p.id, data=data, records=records)
    if p.decision is not None:
        _append_decision(tx, p, change.due, records)
    put_notices(tx, change, p, at)
    if _stops_the_run(p) and p.decision is not None:
        by = p.decision.reviewer
        run = cancel_run(tx, run, actor=by, why=f"{by} stopped it, asked: {p.title}")
    return p, run


def put_notices(tx: Transaction, change: Change, p: Proposal, at: datetime) -> None:
    """Write the notices of what became of a proposal, which is `p` now."""
    told: dict[str, dict[str, Any]] = dict(change.events)
    for kind in change.notices:
        data = told.get(f"proposal.{kind}", {})
        note = str(data.get("why", ""))
        put_notice(tx, kind=cast("NoticeKind", kind), proposal=p, at=at, to=data.get("people"), note=note)


def _append_decision(tx: Transaction, p: Proposal, due: datetime | None, records: Digests) -> None:
    made = p.decision
    assert made is not None
    data = logged(p, made, p.revision - 1) | {"at": made.decided_at.isoformat()}
    if due is not None:
        data["due"] = due.isoformat()
    chain.append(tx, "decision", actor=made.reviewer, run=p.run, proposal=p.id, data=data, records=records)
    if p.document:
        standing.done(tx, p, made.reviewer)


def _stops_the_run(p: Proposal) -> bool:
    """Whether somebody who was asked what came of an effect says to stop the run."""
    return p.doubt is not None and p.decision is not None and effect_happened(p.decision.value) is None
