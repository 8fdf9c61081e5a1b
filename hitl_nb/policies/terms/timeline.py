"""When the clock acts on an open proposal: the times of its timeline's steps, and how a delay shifts what follows.

A step that nobody could take in time (no process ran, the machine slept) is taken late, and the steps after it are
later by as much, so that the people asked next get their whole time. Steps with a date of their own do not shift.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hitl_nb.policies.documents.working_hours import add_working, working_seconds
from hitl_nb.records import Office, Proposal, TimelineStep


def next_due(p: Proposal) -> datetime | None:
    """When the clock acts on a proposal next; None if it never does. While an approval settles, the timeline waits."""
    if p.status != "open" or p.terms is None:
        return None
    if p.settles_at is not None:
        return p.settles_at
    step = next_step(p)
    return None if step is None else _time_of(p, p.step, p.shift)


def next_step(p: Proposal) -> TimelineStep | None:
    """The step of its timeline that comes next, whether or not an approval settles."""
    return p.terms.timeline[p.step] if p.terms is not None and p.step < len(p.terms.timeline) else None


def last_step_at(p: Proposal) -> datetime | None:
    """When the last step is due, if that decides the proposal and all before it are taken in time."""
    steps = () if p.terms is None else p.terms.timeline
    if not steps or steps[-1].does not in ("reject", "approve"):
        return None
    return remaining_steps(p)[-1][0] if p.step < len(steps) else _time_of(p, len(steps) - 1, p.shift)


def remaining_steps(p: Proposal) -> list[tuple[datetime, TimelineStep]]:
    """The steps of its timeline that are still to come, and when each is due if those before it are taken in time."""
    steps = () if p.terms is None else p.terms.timeline
    found: list[tuple[datetime, TimelineStep]] = []
    shift = p.shift
    for n in range(p.step, len(steps)):
        at = _time_of(p, n, shift)
        found.append((at, steps[n]))
        shift = shift_after(p, n, at, shift)
    return found


def shift_after(p: Proposal, n: int, taken: datetime, shift: float) -> float:
    """By how many seconds what follows step `n` is later, if that step is taken at `taken`; `shift` is its own."""
    steps = () if p.terms is None else p.terms.timeline
    delay = max(shift, (taken - _planned(p, n)).total_seconds())
    if n + 1 >= len(steps) or not steps[n + 1].working or steps[n + 1].at is not None:
        return delay
    office, planned = _office(p), _planned(p, n + 1)
    gap = working_seconds(_planned(p, n), planned, office)
    if gap <= 0:
        return delay
    return max(0.0, (add_working(taken, gap, office) - planned).total_seconds())


def restart(p: Proposal, now: datetime) -> dict[str, Any]:
    """The fields of a timeline that begins now: its steps count from when it was asked, so they are all later."""
    asked = p.asked_at or p.created_at
    return {"step": 0, "shift": max(0.0, (now - asked).total_seconds())}


def _time_of(p: Proposal, n: int, shift: float) -> datetime:
    planned = _planned(p, n)
    fixed = p.terms is not None and p.terms.timeline[n].at is not None
    return planned if fixed else planned + timedelta(seconds=shift)


def _planned(p: Proposal, n: int) -> datetime:
    """When a step is due if nothing is late."""
    assert p.terms is not None
    step = p.terms.timeline[n]
    if step.at is not None:
        return step.at
    asked = p.asked_at or p.created_at
    if step.working:
        return add_working(asked, step.seconds, _office(p))
    return asked + timedelta(seconds=step.seconds)


def _office(p: Proposal) -> Office:
    return p.terms.office if p.terms is not None and p.terms.office is not None else Office()
