"""The calls about comments: what was said about a document and who may be called, say something, say what became of it.

Who says it is who asks: no body names an author.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from hitl_nb.records import Comment
from hitl_nb.server.base.identity import attest
from hitl_nb.server.messages.request import Asked
from hitl_nb.server.messages.request_schemas import Marking, Said

_EVENTS = 200
"""Events of a run, the newest, that are looked through for people who decided."""


def comments(asked: Asked) -> dict[str, Any]:
    about = asked.ledger.about(asked.id)
    found = asked.ledger.comments(about.document)
    return {"comments": msgspec.to_builtins(found), "people": _people(asked, about.run, found)}


def comment(asked: Asked) -> dict[str, Any]:
    said: Said = asked.body
    given = {name: getattr(said, name) for name in said.__struct_fields__}
    made = asked.ledger.comment(asked.id, **given, **_author(asked))
    return {"comment": msgspec.to_builtins(made)}


def mark(asked: Asked) -> dict[str, Any]:
    body: Marking = asked.body
    who = asked.who
    done = asked.ledger.mark_comment(
        body.document,
        asked.id,
        body.state,
        actor=who.username,
        actor_name=who.display_name,
        attest=attest(asked.desk, asked.ledger, who, body.document),
    )
    return {"comment": msgspec.to_builtins(done.comment), "changed": done.changed}


def _author(asked: Asked) -> dict[str, Any]:
    who = asked.who
    return {
        "author": who.username,
        "author_name": who.display_name,
        "attest": attest(asked.desk, asked.ledger, who, asked.id),
    }


def _people(asked: Asked, run: str, said: Iterable[Comment]) -> list[dict[str, str]]:
    """Everybody who may be mentioned, as far as is known here, by the name they were shown with last."""
    names = dict.fromkeys(asked.desk.settings.reviewers, "")
    for event in asked.ledger.history(run, limit=_EVENTS):
        data: dict[str, Any] = event.data or {}
        if event.type == "decision" and data.get("by") == "person":
            names[event.actor] = data.get("reviewer_name") or names.get(event.actor, "")
    for one in said:
        shown = one.author_name if one.known != "unsigned" else ""  # nobody else changes how a person is shown
        names[one.author] = shown or names.get(one.author, "")
    return [{"username": user, "name": name or user} for user, name in sorted(names.items())]
