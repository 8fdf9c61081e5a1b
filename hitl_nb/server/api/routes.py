"""Table of all calls (*routes*) of the REST API, with permissions, parameters and response of each call.

The function of a route runs on a thread, not on the event loop. It gets the request as an `ApiRequest` and returns the
response. Ids are opaque. The only path that a request may contain is a notebook's path below the server's folder; a
request cannot choose the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.server.api import comments, drafts, people, policies, proposals, runs, workspaces
from hitl_nb.server.api import remote_workspaces as scripts
from hitl_nb.server.base.context import Lane, ServerContext
from hitl_nb.server.base.identity import ASSURANCE, decision_refusal, voting_name
from hitl_nb.server.messages import request_schemas as bodies
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
from hitl_nb.server.messages.response_types.audit_log import (
    EventInfo,
    EventPage,
    RunVerification,
    VerificationResponse,
)
from hitl_nb.server.messages.response_types.base import ResponseStruct
from hitl_nb.server.messages.response_types.comments import CommentList, CommentResponse, CommentStateResponse
from hitl_nb.server.messages.response_types.policies import AbsenceResponse, AppliedPolicy, VotingFigures
from hitl_nb.server.messages.response_types.proposals import (
    AssigneeResponse,
    BulkDecisionResponse,
    DecisionResponse,
    DraftHistory,
    DraftSaved,
    EditCheck,
    FlagResponse,
    PauseResponse,
    ProposalCounts,
    ProposalDetail,
    ProposalPage,
    RunDetail,
)
from hitl_nb.server.messages.response_types.runs import (
    AdoptResponse,
    CellSourceResponse,
    ForgetResponse,
    ResumeResponse,
    RunPage,
    RunResponse,
    TimelineResponse,
)
from hitl_nb.server.messages.response_types.server_status import Permissions, StatusResponse, UserInfo
from hitl_nb.server.messages.response_types.workspaces import (
    RemoteReadResult,
    RemoteReviewResult,
    RemoteWriteResult,
    WorkspaceDetail,
    WorkspacePage,
    WorkspaceResponse,
)
from hitl_nb.server.overviews.proposal_counts import count_proposals
from hitl_nb.server.overviews.proposal_lists import list_proposals
from hitl_nb.server.overviews.run_lists import get_run, list_runs

API_VERSION = 1
SMALL, LARGE = 1 << 20, 24 << 20
"""Maximum size of a body, in bytes: for most calls, and for those with a proposal's value."""


@dataclass(frozen=True)
class Route:
    """One call of the REST API.

    Attributes:
        method: HTTP method.
        path: Path below `/hitl_nb/api/`; `{id}` is an id.
        resource: Resource that Jupyter's authorizer checks, such as "hitl:proposals".
        action: Action that Jupyter's authorizer checks, such as "read".
        handler: Function that returns the response. If `is_ndjson` is True, it returns one page as bytes, and the event
            number after which the next page begins (None for the last page). If `is_picture` is True, it returns the
            media type and the bytes of a picture.
        response_type: Type of the response; if `is_ndjson` is True, type of each of its lines.
        summary: Description in the OpenAPI document.
        body: Type of the body; None if there is none.
        query: Type of the query.
        limit: Maximum size of the body, in bytes.
        errors: HTTP status codes of errors, in addition to the codes that `error_statuses` adds for every call.
        lane: Name of the thread pool (see `context.Lane`), or a function that chooses the name for a request.
        is_ndjson: Whether the response is a stream of lines, each with one JSON value.
        is_picture: Whether the response is a picture; `response_type` is then not used.
        is_large: Function that returns whether a request is about a large value, so that a worker process must answer
            the request. None: never.
        asks_admin: Whether the function needs to know if the user is an administrator.
    """

    method: str
    path: str
    resource: str
    action: str
    handler: Callable[[ApiRequest], ResponseStruct | tuple[bytes, int | None] | tuple[str, bytes]]
    response_type: type[ResponseStruct]
    summary: str
    body: type | None = None
    query: type[bodies.Query] = bodies.Query
    limit: int = SMALL
    errors: tuple[int, ...] = ()
    lane: Lane | Callable[[RawRequest], Lane] = "records"
    is_ndjson: bool = False
    is_picture: bool = False
    is_large: Callable[[ApiRequest], bool] | None = None
    asks_admin: bool = False

    def read_request(self, context: ServerContext, ledger: Ledger, sent: RawRequest) -> ApiRequest:
        """Decode the body and the query of a request. This is slow for a long body.

        Args:
            context: State of the server.
            ledger: The ledger that the function of the route will use.
            sent: The request.

        Raises:
            ValueError: The body or the query is invalid; the message says why.
        """
        body, query = read_body(self.body, sent.body), read_query(self.query, sent.query)
        return ApiRequest(context, ledger, sent.person, sent.id, body, query, sent.sha)

    def lane_of(self, sent: RawRequest) -> Lane:
        """Return the name of the thread pool in which a request must run."""
        return self.lane(sent) if callable(self.lane) else self.lane

    @property
    def permissions(self) -> tuple[tuple[str, str], ...]:
        """Pairs of action and resource for which the user needs permission.

        Except for the audit log, reading proposals is always included, because errors can contain proposals.
        """
        own, reading = (self.action, self.resource), (_READ[1], _READ[0])
        return (own,) if own == reading or self.resource == _AUDIT[0] else (own, reading)

    @property
    def error_statuses(self) -> list[int]:
        """HTTP status codes of all errors with which the call can be answered, sorted."""
        named = (404,) if "{id}" in self.path else ()
        sent = (413, 415) if self.body is not None else ()
        written = (507,) if self.action == "write" else ()
        return sorted({400, 403, 500, 503, *named, *sent, *written, *self.errors})


