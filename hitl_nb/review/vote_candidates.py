"""Update of a proposal's draft after a vote that edits the value, so that the next reviewer starts from the edit.

The draft is the text in the proposal's editor. If several people must agree, the edited value becomes the *candidate*,
the value that people vote on.
"""

from __future__ import annotations

from msgspec import UNSET

from hitl_nb.drafts import document
from hitl_nb.drafts.draft import Draft
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.policies.terms.vote_counts import current_value
from hitl_nb.records import Proposal


def follow_candidate(ledger: Ledger, before: Proposal, after: Proposal) -> None:
    """Write the value that people vote on into the proposal's draft (the text in its editor), after a vote.

    Nothing is written if the proposal is closed, if nobody has edited the value, or if the draft differs from the value
    before the vote: then somebody has edited it meanwhile.

    Args:
        ledger: Ledger that has the proposal.
        before: The proposal before the vote.
        after: The proposal after the vote.

    Raises:
        StoreError: The draft cannot be read or written.
    """
    if after.status != "open" or after.candidate is UNSET:
        return
    draft = Draft.for_proposal(ledger.store, after)
    says = draft.read_value()
    if document.are_equal(says, current_value(before)) and not document.are_equal(says, after.candidate):
        by = next(vote for vote in reversed(after.votes) if vote.action == "edit")
        draft.write_value(after.candidate, by.reviewer, by.reviewer_name)
