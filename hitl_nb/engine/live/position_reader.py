"""Reader of the current position of a run: the position to save, the position of an error, the line for messages.

A *place* is the position in the code at which a frame waits for a call. A *recorded call* is a call of a step or a
question.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
from typing import Any

from hitl_nb.engine.call_keys.keys import KeyCounts, Keys
from hitl_nb.engine.live.refused_questions import RefusalTracker
from hitl_nb.engine.live.run_position import RunPosition
from hitl_nb.engine.live.user_frames import describe_line, find_user_frame
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.event_loop.origins import origin_of
from hitl_nb.engine.position.failures import read_failed_stack
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedStack
from hitl_nb.engine.position.managers.managers import find_entered_managers
from hitl_nb.engine.position.stack.retries import (
    is_stuck,
    name_innermost_place,
    prepare_awaited_reevaluation,
    step_out,
    step_out_of_raising,
)


class PositionReader:
    """Reads where the code of one run is now.

    Args:
        driver: Runs the code.
        keys: Gives the counters that are saved with a position. The names of recorded calls are made from them.
        refused: The questions that were refused. A run does not continue behind such a question.

    Attributes:
        thread_id: Id of the thread that executes the run's own code.
        task_name: Name of the asyncio task that made the last recorded call; "" for the main task.
        is_inner: True if this call was made in a task or thread that code which is executed again has begun.
        was_resumed: True if the code has continued a saved stack.
    """

    def __init__(self, driver: Driver, keys: Keys, refused: RefusalTracker) -> None:
        self._driver = driver
        self._keys = keys
        self._refused = refused
        self._unwound: BaseException | None = None
        self.thread_id = 0
        self.task_name = ""
        self.is_inner = False
        self.was_resumed = False

    # -- positions to save

    def read_position(self, callee: Any = None, frame: types.FrameType | None = None) -> RunPosition:
        """Read the current position of the run, to save it. A continued run continues directly behind this position.

        Args:
            callee: The function of the call that waits for an answer. None: the code is between two statements.
            frame: Innermost frame of the user's code. None: it is found on the stack.

        Raises:
            CannotSave: The position cannot be saved.
        """
        stack = self._driver.read_stack(
            frame or find_user_frame(), None if callee is None else lambda value: value is callee
        )
        return RunPosition(stack, self._read_counts(stack), find_line=self.find_line)

    def read_call_position(self) -> RunPosition:
        """Read the position before the call that is being made. A run that continues there makes the call again.

        Raises:
            CannotSave: The position cannot be saved.
        """
        stack = self._driver.read_stack(find_user_frame(), lambda value: False)
        return RunPosition(stack, self._read_counts(stack), find_line=self.find_line)

    def _read_counts(self, stack: SavedStack) -> KeyCounts:
        unfinished = stack.tasks.unfinished_tasks if stack.tasks is not None else ()
        alive = {"", self.task_name, *(f"task {origin_of(task).key}" for task in unfinished)}
        return self._keys.collect_counts(alive, self._driver.asking_task_name)

    # -- positions of errors

    def read_unwinding_position(
        self, error: BaseException, frame: types.FrameType, *, is_left_by_with: bool
    ) -> RunPosition | None:
        """Read the position of an error that is about to leave a frame, before cleanup code changes the state.

        Args:
            error: The error.
            frame: The frame.
            is_left_by_with: True if the error leaves a `with` block, False if it leaves an `except` or `finally`.

        Returns:
            The position of the statement that raised the error. None: the position was read before for this error, a
            handler may catch the error, or the run must not or cannot continue there.
        """
        seen: BaseException | None = error
        while seen is not None:
            if seen is self._unwound:
                return None
            seen = seen.__context__
        try:
            stack = self._driver.read_failed_stack(error, frame, is_left_by_with=is_left_by_with)
        except CannotSave:
            return None
        if stack is None or self._refused.may_be_behind(error) or not self._step_out_for_retry(error, stack):
            return None
        self._unwound = error
        return RunPosition(stack, self._read_failure_counts(stack), find_line=self.find_line)

    def read_failure_position(self, error: BaseException) -> RunPosition | None:
        """Return the position of the statement that raised an error which no code has handled.

        Args:
            error: The error.

        Returns:
            The position, from which a continued run executes the statement again. None if the run must not continue
            there: a `finally` or `with` has run since, the code has passed a refused question, or the position cannot
            be saved.
        """
        if self._refused.may_be_behind(error):
            return None
        try:
            stack = read_failed_stack(error)
        except CannotSave:
            return None
        if stack is None or not self._step_out_for_retry(error, stack):
            return None
        return RunPosition(stack, self._read_failure_counts(stack), find_line=lambda: "the error")

    def _step_out_for_retry(self, error: BaseException, stack: SavedStack) -> bool:
        """Remove from a failed stack the innermost frames that would only raise the same error again.

        Args:
            error: The error.
            stack: The stack; it is changed.

        Returns:
            True if a retry from the changed stack may help; False if the run cannot continue there.
        """
        if not step_out_of_raising(stack):
            return False
        if self.was_resumed and is_stuck(error, stack):
            step_out(stack)
        prepare_awaited_reevaluation(stack.frames[-1])
        return True

    def _read_failure_counts(self, failed: SavedStack) -> KeyCounts:
        """Return the counters to save with the stack of a failed run.

        A resume makes the names of the recorded calls (steps and questions) from these counters.
        """
        return self._keys.collect_counts({""}, place=name_innermost_place(failed))

    # -- places and lines

    def read_call_places(self, callee: Any) -> tuple[tuple[str, ...], bool]:
        """Return the positions in the code that lead to a call which is about to be made.

        Args:
            callee: The function that is called.

        Returns:
            (names of the positions of the run's frames, outermost first; True if a continued run continues directly
            behind the call, False if it makes the call again).
        """
        frame = find_user_frame()
        self.is_inner = False
        try:
            found = self._driver.read_places(frame, lambda value: value is callee)
            self.is_inner = found.is_inner
            return found.names, found.is_exact
        except CannotSave:
            return self._read_outside_places(), False

    def read_current_places(self) -> tuple[str, ...]:
        """Return the names of the positions at which the frames of the run are now, outermost frame first."""
        try:
            return self._driver.read_places(find_user_frame(), lambda value: False).names
        except CannotSave:
            return self._read_outside_places()

    def _read_outside_places(self) -> tuple[str, ...]:
        """Return the positions of the frames in the thread of the run's own code, as names, outermost first.

        Needed for a call from another thread, or from a task whose own position cannot be read. ("",) if they cannot be
        read.
        """
        frame = sys._current_frames().get(self.thread_id)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
        try:
            return self._driver.read_places(frame, lambda value: False).names if frame is not None else ("",)
        except CannotSave:
            return ("",)

    def find_task_name(self) -> str:
        """Return the name of the asyncio task that is executed now, for example "task 2.1"; "" for the main task."""
        try:
            return find_task_name(self._driver.read_places(find_user_frame(), None).names)
        except CannotSave:
            return ""

    def is_direct(self) -> bool:
        """Return whether a run that is saved now would continue at this line, and not execute code around it again."""
        if not self._driver.is_running:
            return False
        try:
            return self._driver.read_places(find_user_frame(), None).is_exact
        except CannotSave:
            return False

    def find_line(self) -> str:
        """Return where the run is, for messages: "line 7 of refund", or "its beginning" before it has started."""
        if not self._driver.is_running:
            return "its beginning"
        try:
            found = self._driver.read_places(find_user_frame(), None).frame
        except CannotSave:
            return "a line of another task or thread"
        return describe_line(found)

    def list_managers(self) -> list[Any]:
        """List the context managers of the `with` blocks in which the run is; empty if the stack cannot be read."""
        try:
            stack = self._driver.read_stack(find_user_frame(), lambda value: False)
        except CannotSave:
            return []
        return [each.manager for each in find_entered_managers(stack)]


def find_task_name(names: Sequence[str]) -> str:
    """Return the name of the asyncio task to which a position belongs, for example "task 2.1"; "" for the main task.

    Args:
        names: Names of the positions of all frames, outermost first. In a task, the first name is the task's.
    """
    return names[0] if names[0].startswith("task ") else ""
