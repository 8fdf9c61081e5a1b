"""One process at work on one run: where its live code meets the store.

The session saves its state, asks questions, and knows what earlier tries of the same run recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from types import FrameType
from typing import Any, NoReturn

import msgspec

from ..errors import CannotPause, HitlError, InvalidEdit, NotInAgent, Paused, RunClaimed, StoreCorrupt, StoreError
from ..records import Comment, Proposal, Question, Run, Snapshot, Statement, Step, Workspace, now
from ..store.ledger import Claim, Ledger
from .background import Background
from .callkeys import Key, inside_call
from .clientcertificates import notice_certificates
from .decision import Asked, decision_on
from .doubts import Doubts, Settled, asked_about, definition_of, place_of, returned_type, settled_by
from .fingerprints import fingerprint
from .guarding import in_guardrail, refuse_in_guardrail
from .judging import NOT_JUDGED, Judge, Judged, add_note
from .missing import explain_missing
from .pending import Pending
from .position.generators import end_quietly
from .position.keys import identify
from .position.managers import undo
from .position.reading import CannotSave
from .position.retries import keep_frames
from .resources import opening
from .run.live import LiveRun, Position
from .run.ticking import Ticker
from .state import Saver, Unsaved
from .threads import hand_on_to_threads
from .tracebacks import trimmed
from .underway import StepsUnderWay
from .worklog import Worklog

_current: ContextVar[Session | None] = ContextVar("hitl_nb_session", default=None)
in_step: ContextVar[str | None] = ContextVar("hitl_nb_step", default=None)
recorded_calls: ContextVar[tuple[object, ...]] = ContextVar("hitl_nb_recorded_calls", default=())
"""The calls of steps and gated tools that are being made, the outermost first."""

TICK = 0.01
"""Seconds after which running code reports: the time of statements is taken, and a save is made that is due."""
SHARE = 40
"""A save between pauses is due when the time since the last is this many times what that one cost: 2.5 % of a run."""


def current() -> Session | None:
    """The session whose code is running, if any."""
    return _current.get()


def required(what: str) -> Session:
    """The session whose code is running. Raises NotInAgent."""
    session = _current.get()
    if session is None:
        raise NotInAgent(
            f"{what} was called outside an agent: put the code into a %%agent cell, or into a function "
            "marked @hitl.agent and started with .run(...)"
        )
    return session


@contextlib.contextmanager
def loading(ledger: Ledger, run: Run, claim: Claim, saver: Saver) -> Generator[None]:
    """While a run's state is loaded: steps that the factory of a resource calls come from the record."""
    session = Session(ledger, run, claim, LiveRun(None), saver, source="")
    token = _current.set(session)
    try:
        yield
    finally:
        _current.reset(token)


def place(ledger: Ledger, run_id: str, epoch: int, pause: int, save: int) -> str:
    """What a snapshot's signature is bound to: the claim that it was saved under, and which one of that claim it is."""
    return f"snapshot/{ledger.store_id}/{run_id}/{epoch}/{pause}/{save}"


