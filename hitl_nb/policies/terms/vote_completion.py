"""Decision from votes that are already recorded, when they become enough without a new vote.

That happens when the policy changes so that fewer votes are needed, or when other people may decide.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from hitl_nb.policies.terms.seats import People
from hitl_nb.policies.terms.terms import Change
from hitl_nb.policies.terms.timeline import next_due_time
from hitl_nb.policies.terms.vote_counts import (
    are_met,
    current_value,
    find_blind_decider,
    hash_value,
    is_hidden,
    make_vote_decision,
)
from hitl_nb.records import Proposal, VoteRecord


def complete_decision(change: Change, people: People, now: datetime) -> Change:
    """Add a decision to a change of a proposal if its recorded votes are now enough. The last voter is the reviewer.

    If the terms let an approval be taken back, the time for that begins now and no decision is added. None is added
    either if an action of the clock is due, because that action comes first.

    Args:
        change: The change, which is returned unchanged if the votes do not decide.
        people: The requesters of the run, and the people who are away.
        now: The current time.
    """
    proposal = change.proposal
    last = _find_completing_vote(proposal, people, now)
    if last is None or proposal.terms is None:
        return change
    if proposal.terms.undo:
        until = now + timedelta(seconds=proposal.terms.undo)
        events = tuple(
            (type_, {**data, "settles_at": until.isoformat()} if type_ == "terms.changed" or "step" in data else data)
            for type_, data in change.events
        )
        return replace(change, proposal=msgspec.structs.replace(proposal, settles_at=until), events=events)
    made = make_vote_decision(proposal, last, now)
    closed = {"status": "decided", "decision": made, "revision": proposal.revision + 1, "stuck": ""}
    decided = msgspec.structs.replace(proposal, **closed)
    return replace(change, proposal=decided, notices=("decided",), decision=made, due=None)


def _find_completing_vote(proposal: Proposal, people: People, now: datetime) -> VoteRecord | None:
    """Return the last vote on an open proposal if its recorded votes now decide it, else None.

    The votes decide nothing while they are hidden, an approval can still be taken back, or an action of the clock is
    due.
    """
    if (
        proposal.status != "open"
        or proposal.terms is None
        or proposal.settles_at is not None
        or is_hidden(proposal)
        or not proposal.votes
    ):
        return None
    due, last, value = next_due_time(proposal), proposal.votes[-1], hash_value(current_value(proposal))
    waits = due is not None and due <= now
    agrees = last.action in ("approve", "edit") and last.value_sha256 == value and find_blind_decider(proposal) is None
    return last if agrees and not waits and are_met(proposal, value, people) else None
