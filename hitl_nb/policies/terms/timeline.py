"""Times at which the clock acts on an open proposal.

A proposal's *timeline* is the list of steps that the clock takes if nobody decides, such as "4h escalate @leads". A
step can be late, because no process ran or the machine slept. It is then taken late. The later steps are delayed by the
same time (the *shift*), so that the people who are asked next have their full time. Steps with a date of their own do
not shift.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hitl_nb.policies.documents.working_hours import add_working_seconds, count_working_seconds
from hitl_nb.records import Office, Proposal, TimelineStep


def next_due_time(proposal: Proposal) -> datetime | None:
    """Return the time of the clock's next action on a proposal: a step of its timeline, such as a reminder.

    While an approval can still be taken back, the steps wait, and the end of that time is returned. None if the clock
    has nothing more to do.
    """
    if proposal.status != "open" or proposal.terms is None:
        return None
    if proposal.settles_at is not None:
        return proposal.settles_at
    step = next_step(proposal)
    return None if step is None else _step_time(proposal, proposal.step, proposal.shift)


def next_step(proposal: Proposal) -> TimelineStep | None:
    """Return the next step of the proposal's timeline (the clock's actions if nobody decides).

    The step is returned even if it waits because an approval can be taken back. None if all steps are taken, or if the
    proposal has no terms.
    """
    return (
        proposal.terms.timeline[proposal.step]
        if proposal.terms is not None and proposal.step < len(proposal.terms.timeline)
        else None
    )


def last_step_time(proposal: Proposal) -> datetime | None:
    """Return the proposal's deadline: when the last step of its timeline is due if all earlier steps are taken in time.

    None if the last step does not decide the proposal, or if there are no steps.
    """
    steps = () if proposal.terms is None else proposal.terms.timeline
    if not steps or steps[-1].does not in ("reject", "approve"):
        return None
    return (
        remaining_steps(proposal)[-1][0]
        if proposal.step < len(steps)
        else _step_time(proposal, len(steps) - 1, proposal.shift)
    )


def remaining_steps(proposal: Proposal) -> list[tuple[datetime, TimelineStep]]:
    """List the remaining steps of a proposal's timeline (the clock's actions if nobody decides).

    Each step comes with the time at which it is due if the steps before it are taken in time.
    """
    steps = () if proposal.terms is None else proposal.terms.timeline
    found: list[tuple[datetime, TimelineStep]] = []
    shift = proposal.shift
    for n in range(proposal.step, len(steps)):
        at = _step_time(proposal, n, shift)
        found.append((at, steps[n]))
        shift = shift_after(proposal, n, at, shift)
    return found


def shift_after(proposal: Proposal, n: int, taken: datetime, shift: float) -> float:
    """Return the delay, in seconds, of the timeline steps after step `n`, if step `n` is taken at a given time.

    If the next step counts working hours, the planned number of working hours stays between the two steps.

    Args:
        proposal: The proposal.
        n: Index of the step in the timeline.
        taken: Time at which the step is taken.
        shift: Delay of step `n` itself, in seconds.
    """
    steps = () if proposal.terms is None else proposal.terms.timeline
    delay = max(shift, (taken - _planned_time(proposal, n)).total_seconds())
    if n + 1 >= len(steps) or not steps[n + 1].working or steps[n + 1].at is not None:
        return delay
    office, planned = _office_of(proposal), _planned_time(proposal, n + 1)
    gap = count_working_seconds(_planned_time(proposal, n), planned, office)
    if gap <= 0:
        return delay
    return max(0.0, (add_working_seconds(taken, gap, office) - planned).total_seconds())


def restart_timeline(proposal: Proposal, now: datetime) -> dict[str, Any]:
    """Return values for a proposal's fields `step` and `shift` that let its timeline begin again now.

    Steps count from the time of the question. So the time since the question becomes the delay (`shift`) of all steps.
    """
    asked = proposal.asked_at or proposal.created_at
    return {"step": 0, "shift": max(0.0, (now - asked).total_seconds())}


def _step_time(proposal: Proposal, n: int, shift: float) -> datetime:
    planned = _planned_time(proposal, n)
    fixed = proposal.terms is not None and proposal.terms.timeline[n].at is not None
    return planned if fixed else planned + timedelta(seconds=shift)


def _planned_time(proposal: Proposal, n: int) -> datetime:
    """Return when step `n` of the timeline is due if no step before it is late."""
    assert proposal.terms is not None
    step = proposal.terms.timeline[n]
    if step.at is not None:
        return step.at
    asked = proposal.asked_at or proposal.created_at
    if step.working:
        return add_working_seconds(asked, step.seconds, _office_of(proposal))
    return asked + timedelta(seconds=step.seconds)


def _office_of(proposal: Proposal) -> Office:
    return proposal.terms.office if proposal.terms is not None and proposal.terms.office is not None else Office()
