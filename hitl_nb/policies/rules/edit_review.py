"""Second review of an edited value whose deciders are not enough under the policy for that value.

A person edited a proposed value and decided it, but the policy asks for more people for the edited value. So the
question is asked again. The new question has the stricter of the terms (who must agree, by when) of the original
question and of the edit.
"""

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
    """Terms (who must agree, by when) that the policy requires for an edited value, beyond those of the question.

    They are kept when an edit is not used because too few people decided it, and the question is asked again.

    Attributes:
        terms: The terms.
        allow: Actions that reviewers may take.
        why: A sentence that tells people why they are asked again.
    """

    terms: Terms
    allow: tuple[Action, ...]
    why: str


def add_further(found: Plan, further: FurtherTerms, asked: datetime) -> Plan:
    """Return the plan for a question that is asked again after an edit, with the terms of the edited value added.

    The stricter of each term is used. Reviewers may still edit, because the person has to make the edit again, and
    every edit is judged.

    Args:
        found: The plan (verdict and terms) for the question itself.
        further: The terms for the edited value.
        asked: Time of the new question. Deadlines count from it.

    Returns:
        The plan for the new question, with the verdict "ask". `found` itself if it blocks.
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
    """Raise an error if nobody can meet the combined needs (required votes) of a question and of its edited value.

    Args:
        asked: Terms of the question. None: any reviewer decides alone.
        more: Terms for the edited value.
        requesters: User names of the people who started or continued the run. With four eyes they may only reject.

    Raises:
        PolicyError: Too few people can meet a need.
    """
    refuse_needs_of_nobody(merge_stricter(asked or Terms(), more), requesters)


def _still_to_come(timeline: tuple[TimelineStep, ...], now: datetime) -> tuple[TimelineStep, ...]:
    """Return the timeline with each step changed that approves at a date which has already passed.

    Such a step then only marks the proposal as overdue. Nobody could decide the new question before that date, so the
    clock must not approve it.
    """
    return tuple(
        msgspec.structs.replace(step, does="overdue", text=step.text.replace("approve", "overdue"))
        if step.does == "approve" and step.at is not None and step.at <= now
        else step
        for step in timeline
    )
