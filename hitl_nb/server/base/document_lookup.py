"""What a document's id stands for: a proposal's draft, a workspace, or nothing; and whether people may write there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import AlreadyDecided, UnknownProposal, WorkspaceClosed
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.workspace_status import refuse_unless_open
from hitl_nb.policies.terms.closed_proposals import refuse_closed


@dataclass(frozen=True)
class Subject:
    """A draft, and why nobody writes it any more, in a sentence; "" as long as it is open."""

    draft: Draft
    closed: str


def subject(ledger: Ledger, document: str) -> Subject:
    """The draft with this document's id. Raises UnknownProposal, also for a proposal that has another document."""
    w = ledger.find_workspace(document)
    if w is not None:
        return Subject(Draft.within(ledger.store, w), _why(lambda: refuse_unless_open(w)))
    p = ledger.proposal(document)
    if p.document:
        raise UnknownProposal(f"proposal {p.id} has no document of its own; it is about the workspace {p.document}")
    return Subject(Draft.of(ledger.store, p), _why(lambda: refuse_closed(p)))


def _why(refuse: Callable[[], None]) -> str:
    try:
        refuse()
    except (AlreadyDecided, WorkspaceClosed) as over:
        return str(over)
    return ""
