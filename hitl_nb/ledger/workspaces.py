"""Workspaces: documents that an agent and people write together, from the opening of one to its end.

What stands in it is in its document's log (`ledger/documents/update_log.py`). Here is what it is and who may write: an
open one, the agent and people; one that people decided on is done, and nobody until the agent writes again; a closed
one, nobody.
"""

from __future__ import annotations

from hitl_nb.errors import WorkspaceClosed, WorkspaceInUse
from hitl_nb.ledger.decisions.decisions import verify_decision
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.workspace_status import put_logged, require_workspace, set_status
from hitl_nb.ledger.runs.claims import Claim, Claims
from hitl_nb.records import KindName, Workspace, new_id, now
from hitl_nb.storage.interface import Store, Transaction

_PAGE_SIZE = 200


class Workspaces:
    """The workspaces of a store."""

    store: Store
    store_id: str
    _claims: Claims

    def open_workspace(
        self, claim: Claim, *, title: str, kind: KindName = "markdown", template: str = "", position: str
    ) -> Workspace:
        """Open a workspace of a run, durably; the one that was opened at this position, if one was.

        Raises WorkspaceInUse if another open one of the run has this title; RunClaimed if the run was taken over.
        """
        new, born = new_id(), now()

        def work(transaction: Transaction) -> Workspace:
            there = rows.load_workspaces(transaction, claim.run)
            for workspace in there:
                if workspace.position == position:
                    return workspace
                if workspace.title == title and workspace.status != "closed":
                    raise WorkspaceInUse(
                        f"this run has an open workspace {title!r} already; give this one another title, "
                        "or leave the with block of the other one first"
                    )
            run = rows.load_run(transaction, claim.run)
            made = Workspace(
                id=new,
                title=title,
                kind=kind,
                template=template,
                run=run.id,
                agent=run.agent,
                notebook=run.notebook,
                key=run.key,
                ordinal=len(there) + 1,
                position=position,
                created_at=born,
                updated_at=born,
            )
            put_logged(transaction, "opened", made, claim.owner)
            return made

        return self._claims.write(claim, work)

    def load_workspace(self, workspace_id: str) -> Workspace:
        """The workspace with this id. Raises UnknownWorkspace."""
        return require_workspace(rows.load_workspace(self.store, workspace_id), workspace_id)

    def find_workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace with this id, if there is one."""
        return rows.load_workspace(self.store, workspace_id)

    def list_workspaces(self, run_id: str) -> list[Workspace]:
        """A run's workspaces in the order opened."""
        return rows.load_workspaces(self.store, run_id) if rows.is_id(run_id) else []

    def list_open_workspaces(self, *, limit: int = 50, after: str | None = None) -> list[Workspace]:
        """At most `limit` workspaces that are not closed, newest first, that follow the workspace `after`.

        Raises UnknownWorkspace, ValueError.
        """
        if limit < 1:
            raise ValueError(f"limit must be 1 or more, not {limit}")
        stop = "writing0" if after is None else rows.writing_key(self.load_workspace(after))
        found: list[Workspace] = []
        while pairs := self.store.scan("writing/", stop, limit=max(limit, _PAGE_SIZE), reverse=True):
            for entry in pairs:
                workspace = rows.load_workspace(self.store, rows.decode_index_id(*entry))
                if workspace is not None and workspace.status != "closed":
                    found.append(workspace)
                if len(found) == limit:
                    return found
            stop = pairs[-1][0]
        return found

    def find_decided_text(self, workspace: Workspace) -> str | None:
        """The text that people agreed to and nobody has changed since; None if there is none.

        Raises StoreCorrupt, Untrusted for a decision that cannot be used.
        """
        proposal = rows.load_proposal(self.store, workspace.proposal) if workspace.proposal else None
        if proposal is None or proposal.decision is None or proposal.decision.action not in ("approve", "edit"):
            return None
        verify_decision(self.store, self.store_id, proposal)
        return proposal.value if proposal.decision.action == "approve" else proposal.decision.value

    def begin_writing(self, claim: Claim, workspace_id: str, *, inside: bool = False) -> Workspace:
        """The agent is about to write: a workspace that was done is open again, durably.

        Args:
            inside: the run stands in its with block, so it is open again even if an earlier try had left that.

        Raises WorkspaceClosed, UnknownWorkspace; RunClaimed if the run was taken over.
        """
        self._claims.check(claim)
        workspace = self.load_workspace(workspace_id)
        if workspace.status == "open" and not workspace.proposal:
            return workspace

        def work(transaction: Transaction) -> Workspace:
            workspace = require_workspace(rows.load_workspace(transaction, workspace_id), workspace_id)
            if workspace.status == "closed" and not inside:
                raise WorkspaceClosed(
                    f"the workspace {workspace.title!r} is closed for good; open another one to write more"
                )
            return set_status(transaction, workspace, "open", claim.owner, proposal="")

        return self._claims.write(claim, work)

    def check_claim(self, claim: Claim) -> None:
        """Raises RunClaimed if the run was taken over."""
        self._claims.check(claim)

    def close_workspace(self, claim: Claim, workspace_id: str) -> Workspace:
        """Close a workspace for good; a closed one stays as it is. Raises UnknownWorkspace, RunClaimed."""

        def work(transaction: Transaction) -> Workspace:
            return set_status(
                transaction,
                require_workspace(rows.load_workspace(transaction, workspace_id), workspace_id),
                "closed",
                claim.owner,
            )

        return self._claims.write(claim, work)
