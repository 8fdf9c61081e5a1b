"""Session: the work of one process on one run. It connects the running code with the store.

The session saves the run's state and asks questions. It knows the records of steps and answers from earlier processes.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any

from hitl_nb.engine.call_keys.call_keys import Key, inside_call
from hitl_nb.engine.call_keys.call_scopes import current_scopes
from hitl_nb.engine.call_keys.fingerprints import fingerprint_value
from hitl_nb.engine.call_keys.keys import identify_call
from hitl_nb.engine.current_session import running_session
from hitl_nb.engine.live.background import BackgroundWork
from hitl_nb.engine.live.ended_tasks import read_outcome_of_task
from hitl_nb.engine.live.live import LiveRun
from hitl_nb.engine.live.slow_statements import Worklog
from hitl_nb.engine.live.steps_under_way import StepCounter, in_step
from hitl_nb.engine.live.threads import share_with_threads
from hitl_nb.engine.live.ticker import Ticker
from hitl_nb.engine.missing_names import explain_missing
from hitl_nb.engine.position.managers.managers import revert_effects
from hitl_nb.engine.position.stack.generators import end_generators_quietly
from hitl_nb.engine.questions.doubts import EffectsInDoubt
from hitl_nb.engine.questions.judgment import Judge
from hitl_nb.engine.questions.questions import QuestionDesk
from hitl_nb.engine.reopening.client_certificates import watch_certificates
from hitl_nb.engine.run.saves import Saves
from hitl_nb.engine.snapshot.saver import Saver
from hitl_nb.engine.tracebacks import show_native_frames, trim_traceback
from hitl_nb.errors import CannotPause, NotInAgent, Paused, RunClaimed, StoreError
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.records import Proposal, Run, Step, Workspace
from hitl_nb.review.guardrail_checks import in_guardrail

PATIENCE_SECONDS = 10.0
"""Seconds that a pause waits for steps before it shows a message about that."""
TICK_SECONDS = 0.01
"""Seconds between reports of running code. A report measures the time of statements, and makes a save that is due."""


@contextlib.contextmanager
def enter_loading(ledger: Ledger, run: Run, claim: Claim, saver: Saver) -> Generator[None]:
    """Make a session the current one inside the `with` block, while the saved state of a run is loaded.

    Loading opens resources again (`hitl.resource`). Steps that the functions of these resources call get their results
    from the record of the run.

    Args:
        ledger: Reads and writes the records of the store.
        run: The record of the run.
        claim: The right of this process to write to the run.
        saver: Restores the state.
    """
    session = Session(ledger, run, claim, LiveRun(None), saver, source="")
    token = running_session.set(session)
    try:
        yield
    finally:
        running_session.reset(token)


class Session:
    """The work of one process on one run.

    Args:
        ledger: Reads and writes the records of the store.
        run: The record of the run.
        claim: The right of this process to write to the run.
        live: The running code.
        saver: Saves and loads the state.
        source: Source text of the code, for the snapshot.
        outputs: Returns the outputs that were printed and displayed so far, as JSON.
        opened: Shows a workspace that the code has opened.
        drawn: Returns figures that are drawn and not shown yet, as outputs. A pause shows them until the run continues.
        finishing: Called when the code has ended, before the end is saved.
        judged: Shows decisions that a policy made without a pause. Also called when such a decision is used again.
        objected: Shows that people's edit of a value is used although guardrails (checks of the value) object.
        noted: Shows sentences about the run to people.
        summarize: Shows how many decisions of policies were not shown one by one. Called before the last save.
        known: Records of steps that the run may call after its saved position.
        died: True if the last process that executed the run has died. Nobody knows then whether a started step took
            effect.
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
        noted: Callable[[list[str]], None] = lambda sentences: None,
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
        self.noted = noted
        self.summarize = summarize
        self.judge = Judge(self)
        self.known_steps = {identify_call(step.key): step for step in known or ()}
        self.died = died
        self.proposals: list[Proposal] = []
        self.under_way = StepCounter()
        self.background = BackgroundWork(live)
        self.turn = threading.RLock()
        self._thread = threading.get_ident()
        self._over = False
        self._speaks_at = math.inf
        self.failed_at_position = False
        self.worklog = Worklog()
        self.questions = QuestionDesk(self)
        self.doubts = EffectsInDoubt(self)
        self.saves = Saves(self)
        live.on_poll = self.saves.save_if_due
        live.on_unwinding = self.saves.save_position

    # -- running

    async def run(self) -> Any:
        """Execute the code to its end or next pause. While it runs, its state is saved at intervals.

        Returns:
            The return value of the code.

        Raises:
            Paused: The run is saved and waits.
            BaseException: Any error that the code raises.
        """
        with Ticker(lambda: TICK_SECONDS):
            return await self._run_code()

    async def _run_code(self) -> Any:
        """Execute the code to its end or next pause, record in the store how it ended, and return its return value.

        Raises:
            Paused: The run is saved and waits.
            BaseException: Any error that the code raises.
        """
        share_with_threads(running_session, in_step, inside_call, in_guardrail, current_scopes)
        watch_certificates()
        self._thread = threading.get_ident()
        token = running_session.set(self)
        try:
            try:
                self.doubts.settle_all()
                self.worklog.begin_statement()
                result = await self.live.run()
            except (Paused, Exception):
                await self._end_steps()
                raise
            await self._end_steps()
        except Paused:
            self._record_questions()
            self._leave_managers()
            raise
        except BaseException as error:
            self.under_way.cancel_steps()  # steps are still active only if the run was interrupted
            self._record_failure(error)
            raise
        else:
            self.summarize()
            self.finishing()
            self.run_record = self.ledger.runs.finish(
                self.claim, self.saves.make_last(), statements=self.worklog.list_longest()
            )
            return result
        finally:
            running_session.reset(token)
            # If the disk is full, this process still treats the claim as released.
            with contextlib.suppress(StoreError):
                self.ledger.claims.release(self.claim)

    async def _end_steps(self) -> None:
        """Wait until all active steps have ended. From now on, no step or question of this session can begin.

        Raises:
            CannotPause: A pause would wait forever, or would lose threads that a step has started.
        """
        with self.turn:
            self._over = True
        self._speaks_at = time.monotonic() + PATIENCE_SECONDS
        await self.under_way.wait_until_idle(self._check_steps)
        left = self.background.left_by_steps() if self.live.paused is not None else None
        if left is not None:
            raise CannotPause(f"cannot pause: {left}")

    def _check_steps(self) -> None:
        """Check, while a pause waits for active steps, that it does not wait forever.

        Raises:
            CannotPause: Steps wait for tasks that the pause has ended.
        """
        if self.live.paused is not None:
            self.questions.check_steps("cannot pause")
            self._report_waited_steps()

    def _report_waited_steps(self) -> None:
        """Tell people once that a pause waits for steps, after `PATIENCE_SECONDS`.

        A step may check a condition in a loop. Only its author can know whether the condition will become true.
        """
        if time.monotonic() < self._speaks_at or not self.under_way:
            return
        self._speaks_at = math.inf
        names = " and ".join(f"{name}()" for name in self.under_way.names)
        waited_for = (
            f"the question is shown when {names} has ended: a pause lets steps beside it end. Interrupt the kernel if "
            "a step waits for what other tasks of this agent do; these continue only after the decision"
        )
        self.noted([waited_for])

    def _record_questions(self) -> None:
        """Store the pause with its questions, if that was postponed until the active steps had ended."""
        try:
            self.questions.record_postponed_pause()
        except BaseException as error:
            self._record_failure(error)
            raise

    def _leave_managers(self) -> None:
        """Undo the effects of the `with` blocks that have begun and not ended, and close the generators of the run.

        The generators are closed without running their code. Called after the pause was stored.
        """
        revert_effects(self.saver.entered)
        end_generators_quietly(self.saver.generators)

    def name_step_call(self, name: str, key: Key | None, args: Any) -> str:
        """Return the name under which a call of a step is recorded. The same call has the same name after a resume.

        Threads make their calls in any order. So a call in a thread without a key is identified by its arguments, if
        these can be compared.

        Args:
            name: Name of the step.
            key: The `key=` of the call, or None.
            args: Arguments of the call.

        Raises:
            Paused: The run has paused.
            NotInAgent: The run has ended.
            ValueError: Another call in the same statement has this key.
        """
        self.check_going()
        if key is not None:
            with self.turn:
                self.live.check_same_call(name, key, fingerprint_value(args))
        elif threading.get_ident() != self._thread:
            print_ = fingerprint_value(args)
            name = f"{name}({print_.digest[:16]})" if print_.comparable else name
        with self.turn:
            return self.live.name_call(name, key)

    @functools.cached_property
    def earlier_steps(self) -> dict[str, Step]:
        """Identifier of a step's call (its name without the running number) -> its record, for all steps of the run.

        Needed for a call that was made before the saved position and is awaited after it.
        """
        return {identify_call(step.key): step for step in self.ledger.steps.list_of_run(self.run_record.id)}

    def begin_step(self, name: str) -> Future[None]:
        """Record in memory that a step is about to start, so that a pause waits for its end.

        Returns:
            Future of the step. Pass it to `under_way.end_step` when the step has ended.

        Raises:
            Paused: The run has paused meanwhile.
            NotInAgent: The run has ended.
        """
        with self.turn:
            self.check_going()
            return self.under_way.begin_step(name)

    def check_not_paused(self) -> None:
        """Check that the run has not paused in another task or thread. Its code must then not continue.

        Raises:
            Paused: The run has paused.
        """
        if self.live.paused is not None:
            read_outcome_of_task()
            raise self.live.paused

    def check_going(self) -> None:
        """Check that the run has neither paused nor ended.

        Raises:
            Paused: The run has paused.
            NotInAgent: The run has ended, and a task of it is still running.
        """
        self.check_not_paused()
        if self._over:
            raise NotInAgent(
                f"the run of {self.run_record.agent!r} has ended, but a task that it started still runs. Await all "
                "tasks in the agent, so that their steps and questions belong to the run"
            )

    def _record_failure(self, error: BaseException) -> None:
        trim_traceback(error)
        entry = error.__traceback__
        while entry is not None:
            explain_missing(error, entry.tb_frame.f_globals, entry.tb_frame.f_code.co_name)
            entry = entry.tb_next
        self.summarize()
        try:
            position = self.live.read_failure_position(error)
            snapshot = None if position is None else self.saves.make_snapshot(position)
            self.failed_at_position = snapshot is not None
        except CannotPause:
            snapshot = None  # the last save remains the newest
        try:
            said = f"{type(error).__name__}: {error}"
            self.ledger.runs.fail(self.claim, snapshot, said, statements=self.worklog.list_longest())
        except (StoreError, RunClaimed) as problem:
            error.add_note(f"hitl_nb could not record that this run failed ({problem}); its last saved state stays")
        show_native_frames(error)

    @property
    def is_of_cell(self) -> bool:
        """Whether the run is of an agent cell, and not of an `@hitl.agent` function."""
        return self.saver.variables and bool(self.live.read_end_position().stack.frames)

    def record_labels(self, labels: Mapping[str, str]) -> None:
        """Store labels of the run.

        Args:
            labels: Name -> text.

        Raises:
            Paused: The run has paused.
            NotInAgent: The run has ended.
            ValueError: A label is not valid.
        """
        with self.turn:
            self.check_going()
            if any(self.run_record.labels.get(name) != text for name, text in labels.items()):
                self.run_record = self.ledger.run_facts.add_labels(self.claim, labels)
