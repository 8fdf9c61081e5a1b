"""All calls of the REST API in one table: what each needs, takes and answers.

A route's function runs off the event loop and gets the request as an `Asked`; what it returns is the answer's JSON.
Ids are opaque, and no path or store is ever taken from a request but a notebook's path below the server's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hitl_nb.server import bodies, proposals, runs
from hitl_nb.server.asked import Asked
from hitl_nb.server.who import ASSURANCE, refusal

API = 1
SMALL, LARGE = 1 << 20, 24 << 20
"""Longest body, in bytes: of most calls, and of those that carry a proposal's value."""


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
        "headless": bool(asked.desk.settings.headless),
    }


_READ = ("hitl:proposals", "read")
_WRITE = ("hitl:proposals", "write")
_DECIDE = ("hitl:decisions", "write")
_EXECUTE = ("kernels", "execute")
_AUDIT = ("hitl:audit", "read")
_PAGE = ("limit", "cursor")
_FILTERS = ("status", "notebook", "agent", "reviewer", *_PAGE)

ROUTES: tuple[Route, ...] = (
    Route("GET", "status", *_READ, _status, "The server, its store, and what you may do"),
    Route(
        "GET", "proposals", *_READ, proposals.proposals, "What waits, oldest first, or what was decided", query=_FILTERS
    ),
    Route("GET", "proposals/{id}", *_READ, proposals.proposal, "One proposal in full"),
    Route(
        "GET", "pauses", *_READ, proposals.pause, "The proposals of a cell's pause", query=("path", "agent", "pause")
    ),
    Route("POST", "proposals/{id}/check", *_READ, proposals.check, "Check an edit", body=bodies.Value, limit=LARGE),
    Route(
        "PUT",
        "proposals/{id}/draft",
        *_WRITE,
        proposals.save_draft,
        "Keep what is typed",
        body=bodies.Value,
        limit=LARGE,
    ),
    Route("DELETE", "proposals/{id}/draft", *_WRITE, proposals.drop_draft, "Forget what was typed"),
    Route("POST", "proposals/{id}/comments", *_WRITE, proposals.comment, "Comment on a proposal", body=bodies.Said),
    Route(
        "PUT", "proposals/{id}/assignee", *_WRITE, proposals.assign, "Say whose it is to decide", body=bodies.Assigning
    ),
    Route(
        "POST",
        "proposals/{id}/decision",
        *_DECIDE,
        proposals.decide,
        "Decide one proposal",
        body=bodies.Deciding,
        limit=LARGE,
    ),
    Route(
        "POST", "decisions", *_DECIDE, proposals.decide_many, "Decide several, all or none", body=bodies.DecidingMany
    ),
    Route("GET", "runs", *_READ, runs.runs, "The runs, newest first", query=("notebook", "agent", "status", *_PAGE)),
    Route("GET", "runs/{id}", *_READ, runs.run, "One run, and what its last pause asked"),
    Route("GET", "runs/{id}/timeline", *_READ, runs.timeline, "What happened in a run, and when"),
    Route("POST", "runs/{id}/resume", *_WRITE, runs.resume, "Ask to go on with a decided run", body=bodies.Resuming),
    Route("POST", "runs/{id}/headless", *_EXECUTE, runs.run_headless, "Run it on the server", body=bodies.Resuming),
    Route("POST", "runs/{id}/cancel", "hitl:admin", "write", runs.cancel, "Stop a run for good", body=bodies.Nothing),
    Route("GET", "events", *_AUDIT, runs.events, "The audit log", query=("after", "limit")),
    Route("GET", "events/verify", *_AUDIT, runs.verify, "Check the whole audit log"),
)
