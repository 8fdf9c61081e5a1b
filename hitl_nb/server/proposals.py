"""The calls about proposals: list, show, draft, comment, assign, decide.

A decision names the revision and the fingerprint of what was shown. On anything else nothing is decided, and the answer
says what is there now.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.errors import StaleDraft, UnknownRun
from hitl_nb.records import Action, Proposal
from hitl_nb.server import answers
from hitl_nb.server.asked import MOST, Asked
from hitl_nb.server.bodies import Deciding, DecidingMany
from hitl_nb.server.who import attest
from hitl_nb.values import changes, check_edit


def proposals(asked: Asked) -> dict[str, Any]:
    limit = max(1, asked.number("limit", 50, MOST))
    named = {name: asked.query.get(name) for name in ("notebook", "agent")}
    status, cursor = asked.query.get("status", "open"), asked.query.get("cursor")
    if status == "open":
        found = asked.ledger.inbox(**named, limit=limit, after=cursor)
    elif status in ("decided", "expired", "superseded", "closed"):
        only: Any = None if status == "closed" else status
        reviewer = asked.query.get("reviewer")
        found = asked.ledger.closed(**named, status=only, reviewer=reviewer, limit=limit, after=cursor)
    else:
        raise ValueError(f"status must be open, decided, expired, superseded or closed, not {status[:20]!r}")
    shown = [answers.summary(asked.desk, p) for p in found]
    return {"proposals": shown, "next": found[-1].id if len(found) == limit else None}


def proposal(asked: Asked) -> dict[str, Any]:
    return answers.full(asked.desk, asked.ledger, asked.ledger.proposal(asked.id))


def pause(asked: Asked) -> dict[str, Any]:
    """The proposals that a cell's output names: those of one pause of the notebook's newest run of the agent."""
    missing = [name for name in ("path", "agent", "pause") if not asked.query.get(name)]
    if missing:
        raise ValueError(f"{missing[0]} is missing: path, agent and pause name a cell's pause")
    agent, pause = asked.query["agent"], asked.number("pause", 0, 10**6)
    notebook = asked.desk.notebook(asked.query["path"])
    for run in asked.ledger.runs(notebook=notebook, agent=agent, limit=MOST):
        found = asked.ledger.proposals(run.id, pause)
        if found:
            shown = [answers.full(asked.desk, asked.ledger, p) for p in found]
            return {"run": answers.run(asked.desk, run), "proposals": shown}
    raise UnknownRun(
        f"this server's store ({asked.ledger.store.url}) knows no pause {pause} of the agent {agent!r} in "
        f"{asked.query['path']}; the kernel may use another store, or the notebook was moved"
    )


def check(asked: Asked) -> dict[str, Any]:
    p = asked.ledger.proposal(asked.id)
    value = check_edit(p, asked.body.value)
    return {"ok": True, "value": value, "changes": changes(p, value)}


def save_draft(asked: Asked) -> dict[str, Any]:
    asked.ledger.save_draft(asked.id, asked.body.value)
    return {"saved": True}


def drop_draft(asked: Asked) -> dict[str, Any]:
    asked.ledger.drop_draft(asked.ledger.proposal(asked.id).id)
    return {"saved": True}


def comment(asked: Asked) -> dict[str, Any]:
    who = asked.who
    made = asked.ledger.comment(asked.id, asked.body.text, author=who.username, author_name=who.display_name)
    return {"comment": msgspec.to_builtins(made)}


def assign(asked: Asked) -> dict[str, Any]:
    p = asked.ledger.assign(asked.id, asked.body.assignee, actor=asked.who.username)
    return {"proposal": answers.full(asked.desk, asked.ledger, p)}


def decide(asked: Asked) -> dict[str, Any]:
    body: Deciding = asked.body
    p = asked.ledger.proposal(asked.id)
    _same(p, body.revision, body.fingerprint)
    decided = asked.ledger.decide(
        p.id,
        body.action,
        value=_value(p, body.action, body.value),
        reason=_reason(body.reason),
        reviewer=asked.who.username,
        fingerprint=body.fingerprint,
        revision=body.revision,
        attest=attest(asked.desk, asked.who),
    )
    run = answers.run(asked.desk, asked.ledger.run(decided.run))
    return {"proposal": answers.full(asked.desk, asked.ledger, decided), "run": run}


def decide_many(asked: Asked) -> dict[str, Any]:
    body: DecidingMany = asked.body
    if body.action == "edit":
        raise ValueError("action 'edit' is for one proposal at a time")
    if not 1 <= len(body.proposals) <= MOST:
        raise ValueError(f"proposals must name 1 to {MOST} proposals, not {len(body.proposals)}")
    seen = [(asked.ledger.proposal(one.id), one) for one in body.proposals]
    for p, one in seen:
        _same(p, one.revision, one.fingerprint)
    proposals = [p for p, _ in seen]
    decided = asked.ledger.decide_many(
        proposals,
        body.action,
        value=body.value,
        reason=_reason(body.reason),
        reviewer=asked.who.username,
        attest=attest(asked.desk, asked.who),
    )
    return {"proposals": [answers.full(asked.desk, asked.ledger, p) for p in decided]}


class Changed(StaleDraft):
    """A decision named another proposal than the one that waits; `proposal` is that, `difference` what was named."""

    def __init__(self, proposal: Proposal, difference: dict[str, dict[str, Any]]) -> None:
        self.proposal = proposal
        self.difference = difference
        super().__init__(
            f"proposal {proposal.id} ({proposal.title}) is not as it was shown ({', '.join(difference)} differ); "
            "nothing was decided: look at it again, then decide"
        )


def _same(p: Proposal, revision: int, fingerprint: str) -> None:
    """Raises Changed unless an open proposal is the one that was shown."""
    now = {"revision": (revision, p.revision), "fingerprint": (fingerprint, p.fingerprint)}
    different = {name: {"shown": shown, "now": is_} for name, (shown, is_) in now.items() if shown != is_}
    if p.status == "open" and different:
        raise Changed(p, different)


def _value(p: Proposal, action: Action, value: Any) -> Any:
    """What goes with a decision; an edit is checked, as long as somebody was not first. Raises InvalidEdit."""
    return check_edit(p, value) if action == "edit" and p.status == "open" else value


def _reason(reason: str | None) -> str | None:
    return (reason or "").strip() or None
