"""Who may write into a workspace, as it changes: asked about, decided, closed; each as part of a transaction."""

from __future__ import annotations

import msgspec

from hitl_nb.errors import UnknownWorkspace, WorkspaceClosed
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import Proposal, Workspace, WorkspaceStatus, now
from hitl_nb.storage.interface import Transaction


def asked(tx: Transaction, p: Proposal, actor: str) -> Digests:
    """People are asked whether the proposal's workspace is done; digests for the caller's event.

    Raises WorkspaceClosed, UnknownWorkspace.
    """
    w = known(rows.load_workspace(tx, p.document), p.document)
    if w.status == "closed":
        raise WorkspaceClosed(f"the workspace {w.title!r} is closed for good: nobody can decide on it")
    if w.status == "done":
        moved(tx, w, "open", actor, proposal=p.id)
        return {}
    return rows.put_workspace(tx, msgspec.structs.replace(w, proposal=p.id, updated_at=now()))


def done(tx: Transaction, p: Proposal, actor: str) -> None:
    """People decided on the proposal's workspace."""
    w = rows.load_workspace(tx, p.document)
    if w is not None and w.status == "open":
        moved(tx, w, "done", actor)


def refuse_unless_open(w: Workspace) -> None:
    """Raises WorkspaceClosed, with a sentence for people, if nobody writes into it now."""
    if w.status == "done":
        raise WorkspaceClosed(f"the workspace {w.title!r} is decided; it is open again when the agent writes on")
    if w.status == "closed":
        raise WorkspaceClosed(f"the workspace {w.title!r} is closed: its agent has finished with it")


def close_all(tx: Transaction, run_id: str, actor: str) -> None:
    """Close the workspaces of a run that has ended."""
    for w in rows.load_workspaces(tx, run_id):
        moved(tx, w, "closed", actor)


def moved(
    tx: Transaction, w: Workspace, status: WorkspaceStatus, actor: str, *, proposal: str | None = None
) -> Workspace:
    """Store a workspace with this status, or about this proposal; an event tells of it."""
    now_is = msgspec.structs.replace(w, status=status, proposal=w.proposal if proposal is None else proposal)
    if now_is == w:
        return w
    now_is = msgspec.structs.replace(now_is, updated_at=now())
    put_logged(tx, {"open": "reopened"}.get(status, status), now_is, actor)
    return now_is


def put_logged(tx: Transaction, what: str, w: Workspace, actor: str) -> None:
    """Store a workspace, and append the event that something happened to it."""
    records = rows.put_workspace(tx, w)
    data = {"workspace": w.id, "title": w.title}
    about = w.proposal or None
    chain.append(tx, f"workspace.{what}", actor=actor, run=w.run, proposal=about, data=data, records=records)


def known(w: Workspace | None, workspace_id: str) -> Workspace:
    """`w`, if it is there. Raises UnknownWorkspace."""
    if w is None:
        raise UnknownWorkspace(f"there is no workspace {workspace_id!r} in this store; its run may have been forgotten")
    return w
