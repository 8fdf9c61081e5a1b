"""Renewal of an open proposal's terms after a change of the policy. Pure functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from hitl_nb.policies.terms.seats import People, is_own_request, takes_vote
from hitl_nb.policies.terms.terms import Change, ask_fallback
from hitl_nb.policies.terms.timeline import last_step_time, restart_timeline
from hitl_nb.policies.terms.vote_completion import complete_decision
from hitl_nb.policies.terms.vote_counts import are_met, current_value, hash_terms, hash_value
from hitl_nb.records import Need, Proposal, Terms, VoteRecord


def merge_renewed_terms(asked: Terms, then: Terms | None, now: Terms | None) -> Terms:
    """Combine the policy's current terms with the parts of the proposal's terms that did not come from the policy.

    Needs and steps that are in neither `then` nor `now` came from the call, or from an edit that was judged again. They
    are kept.

    Args:
        asked: The proposal's terms.
        then: Terms that the policy of that time gives.
        now: Terms that the current policy gives.
    """
    base = now or Terms()
    from_policy = {_need_key(need) for need in (then.needs if then is not None else ())}
    own = [need for need in asked.needs if _need_key(need) not in from_policy]
    needs = base.needs if now is not None or not own else ()
    had = {_need_key(need) for need in needs}
    own_timeline = asked.timeline != (then.timeline if then is not None else ())
    return msgspec.structs.replace(
        base,
        needs=(*needs, *(need for need in own if _need_key(need) not in had)),
        timeline=asked.timeline if own_timeline else base.timeline,
        office=asked.office if own_timeline else base.office,
    )


def renew_terms(proposal: Proposal, terms: Terms, people: People, now: datetime, *, why: str) -> Change | None:
    """Put a proposal under other terms. Return None if they are equal.

    Votes of people who no longer have a seat are dropped. If the timeline differs, it begins now. If the remaining
    votes meet the needs, they decide.
    """
    if proposal.terms is None or proposal.terms == terms:
        return None
    told: dict[str, Any] = {
        "why": why,
        "from": hash_terms(proposal.terms),
        "to": hash_terms(terms),
        "needs": [need.text for need in terms.needs],
        "rules": list(terms.rules),
        "at": now.isoformat(),
    }
    begins = {} if _timeline_times(proposal.terms) == _timeline_times(terms) else restart_timeline(proposal, now)
    renewed = msgspec.structs.replace(proposal, terms=terms, overdue=proposal.overdue and not begins, **begins)
    votes = [one for one in (_with_valid_seats(renewed, vote, people) for vote in proposal.votes) if one is not None]
    renewed = msgspec.structs.replace(renewed, votes=tuple(votes))
    dropped = [vote.reviewer for vote in proposal.votes if vote.reviewer not in {one.reviewer for one in votes}]
    if dropped:
        told["dropped"] = dropped
    if dropped or not are_met(renewed, hash_value(current_value(renewed)), people):
        renewed = msgspec.structs.replace(renewed, settles_at=None)
    told["begins"] = bool(begins)
    if renewed.settles_at is not None:
        told["settles_at"] = renewed.settles_at.isoformat()
    renewed = msgspec.structs.replace(renewed, deadline=last_step_time(renewed))
    return complete_decision(ask_fallback(Change(renewed, (("terms.changed", told),)), people), people, now)


def _with_valid_seats(proposal: Proposal, vote: VoteRecord, people: People) -> VoteRecord | None:
    """Return the vote with its remaining seats, or None if it no longer counts."""
    assert proposal.terms is not None
    named = {name for need in proposal.terms.needs for name in need.people} | set(proposal.widened)
    anyone = any(not need.people for need in proposal.terms.needs)
    seats = tuple(seat for seat in vote.seats if seat in named or (anyone and seat == vote.reviewer))
    if anyone and vote.reviewer not in seats:
        seats = (vote.reviewer, *seats)
    counts = any(takes_vote(proposal, need, vote, seats, people) for need in proposal.terms.needs)
    if not seats or not counts or is_own_request(proposal, people, vote):
        return None
    return msgspec.structs.replace(vote, seats=seats, seat=seats[0])


def _timeline_times(terms: Terms) -> tuple[object, ...]:
    """Return the values that determine the times of a timeline."""
    return (terms.timeline, terms.office if any(step.working for step in terms.timeline) else None)


def _need_key(need: Need) -> tuple[int, frozenset[str]]:
    return need.count, frozenset(need.people)
