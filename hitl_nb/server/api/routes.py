"""All calls of the REST API in one table: what each needs, takes and answers.

A route's function runs off the event loop and gets the request as an `Asked`; what it returns is the answer's JSON.
Ids are opaque, and no path or store is ever taken from a request but a notebook's path below the server's folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.server.api import comments, drafts, people, policies, proposals, runs, workspaces
from hitl_nb.server.api import remote_workspaces as scripts
from hitl_nb.server.base.context import Desk, Lane
from hitl_nb.server.base.identity import ASSURANCE, refusal, voter
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages import response_schemas as shapes
from hitl_nb.server.messages.request import Asked, Sent, read_body, read_query
from hitl_nb.server.messages.request_weights import (
    are_some_large,
    has_pieces,
    is_about_something_large,
    is_large_list,
    is_large_pause,
    is_large_run,
    is_on_large_document,
)

API = 1
SMALL, LARGE = 1 << 20, 24 << 20
"""Longest body, in bytes: of most calls, and of those that carry a proposal's value."""


@dataclass(frozen=True)
class Route:
    """One call.

    Attributes:
        resource, action: what Jupyter's authorizer is asked about.
        answer: makes the answer; of a route with `lines`, one page of it and what the next comes after.
        answer_type: what the answer's JSON is, or each of its lines.
        limit: longest body, in bytes.
        errors: status codes it may end with, besides those that `failures` works out.
        lane: what it waits for (see `desk.Lane`), or says so of one request by its body.
        weigh: whether a request is about something large, and is answered by a worker process; None if none is.
        lines: the answer is a stream of lines, each with one JSON value.
    """

    method: str
    path: str
    resource: str
    action: str
    answer: Callable[[Asked], Any]
    answer_type: type
    summary: str
    body: type | None = None
    query: type[bodies.Query] = bodies.Query
    limit: int = SMALL
    errors: tuple[int, ...] = ()
    lane: Lane | Callable[[bytes], Lane] = "records"
    lines: bool = False
    weigh: Callable[[Asked], bool] | None = None

    def read(self, desk: Desk, ledger: Ledger, sent: Sent) -> Asked:
        """The request, as the route takes it; slow for a long body. Raises ValueError with a sentence."""
        body, query = read_body(self.body, sent.body), read_query(self.query, sent.query)
        return Asked(desk, ledger, sent.who, sent.id, body, query)

    def lane_of(self, sent: Sent) -> Lane:
        """What a request waits for."""
        return self.lane(sent.body) if callable(self.lane) else self.lane

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        """What the caller must be allowed: actions and resources. What is answered, or why not, tells of proposals."""
        own, reading = (self.action, self.resource), (_READ[1], _READ[0])
        return (own,) if own == reading or self.resource == _AUDIT[0] else (own, reading)

    @property
    def failures(self) -> list[int]:
        """The status codes of errors it may end with."""
        named = (404,) if "{id}" in self.path else ()
        sent = (413, 415) if self.body is not None else ()
        written = (507,) if self.action == "write" else ()
        return sorted({400, 403, 500, 503, *named, *sent, *written, *self.errors})


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
        "votes_as": voter(asked.desk, asked.who),
        "may": {"decide": why is None},
        "decide_refused": why,
        "headless": bool(asked.desk.settings.headless),
        "watched": asked.desk.watches or bool(asked.ledger.watchers(asked.ledger.now())),
    }


def _lane(body: bytes) -> Lane:
    """Only an edit is checked when it is decided."""
    try:
        action = read_body(bodies.Acting, body).action
    except ValueError:
        return "records"  # which says what is wrong with it
    return "checks" if action == "edit" else "records"


_READ = ("hitl:proposals", "read")
_WRITE = ("hitl:proposals", "write")
_DECIDE = ("hitl:decisions", "write")
_EXECUTE = ("kernels", "execute")
_ADMIN = ("hitl:admin", "write")
_AUDIT = ("hitl:audit", "read")

