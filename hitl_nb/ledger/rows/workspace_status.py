"""Changes of a workspace's status (in review, done, closed), each one inside a transaction."""

from __future__ import annotations

import msgspec

from hitl_nb.errors import UnknownWorkspace, WorkspaceClosed
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import Proposal, Workspace, WorkspaceStatus, now
from hitl_nb.storage.interface import Transaction


def mark_in_review(transaction: Transaction, proposal: Proposal, actor: str) -> Digests:
    """Record that a proposal asks people whether its workspace is done.

    Returns:
        Digests for the caller's event.

    Raises:
        WorkspaceClosed: The workspace is closed.
        UnknownWorkspace: The workspace does not exist.
    """
    workspace = require_workspace(rows.load_workspace(transaction, proposal.document), proposal.document)
    if workspace.status == "closed":
        raise WorkspaceClosed(f"the workspace {workspace.title!r} is closed for good: nobody can decide on it")
    if workspace.status == "done":
        set_status(transaction, workspace, "open", actor, proposal=proposal.id)
        return {}
    return rows.put_workspace(transaction, msgspec.structs.replace(workspace, proposal=proposal.id, updated_at=now()))


def mark_done(transaction: Transaction, proposal: Proposal, actor: str) -> None:
    """Set the status of a proposal's workspace to "done" after the decision. No effect if it is not open."""
    workspace = rows.load_workspace(transaction, proposal.document)
    if workspace is not None and workspace.status == "open":
        set_status(transaction, workspace, "done", actor)


def refuse_unless_open(workspace: Workspace) -> None:
    """Check that people may write into a workspace.

    Raises:
        WorkspaceClosed: The workspace is done or closed; the message is for people.
    """
    if workspace.status == "done":
        raise WorkspaceClosed(
            f"the workspace {workspace.title!r} is decided; it is open again when the agent writes on"
        )
    if workspace.status == "closed":
        raise WorkspaceClosed(f"the workspace {workspace.title!r} is closed: its agent has finished with it")


def close_all(transaction: Transaction, run_id: str, actor: str) -> None:
    """Close the workspaces of a run that has ended."""
    for workspace in rows.load_workspaces(transaction, run_id):
        set_status(transaction, workspace, "closed", actor)


def set_status(
    transaction: Transaction, workspace: Workspace, status: WorkspaceStatus, actor: str, *, proposal: str | None = None
) -> Workspace:
    """Change the status or the proposal of a workspace, and append an event. No effect without a change.

    Args:
        transaction: The transaction to write in.
        workspace: The workspace.
        status: The new status.
        actor: User or process that makes the change, for the event.
        proposal: Id of the proposal about the workspace; "": none. None (default): unchanged.

    Returns:
        The workspace afterwards.
    """
    now_is = msgspec.structs.replace(
        workspace, status=status, proposal=workspace.proposal if proposal is None else proposal
    )
    if now_is == workspace:
        return workspace
    now_is = msgspec.structs.replace(now_is, updated_at=now())
    put_logged(transaction, {"open": "reopened"}.get(status, status), now_is, actor)
    return now_is


def put_logged(transaction: Transaction, what: str, workspace: Workspace, actor: str) -> None:
    """Store a workspace, and append the event `workspace.<what>`."""
    records = rows.put_workspace(transaction, workspace)
    data = {"workspace": workspace.id, "title": workspace.title}
    about = workspace.proposal or None
    chain.append_event(
        transaction, f"workspace.{what}", actor=actor, run=workspace.run, proposal=about, data=data, records=records
    )


def require_workspace(workspace: Workspace | None, workspace_id: str) -> Workspace:
    """Return the workspace if it is not None.

    Raises:
        UnknownWorkspace: `workspace` is None.
    """
    if workspace is None:
        raise UnknownWorkspace(f"there is no workspace {workspace_id!r} in this store; its run may have been forgotten")
    return workspace
