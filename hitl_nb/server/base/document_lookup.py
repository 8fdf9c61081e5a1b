"""Find the draft of a proposal or workspace by its id, and whether people may still write into the draft."""

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
    """A draft (the text or value that people edit), and whether it can be changed.

    Attributes:
        draft: The draft.
        closed_reason: A sentence that says why the draft cannot be changed any more; "" if it can be changed.
    """

    draft: Draft
    closed_reason: str


def find_draft(ledger: Ledger, document: str) -> DraftAccess:
    """Return the draft of a proposal or workspace.

    Args:
        ledger: The ledger to read.
        document: Id of a workspace, or of a proposal that has a draft of its own.

    Raises:
        UnknownProposal: No proposal or workspace has this id; or the proposal asks about a workspace, so that it has no
            draft of its own.
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
