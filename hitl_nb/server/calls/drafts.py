"""API calls about drafts (the values that people edit): replace a draft's value, reset it, read the draft's history.

Browsers that edit together use a WebSocket instead (`server/live/room.py`).
"""

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
    """Replace the value of a proposal's draft by the value in the request's body."""
    _write_draft(request, request.ledger.proposals.load(request.id), request.body.value)
    return DraftSaved(saved=True)


def reset_draft(request: ApiRequest) -> DraftSaved:
    """Set the value of a proposal's draft to the value that the agent proposed."""
    proposal = request.ledger.proposals.load(request.id)
    _write_draft(request, proposal, proposal.value)
    return DraftSaved(saved=True)


def _write_draft(request: ApiRequest, proposal: Proposal, value: Any) -> None:
    refuse_closed(proposal)
    Draft.for_proposal(request.ledger.store, proposal).write_value(
        value, request.person.username, request.person.display_name
    )


def draft_history(request: ApiRequest) -> DraftHistory:
    """Return a page of the changes of a draft, oldest first, each with its author and time."""
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
