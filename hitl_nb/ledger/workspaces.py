"""Workspaces: documents that an agent and people write together, from opening to closing.

The text of a workspace is in the update log of its document (`ledger/documents/update_log.py`). This module keeps the
record and the status, which determines who may write. "open": the agent and people. "done" (people have decided on the
text): only the agent, whose next write makes the workspace "open" again. "closed": nobody.
"""

from __future__ import annotations

from hitl_nb.errors import WorkspaceClosed, WorkspaceInUse
from hitl_nb.ledger.decisions.decision_verification import verify_decision
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.page_limits import check_limit
from hitl_nb.ledger.rows.workspace_status import put_logged, require_workspace, set_status
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.records import KindName, Workspace, new_id, now
from hitl_nb.storage.interface import Store, Transaction

_PAGE_SIZE = 200


class Workspaces:
    """The workspaces of a store.

    Args:
        store: The store of the workspaces.
        store_id: Id of the store, for the check of signatures.
        claims: Rights of this process to execute runs (claims). Writes of a run are checked against them.
    """

    def __init__(self, store: Store, store_id: str, claims: Claims) -> None:
        self._store = store
        self._store_id = store_id
        self._claims = claims

    def open(
        self, claim: Claim, *, title: str, kind: KindName = "markdown", template: str = "", position: str
    ) -> Workspace:
        """Create a workspace of a run, durably. If this position of the run has created one already, return that one.

        Args:
            claim: This process's exclusive right to execute the run.
            title: Title of the workspace.
            kind: Name of a kind whose values are texts. Default: "markdown".
            template: Initial text of the document. Default: "".
            position: Position in the run's code at which the workspace is opened. Code that is executed again there
                gets the same workspace.

        Returns:
            The workspace that was opened at `position`.

        Raises:
            WorkspaceInUse: Another open workspace of the run has this title.
            RunClaimed: Another process has taken over the run.
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

    def load(self, workspace_id: str) -> Workspace:
        """Return the workspace with this id.

        Raises:
            UnknownWorkspace: No workspace has this id.
        """
        return require_workspace(rows.load_workspace(self._store, workspace_id), workspace_id)

    def find(self, workspace_id: str) -> Workspace | None:
        """Return the workspace with this id; None if there is none."""
        return rows.load_workspace(self._store, workspace_id)

    def list_of_run(self, run_id: str) -> list[Workspace]:
        """Return a run's workspaces in the order in which they were opened."""
        return rows.load_workspaces(self._store, run_id) if layout.is_id(run_id) else []

    def list_open(self, *, limit: int = 50, after: str | None = None) -> list[Workspace]:
        """Return workspaces that are not closed, newest first.

        Args:
            limit: Most workspaces to return, 1 or more.
            after: Id of the last workspace of the previous page. None (default): begin with the newest one.

        Raises:
            UnknownWorkspace: No workspace has the id `after`.
            ValueError: `limit` is below 1.
        """
        check_limit(limit)
        stop = "writing0" if after is None else layout.writing_key(self.load(after))
        found: list[Workspace] = []
        while pairs := self._store.scan("writing/", stop, limit=max(limit, _PAGE_SIZE), reverse=True):
            for entry in pairs:
                workspace = rows.load_workspace(self._store, layout.decode_index_id(*entry))
                if workspace is not None and workspace.status != "closed":
                    found.append(workspace)
                if len(found) == limit:
                    return found
            stop = pairs[-1][0]
        return found

    def find_decided_text(self, workspace: Workspace) -> str | None:
        """Return the text of a workspace that people have approved or edited in a decision.

        Returns:
            The text; None if people have not approved it, or if the agent has written since.

        Raises:
            StoreCorrupt: The decision is not the one in the audit log.
            Untrusted: The decision has a signature that is not of a known server.
        """
        proposal = rows.load_proposal(self._store, workspace.proposal) if workspace.proposal else None
        if proposal is None or proposal.decision is None or proposal.decision.action not in ("approve", "edit"):
            return None
        verify_decision(self._store, self._store_id, proposal)
        return proposal.value if proposal.decision.action == "approve" else proposal.decision.value

    def begin_writing(self, claim: Claim, workspace_id: str, *, inside: bool = False) -> Workspace:
        """Set the status of a workspace to "open", durably, before the agent writes into it.

        A question whether the text is done no longer counts then. No effect if the workspace is open without such a
        question.

        Args:
            claim: This process's exclusive right to execute the run.
            workspace_id: Id of the workspace.
            inside: Whether the agent's code is inside the `with` block of the workspace. If True, a closed workspace is
                opened again too: the run has left the block before and now executes it again. Default: False.

        Returns:
            The workspace afterwards.

        Raises:
            WorkspaceClosed: The workspace is closed, and `inside` is False.
            UnknownWorkspace: No workspace has this id.
            RunClaimed: Another process has taken over the run.
        """
        self._claims.check(claim)
        workspace = self.load(workspace_id)
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

    def close(self, claim: Claim, workspace_id: str) -> Workspace:
        """Close a workspace permanently: nobody can write into it any more. No effect if it is closed.

        Raises:
            UnknownWorkspace: No workspace has this id.
            RunClaimed: Another process has taken over the run.
        """

        def work(transaction: Transaction) -> Workspace:
            return set_status(
                transaction,
                require_workspace(rows.load_workspace(transaction, workspace_id), workspace_id),
                "closed",
                claim.owner,
            )

        return self._claims.write(claim, work)
