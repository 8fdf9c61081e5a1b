"""Check of a decided proposal's times against the audit log: when it was asked, each timeline step, the decision.

A proposal's *timeline* is the list of steps that the clock takes if nobody decides. The proposal's record has fields
for its asking time, the number of steps taken, and the delay of the other steps. Any program that writes to the store
can change these fields. So this module computes them again from the log. The functions are pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from hitl_nb.policies.terms.timeline import last_step_time, next_due_time, restart_timeline, shift_after
from hitl_nb.policies.terms.vote_counts import decision_terms_fields
from hitl_nb.records import Proposal

LoggedEntry = tuple[str, dict[str, Any]]
"""Type and data of an event about a proposal."""

_STEP_EVENTS = ("proposal.reminded", "proposal.overdue", "proposal.escalated")
_EXACT_SECONDS = 0.001
"""Largest accepted difference, in seconds, between two delays: one was written as a number and read again."""


class _LogDifference(Exception):
    """A difference between a proposal's record and the log.

    The message can end a sentence: "it had another deadline".
    """


def find_wrong_time(
    proposal: Proposal, asked: dict[str, Any], told: Sequence[LoggedEntry], made: dict[str, Any]
) -> str | None:
    """Compare the times in a decided proposal's record with the audit log, and return the first difference.

    Events that older versions wrote have too little data to compare, so such a proposal counts as correct.

    Args:
        proposal: The decided proposal.
        asked: Data of the event that recorded the question.
        told: The events about the proposal between question and decision, in order, as pairs of type and data.
        made: Data of the event that recorded the decision.

    Returns:
        The first difference, as the end of a sentence: "it had another deadline". None if there is no difference.
    """
    steps = [data for type_, data in told if type_ in _STEP_EVENTS and "step" in data]
    changes = [data for type_, data in told if type_ == "terms.changed"]
    if (
        proposal.decision is None
        or proposal.terms is None
        or proposal.decision.by not in ("person", "deadline")
        or not {"asked", "at"} <= {*asked, *made}
        or not all("at" in data for data in (*steps, *changes))
    ):
        return None
    try:
        _check_times(proposal, asked, told, made)
    except _LogDifference as wrong:
        return str(wrong)
    return None


def _check_times(proposal: Proposal, asked: dict[str, Any], told: Sequence[LoggedEntry], made: dict[str, Any]) -> None:
    if proposal.created_at != _parse_time(asked["asked"]):
        raise _LogDifference(f"it was asked at {asked['asked']}")
    if proposal.asked_at is None and "clock" in asked:
        return  # two clocks acted on it: first the one of a decisions file, then this machine's
    if proposal.asked_at != _parse_time(asked.get("clock")):
        raise _LogDifference("no decisions file answered it")
    clocked = _restart_timeline(proposal)
    began = max((n for n, (type_, data) in enumerate(told) if type_ == "terms.changed" and data["begins"]), default=0)
    for type_, data in told[began:]:
        clocked = _apply_event(clocked, type_, data)
    if clocked.step != proposal.step:
        raise _LogDifference(f"{clocked.step} steps of its timeline were taken, not {proposal.step}")
    if abs(clocked.shift - proposal.shift) > _EXACT_SECONDS:
        raise _LogDifference(f"its timeline is {clocked.shift:g} s late, not {proposal.shift:g} s")
    if clocked.deadline != proposal.deadline:
        raise _LogDifference("it had another deadline")
    _check_decision(proposal, clocked, made)


def _restart_timeline(proposal: Proposal) -> Proposal:
    """Return the proposal as it was when its timeline (the clock's actions) began: open, no step taken, no delay."""
    fields: dict[str, Any] = {"status": "open", "decision": None, "settles_at": None, "step": 0, "shift": 0.0}
    begun = msgspec.structs.replace(proposal, **fields)
    return msgspec.structs.replace(begun, deadline=last_step_time(begun))


def _apply_event(proposal: Proposal, type_: str, data: dict[str, Any]) -> Proposal:
    """Return the proposal after one event of the audit log: its timeline fields are computed from the event.

    Args:
        proposal: The proposal before the event.
        type_: Type of the event.
        data: Data of the event.

    Raises:
        _LogDifference: The event was not possible at that time, for example because a step was not yet due.
    """
    if type_ in _STEP_EVENTS and "step" in data:
        return _take_step(proposal, data, _parse_time(data["at"]))
    if type_ == "vote":
        due, at = next_due_time(proposal), _parse_time(data["at"])
        if due is not None and due <= at:
            raise _LogDifference(f"what was due at {due.isoformat()} came before the vote of {at.isoformat()}")
        return msgspec.structs.replace(proposal, settles_at=_parse_time(data.get("settles_at")))
    if type_ == "vote.withdrawn":
        return msgspec.structs.replace(proposal, settles_at=None)
    if type_ == "terms.changed":
        fields = restart_timeline(proposal, _parse_time(data["at"])) if data["begins"] else {}
        proposal = msgspec.structs.replace(proposal, **fields, settles_at=_parse_time(data.get("settles_at")))
        return msgspec.structs.replace(proposal, deadline=last_step_time(proposal))
    return proposal


def _take_step(proposal: Proposal, data: dict[str, Any], at: datetime) -> Proposal:
    n, steps = data["n"], () if proposal.terms is None else proposal.terms.timeline
    if proposal.settles_at is not None:
        raise _LogDifference("its timeline waited as long as an approval could be taken back")
    if data.get("early"):
        if n != next((n for n in range(proposal.step, len(steps)) if steps[n].does == "escalate"), None):
            raise _LogDifference(f"step {n + 1} of its timeline was not the next to escalate")
        return msgspec.structs.replace(
            proposal, step=n + 1, settles_at=_parse_time(data.get("settles_at"))
        )  # an early escalation does not change the remaining timeline
    due = next_due_time(proposal)
    if n != proposal.step or due is None:
        raise _LogDifference(f"step {proposal.step + 1} of its timeline was skipped")
    if at < due:
        raise _LogDifference(f"step {n + 1} of its timeline was due at {due.isoformat()} only")
    taken = msgspec.structs.replace(proposal, step=n + 1, shift=shift_after(proposal, n, at, proposal.shift))
    return msgspec.structs.replace(
        taken, deadline=last_step_time(taken), settles_at=_parse_time(data.get("settles_at"))
    )


def _check_decision(proposal: Proposal, clocked: Proposal, made: dict[str, Any]) -> None:
    """Check that the decision has the time of its log entry, and that the clock had nothing to do before it.

    Args:
        proposal: The decided proposal.
        clocked: The proposal as computed from the log, just before the decision.
        made: Data of the event that recorded the decision.

    Raises:
        _LogDifference: The time differs, a decision by the clock was not yet due, or another action was due before it.
    """
    decision, at = proposal.decision, _parse_time(made["at"])
    assert decision is not None
    since = _parse_time(made.get("due"))
    if decision.decided_at != at:
        raise _LogDifference(f"it was decided at {at.isoformat()}")
    settles = decision.by == "person" and since is not None
    if decision.valid_until != decision_terms_fields(proposal, since if settles and since else at)["valid_until"]:
        raise _LogDifference("it could be used until another time")
    due = next_due_time(clocked)
    if decision.by == "deadline" and clocked.settles_at is not None:
        raise _LogDifference("its timeline waited as long as an approval could be taken back")
    if since is not None and (due != since or at < since):
        raise _LogDifference(f"it was due at {due.isoformat()} only" if due else "it was never due")
    if since is None and (decision.by == "deadline" or (due is not None and due <= at)):
        raise _LogDifference("it was due by the clock")
    if since is None and clocked.settles_at is not None and decision.action in ("approve", "edit"):
        raise _LogDifference(f"it could be taken back until {clocked.settles_at.isoformat()}")


def _parse_time(text: Any) -> Any:
    """Convert a time in the log's form (ISO 8601) to a datetime. None is returned as None."""
    return None if text is None else datetime.fromisoformat(text)
