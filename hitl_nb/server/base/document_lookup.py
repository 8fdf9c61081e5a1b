"""Find the draft that belongs to a document's id (of a proposal or workspace), and whether people may write to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import AlreadyDecided, UnknownProposal, WorkspaceClosed
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.workspace_status import refuse_unless_open
from hitl_nb.policies.terms.closed_proposals import refuse_closed


@dataclass(frozen=True)
class DraftAccess:
    """A draft and its status.

    Attributes:
        draft: The draft.
        closed_reason: A sentence that says why the draft cannot be changed any more; "" while it is open.
    """

    draft: Draft
    closed_reason: str


def find_draft(ledger: Ledger, document: str) -> DraftAccess:
    """Return the draft of a document.

    Args:
        ledger: The ledger to read.
        document: Id of a workspace, or of a proposal that has a document of its own.

    Raises:
        UnknownProposal: No proposal or workspace has this id, or the proposal is about another document.
    """
    workspace = ledger.workspaces.find(document)
    if workspace is not None:
        return DraftAccess(
            Draft.for_workspace(ledger.store, workspace), _refusal_reason(lambda: refuse_unless_open(workspace))
        )
    proposal = ledger.proposals.load(document)
    if proposal.document:
        raise UnknownProposal(
            f"proposal {proposal.id} has no document of its own; it is about the workspace {proposal.document}"
        )
    return DraftAccess(Draft.for_proposal(ledger.store, proposal), _refusal_reason(lambda: refuse_closed(proposal)))


def _refusal_reason(refuse: Callable[[], None]) -> str:
    try:
        refuse()
    except (AlreadyDecided, WorkspaceClosed) as over:
        return str(over)
    return ""
