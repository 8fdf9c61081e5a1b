"""Calls about drafts that need no room: replace a draft's value, reset it, read its history."""

from __future__ import annotations

import base64
from typing import Any

from hitl_nb.drafts.draft import Draft
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.records import Proposal
from hitl_nb.server.base.document_lookup import find_draft
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import DraftHistoryQuery
from hitl_nb.server.messages.response_types.proposals import DraftHistory, DraftSaved, DraftUpdate


def save_draft(request: ApiRequest) -> DraftSaved:
    """Replace the draft's value with the one in the body."""
    _write_draft(request, request.ledger.proposals.load(request.id), request.body.value)
    return DraftSaved(saved=True)


def reset_draft(request: ApiRequest) -> DraftSaved:
    """Set the draft's value to the agent's version again."""
    proposal = request.ledger.proposals.load(request.id)
    _write_draft(request, proposal, proposal.value)
    return DraftSaved(saved=True)


def _write_draft(request: ApiRequest, proposal: Proposal, value: Any) -> None:
    refuse_closed(proposal)
    Draft.for_proposal(request.ledger.store, proposal).write_value(
        value, request.person.username, request.person.display_name
    )


def draft_history(request: ApiRequest) -> DraftHistory:
    """List the updates of a draft: author, time, and the update in base64."""
    wanted: DraftHistoryQuery = request.query
    found = find_draft(request.ledger, request.id).draft.updates_after(wanted.after, wanted.limit)
    entries = [
        DraftUpdate(
            n=n,
            at=one.at.isoformat().replace("+00:00", "Z"),
            by=one.author,
            by_name=one.name,
            update=base64.b64encode(one.data).decode(),
        )
        for n, one in found
    ]
    return DraftHistory(entries=entries, next=found[-1][0] if len(found) == wanted.limit else None)
