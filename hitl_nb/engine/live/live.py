"""The running code of one run: its position in the code, the names of its recorded calls, and how it is stopped.

This module neither reads nor writes the store; `session` does. Code *reports* between statements and at each turn of a
loop: it calls the engine, which may save the run. A *recorded call* is a call of a step or a question: its result is
stored under a name. Such a call is *exact* if a continued run continues directly behind it; otherwise a continued run
makes the call again.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
import types
from collections.abc import Awaitable, Callable
from typing import Any

from hitl_nb.engine.call_keys.call_keys import Key, inside_call, spell_key, started_in
from hitl_nb.engine.call_keys.call_scopes import find_scope
from hitl_nb.engine.call_keys.fingerprints import Fingerprint
from hitl_nb.engine.call_keys.keyed_calls import KeyedCalls
from hitl_nb.engine.call_keys.keys import Execution, KeyCounts, Keys
from hitl_nb.engine.compile.runtime.runtime import RUNTIME
from hitl_nb.engine.live.moments import ExecutionMoments
from hitl_nb.engine.live.position_reader import PositionReader, find_task_name
from hitl_nb.engine.live.refused_questions import RefusalTracker
from hitl_nb.engine.live.run_position import RunPosition
from hitl_nb.engine.live.value_display import show_last_value
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.event_loop import asyncio_calls
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedStack
from hitl_nb.engine.position.frames.starts import read_initial_stack
from hitl_nb.engine.position.managers.managers import reenter_managers
from hitl_nb.errors import CannotPause, Paused


class LiveRun:
    """The code of one run in this process. It starts at the beginning, or continues a saved stack.

    The code *reports* between statements and at each turn of a loop: it calls the engine.

    Args:
        begin: Starts the code from its beginning, and returns its result or an awaitable. None: no code can run; the
            object is only needed while a saved state is loaded.
        stack: Saved frames to continue; None: the code starts at the beginning.
        counts: Counters from the saved state, from which the names of recorded calls are made; None for a new run.
        end: Returns the stack to save after the last statement has run.
        display: Called with the value of the cell's last expression, to show it.

    Attributes:
        paused: The exception `Paused`, once the run is saved and must stop; None before.
        answer: Function without arguments that returns the value for which the innermost frame of `stack` waits; None
            if that frame does not wait for a value.
        on_poll: Called with the user's frame when code reports.
        on_unwinding: Called with the position of an error that no code may handle, before a `finally` or `with` runs.
        refused: The questions that were refused with `CannotPause`.
        positions: Reads where the code is.
        result: The value that the code returned.
        callee: The function of the recorded call that is being made.
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
        self.positions = PositionReader(self._driver, self.keys, self.refused)
        self.on_unwinding: Callable[[RunPosition], None] = lambda position: None
        self.callee: Any = None
        self._keyed_calls = KeyedCalls()
        self._moments = ExecutionMoments()

    # -- running

    async def run(self) -> Any:
        """Run the code to its end, and return its result.

        Raises:
            Paused: The run was saved and must stop.
            CannotPause: A question was refused, and the code has swallowed the error.
            Exception: The code raised it.
        """
        self.positions.thread_id = threading.get_ident()
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
        self.positions.was_resumed = True
        reenter_managers()
        return self._driver.resume(stack, self.answer)

    @property
    def is_running(self) -> bool:
        """Whether the code of the run has begun in this process."""
        return self._driver.is_running

    @property
    def is_answering(self) -> bool:
        """Whether the result of the call that waited at the pause is now being computed from people's decisions."""
        return self._driver.is_answering

    @property
    def waiting_position(self) -> RunPosition | None:
        """The position to save while no code of the run has run in this process yet; None if code has run.

        It is the saved position from which the run continues, or the beginning of the code.

        Raises:
            CannotSave: The beginning cannot be saved.
        """
        if self._stack is not None:
            return RunPosition(self._stack, self.keys.collect_counts())
        if self._begin is None or self.is_running:
            return None
        return RunPosition(
            read_initial_stack(self._begin), self.keys.collect_counts(), find_line=self.positions.find_line
        )

    def check_stopped(self) -> None:
        """Raise the exception that must stop the code, if there is one. The code may have swallowed it before.

        Raises:
            Paused: The run was saved and must stop.
            CannotPause: A question was refused, and the code has swallowed the error.
        """
        if self.paused is not None:
            raise self.paused
        self.refused.raise_swallowed()

    def refuse(self, error: CannotPause, calls: tuple[object, ...]) -> None:
        """Record that a question is refused (`error`), so that the error is raised again if the code swallows it.

        Args:
            error: The error that the asking code gets.
            calls: The recorded calls (steps, gated tools) inside which the question was asked.
        """
        self.refused.add_refusal(error, calls)
        RUNTIME.due = True

    def _report_place(self, frame: types.FrameType) -> None:
        """Handle a report: a call of the engine that the code makes between statements and at each turn of a loop.

        Args:
            frame: The frame of the running code.

        Raises:
            Paused: The run was saved and must stop.
            CannotPause: A question was refused, and the code has swallowed the error.
        """
        RUNTIME.due = True
        self.check_stopped()
        RUNTIME.due = False
        if threading.get_ident() != self.positions.thread_id:  # the run's own thread reports where it is
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
        """Pass the position of an error to `on_unwinding`, so that it is saved, unless code may handle the error.

        Called before an `except`, `finally` or `with` block changes the state because of the error.

        Args:
            error: The error.
            frame: The frame with the block.
            by_with: True if the block is a `with`.
        """
        position = self.positions.read_unwinding_position(error, frame, is_left_by_with=by_with)
        if position is not None:
            self.on_unwinding(position)

    def ask_for_reports(self) -> None:
        """Make the running code call the engine at the end of its current statement or at the next turn of a loop."""
        RUNTIME.due = True

    # -- the call that is being made

    def begin_call(self, callee: Any) -> bool:
        """Record that the code is about to make a recorded call (of a step or a question).

        Args:
            callee: The function that is called; None: no function, but the code is about to start a thread.

        Returns:
            True if a continued run continues directly behind the call (the call is *exact*). False: a continued run
            makes the call again, with the code that leads to it.
        """
        if self.is_nested or not self.is_running or started_in.get() is not None:
            return False
        self.callee = callee
        places, exact = self.positions.read_call_places(callee)
        self.keys.begin_call(places, is_exact=exact, task=find_task_name(places))
        self.positions.task_name = find_task_name(places)
        if self.keys.has_inexact_execution:
            RUNTIME.due = True
        return exact

    async def await_call(self, call: Awaitable[Any]) -> Any:
        """Await a recorded call (of a step or a question), and return its result.

        While the call runs, another task may pause the run. The continued run then makes the call again under the same
        name, so that its recorded result is found.

        Raises:
            BaseException: The call raised it.
        """
        execution = self.keys.find_execution(self.positions.task_name)
        if execution is None:  # the call was made before any call was named
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
        """Whether the current code runs inside a recorded call. The names of its own calls then contain that call."""
        return bool(inside_call.get())

    def name_call(self, name: str, key: Key | None = None) -> str:
        """Return the name under which the next recorded call (of a step or a question) is stored.

        If the program makes the same call again after a resume, the name is the same; two different calls never share
        one. A gated call is a call of a tool that people approve first. Calls made inside it are numbered separately,
        because they are not made again if the gated call is not executed again.

        Args:
            name: Name of the called function.
            key: The `key=` that the user has given; None if there is none.

        Raises:
            ValueError: Another task has an unfinished call with the same `key`.
        """
        if key is not None:
            self._keyed_calls.begin_execution(self.current_execution)
            self._keyed_calls.check_alone(name, key)
            name = f"{name}/{spell_key(key)}"
        start, scope = started_in.get(), find_scope()
        kind = f"{inside_call.get()}{name}"
        if start is None:
            inner = "task:" if self.positions.is_inner else ""
            return self.keys.name_call(f"{inner}{kind}", self.positions.task_name)
        if scope is not None:
            return scope.name_call(start, kind)
        return start.name_call(kind if inside_call.get() else f"thread:{kind}")

    def begin_thread(self) -> Execution | None:
        """Prepare the start of a thread by the code of the run.

        Returns:
            The execution to which the recorded calls of the thread belong: one execution of the code that starts the
            thread. Their names are made from it. None if the run has no current execution.
        """
        self.begin_call(None)
        return self.current_execution

    @property
    def current_execution(self) -> Execution | None:
        """The execution to which the current recorded call belongs; None if there is none.

        An execution is one recorded call, or one execution of code that a continued run may execute again.
        """
        return started_in.get() or self.keys.find_execution(self.positions.task_name)

    def check_same_call(self, name: str, key: Key, arguments: Fingerprint) -> None:
        """Check that no other call in this execution of the statement has the same key, but other arguments.

        Args:
            name: Name of the called function.
            key: The `key=` of the call.
            arguments: Fingerprint (hash of the content) of the arguments.

        Raises:
            ValueError: There is such a call.
        """
        self._keyed_calls.begin_execution(self.current_execution)
        self._keyed_calls.check_arguments(name, key, arguments, lambda: self.line)

    @property
    def current_moment(self) -> object:
        """Object that identifies the current execution of the current statement.

        Two such objects are equal if they were read in the same execution of the same statement. In a loop, each
        execution of a statement has another object. None if no code of the run has begun.
        """
        if not self.is_running:
            return None
        names = self.positions.read_current_places()
        RUNTIME.due = True
        return self._moments.find_moment(names)

    @property
    def is_direct(self) -> bool:
        """Whether a run that is saved now would continue at this line, and not execute code around it again."""
        return self.positions.is_direct()

    # -- where it is

    @property
    def line(self) -> str:
        """Where the run is, for messages: "line 7 of refund", or "its beginning" before it has started."""
        return self.positions.find_line()

    def hold_tasks(self) -> contextlib.AbstractContextManager[None]:
        """Return a context manager that stops the run's other asyncio tasks while the caller saves the run.

        Raises:
            CannotSave: The event loop did not stop within 5 seconds. The context manager raises it.
        """
        return self._driver.hold_tasks()

    def read_end_position(self) -> RunPosition:
        """Return the position after the last statement, with the result of the code."""
        stack = self._end()
        for frame in stack.frames:
            frame.locals |= self._driver.branches
        return RunPosition(stack, self.keys.collect_counts(), self.result, lambda: "the end")

    def read_failure_position(self, error: BaseException) -> RunPosition | None:
        """Return the position of the statement that raised an error, from which the failed run continues.

        Args:
            error: The error. No code has handled it.

        Returns:
            The position; None if the run must not continue there. Reasons: a `finally` or `with` has run since, the
            code has passed a refused question, or the position cannot be saved.
        """
        if self._stack is not None:
            return self.waiting_position
        return self.positions.read_failure_position(error)

    def list_managers(self) -> list[Any]:
        """List the context managers of the `with` blocks that have begun and not ended.

        The list is empty if the stack cannot be read.
        """
        return self.positions.list_managers()

    def leave_run(self) -> None:
        """End the run's other asyncio tasks after the run was saved. The caller then raises `Paused`."""
        if self._driver.is_running:
            self._driver.end_paused_tasks()
        else:
            asyncio_calls.close_unstarted_coroutines()

    def begin_answer(self) -> None:
        """Record that the result of the call that waited at the pause is being computed from people's decisions.

        The next recorded call at the same position in the code is a new call and gets another name.
        """
        self.positions.task_name = self.positions.find_task_name()
        self.keys.take_up_execution(self.positions.task_name)
