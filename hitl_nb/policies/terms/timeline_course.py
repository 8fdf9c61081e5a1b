"""The course of a proposal's timeline as the log tells it: when each step was due, and whether the clock kept to that.

When a proposal was asked, how many steps were taken and by how much the rest is later are fields of its record, which
any program that writes to the store can change. So they are computed again from what the log says. Pure.
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
"""Seconds by which a delay may differ, as a number that was written and read."""


class _LogDifference(Exception):
    """What the log does not say, as the end of a sentence."""


def find_wrong_time(
    proposal: Proposal, asked: dict[str, Any], told: Sequence[LoggedEntry], made: dict[str, Any]
) -> str | None:
    """What the log does not say of the times of a decided proposal, as the end of a sentence; None if it says all.

    Args:
        asked: what the log says of how it was asked.
        told: the events about it since then, in order, but for the decision.
        made: what the event of the decision says.

    What older versions logged says too little: nothing is wrong with it then.
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
        return  # a decisions file's clock acted on it at first, and then this machine's
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
    """The proposal with a timeline of which nothing has happened."""
    fields: dict[str, Any] = {"status": "open", "decision": None, "settles_at": None, "step": 0, "shift": 0.0}
    begun = msgspec.structs.replace(proposal, **fields)
    return msgspec.structs.replace(begun, deadline=last_step_time(begun))


def _apply_event(proposal: Proposal, type_: str, data: dict[str, Any]) -> Proposal:
    """The proposal after one more event. Raises _Differs for what could not happen then."""
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
        )  # the rest stays
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
    """Whether it was decided when the log says so, and not before it was due."""
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
    """A time as the log writes it; None for none."""
    return None if text is None else datetime.fromisoformat(text)
