"""Counting of votes: which votes count, whether the needs are met, and whether the votes produce a decision."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from hitl_nb.policies.terms.seats import People, count_seats
from hitl_nb.records import DecisionRecord, Proposal, Terms, VoteRecord, canonical_json


@dataclass(frozen=True)
class NeedProgress:
    """Progress of a need: its text, the number of votes present, and the number needed."""

    text: str
    have: int
    count: int


def hash_value(value: Any) -> str:
    """Return the SHA-256 (hex) of a value's canonical JSON. A vote is bound to this hash."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


@functools.lru_cache(maxsize=256)
def hash_terms(terms: Terms | None) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of the terms, in the form in which the store returns them.

    Terms with 60 and with 60.0 seconds are the same terms. "" without terms.
    """
    if terms is None:
        return ""
    return hash_value(msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(terms), type=Terms)))


def current_value(proposal: Proposal) -> Any:
    """Return the value that people vote on now: the edited value if there is one."""
    return proposal.value if proposal.candidate is UNSET else proposal.candidate


def largest_count(proposal: Proposal) -> int:
    """Return the number of people that the largest need asks for."""
    return max((need.count for need in proposal.terms.needs), default=1) if proposal.terms is not None else 1


def is_hidden(proposal: Proposal) -> bool:
    """Return whether the votes are hidden now: the proposal is blind, and fewer voted than its largest need asks."""
    return (
        proposal.status == "open"
        and proposal.terms is not None
        and proposal.terms.blind
        and len(proposal.votes) < largest_count(proposal)
    )


def list_votes_for(proposal: Proposal, sha256: str) -> list[VoteRecord]:
    """List the votes that agree to the value with this hash."""
    return [one for one in proposal.votes if one.action in ("approve", "edit") and one.value_sha256 == sha256]


def are_met(proposal: Proposal, sha256: str, people: People) -> bool:
    """Return whether the votes for the value with this hash meet all needs."""
    votes = list_votes_for(proposal, sha256)
    needs = () if proposal.terms is None else proposal.terms.needs
    return bool(votes) and all(count_seats(proposal, need, votes, people) >= need.count for need in needs)


def need_progress(proposal: Proposal, people: People) -> list[NeedProgress]:
    """Return the progress of each need. While votes are hidden, all votes count, whatever their action."""
    votes = (
        list(proposal.votes) if is_hidden(proposal) else list_votes_for(proposal, hash_value(current_value(proposal)))
    )
    needs = () if proposal.terms is None else proposal.terms.needs
    return [
        NeedProgress(one.text, min(count_seats(proposal, one, votes, people), one.count), one.count) for one in needs
    ]


def make_vote_decision(
    proposal: Proposal, vote: VoteRecord, at: datetime, since: datetime | None = None
) -> DecisionRecord:
    """Make the decision that a vote completes.

    Args:
        proposal: The proposal.
        vote: The completing vote.
        at: Time of the decision.
        since: Time from which the votes were enough, if before `at`.
    """
    agreed = vote.action in ("approve", "edit")
    edited = agreed and (proposal.candidate is not UNSET or vote.action == "edit")
    return DecisionRecord(
        action="edit" if edited else vote.action,
        value=current_value(proposal) if edited else vote.value if vote.action == "respond" else None,
        reason=vote.reason,
        reviewer=vote.reviewer,
        decided_at=at,
        fingerprint=proposal.fingerprint,
        by="script" if any(one.by == "script" for one in proposal.votes) else "person",
        reviewer_name=vote.reviewer_name,
        authn=vote.authn,
        assurance=vote.assurance,
        surface=vote.surface,
        signature=vote.signature,
        **decision_terms_fields(proposal, since or at),
    )


def decision_terms_fields(proposal: Proposal, at: datetime) -> dict[str, Any]:
    """Return the decision's fields for its terms and its end of validity."""
    terms = proposal.terms
    if terms is None:
        return {}
    until = None if terms.fresh is None else at + timedelta(seconds=terms.fresh)
    return {"policy": terms.policy, "terms_sha256": hash_terms(terms), "valid_until": until}


def find_blind_decider(proposal: Proposal) -> VoteRecord | None:
    """Return the vote that refuses a proposal with all votes in: the first rejection, else the first response."""
    for action in ("reject", "respond"):
        for one in proposal.votes:
            if one.action == action:
                return one
    return None


def find_completing_vote(proposal: Proposal) -> VoteRecord | None:
    """Return the vote that will decide an open proposal once its approval can no longer be taken back."""
    return proposal.votes[-1] if proposal.settles_at is not None and proposal.votes else None


PeopleAt = Callable[[datetime], People]
"""Function that returns the state of the people at a time."""
