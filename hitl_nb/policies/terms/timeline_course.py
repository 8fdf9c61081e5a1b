"""The course of a proposal's timeline as the log tells it: when each step was due, and whether the clock kept to that.

When a proposal was asked, how many steps were taken and by how much the rest is later are fields of its record, which
any program that writes to the store can change. So they are computed again from what the log says. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from hitl_nb.policies.terms.timeline import last_step_at, next_due, restart, shift_after
from hitl_nb.policies.terms.vote_counts import made_under
from hitl_nb.records import Proposal

Told = tuple[str, dict[str, Any]]
"""Type and data of an event about a proposal."""

_STEPS = ("proposal.reminded", "proposal.overdue", "proposal.escalated")
_EXACT = 0.001
"""Seconds by which a delay may differ, as a number that was written and read."""


class _Differs(Exception):
    """What the log does not say, as the end of a sentence."""


def find_wrong_time(p: Proposal, asked: dict[str, Any], told: Sequence[Told], made: dict[str, Any]) -> str | None:
    """What the log does not say of the times of a decided proposal, as the end of a sentence; None if it says all.

    Args:
        asked: what the log says of how it was asked.
        told: the events about it since then, in order, but for the decision.
        made: what the event of the decision says.

    What older versions logged says too little: nothing is wrong with it then.
    """
    steps = [data for type_, data in told if type_ in _STEPS and "step" in data]
    changes = [data for type_, data in told if type_ == "terms.changed"]
    if (
        p.decision is None
        or p.terms is None
        or p.decision.by not in ("person", "deadline")
        or not {"asked", "at"} <= {*asked, *made}
        or not all("at" in data for data in (*steps, *changes))
    ):
        return None
    try:
        _check(p, asked, told, made)
    except _Differs as wrong:
        return str(wrong)
    return None


def _check(p: Proposal, asked: dict[str, Any], told: Sequence[Told], made: dict[str, Any]) -> None:
    if p.created_at != _time(asked["asked"]):
        raise _Differs(f"it was asked at {asked['asked']}")
    if p.asked_at is None and "clock" in asked:
        return  # a decisions file's clock acted on it at first, and then this machine's
    if p.asked_at != _time(asked.get("clock")):
        raise _Differs("no decisions file answered it")
    clocked = _begin(p)
    began = max((n for n, (type_, data) in enumerate(told) if type_ == "terms.changed" and data["begins"]), default=0)
    for type_, data in told[began:]:
        clocked = _follow(clocked, type_, data)
    if clocked.step != p.step:
        raise _Differs(f"{clocked.step} steps of its timeline were taken, not {p.step}")
    if abs(clocked.shift - p.shift) > _EXACT:
        raise _Differs(f"its timeline is {clocked.shift:g} s late, not {p.shift:g} s")
    if clocked.deadline != p.deadline:
        raise _Differs("it had another deadline")
    _check_decision(p, clocked, made)


def _begin(p: Proposal) -> Proposal:
    """The proposal with a timeline of which nothing has happened."""
    fields: dict[str, Any] = {"status": "open", "decision": None, "settles_at": None, "step": 0, "shift": 0.0}
    begun = msgspec.structs.replace(p, **fields)
    return msgspec.structs.replace(begun, deadline=last_step_at(begun))


def _follow(p: Proposal, type_: str, data: dict[str, Any]) -> Proposal:
    """The proposal after one more event. Raises _Differs for what could not happen then."""
    if type_ in _STEPS and "step" in data:
        return _take_step(p, data, _time(data["at"]))
    if type_ == "vote":
        due, at = next_due(p), _time(data["at"])
        if due is not None and due <= at:
            raise _Differs(f"what was due at {due.isoformat()} came before the vote of {at.isoformat()}")
        return msgspec.structs.replace(p, settles_at=_time(data.get("settles_at")))
    if type_ == "vote.withdrawn":
        return msgspec.structs.replace(p, settles_at=None)
    if type_ == "terms.changed":
        fields = restart(p, _time(data["at"])) if data["begins"] else {}
        p = msgspec.structs.replace(p, **fields, settles_at=_time(data.get("settles_at")))
        return msgspec.structs.replace(p, deadline=last_step_at(p))
    return p


def _take_step(p: Proposal, data: dict[str, Any], at: datetime) -> Proposal:
    n, steps = data["n"], () if p.terms is None else p.terms.timeline
    if p.settles_at is not None:
        raise _Differs("its timeline waited as long as an approval could be taken back")
    if data.get("early"):
        if n != next((n for n in range(p.step, len(steps)) if steps[n].does == "escalate"), None):
            raise _Differs(f"step {n + 1} of its timeline was not the next to escalate")
        return msgspec.structs.replace(p, step=n + 1, settles_at=_time(data.get("settles_at")))  # the rest stays
    due = next_due(p)
    if n != p.step or due is None:
        raise _Differs(f"step {p.step + 1} of its timeline was skipped")
    if at < due:
        raise _Differs(f"step {n + 1} of its timeline was due at {due.isoformat()} only")
    taken = msgspec.structs.replace(p, step=n + 1, shift=shift_after(p, n, at, p.shift))
    return msgspec.structs.replace(taken, deadline=last_step_at(taken), settles_at=_time(data.get("settles_at")))


def _check_decision(p: Proposal, clocked: Proposal, made: dict[str, Any]) -> None:
    """Whether it was decided when the log says so, and not before it was due."""
    decision, at = p.decision, _time(made["at"])
    assert decision is not None
    since = _time(made.get("due"))
    if decision.decided_at != at:
        raise _Differs(f"it was decided at {at.isoformat()}")
    settles = decision.by == "person" and since is not None
    if decision.valid_until != made_under(p, since if settles and since else at)["valid_until"]:
        raise _Differs("it could be used until another time")
    due = next_due(clocked)
    if decision.by == "deadline" and clocked.settles_at is not None:
        raise _Differs("its timeline waited as long as an approval could be taken back")
    if since is not None and (due != since or at < since):
        raise _Differs(f"it was due at {due.isoformat()} only" if due else "it was never due")
    if since is None and (decision.by == "deadline" or (due is not None and due <= at)):
        raise _Differs("it was due by the clock")
    if since is None and clocked.settles_at is not None and decision.action in ("approve", "edit"):
        raise _Differs(f"it could be taken back until {clocked.settles_at.isoformat()}")


def _time(text: Any) -> Any:
    """A time as the log writes it; None for none."""
    return None if text is None else datetime.fromisoformat(text)
