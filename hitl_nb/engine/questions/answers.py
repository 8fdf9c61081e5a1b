"""Answers to the questions of a run: can it use what people decided, and if it cannot, why are they asked again?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import msgspec

from hitl_nb.engine.questions.edit_checks import NOT_USED_PREFIX, AnswerCheck, check_answer, describe_objection
from hitl_nb.errors import InvalidEdit
from hitl_nb.evidence.json_blocks import add_named_text
from hitl_nb.records import Comment, Proposal, Run
from hitl_nb.review.decision import Decision, LiveQuestion, to_decision
from hitl_nb.review.decision_expiry import EXPIRED_NOTE

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Claim, Ledger


class AnsweredRun(Protocol):
    """The run that asks: what is needed of it to use an answer.

    Attributes:
        judged: Shows that policies decided these proposals.
        objected: Shows that guardrails object to an edited value that is used.
    """

    judged: Callable[[list[Proposal]], None]
    objected: Callable[[str], None]

    @property
    def ledger(self) -> Ledger:
        """The records of the store."""
        ...

    @property
    def claim(self) -> Claim:
        """The claim under which this process executes the run."""
        ...

    @property
    def run_record(self) -> Run:
        """The record of the run."""
        ...


class AnswerReader:
    """Finds out whether a run can use the recorded answers to its questions.

    Args:
        run: The run that asks.

    Attributes:
        expired: Why the questions of the run's last pause have expired; "" if they have not.
    """

    def __init__(self, run: AnsweredRun) -> None:
        self._run = run
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
        run = self._run
        decided = [p for p in found if p is not None and p.status == "decided"]
        if len(decided) < len(found):
            for one, p in zip(asked, found, strict=True):
                if p is not None and p.status == "expired":
                    add_notes(one, EXPIRED_NOTE + self.expired)
            return None
        try:
            said = comments if comments is not None else [read_comments_at_decision(p, run.ledger) for p in decided]
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
            run.judged(passed)
        return decisions

    def _check_answer(self, asked: LiveQuestion, decision: Decision, decided: Proposal) -> AnswerCheck:
        """Check whether an answer can be used.

        If it cannot, a note with the reason is added to the question, which is then asked again.

        Args:
            asked: The question.
            decision: The answer.
            decided: The record of the question and its answer.
        """
        run = self._run
        if decided.pause != run.run_record.pauses:
            return AnswerCheck()  # the answer is of an earlier pause, so the run has used it already
        found = check_answer(asked, decision, decided, run.ledger, run.run_record)
        if found.refusal:
            before = [note for note in decided.notes if note.startswith(NOT_USED_PREFIX)]
            add_notes(asked, *before, NOT_USED_PREFIX + found.refusal)
            asked.further = found.further or asked.further
        return found

    def _accept_despite_objections(self, decision: Decision, decided: Proposal, found: AnswerCheck) -> Decision:
        """Record and show that an edit is used despite objections of guardrails, which the deciding people knew.

        Returns:
            The decision with the objections added to its reasons.
        """
        self._run.ledger.policies.note_objections(self._run.claim, decided, found.objections)
        told = tuple(describe_objection(one) for one in found.objections)
        self._run.objected(f"{decided.title}: {'; '.join(told)}")
        return replace(decision, why=(*decision.why, *told))


def add_note(questions: Sequence[LiveQuestion], error: InvalidEdit) -> None:
    """Add to the context of each question why the last edit cannot be used. The questions are then asked again.

    Args:
        questions: The questions; they are changed.
        error: Tells why.
    """
    note = f"{NOT_USED_PREFIX}{error}"
    for asked in questions:
        asked.question = add_named_text(asked.question, "note", note)


def add_notes(asked: LiveQuestion, *notes: str) -> None:
    """Add sentences for people to a question; each is added once."""
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
