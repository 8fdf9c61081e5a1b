"""Judgment of a run's questions by policies and guardrails, before people are asked and after they have edited.

A *guardrail* checks a value and reports what it found; a *policy* decides with these reports. A *plan* is the result
for one question: it passes, is blocked, or people are asked under some terms (who must agree, by when). This module
does not write questions to the store; `questions.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import msgspec

from hitl_nb.engine.questions.edit_checks import (
    NOT_USED_PREFIX,
    AnswerCheck,
    check_answer,
    describe_objection,
    read_call_terms,
)
from hitl_nb.engine.questions.guardrail_looks import run_guardrails
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.errors import InvalidEdit
from hitl_nb.evidence.json_blocks import add_named_text
from hitl_nb.records import Comment, Facts, Proposal, Run
from hitl_nb.review.decision import Decision, LiveQuestion, to_decision
from hitl_nb.review.decision_expiry import EXPIRED_NOTE
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


class Judge:
    """Finds decisions for the questions of one run without asking people: recorded answers, and verdicts of policies.

    Args:
        session: The work of this process on the run.

    Attributes:
        expired: Why the questions of the run's last pause have expired; "" if they have not.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.expired = ""

    def use_decisions(
        self,
        asked: Sequence[LiveQuestion],
        found: Sequence[Proposal | None],
        comments: Sequence[Sequence[Comment]] | None = None,
    ) -> list[Decision] | None:
        """Return the decisions that answer these questions, from their recorded answers.

        If an answer expired or cannot be used, a note with the reason is added to its question.

        Args:
            asked: The questions.
            found: The recorded answer of each question, or None.
            comments: The comments on each question. None: they are read from the store.

        Returns:
            One decision for each question; None if an answer is missing or cannot be used.
        """
        session = self.session
        decided = [p for p in found if p is not None and p.status == "decided"]
        if len(decided) < len(found):
            for one, p in zip(asked, found, strict=True):
                if p is not None and p.status == "expired":
                    _add_notes(one, EXPIRED_NOTE + self.expired)
            return None
        try:
            said = comments if comments is not None else [read_comments_at_decision(p, session.ledger) for p in decided]
            decisions = [to_decision(*one) for one in zip(asked, decided, said, strict=True)]
        except InvalidEdit as error:
            add_note(asked, error)
            return None
        looked_at = [self._check_answer(*one) for one in zip(asked, decisions, decided, strict=True)]
        if any(one.refusal for one in looked_at):
            return None
        for n, one in enumerate(looked_at):
            if one.objections:
                decisions[n] = self._accept_despite_objections(decisions[n], decided[n], one)
        passed = [p for p in decided if not p.pause]
        if passed:
            session.judged(passed)
        return decisions

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

    def _check_answer(self, asked: LiveQuestion, decision: Decision, decided: Proposal) -> AnswerCheck:
        """Check whether an answer can be used.

        If it cannot, a note with the reason is added to the question, which is then asked again.

        Args:
            asked: The question.
            decision: The answer.
            decided: The record of the question and its answer.
        """
        session = self.session
        if decided.pause != session.run_record.pauses:
            return AnswerCheck()  # the answer is of an earlier pause, so the run has used it already
        found = check_answer(asked, decision, decided, session.ledger, session.run_record)
        if found.refusal:
            before = [note for note in decided.notes if note.startswith(NOT_USED_PREFIX)]
            _add_notes(asked, *before, NOT_USED_PREFIX + found.refusal)
            asked.further = found.further or asked.further
        return found

    def _accept_despite_objections(self, decision: Decision, decided: Proposal, found: AnswerCheck) -> Decision:
        """Record and show that an edit is used despite objections of guardrails, which the deciding people knew.

        Returns:
            The decision with the objections added to its reasons.
        """
        self.session.ledger.policies.note_objections(self.session.claim, decided, found.objections)
        told = tuple(describe_objection(one) for one in found.objections)
        self.session.objected(f"{decided.title}: {'; '.join(told)}")
        return replace(decision, why=(*decision.why, *told))


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


def add_note(questions: Sequence[LiveQuestion], error: InvalidEdit) -> None:
    """Add to the context of each question why the last edit cannot be used. The questions are then asked again.

    Args:
        questions: The questions; they are changed.
        error: Tells why.
    """
    note = f"{NOT_USED_PREFIX}{error}"
    for asked in questions:
        asked.question = add_named_text(asked.question, "note", note)


def _add_notes(asked: LiveQuestion, *notes: str) -> None:
    said = dict.fromkeys((*asked.question.notes, *notes))
    asked.question = msgspec.structs.replace(asked.question, notes=tuple(said))


def read_comments_at_decision(proposal: Proposal, ledger: Ledger) -> list[Comment]:
    """Return the comments on a proposal as they were when it was decided; an empty list if it is not decided.

    Raises:
        StoreCorrupt: A comment in the store differs from its event in the log.
    """
    if proposal.decision is None:
        return []
    return ledger.comments.list_on_document(
        proposal.document or proposal.id, before=proposal.decision.event, as_logged=True
    )
