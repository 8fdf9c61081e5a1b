"""Votes that become enough, since others may decide or less is asked for, decide: nobody has to vote again. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from hitl_nb.policies.terms.seats import People
from hitl_nb.policies.terms.terms import Change
from hitl_nb.policies.terms.timeline import next_due
from hitl_nb.policies.terms.vote_counts import (
    are_met,
    current_value,
    decide_by,
    find_blind_decider,
    hash_value,
    is_hidden,
)
from hitl_nb.records import Proposal, Vote


def complete(change: Change, people: People, now: datetime) -> Change:
    """The change, with the decision if the votes on record make one now; it is whose vote came last.

    With a window to take it back in, it begins now. What is due by the clock comes first.
    """
    p = change.proposal
    last = _find_last(p, people, now)
    if last is None or p.terms is None:
        return change
    if p.terms.undo:
        until = now + timedelta(seconds=p.terms.undo)
        events = tuple(
            (type_, {**data, "settles_at": until.isoformat()} if type_ == "terms.changed" or "step" in data else data)
            for type_, data in change.events
        )
        return replace(change, proposal=msgspec.structs.replace(p, settles_at=until), events=events)
    made = decide_by(p, last, now)
    closed = {"status": "decided", "decision": made, "revision": p.revision + 1, "stuck": ""}
    decided = msgspec.structs.replace(p, **closed)
    return replace(change, proposal=decided, notices=("decided",), decision=made, due=None)


def _find_last(p: Proposal, people: People, now: datetime) -> Vote | None:
    """The last vote, if all that are there decide an open proposal now."""
    if p.status != "open" or p.terms is None or p.settles_at is not None or is_hidden(p) or not p.votes:
        return None
    due, last, value = next_due(p), p.votes[-1], hash_value(current_value(p))
    waits = due is not None and due <= now
    agrees = last.action in ("approve", "edit") and last.value_sha256 == value and find_blind_decider(p) is None
    return last if agrees and not waits and are_met(p, value, people) else None
