"""The code of one run, on this process's stack: where it is, what its calls are named, how it is left.

Nothing here reads or writes the store; `session` does.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
import types
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hitl_nb.engine.call_keys.call_keys import Key, inside_call, spell_key, started_in
from hitl_nb.engine.call_keys.fingerprints import Fingerprint
from hitl_nb.engine.call_keys.keyed_calls import KeyedCalls
from hitl_nb.engine.call_keys.keys import Execution, KeyCounts, Keys
from hitl_nb.engine.compile.runtime.runtime import RUNTIME
from hitl_nb.engine.live.moments import ExecutionMoments
from hitl_nb.engine.live.refused_questions import RefusalTracker
from hitl_nb.engine.live.run_position import RunPosition
from hitl_nb.engine.live.user_frames import describe_line, find_user_frame
from hitl_nb.engine.live.value_display import show_last_value
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.event_loop import asyncio_calls
from hitl_nb.engine.position.event_loop.origins import origin_of
from hitl_nb.engine.position.failures import read_failed_stack
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedStack
from hitl_nb.engine.position.frames.starts import read_initial_stack
from hitl_nb.engine.position.managers.managers import find_entered_managers, reenter_managers
from hitl_nb.engine.position.stack.retries import (
    is_stuck,
    name_innermost_place,
    prepare_awaited_reevaluation,
    step_out,
    step_out_of_raising,
)
from hitl_nb.errors import CannotPause, Paused


class LiveRun:
    """Runs the code of one run from its beginning, or continues its saved stack.

    Args:
        begin: calls the code; None: nothing runs, a state is only loaded.
        stack: what is continued in place of beginning.
        counts: the counts that the names of calls continue from.
        end: the stack behind the last statement.
        display: shows the value of the cell's last expression.

    Attributes:
        paused: set when the run was saved and must stop.
        answer: gives the value that the innermost frame of `stack` waits for.
        on_poll: called with a frame where code reports.
        on_unwinding: called before a `finally` or `with` runs for an error that nobody handles, with its position.
    """

    def __init__(
        self,
        begin: Callable[[], Any] | None,
        *,
        stack: SavedStack | None = None,
        counts: KeyCounts | None = None,
        end: Callable[[], SavedStack] = lambda: SavedStack([], False, {}),
        display: Callable[[Any], None] | None = None,
    ) -> None:
        self._begin = begin
        self._end = end
        self._stack = stack
        self.keys = Keys(counts)
        self.display = display
        self.paused: Paused | None = None
        self.answer: Callable[[], Any] | None = None
        self.on_poll: Callable[[types.FrameType], None] = lambda frame: None
        self.refused = RefusalTracker()
        self.result: Any = None
        self._driver = Driver(self._report_place, self)
        self._driver.on_unwinding = self._record_unwinding
        self.on_unwinding: Callable[[RunPosition], None] = lambda position: None
        self._unwound: BaseException | None = None
        self._was_resumed = False
        self.callee: Any = None
        self._thread = 0
        self._keyed_calls = KeyedCalls()
        self._task = ""
        self._moments = ExecutionMoments()

    # -- running

    async def run(self) -> Any:
        """Run to the end; what the code returns. Raises what it raises, and Paused."""
        self._thread = threading.get_ident()
        RUNTIME.show = show_last_value
        made: Any = self._start_code()
        self.result = await made if inspect.isawaitable(made) else made
        self.check_stopped()
        return self.result

    def _start_code(self) -> Any:
        stack, self._stack = self._stack, None
        if stack is None:
            assert self._begin is not None
            return self._driver.start(self._begin)
        self._was_resumed = True
        reenter_managers()
        return self._driver.resume(stack, self.answer)

    @property
    def is_running(self) -> bool:
        """Whether code of the run is on the stack, or suspended."""
        return self._driver.is_running

    @property
    def is_answering(self) -> bool:
        """Whether a decided call is being completed."""
        return self._driver.is_answering

    @property
    def waiting_position(self) -> RunPosition | None:
        """The saved stack that still waits to be continued, or the beginning that still waits to be run; else None.

        Raises:
            CannotSave: The beginning cannot be saved.
        """
        if self._stack is not None:
            return RunPosition(self._stack, self.keys.collect_counts())
        if self._begin is None or self.is_running:
            return None
        return RunPosition(read_initial_stack(self._begin), self.keys.collect_counts(), find_line=self.find_line)

    def check_stopped(self) -> None:
        """Raise Paused, or the refusal of a question, where code has swallowed it."""
        if self.paused is not None:
            raise self.paused
        self.refused.raise_swallowed()

    def refuse(self, error: CannotPause, calls: tuple[object, ...]) -> None:
        """Note that a question is refused, inside the recorded `calls`."""
        self.refused.add_refusal(error, calls)
        RUNTIME.due = True

    def _report_place(self, frame: types.FrameType) -> None:
        """Code has reached a place where it reports."""
        RUNTIME.due = True
        self.check_stopped()
        RUNTIME.due = False
        if threading.get_ident() != self._thread:  # the run's own thread reports where it is
            RUNTIME.due = self.keys.has_inexact_execution or self._moments.is_watched
            return
        if (self.keys.has_executions or self._moments.is_watched) and not inside_call.get():
            try:
                places = self._driver.read_places(frame, None)
            except CannotSave:
                RUNTIME.due = True
                return
            self.keys.notice_poll(places.names, is_exact=places.is_exact, task=find_task_name(places.names))
            self._moments.record_report(places)
        self.on_poll(frame)
        if self.keys.has_inexact_execution:
            RUNTIME.due = True

    def _record_unwinding(self, error: BaseException, frame: types.FrameType, by_with: bool) -> None:
        """An error is about to leave a handler, a `finally` or a `with`. If nobody can handle it, its place is kept."""
        seen: BaseException | None = error
        while seen is not None:
            if seen is self._unwound:
                return
            seen = seen.__context__
        try:
            stack = self._driver.read_failed_stack(error, frame, is_left_by_with=by_with)
        except CannotSave:
            return
        if stack is None or self.refused.may_be_behind(error):
            return
        if self._step_out_for_retry(error, stack):
            self._unwound = error
            self.on_unwinding(RunPosition(stack, self._read_failure_counts(stack), find_line=self.find_line))

    def _step_out_for_retry(self, error: BaseException, stack: SavedStack) -> bool:
        """Step out of where it cannot help to try again. Returns whether it may help to continue there."""
        if not step_out_of_raising(stack):
            return False
        if self._was_resumed and is_stuck(error, stack):
            step_out(stack)
        prepare_awaited_reevaluation(stack.frames[-1])
        return True

    def ask_for_reports(self) -> None:
        """Have code report at its next place."""
        RUNTIME.due = True

    # -- the call that is being made

    def begin_call(self, callee: Any) -> bool:
        """Begin a recorded call of `callee`. Returns whether it is exact: the run continues behind it.

        Else it is made again when the run continues, with what leads to it.
        """
        if self.is_nested or not self.is_running or started_in.get() is not None:
            return False
        self.callee = callee
        places, exact = self._read_places(callee)
        self.keys.begin_call(places, is_exact=exact, task=find_task_name(places))
        self._task = find_task_name(places)
        if self.keys.has_inexact_execution:
            RUNTIME.due = True
        return exact

    async def await_call(self, call: Awaitable[Any]) -> Any:
        """Await the current call. If the run is continued meanwhile, the call is made again, by its name."""
        execution = self.keys.find_execution(self._task)
        if execution is None:  # of a call that was made before anything was named
            return await call
        execution.is_awaited = True
        try:
            return await call
        except BaseException:
            execution.has_failed = True
            raise
        finally:
            execution.is_awaited = False

    @property
    def is_nested(self) -> bool:
        """Whether a recorded call makes the calls of now: they are named after it."""
        return bool(inside_call.get())

    def _read_places(self, callee: Any) -> tuple[tuple[str, ...], bool]:
        frame = find_user_frame()
        try:
            found = self._driver.read_places(frame, lambda value: value is callee)
            return found.names, found.is_exact
        except CannotSave:
            return self._read_outside_places(), False

    def _read_outside_places(self) -> tuple[str, ...]:
        """Read the places of the run's own code, for a call from another task or thread of it."""
        frame = sys._current_frames().get(self._thread)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
        try:
            return self._driver.read_places(frame, lambda value: False).names if frame is not None else ("",)
        except CannotSave:
            return ("",)

    def name_call(self, name: str, key: Key | None = None) -> str:
        """Make a name for a call: equal when the same call is made again, different for every other.

        Those that a recorded call makes are apart from all others: they are not made again when it is not.

        Raises ValueError if another task that still runs has made a call with this key.
        """
        if key is not None:
            self._keyed_calls.begin_execution(self.current_execution)
            self._keyed_calls.check_alone(name, key)
            name = f"{name}/{spell_key(key)}"
        start = started_in.get()
        kind = f"{inside_call.get()}{name}"
        if start is None:
            return self.keys.name_call(kind, self._task)
        return start.name_call(kind if inside_call.get() else f"thread:{kind}")

    def begin_thread(self) -> Execution | None:
        """Begin a thread, and give the name that its calls are named after."""
        self.begin_call(None)
        return self.current_execution

    @property
    def current_execution(self) -> Execution | None:
        """The execution that the current call belongs to."""
        return started_in.get() or self.keys.find_execution(self._task)

    def check_same_call(self, name: str, key: Key, arguments: Fingerprint) -> None:
        """Raise ValueError if another call of this statement has this key and other arguments."""
        self._keyed_calls.begin_execution(self.current_execution)
        self._keyed_calls.check_arguments(name, key, arguments, lambda: self.line)

    @property
    def current_moment(self) -> object:
        """Equal for two times in one execution of one statement."""
        if not self.is_running:
            return None
        try:
            names = self._driver.read_places(find_user_frame(), lambda value: False).names
        except CannotSave:
            names = self._read_outside_places()
        RUNTIME.due = True
        return self._moments.find_moment(names)

    @property
    def is_direct(self) -> bool:
        """Whether the code that calls the engine now is not made again when the run continues."""
        if not self.is_running:
            return False
        frame = find_user_frame()
        try:
            return self._driver.read_places(frame, None).is_exact
        except CannotSave:
            return False

    # -- where it is

    def find_line(self) -> str:
        """Find where the run is, for sentences."""
        if not self._driver.is_running:
            return "its beginning"
        try:
            found = self._driver.read_places(find_user_frame(), None).frame
        except CannotSave:
            return "a line of another task or thread"
        return describe_line(found)

    line = property(find_line)

    def hold_tasks(self) -> contextlib.AbstractContextManager[None]:
        """Hold the run's tasks while another thread reads a position and leaves the run; may raise CannotSave."""
        return self._driver.hold_tasks()

    def read_position(self, callee: Any = None, frame: types.FrameType | None = None) -> RunPosition:
        """Read the current position, at a call of `callee` that waits for an answer; None: a report in `frame`.

        Raises:
            CannotSave: The position cannot be saved.
        """
        stack = self._driver.read_stack(
            frame or find_user_frame(), None if callee is None else lambda value: value is callee
        )
        return RunPosition(stack, self._read_counts(stack), find_line=self.find_line)

    def read_end_position(self) -> RunPosition:
        """Read the position behind the last statement."""
        stack = self._end()
        for frame in stack.frames:
            frame.locals |= self._driver.branches
        return RunPosition(stack, self.keys.collect_counts(), self.result, lambda: "the end")

    def read_failure_position(self, error: BaseException) -> RunPosition | None:
        """Read the position where an error was raised that no code handled.

        None: a `finally` or `with` ran since, a refused question may be passed there, or it is not kept.
        """
        if self._stack is not None:
            return self.waiting_position
        if self.refused.may_be_behind(error):
            return None
        try:
            stack = read_failed_stack(error)
        except CannotSave:
            return None
        if stack is None or not self._step_out_for_retry(error, stack):
            return None
        return RunPosition(stack, self._read_failure_counts(stack), find_line=lambda: "the error")

    def list_managers(self) -> list[Any]:
        """List the context managers that the run is inside of."""
        try:
            stack = self._driver.read_stack(find_user_frame(), lambda value: False)
        except CannotSave:
            return []
        return [each.manager for each in find_entered_managers(stack)]

    def leave_run(self) -> None:
        """Leave a run that is saved and paused: its tasks end, and the running code is left by raising `Paused`."""
        if self._driver.is_running:
            self._driver.end_paused_tasks()
        else:
            asyncio_calls.close_unstarted_coroutines()

    def read_call_position(self) -> RunPosition:
        """Read the position before the call that is being made, so that the call is made again.

        Raises:
            CannotSave: The position cannot be saved.
        """
        stack = self._driver.read_stack(find_user_frame(), lambda value: False)
        return RunPosition(stack, self._read_counts(stack), find_line=self.find_line)

    def _read_counts(self, stack: SavedStack) -> KeyCounts:
        unfinished = stack.tasks.unfinished_tasks if stack.tasks is not None else ()
        alive = {"", self._task, *(f"task {origin_of(task).key}" for task in unfinished)}
        return self.keys.collect_counts(alive, self._driver.asking_task_name)

    def _read_failure_counts(self, failed: SavedStack) -> KeyCounts:
        """Read the counts to be saved where the run's own code failed: its last call may be over."""
        return self.keys.collect_counts({""}, place=name_innermost_place(failed))

    def begin_answer(self) -> None:
        """Note that the call that the run waits with is being answered."""
        try:
            self._task = find_task_name(self._driver.read_places(find_user_frame(), None).names)
        except CannotSave:
            self._task = ""
        self.keys.take_up_execution(self._task)


def find_task_name(names: Sequence[str]) -> str:
    """Find the task that names of places belong to; "" for the run's own."""
    return names[0] if names[0].startswith("task ") else ""