ROUTES: tuple[Route, ...] = (
    Route("GET", "status", *_READ, _status, shapes.Status, "The server, its store, and what you may do"),
    Route(
        "GET",
        "proposals",
        *_READ,
        proposals.proposals,
        shapes.Proposals,
        "What waits, oldest first, or what was decided",
        query=bodies.WhichProposals,
        errors=(404,),
        weigh=is_large_list,
    ),
    Route(
        "GET",
        "proposals/{id}",
        *_READ,
        proposals.proposal,
        shapes.Proposal,
        "One proposal in full",
        lane="values",
        weigh=is_about_something_large,
    ),
    Route(
        "GET",
        "pauses",
        *_READ,
        proposals.pause,
        shapes.Pause,
        "The proposals of a cell's pause",
        query=bodies.Cell,
        errors=(404, 409),
        lane="values",
        weigh=is_large_pause,
    ),
    Route(
        "POST",
        "proposals/{id}/check",
        *_READ,
        proposals.check,
        shapes.Checked,
        "Check an edit",
        body=bodies.Value,
        limit=LARGE,
        errors=(422,),
        lane="checks",
        weigh=is_about_something_large,
    ),
    Route(
        "PUT",
        "proposals/{id}/draft",
        *_WRITE,
        drafts.save,
        shapes.Saved,
        "Keep what is typed",
        body=bodies.Value,
        limit=LARGE,
        errors=(409,),
        lane="drafts",
        weigh=is_about_something_large,
    ),
    Route(
        "DELETE",
        "proposals/{id}/draft",
        *_WRITE,
        drafts.start_over,
        shapes.Saved,
        "Take the agent's version again",
        errors=(409,),
        lane="drafts",
        weigh=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/comments",
        *_WRITE,
        comments.comment,
        shapes.Commented,
        "Comment on a proposal",
        body=bodies.Said,
        weigh=is_about_something_large,
    ),
    Route(
        "GET",
        "documents/{id}/comments",
        *_READ,
        comments.comments,
        shapes.Comments,
        "What was said about a document, and who may be mentioned",
        weigh=is_about_something_large,
    ),
    Route(
        "POST",
        "documents/{id}/comments",
        *_WRITE,
        comments.comment,
        shapes.Commented,
        "Comment on a document or a range of it, answer a comment, suggest a change",
        body=bodies.Said,
        weigh=is_about_something_large,
    ),
    Route(
        "PUT",
        "comments/{id}/state",
        *_WRITE,
        comments.mark,
        shapes.Marked,
        "Resolve a comment, or accept or dismiss a suggestion; who is told `changed` puts it into the document",
        body=bodies.Marking,
        errors=(409,),
        weigh=is_on_large_document,
    ),
    Route(
        "PUT",
        "proposals/{id}/assignee",
        *_WRITE,
        proposals.assign,
        shapes.Assigned,
        "Say whose it is to decide",
        body=bodies.Assigning,
        errors=(409,),
        weigh=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/decision",
        *_DECIDE,
        proposals.decide,
        shapes.Decided,
        "Decide one proposal",
        body=bodies.Deciding,
        limit=LARGE,
        errors=(409, 422),
        lane=_lane,
        weigh=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/undo",
        *_DECIDE,
        proposals.undo,
        shapes.Decided,
        "Take an approval back, while the policy lets you",
        body=bodies.Nothing,
        errors=(409,),
        weigh=is_about_something_large,
    ),
    Route(
        "POST",
        "decisions",
        *_DECIDE,
        proposals.decide_many,
        shapes.DecidedTogether,
        "Decide several, all or none",
        body=bodies.DecidingMany,
        errors=(404, 409),
        weigh=are_some_large,
    ),
    Route(
        "GET",
        "policy",
        *_READ,
        policies.policy,
        shapes.AppliedPolicy,
        "Which policy files and rules apply to a notebook",
        query=bodies.WhichPolicy,
    ),
    Route(
        "GET",
        "people/me/figures",
        *_READ,
        people.show_figures,
        shapes.Figures,
        "How your own votes look",
        lane="values",
    ),
    Route("GET", "people/me/away", *_READ, people.away, shapes.Away, "Whether you are away, and who stands in for you"),
    Route(
        "PUT",
        "people/me/away",
        *_DECIDE,
        people.leave,
        shapes.Away,
        "Say until when you are away, and who votes in your place",
        body=bodies.Leaving,
    ),
    Route(
        "GET",
        "documents/{id}/history",
        *_READ,
        drafts.history,
        shapes.History,
        "How a draft became what it is: every update, by whom and when",
        query=bodies.Written,
        lane="values",
        weigh=is_about_something_large,
    ),
    Route(
        "GET",
        "workspaces",
        *_READ,
        workspaces.workspaces,
        shapes.Workspaces,
        "The workspaces that are not closed, newest first, or the one of a cell",
        query=bodies.WhichWorkspaces,
        errors=(404,),
    ),
    Route(
        "GET",
        "workspaces/{id}",
        *_READ,
        workspaces.workspace,
        shapes.Workspace,
        "One workspace, and its text",
        lane="values",
        weigh=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces",
        *_WRITE,
        scripts.open_workspace,
        shapes.Workspace,
        "Open a workspace for a script, or go on with its own of this title",
        body=bodies.Opening,
        limit=LARGE,
        errors=(409,),
        lane="drafts",
        weigh=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces/{id}/writes",
        *_WRITE,
        scripts.write,
        shapes.Wrote,
        "Write into a script's workspace, or say something about it, once a key",
        body=bodies.ScriptWriting,
        limit=LARGE,
        errors=(409,),
        lane="drafts",
        weigh=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces/{id}/reads",
        *_WRITE,
        scripts.read,
        shapes.Recalled,
        "Read a script's workspace, the same a key",
        body=bodies.ScriptReading,
        errors=(409,),
        lane="values",
        weigh=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces/{id}/wait",
        *_WRITE,
        scripts.wait,
        shapes.Answered,
        "Ask whether a script's workspace is done, once a key, and what was decided",
        body=bodies.ScriptAsking,
        errors=(409,),
        limit=LARGE,
    ),
    Route(
        "POST",
        "workspaces/{id}/close",
        *_WRITE,
        scripts.close,
        shapes.Closed,
        "Close a script's workspace for good",
        body=bodies.ScriptClosing,
        errors=(409,),
    ),
    Route(
        "GET",
        "runs",
        *_READ,
        runs.runs,
        shapes.Runs,
        "The runs, newest first",
        query=bodies.WhichRuns,
        errors=(404,),
    ),
    Route(
        "GET",
        "runs/{id}",
        *_READ,
        runs.run,
        shapes.Asking,
        "One run, and what its last pause asked",
        errors=(409,),
        weigh=is_large_run,
    ),
    Route(
        "GET",
        "runs/{id}/timeline",
        *_READ,
        runs.timeline,
        shapes.Timeline,
        "What happened in a run, and when",
        errors=(409,),
        weigh=is_large_run,
    ),
    Route(
        "POST",
        "runs/{id}/resume",
        *_WRITE,
        runs.resume,
        shapes.Granted,
        "Ask to go on with a decided run",
        body=bodies.Resuming,
        errors=(409,),
    ),
    Route(
        "POST",
        "runs/{id}/headless",
        *_EXECUTE,
        runs.run_headless,
        shapes.Granted,
        "Run it on the server",
        body=bodies.Resuming,
        errors=(409,),
    ),
    Route(
        "POST",
        "runs/{id}/cancel",
        *_ADMIN,
        runs.cancel,
        shapes.Cancelled,
        "Stop a run for good",
        body=bodies.Nothing,
        errors=(409,),
        weigh=is_large_run,
    ),
    Route(
        "POST",
        "runs/{id}/adopt",
        *_ADMIN,
        runs.adopt,
        shapes.Adopted,
        "Give a run to a notebook that was moved",
        body=bodies.Adopting,
        errors=(409,),
        weigh=is_large_run,
    ),
    Route(
        "POST",
        "runs/{id}/forget",
        *_ADMIN,
        runs.forget,
        shapes.Forgotten,
        "Remove all runs of this run's agent and key in its notebook or script",
        body=bodies.Nothing,
        errors=(409,),
        weigh=is_large_run,
    ),
    Route("GET", "events", *_AUDIT, runs.events, shapes.Events, "The audit log", query=bodies.Log),
    Route(
        "GET",
        "events/export",
        *_AUDIT,
        runs.export,
        shapes.Event,
        "The whole audit log, an event a line, each as the bytes that are hashed",
        query=bodies.Exported,
        lines=True,
    ),
    Route(
        "GET", "events/verify", *_AUDIT, runs.verify, shapes.Verification, "Check the whole audit log", weigh=has_pieces
    ),
)
