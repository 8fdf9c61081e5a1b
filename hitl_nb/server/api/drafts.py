"""The calls about drafts that need no room: write one as a whole, start over, read how it came about."""

from __future__ import annotations

import base64
from typing import Any

from hitl_nb.drafts.draft import Draft
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.records import Proposal
from hitl_nb.server.base.document_lookup import subject
from hitl_nb.server.messages.request import Asked
from hitl_nb.server.messages.request_schemas import Written


def save(asked: Asked) -> dict[str, Any]:
    _write(asked, asked.ledger.proposal(asked.id), asked.body.value)
    return {"saved": True}


def start_over(asked: Asked) -> dict[str, Any]:
    p = asked.ledger.proposal(asked.id)
    _write(asked, p, p.value)
    return {"saved": True}


def _write(asked: Asked, p: Proposal, value: Any) -> None:
    refuse_closed(p)
    Draft.of(asked.ledger.store, p).write(value, asked.who.username, asked.who.display_name)


def history(asked: Asked) -> dict[str, Any]:
    wanted: Written = asked.query
    found = subject(asked.ledger, asked.id).draft.history(wanted.after, wanted.limit)
    entries = [
        {
            "n": n,
            "at": one.at.isoformat().replace("+00:00", "Z"),
            "by": one.author,
            "by_name": one.name,
            "update": base64.b64encode(one.data).decode(),
        }
        for n, one in found
    ]
    return {"entries": entries, "next": found[-1][0] if len(found) == wanted.limit else None}
