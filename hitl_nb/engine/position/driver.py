"""Execution of instrumented code in a way that its stack can be saved, and continuation of a saved stack.

*Instrumented code* is code of the user that hitl_nb compiled so that its frames can be saved. A *poll* is a call of the
engine that it makes between two statements and at each turn of a loop. The *main task* is the asyncio task that awaits
the run's own coroutine. A function *asks* if it requests a person's decision, as `hitl.checkpoint` does.
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
    """Executes the code of one run in this process, reads its stack as data, and continues a saved stack.

    The code is *instrumented*: hitl_nb compiled it so that its frames can be saved.

    Args:
        on_poll: Called with the current frame when the code reaches a poll, a call of the engine between two
            statements. Polls happen only while `RUNTIME.due` is True.
        run: The `LiveRun` for which the driver works; only other code uses it.

    Attributes:
        branches: Set when an agent cell has ended. Name -> value of the engine's variables that record which branches
            of the cell's `if` and other statements have run.
        on_unwinding: Called before an error leaves an `except`, `finally` or `with` block of a frame. Arguments: the
            error, the frame, and True if the block is a `with`.
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
        """Run a function from its beginning, and return its result.

        If the function returns a coroutine, the result is a coroutine that the caller must await.
        """
        beginning.forget_loaded_objects()
        return self._drive_function(function)

    def resume(self, stack: SavedStack, answer: Callable[[], Any] | None) -> Any:
        """Continue a saved stack, and return the result of its outermost frame.

        If the outermost frame is of a coroutine, the result is a coroutine that the caller must await.

        Args:
            stack: The saved stack. Its list of frames is emptied.
            answer: Function without arguments. It returns the value of the call at which the innermost frame was saved,
                for example a decision. It may raise an error instead. None: the frame was not saved at a call.
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
        """Read the stack of the run, from its outermost frame to `frame`, as data that can be saved.

        Args:
            frame: The innermost frame of the run.
            is_answered: Takes the function that `frame` calls. Returns True if the call waits for a person's answer, as
                a checkpoint does; the run then continues behind the call. None: `frame` is between two statements.

        Returns:
            The saved stack, with the asyncio tasks of the run that have not ended.

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
        """Raise CannotSave if a run whose code is not a coroutine has unfinished asyncio tasks; a pause loses them."""
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
        """Return the asyncio task that runs now.

        If that task only executes a call (a step) that another task awaits, the other task is returned. None: it is the
        main task, the caller is in another thread, or the run has no tasks.

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
        """Name of the asyncio task that runs now, for example "task 2.1"; "" for the main task and for callbacks."""
        try:
            asking = self._find_asking_task()
        except CannotSave:
            return ""
        return "" if asking is None else f"task {origin_of(asking).key}"

    def _is_in_awaited_call(self) -> bool:
        """Return whether the caller is inside a call (a step) that the run awaits and that a resume makes again."""
        if threading.get_ident() != self._thread_id:
            return True
        running = asyncio.current_task()
        return running is not None and origin_of(running).awaiting_task is not None

    def _find_own_frame(self, frame: types.FrameType) -> types.FrameType:
        """Return the innermost frame of the run's own thread; that is `frame` if the caller is in this thread."""
        if threading.get_ident() == self._thread_id:
            return frame
        return sys._current_frames()[self._thread_id]  # pyright: ignore[reportPrivateUsage]  # documented, in CPython

    @contextlib.contextmanager
    def hold_tasks(self) -> Generator[None]:
        """Stop the event loop of the run while the `with` block is executed, so that none of its tasks continues.

        It is for other threads of the run. In the event loop's own thread, and for a run whose code is not a coroutine,
        nothing is stopped.

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
        """List the asyncio tasks that belong to the run and have not ended, without the main task."""
        assert self._main_task is not None
        found = [task for task in asyncio.all_tasks(self._main_task.get_loop()) if task is not self._main_task]
        mine = [task for task in found if self._is_own_context(turns.context_of(task))]
        return [task for task in mine if not origin_of(task).is_outside]

    def _find_reevaluated_tasks(self) -> list[asyncio.Task[Any]]:
        """List the asyncio tasks of libraries that start again because a resume executes the call that started them."""
        assert self._main_task is not None
        found = [task for task in asyncio.all_tasks(self._main_task.get_loop()) if task is not self._main_task]
        mine = [(task, origin_of(task)) for task in found if self._is_own_context(turns.context_of(task))]
        return [task for task, one in mine if one.is_outside and one.is_reevaluated and one.awaiting_task is None]

    def _is_own_context(self, context: contextvars.Context) -> bool:
        return context.get(active_driver) is self

    def end_paused_tasks(self) -> None:
        """End all asyncio tasks of a paused run. The caller then raises `Unwind`, which leaves the run's code."""
        if self._main_task is not None:
            self._is_left = self._is_in_awaited_call() or asyncio.current_task() is not self._main_task
            end_tasks([*self._find_tasks(), *self._find_reevaluated_tasks()], self._main_task, self._main_coroutine)
            tasks.discard_leftovers()

    def read_places(self, frame: types.FrameType, is_answered: Callable[[Any], bool] | None) -> StackPlaces:
        """Read at which positions in the code the frames of the run are, without the values of their variables.

        Args:
            frame: The innermost frame of the run.
            is_answered: Takes the function that `frame` calls. Returns True if the call waits for a person's answer, so
                that the run continues behind the call. None: `frame` is between two statements.

        Returns:
            The names of the positions, from the outermost frame of the run to the innermost frame that a resume
            continues. In a task other than the main task, the first name is the name of the task.

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
        """Return the frame from which the stack must be read, and the `is_answered` to read it with.

        These are the arguments, with one exception: while the value for a resumed frame is being computed, that frame
        still waits at its saved position. Then that frame and None are returned.
        """
        return (frame, is_answered) if self._answered_frame is None else (self._answered_frame, None)

    def read_failed_stack(
        self, error: BaseException, left_frame: types.FrameType, *, is_left_by_with: bool
    ) -> SavedStack | None:
        """Read the stack as it was when `error` was raised, before the error leaves a `finally` or `with` block.

        Args:
            error: The error.
            left_frame: The frame whose block the error is about to leave.
            is_left_by_with: True if the block is a `with`.

        Returns:
            The stack, from which a resume executes the failed call again. None: a handler may still catch the error, or
            cleanup code or a handler has changed the state since.

        Raises:
            CannotSave: The position of a frame cannot be continued.
        """
        assert self._root_frame is not None
        return read_failed_stack(error, left_frame, self._root_frame, is_left_by_with=is_left_by_with)

    @property
    def context(self) -> contextvars.Context:
        """The `contextvars` context in which the run's own code is executed."""
        return contextvars.copy_context() if self._main_task is None else turns.context_of(self._main_task)

    @property
    def is_running(self) -> bool:
        """Whether the code of the run has begun."""
        return self._root_frame is not None

    @property
    def is_answering(self) -> bool:
        """Whether the value for the frame that waited at the last pause (such as a decision) is being computed now."""
        return self._answered_frame is not None

    # -- what instrumented code asks

    def take_pending_call(self) -> Callable[[], Any]:
        """Return the function that a restored frame calls instead of the call at which it was saved.

        The function takes no arguments. If the saved stack has another frame further inward, the function continues
        that frame and returns its result. For the innermost frame, it returns the value that `answer` of `resume`
        gives, or None if there is no `answer`.
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
