"""The calls about people: whether the reader is away, who votes in their place, and how their own votes look."""

from __future__ import annotations

from typing import Any

from hitl_nb.errors import NotAReviewer
from hitl_nb.server.base import vote_attention as attention
from hitl_nb.server.base.identity import voter
from hitl_nb.server.messages.request import Asked
from hitl_nb.server.messages.request_schemas import Leaving


def away(asked: Asked) -> dict[str, Any]:
    said = asked.ledger.away(voter(asked.desk, asked.who))
    return {"away": None if said is None else {"from": said.start, "until": said.until, "to": said.to}}


def leave(asked: Asked) -> dict[str, Any]:
    """Say it; only for oneself, so only who is known may."""
    body: Leaving = asked.body
    if asked.who.authn != "login" and not asked.desk.alone:
        raise NotAReviewer("who stands in for you can be said by somebody who logged in, and you are known by a token")
    asked.ledger.set_away(voter(asked.desk, asked.who), body.start, body.until, body.to)
    return away(asked)


def show_figures(asked: Asked) -> dict[str, Any]:
    """How the reader's own votes look."""
    return attention.figures(asked.ledger, voter(asked.desk, asked.who))
