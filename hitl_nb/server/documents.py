"""What a document's id stands for: an open proposal's draft, one that is no longer open, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from hitl_nb.errors import AlreadyDecided
from hitl_nb.review.draft import Draft
from hitl_nb.store.ledger import Ledger
from hitl_nb.store.waiting import refuse_closed


@dataclass(frozen=True)
class Subject:
    """A draft, and why nobody writes it any more, in a sentence; "" as long as it is open."""

    draft: Draft
    closed: str


def subject(ledger: Ledger, document: str) -> Subject:
    """The draft with this document's id. Raises UnknownProposal."""
    p = ledger.proposal(document)
    try:
        refuse_closed(p)
    except AlreadyDecided as over:
        return Subject(Draft.of(ledger.store, p), str(over))
    return Subject(Draft.of(ledger.store, p), "")
