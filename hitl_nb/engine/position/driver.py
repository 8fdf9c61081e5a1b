"""Runs instrumented code so that its stack can be saved, and continues a saved stack.

*Instrumented code* is code of the user that hitl_nb compiled so that its frames can be saved. A *frame that asks*
requests the decision of a person, as `hitl.checkpoint` does. The *main task* of a run is the asyncio task that awaits
the run's own coroutine.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import sys
import threading
import types
from collections.abc import Callable, Generator
from typing import Any

from hitl_nb.engine.compile.runtime.runtime import Unwind
from hitl_nb.engine.position.event_loop import task_restorer as beginning
from hitl_nb.engine.position.event_loop import turns
from hitl_nb.engine.position.event_loop.origins import Origin, origin_of, record_task_origins, set_origin
from hitl_nb.engine.position.event_loop.task_shutdown import end_tasks
from hitl_nb.engine.position.failures import read_failed_stack
from hitl_nb.engine.position.frames.continuations import continue_frame
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedStack, SavedTasks
from hitl_nb.engine.position.runtime_hooks import active_driver, get_frame
from hitl_nb.engine.position.stack import tasks
from hitl_nb.engine.position.stack.chains import join_coroutines
from hitl_nb.engine.position.stack.stack_reader import StackPlaces, read_places, read_stack
from hitl_nb.engine.position.stack.suspended_frames import (
    name_task_places,
    name_waiting_place,
    read_task_stack,
    read_waiting_stack,
)


class Driver:
    """One run in this process. It knows the frame below the run's stack, and the saved frames to be restored.

    Args:
        on_poll: called with the current frame when the code next reaches a poll (a check between statements). Polls are
            active only while `RUNTIME.due` is True.
        run: the object that the driver runs for; only the owner of the driver uses it.

    Attributes:
        branches: of an agent cell that has ended: by name, the engine locals that record which of its branches have
            run.
        on_unwinding: called before an error leaves a frame by a handler, `finally` or `with`. It gets the error, the
            frame, and whether it is a `with`.
    """

    def __init__(self, on_poll: Callable[[types.FrameType], None] | None = None, run: Any = None) -> None:
        self.on_poll = on_poll
        self.on_unwinding: Callable[[BaseException, types.FrameType, bool], None] = lambda error, frame, by_with: None
        self.branches: dict[str, Any] = {}
        self.run = run
        self._root_frame: types.FrameType | None = None
        self._pending_frames: list[Any] = []
        self._answer: Callable[[], Any] | None = None
        self._answered_frame: types.FrameType | None = None
        self._main_coroutine: Any = None
        self._main_task: asyncio.Task[Any] | None = None  # the task that awaits the run
        self._main_turn = 0
        self._is_cancelled = False
        self._started_count = 0
        self._loop_calls: list[turns.LoopCall] = []
        self._is_left = False
        self._thread_id = threading.get_ident()

    # -- running

    def start(self, function: Callable[[], Any]) -> Any:
        """Run a function and return its result; for a coroutine function, a coroutine to be awaited."""
        beginning.forget_loaded_objects()
        return self._drive_function(function)

    def resume(self, stack: SavedStack, answer: Callable[[], Any] | None) -> Any:
        """Continue a saved stack, and return the result of its outermost frame (a coroutine, if it is one).

        Args:
            stack: the saved stack; its list of frames is emptied.
            answer: returns the value that the innermost frame waits for, or raises. None: it waits for no value.
        """
        join_coroutines(stack)
        outermost, *rest = stack.frames
        self._pending_frames, self._answer = list(rest), answer
        function, box = continue_frame(outermost)
        stack.frames.clear()
        if stack.tasks is not None:
            self._main_turn, self._is_cancelled = stack.tasks.main_turn, stack.tasks.is_cancelled
            self._started_count, self._loop_calls = stack.tasks.started_count, stack.tasks.loop_calls
        beginning.release_loaded_objects()
        return self._drive_function(functools.partial(function, box))

    def _drive_function(self, function: Callable[[], Any]) -> Any:
        token = active_driver.set(self)
        self._thread_id = threading.get_ident()
        self._root_frame = get_frame(1)
        record_task_origins(lambda: active_driver.get(None) is not None)
        try:
            result = function()
        finally:
            active_driver.reset(token)
        return self._await_coroutine(result) if inspect.iscoroutine(result) else result

    async def _await_coroutine(self, coroutine: Any) -> Any:
        token = active_driver.set(self)
        self._root_frame = get_frame(1)
        self._main_coroutine = coroutine
        with contextlib.suppress(RuntimeError):  # the event loop is not asyncio's
            self._main_task = asyncio.current_task()
        if self._main_task is not None:
            set_origin(self._main_task, Origin(started_count=self._started_count, is_cancelled=self._is_cancelled))
            record_task_origins(lambda: active_driver.get(None) is not None)
        steps = beginning.restart_loaded_tasks(self._loop_calls)
        try:
            if steps:
                await self._take_turn(steps)
            if self._is_cancelled and self._main_task is not None:
                origin_of(self._main_task).is_cancelled = False
                self._main_task.cancel()  # raises CancelledError at its next `await`
            return await coroutine
        except BaseException:
            if self._is_left:  # a task has paused the run, and has ended `coroutine`
                raise Unwind from None
            raise
        finally:
            self._main_coroutine = self._main_task = None
            active_driver.reset(token)

    async def _take_turn(self, steps: list[tuple[int, asyncio.Handle]]) -> None:
        try:
            await turns.take_turn(next((step for turn, step in steps if turn > self._main_turn), None))
        except asyncio.CancelledError:  # it is raised again where the run's own code waits
            assert self._main_task is not None
            self._main_task.uncancel()
            self._is_cancelled = True

    # -- saving

    def read_stack(self, frame: types.FrameType, is_answered: Callable[[Any], bool] | None) -> SavedStack:
        """Read the stack of the run from its outermost frame to `frame`, as data.

        Args:
            frame: the innermost frame of the run.
            is_answered: takes the function that `frame` calls, and returns whether the call waits for a person's
                answer, as a checkpoint does. None: `frame` is at a poll.

        Raises:
            CannotSave: The stack cannot be saved at its present position in the code.
        """
        assert self._root_frame is not None
        frame, is_answered = self._find_waiting_frame(frame, is_answered)
        if self._answer is not None or self._pending_frames:
            raise CannotSave("a call that is made again asks before the last answer has reached the code that asked")
        if self._main_task is None:
            self._refuse_tasks()
            return read_stack(self._find_own_frame(frame), self._root_frame, is_answered)
        asking, main = self._find_asking_task(), self._main_task
        unfinished = [task for task in self._find_tasks() if not origin_of(task).is_reevaluated]
        turns.read_turn_order(main, asking or main, unfinished, self._is_own_context)
        if self._is_in_awaited_call():
            stack = read_waiting_stack(self._main_coroutine)
        elif asking is None:
            stack = read_stack(frame, self._root_frame, is_answered)
        else:
            stack = read_task_stack(frame, asking, self._main_coroutine, is_answered)
        own = turns.turn_order.turn_of(main), turns.is_cancel_pending(main), origin_of(main).started_count
        stack.tasks = SavedTasks(unfinished, *own, turns.turn_order.loop_calls)
        return stack

    def _refuse_tasks(self) -> None:
        """Raise CannotSave if a run whose own code awaits nothing has started tasks that have not ended."""
        try:
            loop, main = asyncio.get_running_loop(), asyncio.current_task()
        except RuntimeError:
            return
        for task in asyncio.all_tasks(loop):
            if task is not main and self._is_own_context(turns.context_of(task)) and not origin_of(task).is_outside:
                name = getattr(task.get_coro(), "__qualname__", task.get_name())
                raise CannotSave(
                    f"the task {name}(), started at line {origin_of(task).line}, has not ended, and would be lost with "
                    "this process; await it before this question (code that awaits something continues its tasks)"
                )

    def _find_asking_task(self) -> asyncio.Task[Any] | None:
        """Return the task that runs now. None: it is the main task, or another thread runs, or the run has no tasks.

        Raises:
            CannotSave: The event loop runs a callback, which is no task. A callback cannot ask for a decision.
        """
        if self._main_task is None:
            return None
        if threading.get_ident() != self._thread_id:
            return None
        running = asyncio.current_task()
        while running is not None and origin_of(running).awaiting_task is not None:
            running = origin_of(running).awaiting_task
        if running is None:
            raise CannotSave(
                "a function that the event loop calls (by call_soon, call_later, add_done_callback) cannot ask; "
                "ask in a task"
            )
        return None if running is self._main_task else running

    @property
    def asking_task_name(self) -> str:
        """Prefix for the names of code positions in the task that runs now; "" for the main task."""
        try:
            asking = self._find_asking_task()
        except CannotSave:
            return ""
        return "" if asking is None else f"task {origin_of(asking).key}"

    def _is_in_awaited_call(self) -> bool:
        """Return whether the running task or thread belongs to an awaited call that a resume executes again."""
        if threading.get_ident() != self._thread_id:
            return True
        running = asyncio.current_task()
        return running is not None and origin_of(running).awaiting_task is not None

    def _find_own_frame(self, frame: types.FrameType) -> types.FrameType:
        """Return the innermost frame of the run's own thread: `frame`, or the frame in which that thread waits."""
        if threading.get_ident() == self._thread_id:
            return frame
        return sys._current_frames()[self._thread_id]  # pyright: ignore[reportPrivateUsage]  # documented, in CPython

    @contextlib.contextmanager
    def hold_tasks(self) -> Generator[None]:
        """Stop the event loop, and so all tasks of the run, inside the `with` block, for another thread of the run.

        Nothing is done in the event loop's own thread, and for a run that awaits nothing.

        Raises:
            CannotSave: The event loop did not stop within 5 seconds.
        """
        if self._main_task is None or threading.get_ident() == self._thread_id:
            yield
            return
        rests, goes_on = threading.Event(), threading.Event()

        def hold_loop() -> None:
            rests.set()
            goes_on.wait()

        self._main_task.get_loop().call_soon_threadsafe(hold_loop)
        try:
            if not rests.wait(_LOOP_TIMEOUT_SECONDS):
                raise CannotSave("a thread asks while the event loop is busy")
            yield
        finally:
            goes_on.set()

    def _find_tasks(self) -> list[asyncio.Task[Any]]:
        """Find the tasks of the run that have not ended, without the main task."""
        assert self._main_task is not None
        found = [task for task in asyncio.all_tasks(self._main_task.get_loop()) if task is not self._main_task]
        mine = [task for task in found if self._is_own_context(turns.context_of(task))]
        return [task for task in mine if not origin_of(task).is_outside]

    def _find_reevaluated_tasks(self) -> list[asyncio.Task[Any]]:
        """Find the tasks of libraries that begin again when the call that awaits them is executed again."""
        assert self._main_task is not None
        found = [task for task in asyncio.all_tasks(self._main_task.get_loop()) if task is not self._main_task]
        mine = [(task, origin_of(task)) for task in found if self._is_own_context(turns.context_of(task))]
        return [task for task, one in mine if one.is_outside and one.is_reevaluated and one.awaiting_task is None]

    def _is_own_context(self, context: contextvars.Context) -> bool:
        return context.get(active_driver) is self

    def end_paused_tasks(self) -> None:
        """End the tasks of a paused run. The caller must then leave the running code by raising `Unwind`."""
        if self._main_task is not None:
            self._is_left = self._is_in_awaited_call() or asyncio.current_task() is not self._main_task
            end_tasks([*self._find_tasks(), *self._find_reevaluated_tasks()], self._main_task, self._main_coroutine)
            tasks.discard_leftovers()

    def read_places(self, frame: types.FrameType, is_answered: Callable[[Any], bool] | None) -> StackPlaces:
        """Read the names of the code positions of the frames down to `frame`. The arguments are as for `read_stack`.

        Raises:
            CannotSave: The stack cannot be saved at its present position.
        """
        assert self._root_frame is not None
        frame, is_answered = self._find_waiting_frame(frame, is_answered)
        asking = self._find_asking_task()
        if self._main_task is not None and self._is_in_awaited_call():
            return name_waiting_place(
                self._main_coroutine, f"task {origin_of(asking).key if asking is not None else ''}"
            )
        if asking is None:
            return read_places(self._find_own_frame(frame), self._root_frame, is_answered)
        return name_task_places(frame, asking, self._main_coroutine, is_answered)

    def _find_waiting_frame(
        self, frame: types.FrameType, is_answered: Callable[[Any], bool] | None
    ) -> tuple[types.FrameType, Callable[[Any], bool] | None]:
        """Return the frame and `is_answered` to read the stack with.

        While `answer` of a resumed run is being called, the frame is the one that waits for the answer.
        """
        return (frame, is_answered) if self._answered_frame is None else (self._answered_frame, None)

    def read_failed_stack(
        self, error: BaseException, left_frame: types.FrameType, *, is_left_by_with: bool
    ) -> SavedStack | None:
        """Read the stack before `error`, which is about to leave `left_frame` by a `finally` or `with`.

        Returns:
            The stack. None: a handler may still catch the error, or cleanup code or a handler has changed the state
            since.

        Raises:
            CannotSave: The position of a frame cannot be continued.
        """
        assert self._root_frame is not None
        return read_failed_stack(error, left_frame, self._root_frame, is_left_by_with=is_left_by_with)

    @property
    def context(self) -> contextvars.Context:
        """The `contextvars` context of the run's own code."""
        return contextvars.copy_context() if self._main_task is None else turns.context_of(self._main_task)

    @property
    def is_running(self) -> bool:
        """Whether the code of the run has begun."""
        return self._root_frame is not None

    @property
    def is_answering(self) -> bool:
        """Whether the answer for which the innermost frame of a resumed stack waits is being computed now."""
        return self._answered_frame is not None

    # -- what instrumented code asks

    def take_pending_call(self) -> Callable[[], Any]:
        """Return the function that a restored frame calls at its place: it continues the next saved frame inward.

        For the innermost frame, the function returns the answer, or None if the frame waits for no answer.
        """
        if self._pending_frames:
            function, box = continue_frame(self._pending_frames.pop(0))
            return types.MethodType(function, box)  # a method is called without C's stack, which Python 3.12 limits
        answer, self._answer = self._answer, None
        return [None].pop if answer is None else functools.partial(self._give_answer, answer)

    def _give_answer(self, answer: Callable[[], Any]) -> Any:
        self._answered_frame = get_frame(2)
        try:
            return answer()
        finally:
            self._answered_frame = None


_LOOP_TIMEOUT_SECONDS = 5.0
"""Seconds that a thread waits for the event loop to stop."""
