"""Routes of documents that agents and people write together."""

from __future__ import annotations

from hitl_nb.server.api.route import LARGE, READ, WRITE, Route
from hitl_nb.server.calls import drafts, workspaces
from hitl_nb.server.calls import remote_workspaces as scripts
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages.request_weights import (
    is_about_something_large,
)
from hitl_nb.server.messages.response_types.proposals import (
    DraftHistory,
)
from hitl_nb.server.messages.response_types.workspaces import (
    RemoteReadResult,
    RemoteReviewResult,
    RemoteWriteResult,
    WorkspaceDetail,
    WorkspacePage,
    WorkspaceResponse,
)

WORKSPACE_ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "documents/{id}/history",
        *READ,
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
        *READ,
        workspaces.list_workspaces,
        WorkspacePage,
        "List open workspaces, newest first, or show the one of a cell",
        query=bodies.WorkspaceQuery,
        errors=(404,),
    ),
    Route(
        "GET",
        "workspaces/{id}",
        *READ,
        workspaces.get_workspace,
        WorkspaceDetail,
        "Show one workspace with its text",
        lane="values",
        is_large=is_about_something_large,
    ),
    Route(
        "POST",
        "workspaces",
        *WRITE,
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
        *WRITE,
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
        *WRITE,
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
        *WRITE,
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
        *WRITE,
        scripts.close_workspace,
        WorkspaceResponse,
        "Close a remote workspace for good",
        body=bodies.RemoteCloseRequest,
        errors=(409,),
    ),
)
