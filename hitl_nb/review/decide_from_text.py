"""Deciding in words: what a person types becomes a decision.

`hitl-nb approve|edit|reject|respond` and `%hitl` both end here, so that the same text means the same decision in
the terminal and in the notebook. A decision is bound to the proposal that the person saw, not to its id alone.
"""

from __future__ import annotations

from hitl_nb.errors import HitlError
from hitl_nb.kinds.questions import parse_edit
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.requesters import os_user
from hitl_nb.records import Action, Proposal
from hitl_nb.review import doubt_texts as doubts
from hitl_nb.review.vote_candidates import follow_candidate


def reviewer_name() -> str:
    """The operating system's name of the person who runs this process (not what the environment claims)."""
    return os_user()


def decide_from_text(
    ledger: Ledger,
    seen: Proposal | str,
    action: Action,
    text: str | None = None,
    *,
    reason: str | None = None,
    reviewer: str | None = None,
) -> Proposal:
    """Decide a proposal in words and return its record.

    Args:
        ledger: where the proposal is kept.
        seen: the proposal as the person saw it, or its id (or an id's unique beginning) to decide what it is now.
        action: "approve", "edit", "reject" or "respond".
        text: for "edit" the new value, in the form of its kind (see `values.parse_edit`); for "respond" the message.
        reason: why; kept with the decision.
        reviewer: who decides; the operating system's user if left out.

    Raises:
        InvalidEdit: `text` is no such value.
        AlreadyDecided, StaleDraft, UnknownProposal: see there.
        HitlError: the proposal does not allow `action`, or `text` is missing or too much.
    """
    proposal = ledger.load_proposal(seen) if isinstance(seen, str) else seen
    value = _decision_value(proposal, action, text) if proposal.status == "open" else None
    done = ledger.decide(
        proposal.id,
        action,
        value=value,
        reason=(reason or "").strip() or None,
        reviewer=reviewer or reviewer_name(),
        fingerprint=proposal.fingerprint,
        revision=proposal.revision,
    )
    follow_candidate(ledger, proposal, done)
    return done


def _decision_value(proposal: Proposal, action: Action, text: str | None) -> object:
    """What goes with the decision; the action and its text are checked on the way."""
    if proposal.doubt is not None and action != "edit":
        raise HitlError(
            f"{proposal.title!r} cannot be answered with {action!r}: look up what happened, then say so "
            f"(hitl-nb edit {proposal.id} --happened yes, no or stop)"
        )
    if action not in proposal.allow:
        raise HitlError(f"{proposal.title!r} cannot be answered with {action!r}, only with {', '.join(proposal.allow)}")
    if action == "edit":
        if text is None:
            raise HitlError(f"an edit of {proposal.title!r} needs the new value")
        return parse_edit(proposal, text if proposal.doubt is None else doubts.parse_answer(text, proposal))
    if action == "respond":
        if text is None or not text.strip():
            raise HitlError(f"a response to {proposal.title!r} needs a message")
        return text
    if text is not None:
        raise HitlError(f"{action!r} takes no text; give the reason as the reason")
    return None