def _get_status(request: ApiRequest) -> StatusResponse:
    from hitl_nb import __version__

    why = decision_refusal(request.context, request.person)
    return StatusResponse(
        version=__version__,
        api=API_VERSION,
        store=request.ledger.store.url,
        server=request.context.id,
        assurance=ASSURANCE,
        authn=request.person.authn,
        user=UserInfo(username=request.person.username, display_name=request.person.display_name),
        votes_as=voting_name(request.context, request.person),
        may=Permissions(decide=why is None),
        decide_refused=why,
        headless=bool(request.context.settings.headless),
        watched=request.context.watches_deadlines or bool(request.ledger.watchers.list_running(request.ledger.now())),
    )


def _list_lane(sent: RawRequest) -> Lane:
    """Return the thread pool for a list of proposals: "lists" if it needs the index in memory, else "records"."""
    try:
        wanted = read_query(bodies.ProposalQuery, sent.query)
    except ValueError:
        return "records"  # the query is decoded again there, which reports the error
    return "lists" if isinstance(wanted, bodies.ProposalQuery) and wanted.is_open and wanted.needs_index else "records"


def _decision_lane(sent: RawRequest) -> Lane:
    """Return the thread pool for a decision: "checks" for an edit, whose value must be checked, else "records"."""
    try:
        action = read_body(bodies.DecisionAction, sent.body).action
    except ValueError:
        return "records"  # the body is decoded again there, which reports the error
    return "checks" if action == "edit" else "records"


_READ = ("hitl:proposals", "read")
_WRITE = ("hitl:proposals", "write")
_DECIDE = ("hitl:decisions", "write")
_EXECUTE = ("kernels", "execute")
_ADMIN = ("hitl:admin", "write")
_AUDIT = ("hitl:audit", "read")

