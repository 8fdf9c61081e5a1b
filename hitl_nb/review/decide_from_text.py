"""Decisions from text that a person types, in a terminal or in a notebook cell.

`hitl-nb approve|edit|reject|respond` and `%hitl` both use this module, so the same text means the same decision in
both. `hitl.decide` uses `decide_seen`, too. A decision is bound to the proposal as the person saw it (its fingerprint
and revision), not only to its id.
"""

from __future__ import annotations

from typing import Any

from hitl_nb.errors import HitlError
from hitl_nb.kinds.questions import parse_edit
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.requesters import os_user
from hitl_nb.records import Action, Proposal
from hitl_nb.review import doubt_texts as doubts
from hitl_nb.review.vote_candidates import follow_candidate


def reviewer_name() -> str:
    """Return the name of the operating system's user who runs this process. Environment variables are not used."""
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
    """Decide a proposal with a text that a person typed, and return the proposal with its decision.

    If the policy needs several votes, the decision is recorded as a vote, and the returned proposal may still be open.
    An edited value is then also written into the proposal's draft, for the next reviewer.

    Args:
        ledger: Ledger that has the proposal.
        seen: The proposal as the person saw it. Or its id, or a unique beginning of its id; the current proposal is
            then decided, whatever the person saw.
        action: "approve", "edit", "reject" or "respond".
        text: For "edit", the new value in the text form of its kind (see `parse_edit`). For "respond", the message.
            Otherwise None.
        reason: Reason to store with the decision.
        reviewer: Name of the person who decides. Default: the operating system's user.

    Raises:
        InvalidEdit: `text` is not a valid value.
        AlreadyDecided: The proposal is no longer open.
        StaleDraft: The proposal has changed since the person saw it.
        UnknownProposal: No proposal has this id.
        HitlError: The proposal does not allow `action`, or `text` is missing or not allowed.
    """
    proposal = ledger.proposals.load(seen) if isinstance(seen, str) else seen
    value = _decision_value(proposal, action, text) if proposal.status == "open" else None
    return decide_seen(ledger, proposal, action, value, reason=reason, reviewer=reviewer or reviewer_name())


def decide_seen(
    ledger: Ledger, seen: Proposal, action: Action, value: Any, *, reason: str | None, reviewer: str
) -> Proposal:
    """Store a person's decision on a proposal, bound to the version that the person saw. Return the proposal.

    If people vote on the proposal, an edited value is also written into its draft, for the next reviewer.

    Args:
        ledger: Ledger that has the proposal.
        seen: The proposal as the person saw it.
        action: "approve", "edit", "reject" or "respond".
        value: For "edit" the edited value as JSON (already checked), for "respond" the message. Otherwise None.
        reason: Reason to store with the decision.
        reviewer: Name of the person who decides.

    Raises:
        HitlError: The proposal cannot be decided in this way; the errors are those of `Proposals.decide`.
    """
    done = ledger.proposals.decide(
        seen.id,
        action,
        value=value,
        reason=(reason or "").strip() or None,
        reviewer=reviewer,
        fingerprint=seen.fingerprint,
        revision=seen.revision,
    )
    follow_candidate(ledger, seen, done)
    return done


def require_allowed(proposal: Proposal, action: Action) -> None:
    """Raise an error if a proposal cannot be answered with an action.

    Raises:
        HitlError: The proposal does not allow the action.
    """
    if proposal.doubt is not None and action != "edit":
        raise HitlError(
            f"{proposal.title!r} cannot be answered with {action!r}: look up what happened, then say so "
            f"(hitl-nb edit {proposal.id} --happened yes, no or stop)"
        )
    if action not in proposal.allow:
        raise HitlError(f"{proposal.title!r} cannot be answered with {action!r}, only with {', '.join(proposal.allow)}")


def _decision_value(proposal: Proposal, action: Action, text: str | None) -> object:
    """Return the value to store with the decision: the parsed edit, the message of a response, or None.

    Raises:
        HitlError: The proposal does not allow the action, or the text is missing or not allowed.
        InvalidEdit: The text of an edit is not a valid value.
    """
    require_allowed(proposal, action)
    if action == "edit":
        if text is None:
            raise HitlError(f"an edit of {proposal.title!r} needs the new value")
        return parse_edit(proposal, text if proposal.doubt is None else doubts.parse_answer(text, proposal))
    if action == "respond":
        if text is None or not text.strip():
            raise HitlError(f"a response to {proposal.title!r} needs a message")
        return text
    if text is not None:
        raise HitlError(f"{action!r} takes no text; give the text as the reason")
    return None
