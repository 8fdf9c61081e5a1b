"""Counting of votes on a proposal: which votes count, whether they meet the needs, and the decision that they make.

A *need* says how many votes of which people are needed: "2 of @finance". Several needs must all be met.
"""

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
    """Progress of one need (how many votes of which people), such as "2 of @finance".

    Attributes:
        text: The need as the policy document has it.
        have: Number of votes that count for it, at most `count`.
        count: Number of votes that it needs.
    """

    text: str
    have: int
    count: int


def hash_value(value: Any) -> str:
    """Return the SHA-256 (hex) of a value's canonical JSON. Each vote records the hash of the value that it is for."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


@functools.lru_cache(maxsize=256)
def hash_terms(terms: Terms | None) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of a proposal's terms. "" without terms.

    The terms are first encoded and decoded as the store does. So terms with 60 and with 60.0 seconds have the same
    hash.
    """
    if terms is None:
        return ""
    return hash_value(msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(terms), type=Terms)))


def current_value(proposal: Proposal) -> Any:
    """Return the value that people vote on now: the newest edited value, or the proposed value if nobody edited it."""
    return proposal.value if proposal.candidate is UNSET else proposal.candidate


def largest_count(proposal: Proposal) -> int:
    """Return the largest number of votes that a need of the proposal (such as "2 of @finance") requires.

    1 if the proposal has no terms.
    """
    return max((need.count for need in proposal.terms.needs), default=1) if proposal.terms is not None else 1


def is_hidden(proposal: Proposal) -> bool:
    """Return whether the votes of a proposal are hidden from people now.

    They are hidden if the terms are `blind`, the proposal is open, and fewer people have voted than its largest need
    requires.
    """
    return (
        proposal.status == "open"
        and proposal.terms is not None
        and proposal.terms.blind
        and len(proposal.votes) < largest_count(proposal)
    )


def list_votes_for(proposal: Proposal, sha256: str) -> list[VoteRecord]:
    """List the votes on a proposal that approve a value, or that edited the proposed value to this value.

    Args:
        proposal: The proposal.
        sha256: Hash of the value, from `hash_value`.
    """
    return [one for one in proposal.votes if one.action in ("approve", "edit") and one.value_sha256 == sha256]


def are_met(proposal: Proposal, sha256: str, people: People) -> bool:
    """Return whether the votes for the value with this hash meet all needs of the proposal. False without any vote.

    A need says how many votes of which people are required.

    Args:
        proposal: The proposal. Without terms, one vote is enough.
        sha256: Hash of the value, from `hash_value`.
        people: The requesters of the run, and the people who are away.
    """
    votes = list_votes_for(proposal, sha256)
    needs = () if proposal.terms is None else proposal.terms.needs
    return bool(votes) and all(count_seats(proposal, need, votes, people) >= need.count for need in needs)


def need_progress(proposal: Proposal, people: People) -> list[NeedProgress]:
    """Return for each need (such as "2 of @finance") how many votes it has and how many it requires.

    Only votes for the current value count. While votes are hidden, all votes count, whatever their action, so that the
    numbers do not show how people voted. Empty without terms.
    """
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
    """Make the decision record of a proposal from the last agreeing vote, or from the vote that rejects or responds.

    Args:
        proposal: The proposal, with its votes.
        vote: That vote.
        at: Time of the decision.
        since: Time from which the decision is valid, if that is before `at`: the clock can be late. None: `at`.
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
    """Return fields of a decision record that follow from the terms: policy, hash of the terms, and end of validity.

    Args:
        proposal: The proposal. Without terms, the result is empty.
        at: Time from which the decision is valid.
    """
    terms = proposal.terms
    if terms is None:
        return {}
    until = None if terms.fresh is None else at + timedelta(seconds=terms.fresh)
    return {"policy": terms.policy, "terms_sha256": hash_terms(terms), "valid_until": until}


def find_blind_decider(proposal: Proposal) -> VoteRecord | None:
    """Return the vote that decides against a proposal once all hidden votes are given.

    That is the first rejection, or else the first response. None if nobody rejected or responded.
    """
    for action in ("reject", "respond"):
        for one in proposal.votes:
            if one.action == action:
                return one
    return None


def find_completing_vote(proposal: Proposal) -> VoteRecord | None:
    """Return the last vote on a proposal whose approval waits until it can no longer be taken back.

    That vote will become the decision. None if no approval waits.
    """
    return proposal.votes[-1] if proposal.settles_at is not None and proposal.votes else None


def find_withdrawable_vote(proposal: Proposal, user: str) -> VoteRecord | None:
    """Return the vote on an open proposal that a person may take back now. None if there is none.

    While votes of other people are needed, that is the person's own vote. Once the votes are enough, only the last one
    can be taken back.

    Args:
        proposal: The proposal.
        user: Name of the person.
    """
    if proposal.status != "open":
        return None
    completing = find_completing_vote(proposal)
    votes = proposal.votes if completing is None else (completing,)
    return next((one for one in votes if one.reviewer == user), None)


PeopleAt = Callable[[datetime], People]
"""Function that returns the state of the people (who requested the run, who was away) at a given time."""