class Session:
    """Args:
    source: the code that runs, for the snapshot.
    outputs: what was printed and displayed so far, as JSON.
    opened: shows a workspace that the code has opened.
    drawn: what is drawn and not shown yet, as outputs; shown at a pause, until the run continues.
    finishing: called when the code has ended, before that is saved.
    judged: shows what a policy decided without a pause; also told when it is used again.
    objected: shows that an edit is used to which guardrails object.
    summarize: shows how many of these were not shown one by one; called before the state is saved for good.
    """

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        claim: Claim,
        live: LiveRun,
        saver: Saver,
        *,
        source: str,
        outputs: Callable[[], list[Any]] = list,
        opened: Callable[[Workspace], None] = lambda w: None,
        drawn: Callable[[], list[Any]] = list,
        finishing: Callable[[], None] = lambda: None,
        judged: Callable[[list[Proposal]], None] = lambda proposals: None,
        objected: Callable[[str], None] = lambda text: None,
        summarize: Callable[[], None] = lambda: None,
        known: list[Step] | None = None,
        died: bool = True,
    ) -> None:
        self.ledger = ledger
        self.run_record = run
        self.claim = claim
        self.live = live
        self.saver = saver
        self.source = source
        self.outputs = outputs
        self.opened = opened
        self.drawn = drawn
        self.finishing = finishing
        self.judged = judged
        self.objected = objected
        self.summarize = summarize
        self.judge = Judge(self)
        self.known = {identify(step.key): step for step in known or ()}
        self.died = died
        self.resumed: Pending | None = None
        self._settled: dict[str, Settled] = {}
        self.answered: dict[str, list[Proposal]] = {}
        self.proposals: list[Proposal] = []
        self.sealed_for = ""
        self.envelope = b""
        self.pending: Pending | None = None
        self.under_way = StepsUnderWay()
        self.background = Background(live)
        self.turn = threading.RLock()
        self._thread = threading.get_ident()
        self._over = False
        self.position: Position | None = None
        self.variables: dict[str, Any] = {}
        self.failed_at_position = False
        self._asking: tuple[Snapshot, list[Question], list[Statement], Judged] | None = None
        self._completing: Pending | None = None
        self._along = False
        self._unrecorded: tuple[str, object] = "", None
        self._saves = 0
        self._worklog = Worklog()
        self._cost = 0.005
        self._saved_at = time.perf_counter()
        live.on_poll = self._on_poll
        live.on_unwinding = self._save_position

    # -- running

    async def run(self) -> Any:
        """As `_run`, and code reports from time to time."""
        with Ticker(lambda: TICK):
            return await self._run()

    async def _run(self) -> Any:
        """Run the code to its end or next pause; keep how it ended.

        Raises what the code raises, and Paused.
        """
        hand_on_to_threads(_current, in_step, inside_call, in_guardrail)
        notice_certificates()
        self._thread = threading.get_ident()
        token = _current.set(self)
        try:
            try:
                self._settle_effects()
                self._worklog.begin()
                result = await self.live.run()
            except (Paused, Exception):
                await self._end_steps()
                raise
            await self._end_steps()
        except Paused:
            self._ask_now()
            self._put_aside()
            raise
        except BaseException as error:
            self.under_way.cancel()  # nothing, unless the run is interrupted
            self._fail(error)
            raise
        else:
            self.summarize()
            self.finishing()
            self.run_record = self.ledger.finish(
                self.claim, self._last_snapshot(), statements=self._worklog.statements()
            )
            return result
        finally:
            _current.reset(token)
            with contextlib.suppress(
                StoreError
            ):  # a full disk: the claim counts as let go in this process all the same
                self.ledger.release(self.claim)

    async def _end_steps(self) -> None:
        """Let the steps that are under way end while the claim is held; no step and no question begins any more."""
        with self.turn:
            self._over = True
        await self.under_way.ended()

    def _ask_now(self) -> None:
        """Make the pause durable that waited for steps to end."""
        if self._asking is None:
            return
        try:
            self._pause(*self._asking)
        except BaseException as error:
            self._fail(error)
            raise

    def _put_aside(self) -> None:
        """Once the pause is durable: what the run is inside of is undone here, and its generators are ended quietly."""
        undo(self.saver.entered)
        end_quietly(self.saver.generators)

    def position_of_step(self, name: str, key: Key | None, args: Any) -> str:
        """The position of a call of a step with these arguments.

        Threads make their calls in any order. So a call in a thread of its own is known by its arguments, where they
        can be compared, unless it has a key.

        Raises Paused if the run has paused, NotInAgent if it has ended; ValueError for a key that another call has.
        """
        self.check_going()
        if key is not None:
            with self.turn:
                self.live.check_same_call(name, key, fingerprint(args))
        elif threading.get_ident() != self._thread:
            print_ = fingerprint(args)
            name = f"{name}({print_.digest[:16]})" if print_.comparable else name
        with self.turn:
            return self.live.position(name, key)

    def begin_step(self) -> Future[None]:
        """A step is about to start; `under_way.end` must be called with what this returns.

        Raises:
            Paused: the run has paused meanwhile.
            NotInAgent: it has ended.
        """
        with self.turn:
            self.check_going()
            return self.under_way.begin()

    def check_not_paused(self) -> None:
        """Raises Paused if the run has paused: what is made again on resume must not go on beside it."""
        if self.live.paused is not None:
            _read_outcome_of_task()
            raise self.live.paused

    def forbid_pause(self, why: str) -> None:
        """Refuse questions in what is left of this execution, if it would have to be made again."""
        self._unrecorded = why, self.live.execution

    def check_going(self) -> None:
        """Raises Paused if the run has paused, NotInAgent if it has ended while a task of it goes on."""
        self.check_not_paused()
        if self._over:
            raise NotInAgent(
                f"the run of {self.run_record.agent!r} has ended, and a task that it started goes on: await all its "
                "tasks in the agent, so that their steps and questions belong to the run"
            )

    def _fail(self, error: BaseException) -> None:
        trimmed(error)
        entry = error.__traceback__
        while entry is not None:
            explain_missing(error, entry.tb_frame.f_globals, entry.tb_frame.f_code.co_name)
            entry = entry.tb_next
        self.summarize()
        try:
            position = self.live.read_failure(error)
            snapshot = None if position is None else self.snapshot(position)
            self.failed_at_position = snapshot is not None
        except CannotPause:
            snapshot = None  # the last save stays
        try:
            said = f"{type(error).__name__}: {error}"
            self.ledger.fail(self.claim, snapshot, said, statements=self._worklog.statements())
        except (StoreError, RunClaimed) as problem:
            error.add_note(f"hitl_nb could not record that this run failed ({problem}); its last saved state stays")

    # -- saving

    def snapshot(
        self, position: Position, pending: Pending | None = None, *, between: bool = False, asks: bool = False
    ) -> Snapshot:
        """The run's state at `position`: one of those `between` pauses, or the last one of this session.

        `asks`: people are asked. Raises CannotPause.
        """
        pending = pending or self._around()
        if between:
            self._saves += 1
        save, pause = self._saves if between else 0, self.run_record.pauses + asks
        where = place(self.ledger, self.run_record.id, self.claim.epoch, pause, save)
        snapshot = self.saver.save(
            position,
            where,
            source=self.source,
            outputs=[*self.outputs(), *self.drawn()] if asks else self.outputs(),
            pending=pending,
            check=asks,
        )
        self.sealed_for, self.envelope, self.pending, self.position = where, snapshot.envelope, pending, position
        # What a handler has bound is unbound when the pause leaves it.
        self.variables = {} if between else {n: self.saver.ns[n] for n in self.saver.saved_names if n in self.saver.ns}
        return msgspec.structs.replace(snapshot, pause=pause, save=save)

    def _last_snapshot(self) -> Snapshot:
        """The state at the end, which is kept without what cannot be saved: a run that is done does not fail."""
        position = self.live.end()
        try:
            return self.snapshot(position)
        except CannotPause as problem:
            position.result = Unsaved(str(problem))
            try:
                return self.snapshot(position)
            except CannotPause:
                self.saver.process.keep_nothing()
                return self.snapshot(position)

    def _on_poll(self, frame: FrameType) -> None:
        now = time.perf_counter()
        self._worklog.took(frame, now)
        if now - self._saved_at >= SHARE * self._cost and not recorded_calls.get() and in_step.get() is None:
            self._save(frame)
            self._worklog.begin()

    def _save(self, frame: FrameType) -> None:
        began = time.perf_counter()
        # Only a checkpoint must be able to save; there the sentence is raised.
        with contextlib.suppress(CannotPause, CannotSave), self.turn:
            position = self.live.read(frame=frame)
            if position.stack.waits:  # else what would be made again from here is saved already
                self.ledger.save(self.claim, self.snapshot(position, between=True))
        self._saved_at = time.perf_counter()
        self._cost = max(self._saved_at - began, 0.0005)

    def _save_position(self, position: Position) -> None:
        with contextlib.suppress(CannotPause):
            self.ledger.save(self.claim, self.snapshot(position, between=True))

    def snapshot_if_cheap(self) -> Snapshot | None:
        """The state to keep along with a step that starts: the first time, and then when it costs next to nothing.

        So a run goes on at the step itself after a crash, unless steps follow one another faster than they are saved.
        """
        began = time.perf_counter()
        if self._along and (self._cost > 0.005 or began - self._saved_at < SHARE * self._cost):
            return None
        self._along = True
        try:
            snapshot = self.snapshot(self.live.read_call(), between=True)
        except (CannotPause, CannotSave):
            self._cost = max(self._cost, time.perf_counter() - began)
            return None
        self._cost = max(time.perf_counter() - began, 0.0005)
        self._saved_at = time.perf_counter()
        return snapshot

    # -- asking

    def ask(self, pending: Pending, *, exact: bool, name: str = "checkpoint") -> Any:
        """Ask people, or use what they already answered here.

        Args:
            exact: the call stands in exact code: it is completed on resume; else it is made again, then answered.

        Raises:
            Paused: the run is saved and waits.
            CannotPause: it cannot be saved here.
            PolicyError: a policy cannot be used.
        """
        with self._remembering_refusal():
            with self.turn:
                answers = self._answers(pending, exact=exact, name=name)
                decisions = self.judge.use(pending.asked, answers)
            if decisions is None:
                decisions = self.judge.decide(pending, answers, exact=exact)
        return pending.go_on(decisions)

    def refuse(self, why: str) -> NoReturn:
        """Raise CannotPause for code that could not ask where it is, before it does anything."""
        with self.turn, self._remembering_refusal():
            where = f"cannot pause at {self.live.line}" if self.live.is_running else "cannot pause"
            raise CannotPause(f"{where}: {why}")

    @property
    def of_cell(self) -> bool:
        """Whether the run is of an agent cell."""
        return self.saver.variables and bool(self.live.end().stack.frames)

    @contextlib.contextmanager
    def _remembering_refusal(self) -> Generator[None]:
        """A question that is refused here is not forgotten, whatever the code around it does with the error."""
        try:
            yield
        except CannotPause as error:
            self.live.refused.add(error, recorded_calls.get())
            _read_outcome_of_task()
            raise

    def _answers(self, pending: Pending, *, exact: bool, name: str) -> list[Proposal | None]:
        """What is on record about these very questions, asked at this very place. Raises CannotPause."""
        self.check_going()
        refuse_in_guardrail()
        step = in_step.get()
        if step is not None:
            raise CannotPause(
                f"a checkpoint inside the step {step}() cannot pause: a step is called once and whole; move it out"
            )
        if opening() is not None and not name.startswith("doubt:"):
            raise CannotPause("a checkpoint inside of hitl.resource(...) cannot pause: ask before it is made")
        if not self.live.is_running and not name.startswith("doubt:"):
            raise HitlError(f"a resource could not be opened again: nobody knows how its step ended ({name})")
        for asked in pending.asked:
            asked.question = msgspec.structs.replace(asked.question, position=self.live.position(name, asked.key))
        answers = [self._answer(asked) for asked in pending.asked]
        if not exact:
            self._note_other_questions(pending.asked, answers)
        return answers

    def _answer(self, asked: Asked) -> Proposal | None:
        """The newest decision on this very question, asked at this very place."""
        same = self.answered.get(identify(asked.question.position), ())
        return next((p for p in reversed(same) if _same_question(p, asked.question)), None)

    def _note_other_questions(self, questions: list[Asked], answers: list[Proposal | None]) -> None:
        """Say so where code that was made again asks something else than what was decided at this place."""
        for asked, answer in zip(questions, answers, strict=True):
            if answer is None and self.answered.get(identify(asked.question.position)):
                note = (
                    f"{_asker()}() is made again after each decision, and it asks another question now than the one "
                    "that was decided, so that decision is not used. Mark it with @hitl.agent: then it continues at "
                    "the line that asked. Where calls run side by side, give each a key= instead."
                )
                asked.question = msgspec.structs.replace(asked.question, notes=(*asked.question.notes, note))

    def pause(self, pending: Pending, *, exact: bool, judged: Judged = NOT_JUDGED) -> NoReturn:
        """Save the run with its questions, in one transaction, and leave. Raises Paused, CannotPause, StoreError.

        `judged` is what policies say about them: those that they pass or block are recorded decided, beside the others.

        While steps beside it are under way, that is put off until they have ended and are recorded: `run` does it. So
        people are shown nothing yet, and if the process dies first, the question is asked again.
        """
        why, execution = self._unrecorded
        if not exact and execution is not None and execution is self.live.execution:
            raise CannotPause(f"cannot pause at {self.live.line}: {why}")
        completed = pending if exact else self._around()
        if exact:
            pending.pause = self.run_record.pauses + 1
        if completed is not None:
            completed.shown = False
        lost = self.background.problem(within=not exact)
        if lost is not None:
            raise CannotPause(f"cannot pause at {self.live.line}: {lost}")
        self.summarize()
        with self._at_rest():
            self._leave(pending, completed, exact=exact, judged=judged)
        _read_outcome_of_task()
        assert self.live.paused is not None
        raise self.live.paused

    @contextlib.contextmanager
    def _at_rest(self) -> Generator[None]:
        try:
            with self.live.at_rest():
                yield
        except CannotSave as problem:
            raise CannotPause(say_cannot(problem, self.live.line)) from problem

    def _leave(self, pending: Pending, completed: Pending | None, *, exact: bool, judged: Judged) -> None:
        position = self._position(exact=exact)
        keep_frames(position.stack)
        saved = self.snapshot(position, completed, asks=True)
        questions = [_with_notes(asked.question, self.saver.notes) for asked in pending.asked]
        statements = self._worklog.statements()
        if self.under_way:
            self._asking = saved, questions, statements, judged
        else:
            self._pause(saved, questions, statements, judged)
        open_ = zip(questions, judged.asks(len(questions)), strict=True)
        self.live.ask_for_reports()
        self.live.paused = Paused(self.run_record.id, tuple(q.title for q, asks in open_ if asks))
        self.live.leave()

    def _position(self, *, exact: bool) -> Position:
        """Where the run waits. Raises CannotSave."""
        waiting = self.live.waiting
        if waiting is not None:  # nothing of it has run in this process
            return waiting
        if exact:
            return self.live.read(self.live.callee)
        return self.live.read_call()

    def _pause(self, saved: Snapshot, questions: list[Question], statements: list[Statement], judged: Judged) -> None:
        more = judged.arguments(self.ledger)
        asked = self.ledger.pause_run(self.claim, saved, questions, statements=statements, **more)
        self.run_record, self.proposals = asked

    def label(self, labels: Mapping[str, str]) -> None:
        """Record facts of the run. Raises Paused, NotInAgent, ValueError."""
        with self.turn:
            self.check_going()
            if any(self.run_record.labels.get(name) != text for name, text in labels.items()):
                self.run_record = self.ledger.label_run(self.claim, labels)

    # -- effects in doubt

    def _settle_effects(self) -> None:
        """Before any code runs: take what people found out about effects in doubt, ask about all others. Raises Paused.

        Where the state cannot be saved here, each is asked about when its step is called again.
        """
        doubtful = [step for step in self.known.values() if self.is_in_doubt(step)]
        if doubtful:
            with contextlib.suppress(CannotPause):
                self._settle(doubtful)

    def is_in_doubt(self, step: Step) -> bool:
        """Whether nobody can know if a recorded call took effect: it did not end, and no pause inside it ended it."""
        if step.status != "started" or self._may_repeat(step):
            return False
        of_this_try = step.pauses is None or step.pauses == self.run_record.pauses
        return of_this_try or identify(place_of(step)) in self.answered  # asking about it was a pause, too

    def settled_effect(self, step: Step) -> Settled:
        """What people found out about a call that is in doubt. Raises Paused, CannotPause."""
        if step.key not in self._settled and not self.live.is_running:  # a resource is opened while the state is loaded
            raise HitlError(
                f"nobody knows whether {step.call or step.name} happened, which a resource called while it was opened "
                "again: mark that step idempotent=True, or use --restart"
            )
        if step.key not in self._settled:
            with self.turn, self._remembering_refusal():
                self.check_going()
                self._settle([step])
        return self._settled[step.key]

    def _may_repeat(self, step: Step) -> bool:
        function = definition_of(step, self.saver.ns)
        return bool(getattr(function, "idempotent", step.idempotent))

    def _settle(self, steps: list[Step]) -> None:
        open_: list[Asked] = []
        for step in steps:
            asked = asked_about(step, self.saver.ns, noticed=now(), died=self.died)
            answer = self._answer(asked)
            if answer is not None:
                try:
                    decision = decision_on(asked, answer, self.comments_on(answer))
                    self._settled[step.key] = settled_by(decision, returned_type(step, self.saver.ns))
                    continue
                except InvalidEdit as error:
                    add_note([asked], error)
            open_.append(asked)
        if open_:
            self.pause(Doubts(open_), exact=False, judged=self.judge.judge(open_))

    def completed(self, pending: Pending, proposals: list[Proposal]) -> Callable[[], Any]:
        """What gives the value of a call that was decided. Raises StoreCorrupt if one is missing."""
        if len(proposals) != len(pending.asked):
            raise StoreCorrupt(
                f"run {self.run_record.id} asked {len(pending.asked)} questions at its last pause, and the store has "
                f"{len(proposals)} of them; restore it from a backup, or run the agent anew"
            )

        said = [self.comments_on(p) for p in proposals]

        def go_on() -> Any:
            self.live.begin_answer()
            decisions = self.judge.use(pending.asked, proposals, said)
            if decisions is None:
                decisions = self.judge.decide(pending, proposals, exact=True)
            pending.shown = True
            self._completing = pending
            self._worklog.begin()
            return pending.go_on(decisions)

        return go_on

    def comments_on(self, p: Proposal) -> list[Comment]:
        """The comments on a proposal as they were when it was decided. Raises StoreCorrupt."""
        if p.decision is None:
            return []
        return self.ledger.comments(p.document or p.id, before=p.decision.event, as_logged=True)

    def _around(self) -> Pending | None:
        """The decided call that is being completed, if what asks or fails now is inside it: its decisions stand."""
        if not self.live.is_running:
            return self.resumed  # it is not completed yet
        return self._completing if self.live.is_answering else None


def say_cannot(problem: CannotSave, line: str) -> str:
    """The sentence for a place that cannot be continued."""
    text = str(problem).replace(" of <module>", "")
    return f"cannot pause at {text}" if text.startswith("line ") else f"cannot pause at {line}: {text}"


def _read_outcome_of_task() -> None:
    """Keep asyncio from reporting a task that a pause or a refusal ends, and that nobody awaits: its error is known.

    Beside the noise: it formats the traceback in the task's finalizer, where CPython before 3.11.8 and 3.12.2 breaks a
    compilation that is under way (gh-106905).
    """
    with contextlib.suppress(RuntimeError):  # no loop runs in this thread
        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(lambda done: done.cancelled() or done.exception())


def _asker() -> str:
    """The name of the user's function that asks."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("hitl_nb."):
        frame = frame.f_back
    return frame.f_code.co_qualname


def _same_question(p: Proposal, q: Question) -> bool:
    return p.decision is not None and (p.kind, p.title, p.value, p.types) == (q.kind, q.title, q.value, q.types)


def _with_notes(question: Question, notes: list[str]) -> Question:
    """The question with what the engine says about this pause."""
    return msgspec.structs.replace(question, notes=tuple(dict.fromkeys((*question.notes, *notes))))
