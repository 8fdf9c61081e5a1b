"""API calls about workspaces: list open workspaces, find the workspace of a cell, show a workspace with its text."""

from __future__ import annotations

from typing import Any

from hitl_nb.drafts.agent_coauthor import workspace_text
from hitl_nb.errors import UnknownWorkspace
from hitl_nb.records import Workspace
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import MAX_PAGE_SIZE, WorkspaceQuery
from hitl_nb.server.messages.response_types.workspaces import WorkspaceDetail, WorkspacePage, WorkspaceSummary


def list_workspaces(request: ApiRequest) -> WorkspacePage:
    """Return a page of the open workspaces, newest first.

    If the query has `path`, `agent` and `workspace`, the page has only the workspace of that cell, with its text.

    Raises:
        UnknownWorkspace: No run of the cell has this workspace.
        ValueError: Only some of the three parameters are given.
    """
    wanted: WorkspaceQuery = request.query
    if wanted.path is not None or wanted.agent is not None or wanted.workspace is not None:
        shown = _shown_in_output(request, _find_cell_workspace(request, wanted))
        return WorkspacePage(workspaces=[shown], next=None)
    found = request.ledger.workspaces.list_open(limit=wanted.limit, after=wanted.cursor)
    return WorkspacePage(
        workspaces=[workspace_summary(request, workspace) for workspace in found],
        next=found[-1].id if len(found) == wanted.limit else None,
    )


def get_workspace(request: ApiRequest) -> WorkspaceDetail:
    """Return a workspace with its text."""
    return workspace_response(request, request.ledger.workspaces.load(request.id))


def _find_cell_workspace(request: ApiRequest, wanted: WorkspaceQuery) -> Workspace:
    """Return the workspace with the number in the query, from the newest run of the notebook and agent that has it.

    Raises:
        UnknownWorkspace: No run has this workspace.
        ValueError: `path`, `agent` or `workspace` is missing in the query.
    """
    if wanted.path is None or wanted.agent is None or wanted.workspace is None:
        raise ValueError("to name the workspace of a cell, give all of path, agent and workspace")
    notebook = request.context.notebook_file(wanted.path)
    for run in request.ledger.runs.list_newest(notebook=notebook, agent=wanted.agent, limit=MAX_PAGE_SIZE):
        if wanted.key in (None, run.key):
            for workspace in request.ledger.workspaces.list_of_run(run.id):
                if workspace.ordinal == wanted.workspace:
                    return workspace
    raise UnknownWorkspace(
        f"this server's store ({request.ledger.store.url}) has no workspace {wanted.workspace} of the agent "
        f"{wanted.agent!r} in {wanted.path}; the kernel may use another store, or the notebook was moved"
    )


def workspace_response(request: ApiRequest, workspace: Workspace) -> WorkspaceDetail:
    """Build the response about a workspace with its initial and its current text, which may be long."""
    return WorkspaceDetail.of(workspace, **_header_fields(request, workspace), **_texts(request, workspace))


def workspace_summary(request: ApiRequest, workspace: Workspace) -> WorkspaceSummary:
    """Build the response about a workspace without its text."""
    return WorkspaceSummary.of(workspace, **_header_fields(request, workspace))


def _shown_in_output(request: ApiRequest, workspace: Workspace) -> WorkspaceSummary:
    """Build an entry for a list of workspaces that also has the initial and the current text of the workspace."""
    return WorkspaceSummary.of(workspace, **_header_fields(request, workspace), **_texts(request, workspace))


def _header_fields(request: ApiRequest, workspace: Workspace) -> dict[str, Any]:
    waits = bool(workspace.proposal) and request.ledger.proposals.load(workspace.proposal).status == "open"
    return {
        "path": request.context.contents_path(workspace.notebook),
        "proposal": workspace.proposal if waits else None,
    }


def _texts(request: ApiRequest, workspace: Workspace) -> dict[str, str]:
    return {"template": workspace.template, "text": workspace_text(request.ledger, workspace)}
