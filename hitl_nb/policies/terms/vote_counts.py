"""What votes amount to: which of them count, whether the needs are met, and whether the votes make a decision."""

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
    """How far a need is met: its text, how many of its votes are there, and how many it takes."""

    text: str
    have: int
    count: int


def hash_value(value: Any) -> str:
    """SHA-256 (hex) of a value's canonical JSON: what a vote is bound to."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


@functools.lru_cache(maxsize=256)
def hash_terms(terms: Terms | None) -> str:
    """SHA-256 (hex) of the canonical JSON of the terms as they are read back; "" without terms.

    Terms that were made with 60 in place of 60.0 seconds are the same terms, here and in the store.
    """
    if terms is None:
        return ""
    return hash_value(msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(terms), type=Terms)))


def current_value(proposal: Proposal) -> Any:
    """What people vote on now: the edited value if there is one."""
    return proposal.value if proposal.candidate is UNSET else proposal.candidate


def largest_count(proposal: Proposal) -> int:
    """How many people the largest need asks for."""
    return max((need.count for need in proposal.terms.needs), default=1) if proposal.terms is not None else 1


def is_hidden(proposal: Proposal) -> bool:
    """Whether the votes are hidden from each other now: it is blind, and not as many voted as the largest need asks."""
    return (
        proposal.status == "open"
        and proposal.terms is not None
        and proposal.terms.blind
        and len(proposal.votes) < largest_count(proposal)
    )


def list_votes_for(proposal: Proposal, sha256: str) -> list[VoteRecord]:
    """The votes that agree to the value with this hash."""
    return [one for one in proposal.votes if one.action in ("approve", "edit") and one.value_sha256 == sha256]


def are_met(proposal: Proposal, sha256: str, people: People) -> bool:
    """Whether the votes for the value with this hash meet all needs."""
    votes = list_votes_for(proposal, sha256)
    needs = () if proposal.terms is None else proposal.terms.needs
    return bool(votes) and all(count_seats(proposal, need, votes, people) >= need.count for need in needs)


def need_progress(proposal: Proposal, people: People) -> list[NeedProgress]:
    """How far each need is met. As long as votes are hidden, all of them count, whatever they say."""
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
    """The decision that a vote completes. `since` is when it became one, if that was before `at`."""
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
    """The fields of a decision that say which terms it was made under, and until when it holds."""
    terms = proposal.terms
    if terms is None:
        return {}
    until = None if terms.fresh is None else at + timedelta(seconds=terms.fresh)
    return {"policy": terms.policy, "terms_sha256": hash_terms(terms), "valid_until": until}


def find_blind_decider(proposal: Proposal) -> VoteRecord | None:
    """The vote that refuses a proposal whose votes are all in: the first rejection, else the first response."""
    for action in ("reject", "respond"):
        for one in proposal.votes:
            if one.action == action:
                return one
    return None


def find_completing_vote(proposal: Proposal) -> VoteRecord | None:
    """The vote that an open proposal is going to be decided by once its time to be taken back is over."""
    return proposal.votes[-1] if proposal.settles_at is not None and proposal.votes else None


PeopleAt = Callable[[datetime], People]
"""How things were with people at a time."""
