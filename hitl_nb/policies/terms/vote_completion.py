"""Decision by recorded votes that became enough, because others may decide or fewer are needed. Nobody votes again."""

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
    """Add the decision if the recorded votes now produce one. Its reviewer is the last voter.

    If an approval can be taken back, that time begins now. Actions of the clock that are due come first.
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
    """Return the last vote, if the recorded votes now decide an open proposal."""
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
