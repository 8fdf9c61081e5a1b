"""Judgment of a run's questions by policies and guardrails, before people are asked and after they have edited.

A *guardrail* checks a value and reports what it found; a *policy* decides with these reports. A *plan* is the result
for one question: it passes, is blocked, or people are asked under some terms (who must agree, by when). This module
does not write questions to the store; `questions.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from hitl_nb.engine.questions.answers import AnswerReader, read_comments_at_decision
from hitl_nb.engine.questions.edit_checks import (
    read_call_terms,
)
from hitl_nb.engine.questions.guardrail_looks import run_guardrails
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.records import Facts, Proposal, Run
from hitl_nb.review.decision import Decision, LiveQuestion, to_decision
from hitl_nb.review.policy_files.policy_files import Policy, load_policy

if TYPE_CHECKING:  # imported by the functions that need it: a process without policies needs none of it
    from hitl_nb.engine.run.session import Session
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.policies.rules.rules import MergedPolicy, Plan


@dataclass(frozen=True)
class QuestionJudgment:
    """The decisions of policies on some questions: each passes, is blocked, or must be decided by people.

    Attributes:
        plans: One result for each question. None if no policy, no guardrail and no argument about reviewers applies:
            people are asked, and anyone may decide.
        facts: The time and the labels of the run, from which the policies decided in addition to the questions.
        policies: The merged policies that were used.
    """

    plans: list[Plan] | None = None
    facts: Facts | None = None
    policies: tuple[MergedPolicy, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether no person has to be asked, because each question passes or is blocked."""
        return self.plans is not None and all(one.verdict != "ask" for one in self.plans)

    def list_asked(self, count: int) -> list[bool]:
        """Return one bool for each question: True if people are asked.

        Args:
            count: Number of questions.
        """
        return [True] * count if self.plans is None else [one.verdict == "ask" for one in self.plans]

    def make_ledger_arguments(self, ledger: Ledger) -> dict[str, Any]:
        """Return keyword arguments for the ledger, so that it records these decisions of policies with the questions.

        The dictionary is empty if `plans` is None.

        Args:
            ledger: Gets the policies that it must keep.
        """
        if self.plans is None:
            return {}
        for policy in self.policies[1:]:
            ledger.policies.keep(cast("Any", policy))  # its hash is a cached property, which a protocol cannot declare
        return {"plans": self.plans, "facts": self.facts, "policy": next(iter(self.policies), None)}


NO_JUDGMENT = QuestionJudgment()


