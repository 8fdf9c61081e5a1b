"""All calls of the REST API in one table: what each needs, takes and answers.

A route's function runs off the event loop and gets the request as an `Asked`; what it returns is the answer's JSON.
Ids are opaque, and no path or store is ever taken from a request but a notebook's path below the server's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hitl_nb.errors import HitlError, RunClaimed, StaleDraft, UnknownRun
from hitl_nb.records import Action, Proposal
from hitl_nb.server import answers
from hitl_nb.server.desk import Desk
from hitl_nb.server.who import ASSURANCE, Person, attest, refusal
from hitl_nb.store.ledger import Ledger
from hitl_nb.values import changes, check_edit

API = 1
SMALL, LARGE = 1 << 20, 24 << 20
"""Longest body, in bytes: of most calls, and of those that carry a proposal's value."""
MOST = 500
"""Most entries of a page."""


class Value(msgspec.Struct, forbid_unknown_fields=True):
    """A value as people edited it."""

    value: Any


class Shown(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Names a proposal as it was shown."""

    id: str
    revision: int
    fingerprint: str


class Deciding(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A decision on the proposal as it was shown."""

    action: Action
    revision: int
    fingerprint: str
    value: Any = None
    reason: str | None = None


class DecidingMany(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One decision on several proposals: all, or none."""

    action: Action
    proposals: list[Shown]
    value: Any = None
    reason: str | None = None


class Resuming(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A browser that would execute a decided run's cell again; `browser` is what the feed called it."""

    browser: str


@dataclass(frozen=True)
class Asked:
    """One request, checked: who asks, the id in its path, its body, and its query."""

    desk: Desk
    ledger: Ledger
    who: Person
    id: str = ""
    body: Any = None
    query: dict[str, str] = field(default_factory=dict[str, str])

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number of the query. Raises ValueError."""
        text = self.query.get(name, str(default))
        if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= most:
            raise ValueError(f"{name} must be a whole number from 0 to {most}, not {text[:20]!r}")
        return int(text)


@dataclass(frozen=True)
class Route:
    """One call. `resource` and `action` are what Jupyter's authorizer is asked about."""

    method: str
    path: str
    resource: str
    action: str
    answer: Callable[[Asked], dict[str, Any]]
    summary: str
    body: type | None = None
    limit: int = SMALL
    query: Sequence[str] = ()


def _status(asked: Asked) -> dict[str, Any]:
    from hitl_nb import __version__

    why = refusal(asked.desk, asked.who)
    return {
        "version": __version__,
        "api": API,
        "store": asked.ledger.store.url,
        "server": asked.desk.id,
        "assurance": ASSURANCE,
        "authn": asked.who.authn,
        "user": {"username": asked.who.username, "display_name": asked.who.display_name},
        "may": {"decide": why is None},
        "decide_refused": why,
    }


def _proposals(asked: Asked) -> dict[str, Any]:
    limit = max(1, asked.number("limit", 50, MOST))
    found = asked.ledger.inbox(
        notebook=asked.query.get("notebook"),
        agent=asked.query.get("agent"),
        limit=limit,
        after=asked.query.get("cursor"),
    )
    shown = [answers.summary(asked.desk, p) for p in found]
    return {"proposals": shown, "next": found[-1].id if len(found) == limit else None}


def _proposal(asked: Asked) -> dict[str, Any]:
    return answers.full(asked.desk, asked.ledger, asked.ledger.proposal(asked.id))


def _pause(asked: Asked) -> dict[str, Any]:
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


def _check(asked: Asked) -> dict[str, Any]:
    p = asked.ledger.proposal(asked.id)
    value = check_edit(p, asked.body.value)
    return {"ok": True, "value": value, "changes": changes(p, value)}


def _save_draft(asked: Asked) -> dict[str, Any]:
    asked.ledger.save_draft(asked.id, asked.body.value)
    return {"saved": True}


def _decide(asked: Asked) -> dict[str, Any]:
    body: Deciding = asked.body
    p = asked.ledger.proposal(asked.id)
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


def _decide_many(asked: Asked) -> dict[str, Any]:
    body: DecidingMany = asked.body
    if body.action == "edit":
        raise ValueError("action 'edit' is for one proposal at a time")
    if not 1 <= len(body.proposals) <= MOST:
        raise ValueError(f"proposals must name 1 to {MOST} proposals, not {len(body.proposals)}")
    seen = [(asked.ledger.proposal(one.id), one) for one in body.proposals]
    for p, one in seen:
        if p.status == "open" and (p.revision, p.fingerprint) != (one.revision, one.fingerprint):
            raise StaleDraft(f"proposal {p.id} ({p.title}) has changed since it was shown; nothing was decided")
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


def _value(p: Proposal, action: Action, value: Any) -> Any:
    """What goes with a decision; an edit is checked, as long as somebody was not first. Raises InvalidEdit."""
    return check_edit(p, value) if action == "edit" and p.status == "open" else value


def _reason(reason: str | None) -> str | None:
    return (reason or "").strip() or None


def _runs(asked: Asked) -> dict[str, Any]:
    limit = max(1, asked.number("limit", 50, MOST))
    found = asked.ledger.runs(
        notebook=asked.query.get("notebook"),
        agent=asked.query.get("agent"),
        limit=limit,
        before=asked.query.get("cursor"),
    )
    return {
        "runs": [answers.run(asked.desk, r) for r in found],
        "next": found[-1].id if len(found) == limit else None,
    }


def _run(asked: Asked) -> dict[str, Any]:
    r = asked.ledger.run(asked.id)
    found = asked.ledger.proposals(r.id, r.pauses) if r.pauses else []
    return {"run": answers.run(asked.desk, r), "proposals": [answers.summary(asked.desk, p) for p in found]}


def _resume(asked: Asked) -> dict[str, Any]:
    """Grant one browser the right to go on with a run."""
    r = asked.ledger.run(asked.id)
    if r.status not in ("ready", "failed"):
        raise HitlError(f"run {r.id} ({r.agent}) is {r.status}; only one that is ready or failed can go on")
    holder = asked.desk.grants.take(r.id, r.pauses, asked.body.browser)
    if holder != asked.body.browser:
        raise RunClaimed(f"another browser window goes on with run {r.id} ({r.agent})", owner=holder)
    return {"granted": True, "run": answers.run(asked.desk, r)}


def _cancel(asked: Asked) -> dict[str, Any]:
    return {"run": answers.run(asked.desk, asked.ledger.cancel(asked.id, actor=asked.who.username))}


def _events(asked: Asked) -> dict[str, Any]:
    limit = max(1, asked.number("limit", 200, 1000))
    found = asked.ledger.events(after=asked.number("after", 0, 10**12), limit=limit)
    return {"events": msgspec.to_builtins(found), "next": found[-1].n if len(found) == limit else None}


def _verify(asked: Asked) -> dict[str, Any]:
    return msgspec.to_builtins(asked.ledger.verify())


_READ = ("hitl:proposals", "read")
_WRITE = ("hitl:proposals", "write")
_DECIDE = ("hitl:decisions", "write")
_AUDIT = ("hitl:audit", "read")
_PAGE = ("limit", "cursor")

ROUTES: tuple[Route, ...] = (
    Route("GET", "status", *_READ, _status, "The server, its store, and what you may do"),
    Route("GET", "proposals", *_READ, _proposals, "What waits, oldest first", query=("notebook", "agent", *_PAGE)),
    Route("GET", "proposals/{id}", *_READ, _proposal, "One proposal in full"),
    Route("GET", "pauses", *_READ, _pause, "The proposals of a cell's pause", query=("path", "agent", "pause")),
    Route("POST", "proposals/{id}/check", *_READ, _check, "Check an edit", body=Value, limit=LARGE),
    Route("PUT", "proposals/{id}/draft", *_WRITE, _save_draft, "Keep what is typed", body=Value, limit=LARGE),
    Route("POST", "proposals/{id}/decision", *_DECIDE, _decide, "Decide one proposal", body=Deciding, limit=LARGE),
    Route("POST", "decisions", *_DECIDE, _decide_many, "Decide several, all or none", body=DecidingMany),
    Route("GET", "runs", *_READ, _runs, "The runs, newest first", query=("notebook", "agent", *_PAGE)),
    Route("GET", "runs/{id}", *_READ, _run, "One run, and what its last pause asked"),
    Route("POST", "runs/{id}/resume", *_WRITE, _resume, "Ask to go on with a decided run", body=Resuming),
    Route("POST", "runs/{id}/cancel", "hitl:admin", "write", _cancel, "Stop a run for good"),
    Route("GET", "events", *_AUDIT, _events, "The audit log", query=("after", "limit")),
    Route("GET", "events/verify", *_AUDIT, _verify, "Check the whole audit log"),
)
