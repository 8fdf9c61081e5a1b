"""Check that the recorded votes on a proposal produce its recorded decision.

Any program that can write to the store could add a decision. So the votes are counted again, as when they were cast.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from hitl_nb.policies.terms.seats import People, is_own_request, seats_of, takes_vote
from hitl_nb.policies.terms.timeline import next_due_time, next_step
from hitl_nb.policies.terms.vote_counts import (
    PeopleAt,
    are_met,
    current_value,
    find_blind_decider,
    hash_terms,
    hash_value,
    largest_count,
    list_votes_for,
)
from hitl_nb.records import DecisionRecord, Proposal, VoteRecord


def verify_decision_votes(proposal: Proposal, people: People | PeopleAt) -> str | None:
    """Check that the recorded votes on a decided proposal produce its decision, under its terms (who must agree).

    A decision by the clock must be a due step of the timeline (the clock's actions if nobody decides). Decisions by a
    policy or a script need no votes, so they are not checked.

    Args:
        proposal: A decided proposal.
        people: The requesters of the run and the people who were away: for all votes, or a function of a vote's time.

    Returns:
        None if the decision is correct or is not checked. Otherwise a sentence that says what is wrong.
    """
    decision, terms = proposal.decision, proposal.terms
    if decision is None or terms is None or decision.by in ("policy", "script"):
        return None
    if decision.terms_sha256 != hash_terms(terms):
        return "it was made under other terms"
    if decision.by == "deadline":
        return _verify_clock(proposal, decision)
    for one in proposal.votes:
        wrong = _verify_vote(proposal, one, people if isinstance(people, People) else people(one.at))
        if wrong is not None:
            return wrong
    return _verify_count(proposal, decision, people if isinstance(people, People) else people(decision.decided_at))


def _verify_vote(proposal: Proposal, vote: VoteRecord, people: People) -> str | None:
    terms = proposal.terms
    assert terms is not None
    who = f"the vote of {vote.reviewer}"
    if vote.seat not in vote.seats or not set(vote.seats) <= set(seats_of(proposal, people, vote.reviewer)):
        return f"{who} has a seat that is not theirs"
    if is_own_request(proposal, people, vote):
        return f"{who} is on their own request"
    if not any(takes_vote(proposal, need, vote, vote.seats, people) for need in terms.needs):
        return f"{who} does not count: they were not logged in"
    value = {"approve": None, "reject": None}.get(vote.action, vote.value)
    if vote.action in ("edit", "respond") and vote.value_sha256 != hash_value(value):
        return f"{who} is for another value"
    return None


def _verify_count(proposal: Proposal, decision: DecisionRecord, people: People) -> str | None:
    terms = proposal.terms
    assert terms is not None
    if not proposal.votes:
        return "nobody voted"
    if terms.blind and len(proposal.votes) < largest_count(proposal):
        return "not all have voted"
    refusing = find_blind_decider(proposal)
    if decision.action in ("reject", "respond"):
        said = (
            None
            if refusing is None or refusing is not find_recorded_completing_vote(proposal)
            else (refusing.action, refusing.value)
        )
        return None if said == (decision.action, decision.value) else f"{decision.reviewer} said something else"
    if refusing is not None:
        return f"{refusing.reviewer} voted {refusing.action}"
    last = proposal.votes[-1]
    if last is not find_recorded_completing_vote(proposal):
        return f"the last vote is not the one of {decision.reviewer} that it names"
    edited = proposal.candidate is not UNSET or last.action == "edit"
    if decision.action != ("edit" if edited else "approve"):
        return f"the votes make no {decision.action}"
    value = current_value(proposal)
    if edited and hash_value(decision.value) != hash_value(value):
        return "the votes are for another value"
    return None if are_met(proposal, hash_value(value), people) else "the votes do not meet the needs"


def find_recorded_completing_vote(proposal: Proposal) -> VoteRecord | None:
    """Find, among the votes on a decided proposal, the vote that made the votes enough for the decision.

    That vote has the same reviewer, reason, authentication and signature as the decision. None if there is no such
    vote, or if no person decided.
    """
    decision = proposal.decision
    if decision is None or decision.by != "person":
        return None
    same = ("reviewer", "reviewer_name", "reason", "authn", "assurance", "surface", "signature", "by")
    for one in proposal.votes:
        if all(getattr(one, name) == getattr(decision, name) for name in same):
            return one
    return None


def list_counted_votes(proposal: Proposal) -> list[VoteRecord]:
    """List the votes that led to the decision of a decided proposal.

    For a rejection or response this is the one vote that rejected or responded; otherwise all votes for the decided
    value.
    """
    if proposal.decision is not None and proposal.decision.action in ("reject", "respond"):
        refusing = find_recorded_completing_vote(proposal)
        return [] if refusing is None else [refusing]
    return list_votes_for(proposal, hash_value(current_value(proposal)))


def _verify_clock(proposal: Proposal, decision: DecisionRecord) -> str | None:
    """Check that the proposal's timeline has this decision as its next step, and that the step was due at that time.

    Returns:
        None if so. Otherwise a sentence that says what is wrong.
    """
    step = next_step(proposal)
    due = next_due_time(msgspec.structs.replace(proposal, status="open", settles_at=None))
    if step is None or step.does != decision.action or due is None:
        return f"the timeline has no {decision.action} by the clock there"
    return None if due <= decision.decided_at else f"it was due at {due.isoformat()} only"