class Judge(AnswerReader):
    """Finds decisions for the questions of one run without asking people: recorded answers, and verdicts of policies.

    Args:
        session: The work of this process on the run.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.session = session

    def decide_pending(self, pending: PendingCall, found: Sequence[Proposal | None], *, exact: bool) -> list[Decision]:
        """Decide questions by policies, or pause the run to ask people.

        If any question needs a person, people are asked all questions together. A policy then does not pass a question
        that people were asked before.

        Args:
            pending: The call that asks the questions.
            found: The recorded answer of each question, or None. If no answer is missing, the answers together cannot
                be used.
            exact: True: a continued run continues directly behind the call. False: it makes the call again.

        Returns:
            The decisions, one for each question.

        Raises:
            Paused: People have to be asked; the run is saved and waits.
            CannotPause: The run cannot be saved at this point.
            PolicyError: A policy cannot be used.
        """
        session, asked = self.session, pending.asked
        usable = [p if p is not None and p.status == "decided" and not (exact and p.pause) else None for p in found]
        if None not in usable:
            usable = [None] * len(asked)
        new = [one for one, p in zip(asked, usable, strict=True) if p is None]
        again = [p is not None and _was_asked(p) for p in found]
        run_guardrails(new, session.ledger, session.run_record)
        with session.turn:
            session.check_going()
            judged = self.judge_questions(
                new, [repeated for repeated, p in zip(again, usable, strict=True) if p is None]
            )
            if judged.is_decided:
                recorded = iter(self._record_judgment(new, judged))
                decided = [next(recorded) if p is None else p for p in usable]
                said = [() if p is None else read_comments_at_decision(p, session.ledger) for p in usable]
                return [to_decision(*one) for one in zip(asked, decided, said, strict=True)]
        run_guardrails(asked, session.ledger, session.run_record)
        with session.turn:
            session.check_going()
            all_judged = judged if len(new) == len(asked) else self.judge_questions(asked, again)
            return session.questions.pause(pending, exact=exact, judged=all_judged)

    def judge_questions(self, asked: Sequence[LiveQuestion], again: Sequence[bool] | None = None) -> QuestionJudgment:
        """Apply the policies to questions: each passes, is blocked, or must be decided by people.

        The guardrails of the questions must have run before.

        Args:
            asked: The questions.
            again: For each question, whether people were asked before. A policy does not pass such a question.

        Raises:
            PolicyError: A policy cannot be used.
        """
        session = self.session
        judged = judge_questions(asked, session.ledger, session.run_record)
        return (
            judged
            if judged.plans is None or not any(again or ())
            else require_people_again(judged, judged.plans, again or ())
        )

    def _record_judgment(self, asked: Sequence[LiveQuestion], judged: QuestionJudgment) -> list[Proposal]:
        session = self.session
        questions = [one.question for one in asked]
        found = session.ledger.policies.record_verdicts(
            session.claim,
            questions,
            blobs=[blob for one in asked for blob in one.blobs],
            **judged.make_ledger_arguments(session.ledger),
        )
        session.judged(found)
        return found


def judge_questions(asked: Sequence[LiveQuestion], ledger: Ledger, run: Run) -> QuestionJudgment:
    """Apply the policies to questions: each passes, is blocked, or must be decided by people.

    The guardrails of the questions must have run before.

    Args:
        asked: The questions.
        ledger: Gives the time.
        run: The record of the run.

    Raises:
        PolicyError: A policy cannot be used.
    """
    found: dict[Policy | None, MergedPolicy | None] = {}
    for one in asked:
        own = one.review.policy
        if own not in found:
            found[own] = load_policy(run.notebook, *((own,) if own is not None else ()))
    merged = [found[one.review.policy] for one in asked]
    if not any(
        policy is not None or one.review.has_terms or one.review.guardrails or one.further
        for policy, one in zip(merged, asked, strict=True)
    ):
        return NO_JUDGMENT
    from hitl_nb.policies.rules.rules import make_plan

    facts = Facts(now=ledger.now(), labels=run.labels)
    names: dict[str, Any] = {"agent": run.agent, "notebook": run.notebook, "requesters": run.requesters}
    plans = [
        make_plan(policy, one.question, facts, call=read_call_terms(one), **names)
        for policy, one in zip(merged, asked, strict=True)
    ]
    plans = [_add_further(found, one, facts) for found, one in zip(plans, asked, strict=True)]
    return QuestionJudgment(
        plans, facts, tuple({policy.sha256: policy for policy in merged if policy is not None}.values())
    )


def _add_further(found: Plan, asked: LiveQuestion, facts: Facts) -> Plan:
    if asked.further is None:
        return found
    from hitl_nb.policies.rules.edit_review import add_further

    return add_further(found, asked.further, facts.now)


def require_people_again(judged: QuestionJudgment, plans: Sequence[Plan], again: Sequence[bool]) -> QuestionJudgment:
    """Return a judgment in which no policy passes a question that people were asked before: they are asked again.

    Args:
        judged: The judgment to start from.
        plans: Its results, one for each question.
        again: For each question, True if people were asked before.
    """
    changed = [
        replace(one, verdict="ask") if repeated and one.verdict == "pass" else one
        for one, repeated in zip(plans, again, strict=True)
    ]
    return replace(judged, plans=changed)


def _was_asked(proposal: Proposal) -> bool:
    """Return whether people were asked this question. False if a policy decided it without them."""
    return proposal.decision is None or proposal.decision.by != "policy"
