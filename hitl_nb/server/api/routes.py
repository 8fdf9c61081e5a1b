"""All calls of the REST API in one table: what each needs, takes and answers.

A route's function runs off the event loop and gets the request as an `ApiRequest`; what it returns is the answer's
JSON.
Ids are opaque, and no path or store is ever taken from a request but a notebook's path below the server's folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.server.api import comments, drafts, people, policies, proposals, runs, workspaces
from hitl_nb.server.api import remote_workspaces as scripts
from hitl_nb.server.base.context import Lane, ServerContext
from hitl_nb.server.base.identity import ASSURANCE, decision_refusal, voting_name
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages import response_schemas as shapes
from hitl_nb.server.messages.request import ApiRequest, RawRequest, read_body, read_query
from hitl_nb.server.messages.request_weights import (
    are_some_large,
    has_pieces,
    is_about_something_large,
    is_large_list,
    is_large_pause,
    is_large_run,
    is_on_large_document,
)

API_VERSION = 1
SMALL, LARGE = 1 << 20, 24 << 20
"""Longest body, in bytes: of most calls, and of those that carry a proposal's value."""


@dataclass(frozen=True)
class Route:
    """One call.

    Attributes:
        resource, action: what Jupyter's authorizer is asked about.
        handler: makes the answer; of a route with `is_ndjson`, one page of it and what the next comes after.
        response_type: what the answer's JSON is, or each of its lines.
        limit: longest body, in bytes.
        errors: status codes it may end with, besides those that `error_statuses` works out.
        lane: what it waits for (see `desk.Lane`), or says so of one request by its body.
        is_large: whether a request is about something large, and is answered by a worker process; None if none is.
        is_ndjson: the answer is a stream of lines, each with one JSON value.
    """

    method: str
    path: str
    resource: str
    action: str
    handler: Callable[[ApiRequest], Any]
    response_type: type
    summary: str
    body: type | None = None
    query: type[bodies.Query] = bodies.Query
    limit: int = SMALL
    errors: tuple[int, ...] = ()
    lane: Lane | Callable[[bytes], Lane] = "records"
    is_ndjson: bool = False
    is_large: Callable[[ApiRequest], bool] | None = None

    def read_request(self, context: ServerContext, ledger: Ledger, sent: RawRequest) -> ApiRequest:
        """The request, as the route takes it; slow for a long body. Raises ValueError with a sentence."""
        body, query = read_body(self.body, sent.body), read_query(self.query, sent.query)
        return ApiRequest(context, ledger, sent.person, sent.id, body, query)

    def lane_of(self, sent: RawRequest) -> Lane:
        """What a request waits for."""
        return self.lane(sent.body) if callable(self.lane) else self.lane

    @property
    def permissions(self) -> tuple[tuple[str, str], ...]:
        """What the caller must be allowed: actions and resources. What is answered, or why not, tells of proposals."""
        own, reading = (self.action, self.resource), (_READ[1], _READ[0])
        return (own,) if own == reading or self.resource == _AUDIT[0] else (own, reading)

    @property
    def error_statuses(self) -> list[int]:
        """The status codes of errors it may end with."""
        named = (404,) if "{id}" in self.path else ()
        sent = (413, 415) if self.body is not None else ()
        written = (507,) if self.action == "write" else ()
        return sorted({400, 403, 500, 503, *named, *sent, *written, *self.errors})


def _get_status(request: ApiRequest) -> dict[str, Any]:
    from hitl_nb import __version__

    why = decision_refusal(request.context, request.person)
    return {
        "version": __version__,
        "api": API_VERSION,
        "store": request.ledger.store.url,
        "server": request.context.id,
        "assurance": ASSURANCE,
        "authn": request.person.authn,
        "user": {"username": request.person.username, "display_name": request.person.display_name},
        "votes_as": voting_name(request.context, request.person),
        "may": {"decide": why is None},
        "decide_refused": why,
        "headless": bool(request.context.settings.headless),
        "watched": request.context.watches_deadlines or bool(request.ledger.list_watchers(request.ledger.now())),
    }


