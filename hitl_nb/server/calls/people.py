"""API calls about the user: get and set an absence and a substitute, and show figures about the user's own votes."""

from __future__ import annotations

from hitl_nb.errors import NotAReviewer
from hitl_nb.server.base import vote_attention as attention
from hitl_nb.server.base.identity import voting_name
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import AbsenceRequest
from hitl_nb.server.messages.response_types.policies import AbsenceInfo, AbsenceResponse, VotingFigures


def get_absence(request: ApiRequest) -> AbsenceResponse:
    """Return the current or planned absence of the user, and the person who votes instead."""
    said = request.ledger.reviewers.find_absence(voting_name(request.context, request.person))
    away = None if said is None else AbsenceInfo(start=said.start, until=said.until, to=said.to)
    return AbsenceResponse(away=away)


def set_absence(request: ApiRequest) -> AbsenceResponse:
    """Set the absence of the user who sends the request. An absence cannot be set for another person.

    Raises:
        NotAReviewer: The user is known only by the server's token, which other people may use, too.
    """
    body: AbsenceRequest = request.body
    if request.person.authn != "login" and not request.context.is_single_user:
        raise NotAReviewer("you are known by a token only; log in to name a person who votes in your place")
    request.ledger.reviewers.set_away(voting_name(request.context, request.person), body.start, body.until, body.to)
    return get_absence(request)


def show_figures(request: ApiRequest) -> VotingFigures:
    """Return figures about the user's own votes of the last 30 days."""
    return VotingFigures(**attention.reviewer_figures(request.ledger, voting_name(request.context, request.person)))
