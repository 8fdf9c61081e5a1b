"""Responses about workspaces, and to scripts that write workspaces through the server."""

from __future__ import annotations

from typing import Any, Literal, Self

from msgspec import UNSET, UnsetType

from hitl_nb.records import Workspace, WorkspaceStatus
from hitl_nb.server.messages.response_types.base import At, Count, Id, ResponseStruct, same_fields
from hitl_nb.server.messages.response_types.comments import CommentInfo
from hitl_nb.server.messages.response_types.kind_names import KindName
from hitl_nb.server.messages.response_types.proposals import ProposalDetail
from hitl_nb.structs import prepare_structs


class WorkspaceHeader(ResponseStruct):
    """Fields that every response about a workspace has.

    `kind` is one of the text kinds. `path` is the notebook's path below the server's folder; null if it is outside.
    `status` "done": people have decided, and only the agent writes next; "closed": closed for good. `proposal` is the
    id of the open question whether the workspace is done, or null.
    """

    id: Id
    title: str
    kind: KindName
    run: Id
    agent: str
    notebook: str
    path: str | None
    key: str
    ordinal: Count
    position: str
    status: WorkspaceStatus
    proposal: Id | None
    created_at: At
    updated_at: At

    @classmethod
    def of(cls, record: Workspace, *, path: str | None, proposal: str | None, **more: Any) -> Self:
        """Build the response from a workspace.

        Args:
            record: The workspace.
            path: The notebook's path below the server's folder; None if it is outside.
            proposal: Id of its open proposal; None if there is none.
            **more: Its template and its text. Without them, the response does not have these fields.
        """
        changed: dict[str, Any] = {"template": UNSET, "path": path, "proposal": proposal, **more}
        return cls(**(same_fields(cls, record) | changed))


class WorkspaceSummary(WorkspaceHeader):
    """A document that an agent and people write together; its id is also the document's id.

    `path` is the notebook's path below the server's folder; null if it is outside. `proposal` is the open question
    whether the document is done. `template` and `text` are set only for the workspace that a cell's output names.
    """

    template: str | UnsetType = UNSET
    text: str | UnsetType = UNSET


class WorkspaceDetail(WorkspaceHeader):
    """A workspace with the template that it started from, and its current text, or the text that people agreed to."""

    template: str
    text: str


class WorkspacePage(ResponseStruct):
    """A page of workspaces; `next` is the cursor of the next page, null at the end."""

    workspaces: list[WorkspaceSummary]
    next: Id | None


WriteOutcome = Literal["done", "suggested", "going", "busy"]


class RemoteWriteResult(ResponseStruct):
    """Result of a script's edit or comment; `comment` is set if it is a comment.

    "going": the stream is not complete yet. "busy": a person is writing there, and nothing was done.
    """

    outcome: WriteOutcome
    comment: CommentInfo | None


class RemoteReadResult(ResponseStruct):
    """Text or comments for a script. A repeated call with the same key gets the same answer."""

    text: str | UnsetType = UNSET
    comments: list[CommentInfo] | UnsetType = UNSET


class RemoteReviewResult(ResponseStruct):
    """The question of a script with its decision, if there is one, and the comments as they were at that time."""

    proposal: ProposalDetail


class WorkspaceResponse(ResponseStruct):
    """The workspace, which is closed for good."""

    workspace: WorkspaceSummary


prepare_structs(globals())
