"""Writing of a change of a proposal with terms (review rules): the record, the events and the notices for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import msgspec

from hitl_nb.ledger.decisions.decisions import decision_event_data
from hitl_nb.ledger.decisions.notices import NoticeKind, write_notice
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.policies.terms.terms import Change
from hitl_nb.records import Proposal, Run, effect_happened
from hitl_nb.storage.interface import Transaction


def write_change(transaction: Transaction, change: Change, *, actor: str, at: datetime) -> tuple[Proposal, Run]:
    """Write a change of an open proposal: the record, its events and notices.

    If the change decides the proposal, its run is updated too: it is ready if no other decision is missing. If the
    answer is to stop the run, the run is cancelled.

    Args:
        transaction: The transaction that causes the change.
        change: The computed change: the changed proposal, its events and its notices.
        actor: User or process that causes the change, for the audit log events. The event of a decision names the
            reviewer instead.
        at: The current time.

    Returns:
        The proposal and its run afterwards.
    """
    proposal, run = change.proposal, rows.load_run(transaction, change.proposal.run)
    if proposal.decision is None:
        records = rows.put_proposal(transaction, proposal)
    else:
        made = msgspec.structs.replace(proposal.decision, event=chain.read_head(transaction).n + len(change.events) + 1)
        proposal = msgspec.structs.replace(proposal, decision=made)
        run = rows.with_status(run, "waiting" if run.open > 1 else "ready", open=run.open - 1)
        records = rows.close_proposal(transaction, proposal) | rows.put_run(transaction, run)
    for type_, data in change.events:
        chain.append_event(
            transaction, type_, actor=actor, run=proposal.run, proposal=proposal.id, data=data, records=records
        )
    if proposal.decision is not None:
        _append_decision(transaction, proposal, change.due, records)
    write_notices(transaction, change, proposal, at)
    if _stops_run(proposal) and proposal.decision is not None:
        by = proposal.decision.reviewer
        run = cancel_run(transaction, run, actor=by, why=f"{by} stopped it, asked: {proposal.title}")
    return proposal, run


def write_notices(transaction: Transaction, change: Change, proposal: Proposal, at: datetime) -> None:
    """Write the notices (notifications for people) that a change causes.

    Args:
        transaction: The transaction to write in.
        change: The change, with the kinds of its notices.
        proposal: The proposal after the change.
        at: The current time.
    """
    told: dict[str, dict[str, Any]] = dict(change.events)
    for kind in change.notices:
        data = told.get(f"proposal.{kind}", {})
        note = str(data.get("why", ""))
        write_notice(
            transaction, kind=cast("NoticeKind", kind), proposal=proposal, at=at, to=data.get("people"), note=note
        )


def _append_decision(transaction: Transaction, proposal: Proposal, due: datetime | None, records: Digests) -> None:
    made = proposal.decision
    assert made is not None
    data = decision_event_data(proposal, made, proposal.revision - 1) | {"at": made.decided_at.isoformat()}
    if due is not None:
        data["due"] = due.isoformat()
    chain.append_event(
        transaction, "decision", actor=made.reviewer, run=proposal.run, proposal=proposal.id, data=data, records=records
    )
    if proposal.document:
        standing.mark_done(transaction, proposal, made.reviewer)


def _stops_run(proposal: Proposal) -> bool:
    """Return whether the decision stops the run. Only for a question whether an interrupted call had its effect."""
    return (
        proposal.doubt is not None
        and proposal.decision is not None
        and effect_happened(proposal.decision.value) is None
    )
