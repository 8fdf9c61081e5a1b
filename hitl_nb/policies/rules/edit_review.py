"""Second review of an edit that needs more people than decided it: under the question's terms and the edit's terms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from hitl_nb.policies.rules.combined_terms import merge_timelines, refuse_needs_of_nobody
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.policies.terms.edit_terms import merge_stricter
from hitl_nb.records import Action, Terms, TimelineStep


@dataclass(frozen=True)
class FurtherTerms:
    """Terms that an edit needs beyond those of the question.

    Attributes:
        why: The reason, a sentence for the people who are asked.
    """

    terms: Terms
    allow: tuple[Action, ...]
    why: str


def add_further(found: Plan, further: FurtherTerms, asked: datetime) -> Plan:
    """Add the terms of an edit to a question that is asked again: the stricter of each.

    Editing stays allowed, because the edit has to be made again, and every edit is judged.

    Args:
        found: The plan for the question itself.
        further: The terms of the edit.
        asked: Time of the new question. The steps of the timeline count from it.
    """
    if found.verdict == "block":
        return found
    own, more = found.terms or Terms(identity=further.terms.identity), further.terms
    terms = merge_stricter(own, more)
    allow: tuple[Action, ...] = tuple([one for one in found.allow if one in further.allow or one == "edit"])
    offices = {one.office for one in (own, more) if any(step.working for step in one.timeline)}
    timelines = [own.timeline, *([_still_to_come(more.timeline, asked)] if len(offices) < 2 else [])]
    office = next(iter(offices), own.office) if len(offices) < 2 else own.office
    by_clock = not terms.four_eyes and all(need.count == 1 for need in terms.needs)
    timeline = merge_timelines(timelines, allow, asked, office, may_approve=by_clock)
    assign = own.assign or more.assign
    terms = msgspec.structs.replace(terms, timeline=timeline, office=office, assign=assign)
    return replace(
        found, verdict="ask", rules=terms.rules, why=(*found.why, further.why), terms=terms, allow=allow or found.allow
    )


def refuse_impossible(asked: Terms | None, more: Terms, requesters: Collection[str]) -> None:
    """Refuse needs of a question and of its edit that nobody can meet together.

    Raises:
        PolicyError: Nobody can meet them.
    """
    refuse_needs_of_nobody(merge_stricter(asked or Terms(), more), requesters)


def _still_to_come(timeline: tuple[TimelineStep, ...], now: datetime) -> tuple[TimelineStep, ...]:
    """Return the steps without an approval whose time is over: nobody could decide before it."""
    return tuple(
        msgspec.structs.replace(step, does="overdue", text=step.text.replace("approve", "overdue"))
        if step.does == "approve" and step.at is not None and step.at <= now
        else step
        for step in timeline
    )
