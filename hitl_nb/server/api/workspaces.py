"""The calls about workspaces: which there are, the one of a cell, what stands in one."""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.drafts.agent_coauthor import standing_in
from hitl_nb.errors import UnknownWorkspace
from hitl_nb.records import Workspace
from hitl_nb.server.messages.request import Asked
from hitl_nb.server.messages.request_schemas import MOST, WhichWorkspaces


def workspaces(asked: Asked) -> dict[str, Any]:
    wanted: WhichWorkspaces = asked.query
    if wanted.path is not None or wanted.agent is not None or wanted.workspace is not None:
        return {"workspaces": [full(asked, _of_cell(asked, wanted))], "next": None}
    found = asked.ledger.open_workspaces(limit=wanted.limit, after=wanted.cursor)
    shown = [summary(asked, w) for w in found]
    return {"workspaces": shown, "next": found[-1].id if len(found) == wanted.limit else None}


def workspace(asked: Asked) -> dict[str, Any]:
    return full(asked, asked.ledger.workspace(asked.id))


def _of_cell(asked: Asked, wanted: WhichWorkspaces) -> Workspace:
    """The workspace that a cell's output names: one of the notebook's newest run of the agent."""
    if wanted.path is None or wanted.agent is None or wanted.workspace is None:
        raise ValueError("the workspace of a cell is named by all of path, agent and workspace")
    notebook = asked.desk.notebook(wanted.path)
    for run in asked.ledger.runs(notebook=notebook, agent=wanted.agent, limit=MOST):
        if wanted.key in (None, run.key):
            for w in asked.ledger.workspaces(run.id):
                if w.ordinal == wanted.workspace:
                    return w
    raise UnknownWorkspace(
        f"this server's store ({asked.ledger.store.url}) knows no workspace {wanted.workspace} of the agent "
        f"{wanted.agent!r} in {wanted.path}; the kernel may use another store, or the notebook was moved"
    )


def full(asked: Asked, w: Workspace) -> dict[str, Any]:
    return {**summary(asked, w), "template": w.template, "text": standing_in(asked.ledger, w)}


def summary(asked: Asked, w: Workspace) -> dict[str, Any]:
    """A workspace without what may be long, and with the question that waits, if one does."""
    shown: dict[str, Any] = {**msgspec.to_builtins(w), "path": asked.desk.path(w.notebook)}
    del shown["template"]
    waits = bool(w.proposal) and asked.ledger.proposal(w.proposal).status == "open"
    return {**shown, "proposal": w.proposal if waits else None}
