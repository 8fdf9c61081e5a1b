"""Terms of a question: the terms of all rules that ask, and of the call itself, combined to the strictest of each.

Terms are the conditions of a review, such as its needs (how many votes of which people) and its timeline (actions of
the clock). With *four eyes*, a requester may not approve. See `Terms` in `records.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from hitl_nb.errors import PolicyError
from hitl_nb.policies.documents.grammar import ANYONE, DECIDING_ACTIONS, check_name
from hitl_nb.policies.documents.merged_policy import MergedPolicy, Rule, resolve_named, strictest_identity
from hitl_nb.policies.documents.working_hours import add_working_seconds
from hitl_nb.records import Action, Need, Office, Question, Terms, TimelineStep

OnDeadline = Literal["wait", "reject", "approve", "escalate"]
_STEP_ORDER = {"remind": 0, "overdue": 1, "escalate": 2, "reject": 3, "approve": 4}
"""Order of timeline steps that are due at the same time: the safer action comes first."""
_STEP_OF = {"wait": "overdue", "reject": "reject", "approve": "approve", "escalate": "escalate"}


@dataclass(frozen=True)
class CallTerms:
    """Review arguments of a `checkpoint()` call. They apply only if people are asked.

    Attributes:
        reviewers: User names and group names such as "@finance". None: anyone may decide.
        quorum: Number of these people who must agree.
        deadline: A duration from the time of the question, or an aware datetime. None: no deadline.
        on_deadline: Action of the clock at the deadline. "wait": the proposal is only marked as overdue.

    Raises:
        PolicyError: An argument is invalid, or contradicts another one.
    """

    reviewers: tuple[str, ...] | None = None
    quorum: int = 1
    deadline: timedelta | datetime | None = None
    on_deadline: OnDeadline = "wait"

    def __post_init__(self) -> None:
        if self.reviewers is not None:
            if not self.reviewers:
                raise _call_error("reviewers is empty; name somebody, or leave it out")
            for name in self.reviewers:
                check_name(name)
        if type(self.quorum) is not int or self.quorum < 1:
            raise _call_error(f"quorum is {self.quorum!r}; it must be a whole number from 1 on")
        if self.on_deadline not in _STEP_OF:
            raise _call_error(f"on_deadline is {self.on_deadline!r}; accepted are {', '.join(_STEP_OF)}")
        self._check_deadline()

    def _check_deadline(self) -> None:
        deadline: Any = self.deadline
        if deadline is None:
            if self.on_deadline != "wait":
                raise _call_error(f"on_deadline={self.on_deadline!r} is given without a deadline; add deadline=")
        elif isinstance(deadline, datetime):
            if deadline.utcoffset() is None:
                raise _call_error("deadline is a datetime without a time zone; use datetime.now(timezone.utc) + ...")
        elif not isinstance(deadline, timedelta):
            raise _call_error(f"deadline is a {type(deadline).__name__}; it must be a timedelta or an aware datetime")
        elif not timedelta(0) < deadline <= timedelta(days=3650):
            raise _call_error("deadline must be longer than zero and at most ten years")
        if self.on_deadline == "approve" and self.quorum > 1:
            raise _call_error("on_deadline='approve' with a quorum above 1: the clock cannot be one of several people")

    @property
    def is_empty(self) -> bool:
        """Whether the call has none of the arguments `reviewers`, `quorum` and `deadline`."""
        return self.reviewers is None and self.quorum == 1 and self.deadline is None


def combine_terms(
    policy: MergedPolicy | None,
    rules: Sequence[Rule],
    call: CallTerms | None,
    question: Question,
    asked: datetime,
    requesters: Collection[str] = (),
) -> tuple[Terms, tuple[Action, ...]]:
    """Combine the terms (who must agree, by when) under which people are asked a question, and the allowed actions.

    Args:
        policy: The merged policy. None: no policy document applies.
        rules: The rules whose verdict "ask" counts, sorted by id.
        call: Review arguments of the call. None: no arguments.
        question: The question.
        asked: Time of the question. Deadlines count from it.
        requesters: User names of the people who started or continued the run. With four eyes they may only reject.

    Returns:
        The terms, and the actions that reviewers may take.

    Raises:
        PolicyError: The rules and the call allow no common action, a timeline step is never due, or nobody can meet a
            need.
    """
    call_need, call_step = _call_terms(policy, call, asked)
    needs = _merge_needs([need for rule in rules for need in rule.needs], call_need)
    four_eyes = any(rule.four_eyes for rule in rules)
    allow = _merge_allow(question, rules)
    identity, fallback = _identity_and_fallback(policy, rules)
    timelines = [rule.timeline for rule in rules] + ([(call_step,)] if call_step else [])
    by_clock = not four_eyes and all(need.count == 1 for need in needs)
    office = next((r.office for r in rules if any(step.working for step in r.timeline)), None)
    terms = Terms(
        policy=policy.sha256 if policy else "",
        rules=tuple(rule.id for rule in rules),
        needs=needs,
        four_eyes=four_eyes,
        blind=any(rule.blind for rule in rules),
        identity=identity,
        timeline=merge_timelines(timelines, allow, asked, office, may_approve=by_clock),
        office=office,
        fallback=fallback,
        fresh=min((r.fresh for r in rules if r.fresh is not None), default=None),
        undo=max((r.undo for r in rules if r.undo is not None), default=None),
        batch=min((r.batch for r in rules if r.batch is not None), default=None),
        assign=any(rule.assign for rule in rules),
        show="summary" if rules and all(rule.show == "summary" for rule in rules) else "title",
    )
    refuse_needs_of_nobody(terms, requesters)
    return terms, allow


def _call_terms(
    policy: MergedPolicy | None, call: CallTerms | None, asked: datetime
) -> tuple[Need | None, TimelineStep | None]:
    if call is None:
        return None, None
    need: Need | None = None
    if call.reviewers is not None:
        people = resolve_named(call.reviewers, policy.groups if policy else (), _call_error)
        if call.quorum > len(people):
            raise _call_error(f"quorum is {call.quorum}, but reviewers are {len(people)}; name more or ask for fewer")
        need = Need(count=call.quorum, people=people, text=f"{call.quorum} of {', '.join(call.reviewers)}")
    elif call.quorum > 1:
        need = Need(count=call.quorum, text=f"{call.quorum} of {ANYONE}")
    if call.deadline is None:
        return need, None
    people = policy.fallback if policy and call.on_deadline == "escalate" else ()
    if call.on_deadline == "escalate" and not people:
        raise _call_error(
            "on_deadline='escalate' asks those of `fallback`, but no policy file has it; add fallback to one"
        )
    does: Any = _STEP_OF[call.on_deadline]
    if does == "approve" and policy is not None and policy.exclusive:
        does = "overdue"  # a notebook must not let silence count as approval
    if isinstance(call.deadline, timedelta):
        seconds = call.deadline.total_seconds()
        return need, TimelineStep(does=does, seconds=seconds, people=people, text=f"{call.deadline} {does}")
    at = call.deadline.astimezone(UTC)
    if does == "approve" and at <= asked:
        does = "overdue"  # nobody could decide in time, so the silence means nothing
    return need, TimelineStep(does=does, at=at, people=people, text=f"{at:%Y-%m-%d %H:%M} UTC {does}")


def _merge_needs(needs: Sequence[Need], call: Need | None) -> tuple[Need, ...]:
    """List the needs (such as "2 of @finance") of the rules and of the call, each need once.

    "1 of anyone" is left out if there is another need, because a vote for that need also meets "1 of anyone".
    """
    found: dict[tuple[int, tuple[str, ...]], Need] = {}
    for need in (*needs, *([call] if call else [])):
        found.setdefault((need.count, need.people), need)
    found.pop((1, ()), None)
    return tuple(found.values()) or (Need(),)


def _merge_allow(question: Question, rules: Sequence[Rule]) -> tuple[Action, ...]:
    if question.doubt is not None:
        return question.allow  # the question has one form of answer, which rules cannot narrow
    allow: tuple[Action, ...] = question.allow
    for rule in rules:
        if rule.allow is not None:
            narrowed = rule.allow
            allow = tuple([action for action in allow if action in narrowed])
    if not allow:
        named = ", ".join(rule.id for rule in rules if rule.allow is not None)
        raise PolicyError(
            f"nothing is allowed for {question.title!r}: the checkpoint allows {', '.join(question.allow)}, and the "
            f"rules {named} narrow that to nothing; let `allow` of the rules and of the checkpoint have one in common"
        )
    return allow


def _identity_and_fallback(policy: MergedPolicy | None, rules: Sequence[Rule]) -> tuple[Any, tuple[str, ...]]:
    if rules:
        return strictest_identity(rule.identity for rule in rules), tuple(
            sorted({proposal for r in rules for proposal in r.fallback})
        )
    return (policy.identity, policy.fallback) if policy else ("login", ())


def merge_timelines(
    timelines: Sequence[Sequence[TimelineStep]],
    allow: Sequence[Action],
    asked: datetime,
    office: Office | None,
    *,
    may_approve: bool,
) -> tuple[TimelineStep, ...]:
    """Merge timelines (the clock's actions if nobody decides) into one, sorted by time, up to the first decision.

    The clock approves only if no timeline rejects, and then at the latest of the approval times. It does not approve if
    `may_approve` is False: one vote cannot replace several people. A step with an action that reviewers may not take
    only marks the proposal as overdue.

    Args:
        timelines: The timelines of the rules and of the call.
        allow: Actions that reviewers may take.
        asked: Time of the question, from which the steps count.
        office: Working hours, for steps that count them.
        may_approve: Whether one person's approval is enough to decide the question.

    Raises:
        PolicyError: A step is never due, because the office has too few working hours.
    """
    steps: dict[tuple[object, ...], TimelineStep] = {}
    for step in (step for one in timelines for step in one):
        steps.setdefault((step.does, step.seconds, step.working, step.at, step.people), step)
    approvals = [step for step in steps.values() if step.does == "approve"]
    unanimous = may_approve and not any(step.does == "reject" for step in steps.values())
    latest = max(approvals, key=lambda step: _due_at(step, asked, office), default=None)
    kept: list[TimelineStep] = []
    for step in sorted(
        steps.values(), key=lambda s: (_due_at(s, asked, office), _STEP_ORDER[s.does], s.people, s.text)
    ):
        if step.does in DECIDING_ACTIONS and step.does not in allow:
            kept.append(msgspec.structs.replace(step, does="overdue", text=step.text.replace(step.does, "overdue")))
            continue
        if step.does == "approve" and not (unanimous and step is latest):
            continue
        kept.append(step)
        if step.does in DECIDING_ACTIONS:
            break
    return tuple(kept)


def _due_at(step: TimelineStep, asked: datetime, office: Office | None) -> datetime:
    if step.at is not None:
        return step.at
    if step.working and office is not None:
        try:
            return add_working_seconds(asked, step.seconds, office)
        except ValueError as error:
            raise PolicyError(f"the step '{step.text}' is never due: {error}") from None
    return asked + timedelta(seconds=step.seconds)


def refuse_needs_of_nobody(terms: Terms, requesters: Collection[str]) -> None:
    """Raise an error if four eyes are demanded and too few people remain who may approve.

    With four eyes, the people who started or continued the run may only reject.

    Args:
        terms: The terms. Without four eyes, nothing is checked. The people of `fallback` count for each need.
        requesters: User names of the people who started or continued the run.

    Raises:
        PolicyError: A need (such as "2 of ada, bo") names too few other people.
    """
    if not terms.four_eyes:
        return
    for need in terms.needs:
        able = {*need.people, *terms.fallback} - set(requesters)
        if need.people and len(able) < need.count:
            gone = ", ".join(sorted(set(need.people) & set(requesters)))
            raise PolicyError(
                f"nobody can meet '{need.text}' (rules {', '.join(terms.rules)}): with four eyes {gone} may not decide "
                "their own request; name more people, or add fallback"
            )


def _call_error(sentence: str) -> PolicyError:
    return PolicyError(f"the call: {sentence}")
