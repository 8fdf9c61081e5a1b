"""Runs instrumented code such that its stack can be saved, and continues a saved stack."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from hitl_nb.engine.compile.runtime import RUNTIME, Unwind
from hitl_nb.engine.position.continuations import continue_frame
from hitl_nb.engine.position.frames import SavedStack
from hitl_nb.engine.position.reading import Places, read_places, read_raised, read_stack


class Driver:
    """One run in this process: its root on the stack, and the frames that are still to be put back.

    Args:
        poll: what is called, with the frame, at the next place where code reports after `due` was set.
        run: whose driver this is; for the owner's use.
    """

    def __init__(self, poll: Callable[[types.FrameType], None] | None = None, run: Any = None) -> None:
        self.on_poll = poll
        self.on_unwinding: Callable[[BaseException, types.FrameType], None] = lambda error, frame: None
        self.run = run
        self._root: types.FrameType | None = None
        self._frames: list[Any] = []
        self._answer: Callable[[], Any] | None = None
        self.coroutine: Any = None
        self._answered: types.FrameType | None = None

    # -- running

    def start(self, function: Callable[[], Any]) -> Any:
        """Run from the beginning. Returns the result; for a coroutine function, a coroutine to be awaited."""
        return self._drive(function)

    def resume(self, stack: SavedStack, answer: Callable[[], Any] | None) -> Any:
        """Continue a saved stack.

        Args:
            answer: gives the value that the innermost frame waits for, or raises; None: it waits for none.
        """
        outermost, *rest = stack.frames
        self._frames, self._answer = list(rest), answer
        function, box = continue_frame(outermost)
        stack.frames.clear()
        return self._drive(functools.partial(function, box))

    def _drive(self, function: Callable[[], Any]) -> Any:
        token = _current.set(self)
        self._root = _frame(1)
        try:
            result = function()
        finally:
            _current.reset(token)
        return self._await(result) if inspect.iscoroutine(result) else result

    async def _await(self, coroutine: Any) -> Any:
        token = _current.set(self)
        self._root, self.coroutine = _frame(1), coroutine
        try:
            return await coroutine
        finally:
            _current.reset(token)

    # -- saving

    def read(self, frame: types.FrameType, is_answered: Callable[[Any], bool] | None) -> SavedStack:
        """The stack down to `frame`, as data. Raises CannotSave."""
        assert self._root is not None
        return read_stack(self._answered or frame, self._root, None if self._answered else is_answered)

    def read_places(
        self, frame: types.FrameType, is_answered: Callable[[Any], bool] | None
    ) -> Places:
        """The places of the frames down to `frame`. Raises CannotSave."""
        assert self._root is not None
        return read_places(self._answered or frame, self._root, None if self._answered else is_answered)

    def read_raised(self, error: BaseException, left: types.FrameType) -> SavedStack | None:
        """The stack where `error` was raised, which is about to leave the frame `left`. Raises CannotSave."""
        assert self._root is not None
        return read_raised(error, left, self._root)

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
            return functools.partial(function, box)
        answer, self._answer = self._answer, None
        return [None].pop if answer is None else functools.partial(self._give, answer)

    def _give(self, answer: Callable[[], Any]) -> Any:
        self._answered = _frame(2)
        try:
            return answer()
        finally:
            self._answered = None


_current: ContextVar[Driver] = ContextVar("hitl_nb_driver")


def _take_pending() -> Callable[[], Any]:
    return _current.get().take_pending()


def _frame(depth: int) -> types.FrameType:
    return sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython


def _poll() -> None:
    driver = _current.get(None)
    if driver is not None and driver.on_poll is not None:
        driver.on_poll(_frame(2))


def current_driver() -> Driver | None:
    """The driver whose code is running, if any."""
    return _current.get(None)


def _take_exception() -> BaseException | None:
    """The exception for which a `finally` or `with` is left."""
    exception = sys.exception()
    driver = _current.get(None)
    if driver is not None and exception is not None and type(exception) is not RUNTIME.Unwind:
        driver.on_unwinding(exception, _frame(2))
    return exception


RUNTIME.exception = _take_exception
RUNTIME.pending = _take_pending
RUNTIME.poll = _poll

__all__ = ["RUNTIME", "Driver", "Unwind"]