def _decision_lane(body: bytes) -> Lane:
    """Only an edit is checked when it is decided."""
    try:
        action = read_body(bodies.DecisionAction, body).action
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
    Route("GET", "status", *_READ, _get_status, shapes.StatusResponse, "The server, its store, and what you may do"),
    Route(
        "GET",
        "proposals",
        *_READ,
        proposals.list_proposals,
        shapes.ProposalPage,
        "What waits, oldest first, or what was decided",
        query=bodies.ProposalQuery,
        errors=(404,),
        is_large=is_large_list,
    ),
    Route(
        "GET",
        "proposals/{id}",
        *_READ,
        proposals.get_proposal,
        shapes.ProposalDetail,
        "One proposal in full",
        lane="values",
        is_large=is_about_something_large,
    ),
    Route(
        "GET",
        "pauses",
        *_READ,
        proposals.get_pause,
        shapes.PauseResponse,
        "The proposals of a cell's pause",
        query=bodies.PauseQuery,
        errors=(404, 409),
        lane="values",
        is_large=is_large_pause,
    ),
    Route(
        "POST",
        "proposals/{id}/check",
        *_READ,
        proposals.check_proposed_edit,
        shapes.EditCheck,
        "Check an edit",
        body=bodies.DraftValueRequest,
        limit=LARGE,
        errors=(422,),
        lane="checks",
        is_large=is_about_something_large,
    ),
    Route(
        "PUT",
        "proposals/{id}/draft",
        *_WRITE,
        drafts.save_draft,
        shapes.DraftSaved,
        "Keep what is typed",
        body=bodies.DraftValueRequest,
        limit=LARGE,
        errors=(409,),
        lane="drafts",
        is_large=is_about_something_large,
    ),
    Route(
        "DELETE",
        "proposals/{id}/draft",
        *_WRITE,
        drafts.reset_draft,
        shapes.DraftSaved,
        "Take the agent's version again",
        errors=(409,),
        lane="drafts",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/comments",
        *_WRITE,
        comments.add_comment,
        shapes.CommentResponse,
        "Comment on a proposal",
        body=bodies.CommentRequest,
        is_large=is_about_something_large,
    ),
    Route(
        "GET",
        "documents/{id}/comments",
        *_READ,
        comments.list_comments,
        shapes.CommentList,
        "What was said about a document, and who may be mentioned",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "documents/{id}/comments",
        *_WRITE,
        comments.add_comment,
        shapes.CommentResponse,
        "Comment on a document or a range of it, answer a comment, suggest a change",
        body=bodies.CommentRequest,
        is_large=is_about_something_large,
    ),
    Route(
        "PUT",
        "comments/{id}/state",
        *_WRITE,
        comments.change_comment_state,
        shapes.CommentStateResponse,
        "Resolve a comment, or accept or dismiss a suggestion; who is told `changed` puts it into the document",
        body=bodies.CommentStateRequest,
        errors=(409,),
        is_large=is_on_large_document,
    ),
    Route(
        "PUT",
        "proposals/{id}/assignee",
        *_WRITE,
        proposals.assign_proposal,
        shapes.AssigneeResponse,
        "Say whose it is to decide",
        body=bodies.AssigneeRequest,
        errors=(409,),
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/decision",
        *_DECIDE,
        proposals.decide,
        shapes.DecisionResponse,
        "Decide one proposal",
        body=bodies.DecisionRequest,
        limit=LARGE,
        errors=(409, 422),
        lane=_decision_lane,
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/undo",
        *_DECIDE,
        proposals.undo_approval,
        shapes.DecisionResponse,
        "Take an approval back, while the policy lets you",
        body=bodies.EmptyRequest,
        errors=(409,),
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "decisions",
        *_DECIDE,
        proposals.decide_many,
        shapes.BulkDecisionResponse,
        "Decide several, all or none",
        body=bodies.BulkDecisionRequest,
        errors=(404, 409),
        is_large=are_some_large,
    ),
    Route(
        "GET",
        "policy",
        *_READ,
        policies.get_policy,
        shapes.AppliedPolicy,
        "Which policy files and rules apply to a notebook",
        query=bodies.PolicyQuery,
    ),
    Route(
        "GET",
        "people/me/figures",
        *_READ,
        people.show_figures,
        shapes.VotingFigures,
        "How your own votes look",
        lane="values",
    ),
    Route(
        "GET",
        "people/me/away",
        *_READ,
        people.get_absence,
        shapes.AbsenceResponse,
        "Whether you are away, and who stands in for you",
    ),
    Route(
        "PUT",
        "people/me/away",
        *_DECIDE,
        people.set_absence,
        shapes.AbsenceResponse,
        "Say until when you are away, and who votes in your place",
        body=bodies.AbsenceRequest,
    ),
    Route(
        "GET",
        "documents/{id}/history",
        *_READ,
        drafts.draft_history,
        shapes.DraftHistory,
        "How a draft became what it is: every update, by whom and when",
        query=bodies.DraftHistoryQuery,
        lane="values",
        is_large=is_about_something_large,
    ),
    Route(
        "GET",
        "workspaces",
        *_READ,
        workspaces.list_workspaces,
        shapes.WorkspacePage,
        "The workspaces that are not closed, newest first, or the one of a cell",
        query=bodies.WorkspaceQuery,
        errors=(404,),
    ),
    Route(
        "GET",
        "workspaces/{id}",
        *_READ,
        workspaces.get_workspace,
        shapes.WorkspaceDetail,
        "One workspace, and its text",
        lane="values",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces",
        *_WRITE,
        scripts.open_workspace,
        shapes.WorkspaceDetail,
        "Open a workspace for a script, or go on with its own of this title",
        body=bodies.RemoteWorkspaceRequest,
        limit=LARGE,
        errors=(409,),
        lane="drafts",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces/{id}/writes",
        *_WRITE,
        scripts.write_or_comment,
        shapes.RemoteWriteResult,
        "Write into a script's workspace, or say something about it, once a key",
        body=bodies.RemoteWriteRequest,
        limit=LARGE,
        errors=(409,),
        lane="drafts",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces/{id}/reads",
        *_WRITE,
        scripts.read_document,
        shapes.RemoteReadResult,
        "Read a script's workspace, the same a key",
        body=bodies.RemoteReadRequest,
        errors=(409,),
        lane="values",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces/{id}/wait",
        *_WRITE,
        scripts.ask_for_review,
        shapes.RemoteReviewResult,
        "Ask whether a script's workspace is done, once a key, and what was decided",
        body=bodies.RemoteReviewRequest,
        errors=(409,),
        limit=LARGE,
    ),
    Route(
        "POST",
        "workspaces/{id}/close",
        *_WRITE,
        scripts.close_workspace,
        shapes.WorkspaceResponse,
        "Close a script's workspace for good",
        body=bodies.RemoteCloseRequest,
        errors=(409,),
    ),
    Route(
        "GET",
        "runs",
        *_READ,
        runs.list_runs,
        shapes.RunPage,
        "The runs, newest first",
        query=bodies.RunQuery,
        errors=(404,),
    ),
    Route(
        "GET",
        "runs/{id}",
        *_READ,
        runs.get_run,
        shapes.RunDetail,
        "One run, and what its last pause asked",
        errors=(409,),
        is_large=is_large_run,
    ),
    Route(
        "GET",
        "runs/{id}/timeline",
        *_READ,
        runs.get_timeline,
        shapes.TimelineResponse,
        "What happened in a run, and when",
        errors=(409,),
        is_large=is_large_run,
    ),
    Route(
        "POST",
        "runs/{id}/resume",
        *_WRITE,
        runs.grant_resume,
        shapes.ResumeResponse,
        "Ask to go on with a decided run",
        body=bodies.ResumeRequest,
        errors=(409,),
    ),
    Route(
        "POST",
        "runs/{id}/headless",
        *_EXECUTE,
        runs.run_headless,
        shapes.ResumeResponse,
        "Run it on the server",
        body=bodies.ResumeRequest,
        errors=(409,),
    ),
    Route(
        "POST",
        "runs/{id}/cancel",
        *_ADMIN,
        runs.cancel_run,
        shapes.RunResponse,
        "Stop a run for good",
        body=bodies.EmptyRequest,
        errors=(409,),
        is_large=is_large_run,
    ),
    Route(
        "POST",
        "runs/{id}/adopt",
        *_ADMIN,
        runs.adopt_run,
        shapes.AdoptResponse,
        "Give a run to a notebook that was moved",
        body=bodies.AdoptRequest,
        errors=(409,),
        is_large=is_large_run,
    ),
    Route(
        "POST",
        "runs/{id}/forget",
        *_ADMIN,
        runs.forget_runs,
        shapes.ForgetResponse,
        "Remove all runs of this run's agent and key in its notebook or script",
        body=bodies.EmptyRequest,
        errors=(409,),
        is_large=is_large_run,
    ),
    Route("GET", "events", *_AUDIT, runs.list_events, shapes.EventPage, "The audit log", query=bodies.EventQuery),
    Route(
        "GET",
        "events/export",
        *_AUDIT,
        runs.export_events,
        shapes.EventInfo,
        "The whole audit log, an event a line, each as the bytes that are hashed",
        query=bodies.ExportQuery,
        is_ndjson=True,
    ),
    Route(
        "GET",
        "events/verify",
        *_AUDIT,
        runs.verify_log,
        shapes.VerificationResponse,
        "Check the whole audit log",
        is_large=has_pieces,
    ),
)
