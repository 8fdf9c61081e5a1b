"""Questions of a run. Each is answered from the run's record, decided by policies, or asked of people at a pause.

The run's record has the questions that were decided before, with their answers.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import msgspec

from hitl_nb.engine.call_keys.keys import identify_call
from hitl_nb.engine.live.ended_tasks import read_outcome_of_task
from hitl_nb.engine.live.run_position import RunPosition
from hitl_nb.engine.live.steps_under_way import in_step, recorded_calls
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.stack.retries import mark_paused_frames
from hitl_nb.engine.questions.answers import read_comments_at_decision
from hitl_nb.engine.questions.judgment import NO_JUDGMENT, QuestionJudgment
from hitl_nb.engine.questions.pending_calls import PendingCall
from hitl_nb.engine.reopening.resources import current_factory_call
from hitl_nb.errors import CannotPause, HitlError, Paused, StoreCorrupt
from hitl_nb.records import Proposal, Question, Snapshot, Statement
from hitl_nb.review.decision import LiveQuestion
from hitl_nb.review.guardrail_checks import refuse_in_guardrail

if TYPE_CHECKING:
    from hitl_nb.engine.run.session import Session


class _PauseParts(NamedTuple):
    """The parts of a pause, which are stored in one transaction. `blobs` has the pictures that the questions show."""

    saved: Snapshot
    questions: list[Question]
    statements: list[Statement]
    judged: QuestionJudgment
    blobs: list[bytes]


class QuestionDesk:
    """Asks the questions of one run, or answers them from its record and by policies.

    Args:
        session: The work of this process on the run.

    Attributes:
        answers_by_place: Name of a question -> its decided proposals. It has the questions that the code may ask again.
        resumed: The call that waited for decisions when this process continued the run; None if there was none.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.answers_by_place: dict[str, list[Proposal]] = {}
        self.resumed: PendingCall | None = None
        self._completing: PendingCall | None = None
        self._postponed_pause: _PauseParts | None = None
        self._unrecorded: tuple[str, object] = "", None

    def ask(self, pending: PendingCall, *, exact: bool, name: str = "checkpoint") -> Any:
        """Return the result of a call that asks questions. It is computed from the answers.

        The answers come from the run's record, from policies, or from people after a pause.

        Args:
            pending: The call that asks.
            exact: True: a continued run continues directly behind the call. False: it makes the call again, and the
                call is then answered from the record.
            name: Name of the function that asks, for messages and for the name of each question.

        Raises:
            Paused: People have to be asked; the run is saved and waits.
            CannotPause: The run cannot be saved at this point.
            PolicyError: A policy cannot be used.
        """
        session = self.session
        with self.remember_refusal():
            with session.turn:
                answers = self._find_answers(pending, exact=exact, name=name)
                decisions = session.judge.use_decisions(pending.asked, answers)
            if decisions is None:
                decisions = session.judge.decide_pending(pending, answers, exact=exact)
        return pending.complete(decisions)

    @contextlib.contextmanager
    def remember_refusal(self) -> Generator[None]:
        """Record a `CannotPause` that leaves the `with` block. It is raised again if the agent's code swallows it."""
        try:
            yield
        except CannotPause as error:
            self.session.live.refuse(error, recorded_calls.get())
            read_outcome_of_task()
            raise

    def _find_answers(self, pending: PendingCall, *, exact: bool, name: str) -> list[Proposal | None]:
        """Return the recorded answer of each question of a call, or None for a question without an answer.

        An answer counts only if exactly the same question was asked at the same position in the code.

        Args:
            pending: The call that asks.
            exact: True: a continued run continues directly behind the call. False: it makes the call again.
            name: Name of the function that asks.

        Raises:
            CannotPause: No question can be asked at this point.
        """
        session = self.session
        session.check_going()
        session.live.refused.raise_swallowed()
        refuse_in_guardrail()
        step = in_step.get()
        if step is not None:
            raise CannotPause(
                f"a checkpoint inside the step {step}() cannot pause: a step is called once and whole; move it out"
            )
        if current_factory_call() is not None and not name.startswith("doubt:"):
            raise CannotPause("a checkpoint inside of hitl.resource(...) cannot pause: ask before it is made")
        if not session.live.is_running and not name.startswith("doubt:"):
            raise HitlError(f"a resource could not be opened again: nobody knows how its step ended ({name})")
        for asked in pending.asked:
            asked.question = msgspec.structs.replace(asked.question, position=session.live.name_call(name, asked.key))
        answers = [self.find_answer(asked) for asked in pending.asked]
        if not exact:
            self._add_other_question_notes(pending.asked, answers)
        return answers

    def find_answer(self, asked: LiveQuestion) -> Proposal | None:
        """Return the newest recorded answer to a question; None if there is none.

        It counts only if exactly the same question was asked at the same position in the code.
        """
        same = self.answers_by_place.get(identify_call(asked.question.position), ())
        return next((p for p in reversed(same) if _is_same_question(p, asked.question)), None)

    def _add_other_question_notes(self, questions: list[LiveQuestion], answers: list[Proposal | None]) -> None:
        """Add a note for people to each question that differs from the one decided before at the same position.

        This happens if code that is executed again asks another question than before.

        Args:
            questions: The questions; they are changed.
            answers: The recorded answer of each question, or None.
        """
        for asked, answer in zip(questions, answers, strict=True):
            if answer is None and self.answers_by_place.get(identify_call(asked.question.position)):
                note = (
                    f"{_find_asker()}() is made again after each decision, because its caller is not saved. "
                    "Now it asks a different question from the one that was decided, so that decision is not used. "
                    "Call it in a statement of the notebook, such as a loop, and not through a library. Mark a "
                    "function of a module with @hitl.agent. Then it continues at the line that asked. "
                    "If calls run side by side, give each a key= instead."
                )
                asked.question = msgspec.structs.replace(asked.question, notes=(*asked.question.notes, note))

    def pause(self, pending: PendingCall, *, exact: bool, judged: QuestionJudgment = NO_JUDGMENT) -> NoReturn:
        """Save the run with its questions, in one transaction, and leave its code by raising `Paused`.

        If other steps are active, the transaction is postponed until they have ended and are recorded; `Session.run`
        makes it then. Until then people see nothing. If the process dies first, the question is asked again.

        Args:
            pending: The call that asks.
            exact: True: a continued run continues directly behind the call. False: it makes the call again.
            judged: The judgment of policies. Questions that they pass or block are recorded as decided, with the
                others.

        Raises:
            Paused: The run is saved.
            CannotPause: The run cannot be saved at this point.
            StoreError: The store cannot be written.
        """
        session = self.session
        why, execution = self._unrecorded
        if not exact and execution is not None and execution is session.live.current_execution:
            raise CannotPause(f"cannot pause at {session.live.line}: {why}")
        completed = pending if exact else self.find_decided_call()
        if exact:
            pending.pause = session.run_record.pauses + 1
        if completed is not None:
            completed.shown = False
        lost = session.background.find_problem(within=not exact)
        if lost is not None:
            raise CannotPause(f"cannot pause at {session.live.line}: {lost}")
        session.summarize()
        with self._hold_run():
            self._pause_and_leave(pending, completed, exact=exact, judged=judged)
        read_outcome_of_task()
        assert session.live.paused is not None
        raise session.live.paused

    @contextlib.contextmanager
    def _hold_run(self) -> Generator[None]:
        try:
            with self.session.live.hold_tasks():
                yield
        except CannotSave as problem:
            raise CannotPause(describe_refusal(problem, self.session.live.line)) from problem

    def _pause_and_leave(
        self, pending: PendingCall, completed: PendingCall | None, *, exact: bool, judged: QuestionJudgment
    ) -> None:
        session = self.session
        position = self._read_position(exact=exact)
        mark_paused_frames(position.stack)
        saved = session.saves.make_snapshot(position, completed, asks=True)
        if session.under_way:
            self.check_steps(f"cannot pause at {session.live.line}")
        questions = [_add_notes(asked.question, session.saver.notes) for asked in pending.asked]
        blobs = [blob for asked in pending.asked for blob in asked.blobs]
        parts = _PauseParts(saved, questions, session.worklog.list_longest(), judged, blobs)
        if session.under_way:
            self._postponed_pause = parts
        else:
            self._record_pause(parts)
        open_ = zip(questions, judged.list_asked(len(questions)), strict=True)
        session.live.ask_for_reports()
        session.live.paused = Paused(session.run_record.id, tuple(q.title for q, asks in open_ if asks))
        session.live.leave_run()

    def check_steps(self, what: str) -> None:
        """Refuse a pause that would wait forever for an active step.

        Args:
            what: Beginning of the message, for example "cannot pause at line 7".

        Raises:
            CannotPause: The active steps wait for something that only the run's own tasks do. A pause ends those tasks.
        """
        name = self.session.under_way.find_blocked_step()
        if name is not None:
            raise CannotPause(
                f"{what}: the step {name}() is under way and waits for another task of this agent. A pause ends that "
                "task before the step. Wait for the task outside of the step, or let the step end before this question"
            )

    def _read_position(self, *, exact: bool) -> RunPosition:
        """Return the position in the code at which the run waits for decisions.

        Args:
            exact: True: a continued run continues directly behind the call that asks. False: it makes the call again.

        Raises:
            CannotSave: The position cannot be saved.
        """
        session = self.session
        waiting = session.live.waiting_position
        if waiting is not None:  # no code of the run has run in this process
            return waiting
        if exact:
            return session.live.positions.read_position(session.live.callee)
        return session.live.positions.read_call_position()

    def _record_pause(self, parts: _PauseParts) -> None:
        session = self.session
        more = parts.judged.make_ledger_arguments(session.ledger)
        asked = session.ledger.runs.pause(
            session.claim, parts.saved, parts.questions, statements=parts.statements, blobs=parts.blobs, **more
        )
        session.run_record, session.proposals = asked

    def record_postponed_pause(self) -> None:
        """Store the pause that was postponed until the active steps had ended. Nothing is done if there is none."""
        if self._postponed_pause is not None:
            self._record_pause(self._postponed_pause)

    def forbid_pause(self, why: str) -> None:
        """Refuse later pauses that would execute the current code again, because a call in it must not be repeated.

        Args:
            why: The reason, for the message.
        """
        self._unrecorded = why, self.session.live.current_execution

    def prepare_completion(self, pending: PendingCall, proposals: list[Proposal]) -> Callable[[], Any]:
        """Return a function that computes the result of a call on which people have decided.

        The function takes no arguments. If the decisions cannot be used, it asks again.

        Args:
            pending: The call.
            proposals: The decided proposals, one for each question.

        Raises:
            StoreCorrupt: A question is missing from the store.
        """
        session = self.session
        if len(proposals) != len(pending.asked):
            raise StoreCorrupt(
                f"run {session.run_record.id} asked {len(pending.asked)} questions at its last pause, and the store "
                f"has {len(proposals)} of them; restore the store from a backup, or start a new run"
            )

        said = [read_comments_at_decision(p, session.ledger) for p in proposals]

        def complete_call() -> Any:
            session.live.begin_answer()
            decisions = session.judge.use_decisions(pending.asked, proposals, said)
            if decisions is None:
                decisions = session.judge.decide_pending(pending, proposals, exact=True)
            pending.shown = True
            self._completing = pending
            session.worklog.begin_statement()
            return pending.complete(decisions)

        return complete_call

    def find_decided_call(self) -> PendingCall | None:
        """Return the call whose decisions are being used now; None if there is no such call.

        If the run pauses or fails during that time, this call is saved again.
        """
        if not self.session.live.is_running:
            return self.resumed  # no code has run, so the call is not completed yet
        return self._completing if self.session.live.is_answering else None


def describe_refusal(problem: CannotSave, line: str) -> str:
    """Return the message of `CannotPause` for a position that cannot be saved.

    Args:
        problem: The error, which may begin with the line.
        line: Description of the line, used if the error does not name it.
    """
    text = str(problem).replace(" of <module>", "")
    return f"cannot pause at {text}" if text.startswith("line ") else f"cannot pause at {line}: {text}"


def _find_asker() -> str:
    """Return the qualified name of the user's function that asks."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("hitl_nb."):
        frame = frame.f_back
    return frame.f_code.co_qualname


def _is_same_question(proposal: Proposal, question: Question) -> bool:
    return proposal.decision is not None and (proposal.kind, proposal.title, proposal.value, proposal.types) == (
        question.kind,
        question.title,
        question.value,
        question.types,
    )


def _add_notes(question: Question, notes: list[str]) -> Question:
    """Return the question with the engine's notes about this pause added."""
    return msgspec.structs.replace(question, notes=tuple(dict.fromkeys((*question.notes, *notes))))
