"""Runs instrumented code such that its stack can be saved, and continues a saved stack."""

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

from hitl_nb.engine.compile.runtime.runtime import RUNTIME, Unwind
from hitl_nb.engine.compile.tree.nodes import BRANCH
from hitl_nb.engine.position.event_loop import task_restorer as beginning
from hitl_nb.engine.position.event_loop import turns
from hitl_nb.engine.position.event_loop.origins import Origin, notice_tasks, origin_of, set_origin
from hitl_nb.engine.position.event_loop.task_shutdown import end_tasks
from hitl_nb.engine.position.failures import read_raised
from hitl_nb.engine.position.frames.continuations import continue_frame
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedStack, SavedTasks
from hitl_nb.engine.position.stack import tasks
from hitl_nb.engine.position.stack.chains import join_coroutines
from hitl_nb.engine.position.stack.stack_reader import Places, read_places, read_stack
from hitl_nb.engine.position.stack.suspended_frames import name_places_of_task, name_waiting, read_task, read_waiting


class Driver:
    """One run in this process: its root on the stack, and the frames that are still to be put back.

    Args:
        poll: what is called, with the frame, at the next place where code reports after `due` was set.
        run: whose driver this is; for the owner's use.

    Attributes:
        branches: what the locals of an agent cell said of its branches when it ended.
    """

    def __init__(self, poll: Callable[[types.FrameType], None] | None = None, run: Any = None) -> None:
        self.on_poll = poll
        self.on_unwinding: Callable[[BaseException, types.FrameType, bool], None] = lambda error, frame, by_with: None
        self.branches: dict[str, Any] = {}
        self.run = run
        self._root: types.FrameType | None = None
        self._frames: list[Any] = []
        self._answer: Callable[[], Any] | None = None
        self._answered: types.FrameType | None = None
        self._coroutine: Any = None
        self._task: asyncio.Task[Any] | None = None  # the one that awaits the run
        self._turn = 0
        self._is_cancelled = False
        self._started = 0
        self._calls: list[turns.Call] = []
        self._is_left = False
        self._thread = threading.get_ident()

    # -- running

    def start(self, function: Callable[[], Any]) -> Any:
        """Run from the beginning. Returns the result; for a coroutine function, a coroutine to be awaited."""
        beginning.forget_loaded()
        return self._drive(function)

    def resume(self, stack: SavedStack, answer: Callable[[], Any] | None) -> Any:
        """Continue a saved stack.

        Args:
            answer: gives the value that the innermost frame waits for, or raises; None: it waits for none.
        """
        join_coroutines(stack)
        outermost, *rest = stack.frames
        self._frames, self._answer = list(rest), answer
        function, box = continue_frame(outermost)
        stack.frames.clear()
        if stack.tasks is not None:
            self._turn, self._is_cancelled = stack.tasks.turn, stack.tasks.is_cancelled
            self._started, self._calls = stack.tasks.started, stack.tasks.calls
        beginning.release_loaded()
        return self._drive(functools.partial(function, box))

    def _drive(self, function: Callable[[], Any]) -> Any:
        token = _current.set(self)
        self._thread = threading.get_ident()
        self._root = _frame(1)
        notice_tasks(lambda: _current.get(None) is not None)
        try:
            result = function()
        finally:
            _current.reset(token)
        return self._await(result) if inspect.iscoroutine(result) else result

    async def _await(self, coroutine: Any) -> Any:
        token = _current.set(self)
        self._root = _frame(1)
        self._coroutine = coroutine
        with contextlib.suppress(RuntimeError):  # another loop than asyncio's
            self._task = asyncio.current_task()
        if self._task is not None:
            set_origin(self._task, Origin(started=self._started, is_cancelled=self._is_cancelled))
            notice_tasks(lambda: _current.get(None) is not None)
        steps = beginning.begin_again(self._calls)
        try:
            if steps:
                await self._take_turn(steps)
            if self._is_cancelled and self._task is not None:
                origin_of(self._task).is_cancelled = False
                self._task.cancel()  # noticed at its next `await`
            return await coroutine
        except BaseException:
            if self._is_left:  # by a task: `coroutine` has been ended
                raise Unwind from None
            raise
        finally:
            self._coroutine = self._task = None
            _current.reset(token)

    async def _take_turn(self, steps: list[tuple[int, asyncio.Handle]]) -> None:
        try:
            await turns.take_turn(next((step for turn, step in steps if turn > self._turn), None))
        except asyncio.CancelledError:  # it is noticed where the run's own code waits
            assert self._task is not None
            self._task.uncancel()
            self._is_cancelled = True

    # -- saving

    def read(self, frame: types.FrameType, is_answered: Callable[[Any], bool] | None) -> SavedStack:
        """The stack down to `frame`, as data. Raises CannotSave."""
        assert self._root is not None
        frame, is_answered = self._waiting_frame(frame, is_answered)
        if self._answer is not None or self._frames:
            raise CannotSave("a call that is made again asks before the last answer has reached the code that asked")
        if self._task is None:
            self._refuse_tasks()
            return read_stack(self._own_frame(frame), self._root, is_answered)
        asking, main = self._find_asking(), self._task
        unfinished = [task for task in self._find_tasks() if not origin_of(task).is_made_again]
        turns.prepare(main, asking or main, unfinished, self._is_mine)
        if self._is_beside():
            stack = read_waiting(self._coroutine)
        elif asking is None:
            stack = read_stack(frame, self._root, is_answered)
        else:
            stack = read_task(frame, asking, self._coroutine, is_answered)
        own = turns.turns.of(main), turns.is_cancelled(main), origin_of(main).started
        stack.tasks = SavedTasks(unfinished, *own, turns.turns.calls)
        return stack

    def _refuse_tasks(self) -> None:
        """Raise CannotSave for tasks that code has started which awaits nothing itself."""
        try:
            loop, main = asyncio.get_running_loop(), asyncio.current_task()
        except RuntimeError:
            return
        for task in asyncio.all_tasks(loop):
            if task is not main and self._is_mine(turns.context_of(task)) and not origin_of(task).is_outside:
                name = getattr(task.get_coro(), "__qualname__", task.get_name())
                raise CannotSave(
                    f"the task {name}(), started at line {origin_of(task).line}, has not ended, and would be lost with "
                    "this process; await it before this question (code that awaits something continues its tasks)"
                )

    def _find_asking(self) -> asyncio.Task[Any] | None:
        """The task that runs now; None: it is the run's own."""
        if self._task is None:
            return None
        if threading.get_ident() != self._thread:
            return None
        running = asyncio.current_task()
        while running is not None and origin_of(running).within is not None:
            running = origin_of(running).within
        if running is None:
            raise CannotSave(
                "a function that the event loop calls (by call_soon, call_later, add_done_callback) cannot ask; "
                "ask in a task"
            )
        return None if running is self._task else running

    @property
    def task_at_work(self) -> str:
        """What names of places begin with that are of the task that runs now; "" for the run's own."""
        try:
            asking = self._find_asking()
        except CannotSave:
            return ""
        return "" if asking is None else f"task {origin_of(asking).key}"

    def _is_beside(self) -> bool:
        """Whether a task or thread is at work that begins again with the call that waits for it."""
        if threading.get_ident() != self._thread:
            return True
        running = asyncio.current_task()
        return running is not None and origin_of(running).within is not None

    def _own_frame(self, frame: types.FrameType) -> types.FrameType:
        """The run's own innermost frame: it waits, if another thread of the run is at work in `frame`."""
        if threading.get_ident() == self._thread:
            return frame
        return sys._current_frames()[self._thread]  # pyright: ignore[reportPrivateUsage]  # documented, in CPython

    @contextlib.contextmanager
    def at_rest(self) -> Generator[None]:
        """While another thread of the run is at work: no task of it takes a step. Raises CannotSave."""
        if self._task is None or threading.get_ident() == self._thread:
            yield
            return
        rests, goes_on = threading.Event(), threading.Event()

        def rest() -> None:
            rests.set()
            goes_on.wait()

        self._task.get_loop().call_soon_threadsafe(rest)
        try:
            if not rests.wait(_PATIENCE):
                raise CannotSave("a thread asks while the event loop is busy")
            yield
        finally:
            goes_on.set()

    def _find_tasks(self) -> list[asyncio.Task[Any]]:
        """The run's tasks that have not ended."""
        assert self._task is not None
        found = [task for task in asyncio.all_tasks(self._task.get_loop()) if task is not self._task]
        mine = [task for task in found if self._is_mine(turns.context_of(task))]
        return [task for task in mine if not origin_of(task).is_outside]

    def _find_made_again(self) -> list[asyncio.Task[Any]]:
        """The tasks of libraries that begin again with the calls that wait for them."""
        assert self._task is not None
        found = [task for task in asyncio.all_tasks(self._task.get_loop()) if task is not self._task]
        mine = [(task, origin_of(task)) for task in found if self._is_mine(turns.context_of(task))]
        return [task for task, one in mine if one.is_outside and one.is_made_again and one.within is None]

    def _is_mine(self, context: contextvars.Context) -> bool:
        return context.get(_current) is self

    def leave(self) -> None:
        """The run is saved, and paused: its tasks end. The code that runs now is then left by raising `Unwind`."""
        if self._task is not None:
            self._is_left = self._is_beside() or asyncio.current_task() is not self._task
            end_tasks([*self._find_tasks(), *self._find_made_again()], self._task, self._coroutine)
            tasks.leave()

    def read_places(self, frame: types.FrameType, is_answered: Callable[[Any], bool] | None) -> Places:
        """The places of the frames down to `frame`. Raises CannotSave."""
        assert self._root is not None
        frame, is_answered = self._waiting_frame(frame, is_answered)
        asking = self._find_asking()
        if self._task is not None and self._is_beside():
            return name_waiting(self._coroutine, f"task {origin_of(asking).key if asking is not None else ''}")
        if asking is None:
            return read_places(self._own_frame(frame), self._root, is_answered)
        return name_places_of_task(frame, asking, self._coroutine, is_answered)

    def _waiting_frame(
        self, frame: types.FrameType, is_answered: Callable[[Any], bool] | None
    ) -> tuple[types.FrameType, Callable[[Any], bool] | None]:
        """The frame to read from: while an answer is being given, that which waits for it."""
        return (frame, is_answered) if self._answered is None else (self._answered, None)

    def read_raised(self, error: BaseException, left: types.FrameType, *, by_with: bool) -> SavedStack | None:
        """The stack where `error` was raised, which is about to leave the frame `left`. Raises CannotSave."""
        assert self._root is not None
        return read_raised(error, left, self._root, by_with=by_with)

    @property
    def context(self) -> contextvars.Context:
        """The context of the run's own code."""
        return contextvars.copy_context() if self._task is None else turns.context_of(self._task)

    @property
    def is_running(self) -> bool:
        """Whether the code of the run has begun."""
        return self._root is not None

    @property
    def is_answering(self) -> bool:
        """Whether the answer is being given that the innermost frame of a resumed stack waited for."""
        return self._answered is not None

    # -- what instrumented code asks

    def take_pending(self) -> Callable[[], Any]:
        """What a restored frame calls at its place."""
        if self._frames:
            function, box = continue_frame(self._frames.pop(0))
            return types.MethodType(function, box)  # Python calls it without C's stack, whose limit 3.12 counts
        answer, self._answer = self._answer, None
        return [None].pop if answer is None else functools.partial(self._give, answer)

    def _give(self, answer: Callable[[], Any]) -> Any:
        self._answered = _frame(2)
        try:
            return answer()
        finally:
            self._answered = None


