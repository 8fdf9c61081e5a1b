"""Renewal of an open proposal's terms after the policy was changed. The functions are pure.

Terms say how many votes of which people are needed (the *needs*), and what the clock does if nobody decides (the
*timeline*).
"""

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
    """Combine the terms that the current policy gives with the parts of a proposal's terms that no policy gave.

    Terms have needs (how many votes of which people) and timeline steps (the clock's actions). Those that the old
    policy does not give came from the call, or from an edit that was judged again; they are kept.

    Args:
        asked: The proposal's terms.
        then: Terms that the old policy gives. None: it does not ask people under terms.
        now: Terms that the current policy gives. None: it does not ask people under terms.
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
    """Give an open proposal other terms (who must agree, by when), and decide it if its votes are enough under these.

    Votes of people who may no longer vote are removed. If the timeline (the clock's actions) differs, it begins again
    now.

    Args:
        proposal: The open proposal.
        terms: The new terms.
        people: The requesters of the run, and the people who are away.
        now: The current time.
        why: The reason, a sentence for the audit log.

    Returns:
        The change. None if the terms are equal, or if the proposal has none.
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
    """Remove from a vote the people for whom it was given but whom the proposal's new terms no longer name.

    None if the vote then counts for no need (required votes).
    """
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
    """Return the data that determine when the timeline steps of these terms are due.

    These are the steps, and the working hours if a step counts them.
    """
    return (terms.timeline, terms.office if any(step.working for step in terms.timeline) else None)


def _need_key(need: Need) -> tuple[int, frozenset[str]]:
    return need.count, frozenset(need.people)
