"""Changes of a workspace's status, each one inside a transaction.

A workspace is open (agent and people write), done (people have decided on its text) or closed (nobody writes any more).
"""

from __future__ import annotations

import msgspec

from hitl_nb.errors import UnknownWorkspace, WorkspaceClosed
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import Proposal, Workspace, WorkspaceStatus, now
from hitl_nb.storage.interface import Transaction


def mark_in_review(transaction: Transaction, proposal: Proposal, actor: str) -> Digests:
    """Record in a workspace that a new proposal asks people whether its text is done.

    Args:
        transaction: The transaction that stores the proposal.
        proposal: The proposal; `document` is the id of the workspace.
        actor: User or process that the audit log event names.

    Returns:
        Digest of the workspace by its key, for the caller's event. Empty if the workspace was done: it is opened again
        then, and this function appends an event of its own.

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
    """Set the status of the workspace that a proposal decides to "done". No effect if the workspace is not open."""
    workspace = rows.load_workspace(transaction, proposal.document)
    if workspace is not None and workspace.status == "open":
        set_status(transaction, workspace, "done", actor)


def refuse_unless_open(workspace: Workspace) -> None:
    """Raise an error if people may not write into a workspace, because its status is not "open".

    Raises:
        WorkspaceClosed: The workspace is done or closed.
    """
    if workspace.status == "done":
        raise WorkspaceClosed(
            f"the workspace {workspace.title!r} is decided; it is open again when the agent writes on"
        )
    if workspace.status == "closed":
        raise WorkspaceClosed(f"the workspace {workspace.title!r} is closed: its agent has finished with it")


def close_all(transaction: Transaction, run_id: str, actor: str) -> None:
    """Close all workspaces of a run that has ended, permanently."""
    for workspace in rows.load_workspaces(transaction, run_id):
        set_status(transaction, workspace, "closed", actor)


def set_status(
    transaction: Transaction, workspace: Workspace, status: WorkspaceStatus, actor: str, *, proposal: str | None = None
) -> Workspace:
    """Change the status of a workspace, or the proposal that asks about it, and append an event.

    If nothing would change, nothing is written.

    Args:
        transaction: The transaction to write in.
        workspace: The workspace.
        status: The new status.
        actor: User or process that makes the change, for the audit log event.
        proposal: Id of the proposal that asks whether the workspace is done; "": no proposal. None (default):
            unchanged.

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
    """Store a workspace, and append an event about it.

    Args:
        transaction: The transaction to write in.
        what: Last part of the event's type, for example "opened" for `workspace.opened`.
        workspace: The workspace to store.
        actor: User or process that the audit log event names.
    """
    records = rows.put_workspace(transaction, workspace)
    data = {"workspace": workspace.id, "title": workspace.title}
    about = workspace.proposal or None
    chain.append_event(
        transaction, f"workspace.{what}", actor=actor, run=workspace.run, proposal=about, data=data, records=records
    )


def require_workspace(workspace: Workspace | None, workspace_id: str) -> Workspace:
    """Return `workspace`, or raise an error if it is None.

    Args:
        workspace: The workspace that was found; None: there is none.
        workspace_id: The id, for the error message.

    Raises:
        UnknownWorkspace: `workspace` is None.
    """
    if workspace is None:
        raise UnknownWorkspace(f"there is no workspace {workspace_id!r} in this store; its run may have been forgotten")
    return workspace
