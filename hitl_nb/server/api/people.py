"""The calls about people: whether the reader is away, who votes in their place, and how their own votes look."""

from __future__ import annotations

from typing import Any

from hitl_nb.errors import NotAReviewer
from hitl_nb.server.base import vote_attention as attention
from hitl_nb.server.base.identity import voting_name
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import AbsenceRequest


def get_absence(request: ApiRequest) -> dict[str, Any]:
    said = request.ledger.current_absence(voting_name(request.context, request.person))
    return {"away": None if said is None else {"from": said.start, "until": said.until, "to": said.to}}


def set_absence(request: ApiRequest) -> dict[str, Any]:
    """Say it; only for oneself, so only who is known may."""
    body: AbsenceRequest = request.body
    if request.person.authn != "login" and not request.context.is_single_user:
        raise NotAReviewer("who stands in for you can be said by somebody who logged in, and you are known by a token")
    request.ledger.set_away(voting_name(request.context, request.person), body.start, body.until, body.to)
    return get_absence(request)


def show_figures(request: ApiRequest) -> dict[str, Any]:
    """How the reader's own votes look."""
    return attention.reviewer_figures(request.ledger, voting_name(request.context, request.person))
