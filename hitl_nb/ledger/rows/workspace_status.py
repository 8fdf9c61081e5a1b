"""Who may write into a workspace, as it changes: asked about, decided, closed; each as part of a transaction."""

from __future__ import annotations

import msgspec

from hitl_nb.errors import UnknownWorkspace, WorkspaceClosed
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import Proposal, Workspace, WorkspaceStatus, now
from hitl_nb.storage.interface import Transaction


def mark_in_review(transaction: Transaction, proposal: Proposal, actor: str) -> Digests:
    """People are asked whether the proposal's workspace is done; digests for the caller's event.

    Raises WorkspaceClosed, UnknownWorkspace.
    """
    workspace = require_workspace(rows.load_workspace(transaction, proposal.document), proposal.document)
    if workspace.status == "closed":
        raise WorkspaceClosed(f"the workspace {workspace.title!r} is closed for good: nobody can decide on it")
    if workspace.status == "done":
        set_status(transaction, workspace, "open", actor, proposal=proposal.id)
        return {}
    return rows.put_workspace(transaction, msgspec.structs.replace(workspace, proposal=proposal.id, updated_at=now()))


def mark_done(transaction: Transaction, proposal: Proposal, actor: str) -> None:
    """People decided on the proposal's workspace."""
    workspace = rows.load_workspace(transaction, proposal.document)
    if workspace is not None and workspace.status == "open":
        set_status(transaction, workspace, "done", actor)


def refuse_unless_open(workspace: Workspace) -> None:
    """Raises WorkspaceClosed, with a sentence for people, if nobody writes into it now."""
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
    """Store a workspace with this status, or about this proposal; an event tells of it."""
    now_is = msgspec.structs.replace(
        workspace, status=status, proposal=workspace.proposal if proposal is None else proposal
    )
    if now_is == workspace:
        return workspace
    now_is = msgspec.structs.replace(now_is, updated_at=now())
    put_logged(transaction, {"open": "reopened"}.get(status, status), now_is, actor)
    return now_is


def put_logged(transaction: Transaction, what: str, workspace: Workspace, actor: str) -> None:
    """Store a workspace, and append the event that something happened to it."""
    records = rows.put_workspace(transaction, workspace)
    data = {"workspace": workspace.id, "title": workspace.title}
    about = workspace.proposal or None
    chain.append_event(
        transaction, f"workspace.{what}", actor=actor, run=workspace.run, proposal=about, data=data, records=records
    )


def require_workspace(workspace: Workspace | None, workspace_id: str) -> Workspace:
    """`w`, if it is there. Raises UnknownWorkspace."""
    if workspace is None:
        raise UnknownWorkspace(f"there is no workspace {workspace_id!r} in this store; its run may have been forgotten")
    return workspace