_PATIENCE = 5.0
"""Seconds that a thread waits for the event loop."""

_current: contextvars.ContextVar[Driver] = contextvars.ContextVar("hitl_nb_driver")


def _take_pending() -> Callable[[], Any]:
    return _current.get().take_pending()


def _frame(depth: int) -> types.FrameType:
    return sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython


def _poll() -> None:
    driver = _current.get(None)
    if driver is not None and driver.on_poll is not None:
        driver.on_poll(_frame(2))


def _end_cell() -> None:
    driver = _current.get(None)
    if driver is not None:
        driver.branches = {name: value for name, value in _frame(2).f_locals.items() if name.startswith(BRANCH)}


def current_driver() -> Driver | None:
    """The driver whose code is running, if any."""
    return _current.get(None)


def _take_exception() -> BaseException | None:
    """The exception for which a `finally` or `with` is left."""
    exception = sys.exception()
    driver = _current.get(None)
    if driver is not None and exception is not None and type(exception) is not RUNTIME.Unwind:
        driver.on_unwinding(exception, _frame(2), False)
    return exception


def _leave_handler(handled: BaseException) -> None:
    """A handler of `handled` is left, perhaps by another exception."""
    exception = sys.exception()
    driver = _current.get(None)
    if driver is None or exception is None or exception is handled or type(exception) is RUNTIME.Unwind:
        return
    driver.on_unwinding(exception, _frame(2), False)


def _leave_with(error: BaseException) -> type:
    """The manager of a `with` is about to be asked about an error. Returns the error's type."""
    driver = _current.get(None)
    if driver is not None:
        driver.on_unwinding(error, _frame(2), True)
    return type(error)


RUNTIME.leave_with = _leave_with
RUNTIME.exception = _take_exception
RUNTIME.leave_handler = _leave_handler
RUNTIME.pending = _take_pending
RUNTIME.poll = _poll
RUNTIME.end_cell = _end_cell

__all__ = ["RUNTIME", "Driver", "Unwind"]
