"""Responses about workspaces, and responses to scripts that write workspaces through the server."""

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

    `kind` is a kind of text. `path` is the notebook's path below the server's root folder; null if the notebook is
    outside. `ordinal` is the number of the workspace in its run, from 1. `status` "open": people and the agent may
    write; "done": people have decided, and nobody may write until the agent writes again; "closed": closed for good.
    `proposal` is the id of the open proposal that asks whether the workspace is done, or null.
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
            path: The notebook's path below the server's folder; None if the notebook is outside.
            proposal: Id of the open proposal about the workspace; None if there is none.
            **more: The fields `template` and `text`. If they are not given, the response does not have them.
        """
        changed: dict[str, Any] = {"template": UNSET, "path": path, "proposal": proposal, **more}
        return cls(**(same_fields(cls, record) | changed))


class WorkspaceSummary(WorkspaceHeader):
    """A workspace, a document that an agent and people write together. Its id is also the id of the document.

    `template` and `text` are the initial and the current text. They are set only if the request identified the
    workspace of a cell.
    """

    template: str | UnsetType = UNSET
    text: str | UnsetType = UNSET


class WorkspaceDetail(WorkspaceHeader):
    """A workspace with its initial text (`template`) and its current text.

    After an approval or an edit, the current text is the decided text, until the agent writes again.
    """

    template: str
    text: str


class WorkspacePage(ResponseStruct):
    """A page of workspaces. `next` is the value of the parameter `cursor` for the next page; null at the end."""

    workspaces: list[WorkspaceSummary]
    next: Id | None


WriteOutcome = Literal["done", "suggested", "going", "busy"]


class RemoteWriteResult(ResponseStruct):
    """Result of a script's edit or comment.

    `outcome` "done": the call took effect. "suggested": the edit became a suggestion, because a person was writing in
    the same paragraph. "going": a part of a stream was written, and the stream is not complete. "busy": a person is
    writing in the same paragraph, and nothing was done. `comment` is the comment that was made or changed; null for an
    edit.
    """

    outcome: WriteOutcome
    comment: CommentInfo | None


class RemoteReadResult(ResponseStruct):
    """The text or the comments of a script's workspace. A repeated call with the same key gets the same answer."""

    text: str | UnsetType = UNSET
    comments: list[CommentInfo] | UnsetType = UNSET


class RemoteReviewResult(ResponseStruct):
    """The proposal of a script. If people have decided, it has the decision, and the comments at that time."""

    proposal: ProposalDetail


class WorkspaceResponse(ResponseStruct):
    """The workspace, which is closed for good."""

    workspace: WorkspaceSummary


prepare_structs(globals())