ROUTES: tuple[Route, ...] = (
    Route("GET", "status", *_READ, _get_status, StatusResponse, "Show the server, its store and your permissions"),
    Route(
        "GET",
        "proposals",
        *_READ,
        list_proposals,
        ProposalPage,
        "List open proposals, oldest first or in another order, or closed ones; search them",
        query=bodies.ProposalQuery,
        errors=(404,),
        lane=_list_lane,
        is_large=is_large_list,
    ),
    Route(
        "GET",
        "proposals/counts",
        *_READ,
        count_proposals,
        ProposalCounts,
        "Count the proposals and runs of the inbox's views",
        query=bodies.CountQuery,
        lane="lists",
    ),
    Route(
        "GET",
        "proposals/{id}",
        *_READ,
        proposals.get_proposal,
        ProposalDetail,
        "Show one proposal in full",
        lane="values",
        is_large=is_about_something_large,
    ),
    Route(
        "GET",
        "proposals/{id}/evidence/{sha}",
        *_READ,
        proposals.get_picture,
        ResponseStruct,
        "Get a picture that a proposal shows as evidence",
        lane="values",
        is_picture=True,
    ),
    Route(
        "GET",
        "pauses",
        *_READ,
        proposals.get_pause,
        PauseResponse,
        "Show the proposals of a cell's pause",
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
        EditCheck,
        "Check an edit without saving it",
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
        DraftSaved,
        "Save the draft",
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
        DraftSaved,
        "Reset the draft to the agent's version",
        errors=(409,),
        lane="drafts",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/comments",
        *_WRITE,
        comments.add_comment,
        CommentResponse,
        "Comment on a proposal",
        body=bodies.CommentRequest,
        is_large=is_about_something_large,
    ),
    Route(
        "GET",
        "documents/{id}/comments",
        *_READ,
        comments.list_comments,
        CommentList,
        "List the comments on a document, and the people who may be mentioned",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "documents/{id}/comments",
        *_WRITE,
        comments.add_comment,
        CommentResponse,
        "Comment on a document or a range of it, answer a comment, or suggest a change",
        body=bodies.CommentRequest,
        is_large=is_about_something_large,
    ),
    Route(
        "PUT",
        "comments/{id}/state",
        *_WRITE,
        comments.change_comment_state,
        CommentStateResponse,
        "Resolve a comment, or accept or dismiss a suggestion. If `changed` is true, edit the document accordingly.",
        body=bodies.CommentStateRequest,
        errors=(409,),
        is_large=is_on_large_document,
    ),
    Route(
        "PUT",
        "proposals/{id}/assignee",
        *_WRITE,
        proposals.assign_proposal,
        AssigneeResponse,
        "Assign a proposal to a person",
        body=bodies.AssigneeRequest,
        errors=(409,),
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/decision",
        *_DECIDE,
        proposals.decide,
        DecisionResponse,
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
        DecisionResponse,
        "Take one's own vote back, while the proposal is open",
        body=bodies.EmptyRequest,
        errors=(409,),
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "proposals/{id}/flag",
        *_DECIDE,
        proposals.flag_outcome,
        FlagResponse,
        "Say that the approval of a proposal was wrong. The decision stays as it is",
        body=bodies.FlagRequest,
        errors=(409,),
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "decisions",
        *_DECIDE,
        proposals.decide_many,
        BulkDecisionResponse,
        "Decide several proposals: all of them, or none",
        body=bodies.BulkDecisionRequest,
        errors=(404, 409),
        is_large=are_some_large,
    ),
    Route(
        "GET",
        "policy",
        *_READ,
        policies.get_policy,
        AppliedPolicy,
        "Show the policy files and rules that apply to a notebook",
        query=bodies.PolicyQuery,
    ),
    Route(
        "GET",
        "people/me/figures",
        *_READ,
        people.show_figures,
        VotingFigures,
        "Show figures of your own votes",
        lane="values",
    ),
    Route(
        "GET",
        "people/me/away",
        *_READ,
        people.get_absence,
        AbsenceResponse,
        "Show whether you are away, and who votes in your place",
    ),
    Route(
        "PUT",
        "people/me/away",
        *_DECIDE,
        people.set_absence,
        AbsenceResponse,
        "Set until when you are away, and who votes in your place",
        body=bodies.AbsenceRequest,
    ),
    Route(
        "GET",
        "documents/{id}/history",
        *_READ,
        drafts.draft_history,
        DraftHistory,
        "List the updates of a draft, with author and time",
        query=bodies.DraftHistoryQuery,
        lane="values",
        is_large=is_about_something_large,
    ),
    Route(
        "GET",
        "workspaces",
        *_READ,
        workspaces.list_workspaces,
        WorkspacePage,
        "List open workspaces, newest first, or show the one of a cell",
        query=bodies.WorkspaceQuery,
        errors=(404,),
    ),
    Route(
        "GET",
        "workspaces/{id}",
        *_READ,
        workspaces.get_workspace,
        WorkspaceDetail,
        "Show one workspace with its text",
        lane="values",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces",
        *_WRITE,
        scripts.open_workspace,
        WorkspaceDetail,
        "Open a workspace for a script, or continue with the one of this title",
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
        RemoteWriteResult,
        "Edit or comment on a remote workspace. Idempotent per `key`.",
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
        RemoteReadResult,
        "Read a remote workspace. The same `key` always gets the same answer.",
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
        RemoteReviewResult,
        "Ask whether a remote workspace is done, and get the decision. Idempotent per `key`.",
        body=bodies.RemoteReviewRequest,
        errors=(409,),
        limit=LARGE,
    ),
    Route(
        "POST",
        "workspaces/{id}/close",
        *_WRITE,
        scripts.close_workspace,
        WorkspaceResponse,
        "Close a remote workspace for good",
        body=bodies.RemoteCloseRequest,
        errors=(409,),
    ),
    Route(
        "GET",
        "runs",
        *_READ,
        list_runs,
        RunPage,
        "List runs, newest first",
        query=bodies.RunQuery,
        errors=(404,),
    ),
    Route(
        "GET",
        "runs/{id}",
        *_READ,
        get_run,
        RunDetail,
        "Show one run, the proposals of its last pause, and your permissions",
        errors=(409,),
        is_large=is_large_run,
        asks_admin=True,
    ),
    Route(
        "GET",
        "runs/{id}/source",
        *_READ,
        runs.get_cell_source,
        CellSourceResponse,
        "Show the recorded source of the cell of a run's agent, as text",
        lane="values",
    ),
    Route(
        "GET",
        "runs/{id}/timeline",
        *_READ,
        runs.get_timeline,
        TimelineResponse,
        "Show the timeline of a run",
        errors=(409,),
        is_large=is_large_run,
    ),
    Route(
        "POST",
        "runs/{id}/resume",
        *_WRITE,
        runs.grant_resume,
        ResumeResponse,
        "Ask for the right to continue a decided run",
        body=bodies.ResumeRequest,
        errors=(409,),
    ),
    Route(
        "POST",
        "runs/{id}/headless",
        *_EXECUTE,
        runs.run_headless,
        ResumeResponse,
        "Continue a decided run on the server",
        body=bodies.ResumeRequest,
        errors=(409,),
    ),
    Route(
        "POST",
        "runs/{id}/cancel",
        *_WRITE,
        runs.cancel_run,
        RunResponse,
        "Cancel a run for good. For its requesters and administrators",
        body=bodies.EmptyRequest,
        errors=(409,),
        is_large=is_large_run,
        asks_admin=True,
    ),
    Route(
        "POST",
        "runs/{id}/restart",
        *_WRITE,
        runs.restart_run,
        RunResponse,
        "Start an agent over: its next execution begins a new run. For its requesters and administrators",
        body=bodies.EmptyRequest,
        errors=(409,),
        is_large=is_large_run,
        asks_admin=True,
    ),
    Route(
        "POST",
        "runs/{id}/adopt",
        *_ADMIN,
        runs.adopt_run,
        AdoptResponse,
        "Move a run to a notebook that was moved",
        body=bodies.AdoptRequest,
        errors=(409,),
        is_large=is_large_run,
    ),
    Route(
        "POST",
        "runs/{id}/forget",
        *_ADMIN,
        runs.forget_runs,
        ForgetResponse,
        "Remove all runs with this run's agent and key in its notebook or script",
        body=bodies.EmptyRequest,
        errors=(409,),
        is_large=is_large_run,
    ),
    Route(
        "GET",
        "runs/{id}/export",
        *_AUDIT,
        runs.export_run,
        EventInfo,
        "Export the events of one run: one per line with the exact bytes that are hashed, or as CSV",
        query=bodies.RunExportQuery,
        is_ndjson=True,
    ),
    Route(
        "GET",
        "runs/{id}/verify",
        *_AUDIT,
        runs.verify_run,
        RunVerification,
        "Verify the audit log, and the records of one run",
        lane="verification",
        is_large=has_pieces,
    ),
    Route("GET", "events", *_AUDIT, runs.list_events, EventPage, "List the audit log", query=bodies.EventQuery),
    Route(
        "GET",
        "events/export",
        *_AUDIT,
        runs.export_events,
        EventInfo,
        "Export the whole audit log: one event per line, each with the exact bytes that are hashed",
        query=bodies.ExportQuery,
        is_ndjson=True,
    ),
    Route(
        "GET",
        "events/verify",
        *_AUDIT,
        runs.verify_log,
        VerificationResponse,
        "Verify the whole audit log",
        lane="verification",
        is_large=has_pieces,
    ),
)
