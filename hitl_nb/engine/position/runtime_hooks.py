"""The functions that instrumented code calls, by the runtime, for the driver whose code is running.

`driver` imports this module, so the functions are in the runtime before a driver runs code.
"""

from __future__ import annotations

import contextvars
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hitl_nb.engine.compile.runtime.runtime import RUNTIME
from hitl_nb.engine.compile.tree.nodes import BRANCH

if TYPE_CHECKING:
    from hitl_nb.engine.position.driver import Driver

active_driver: contextvars.ContextVar[Driver] = contextvars.ContextVar("hitl_nb_driver")
"""The driver whose code is running, in the context of each task of the run."""


def current_driver() -> Driver | None:
    """Return the driver whose code is running; None if no driver's code is running."""
    return active_driver.get(None)


def get_frame(depth: int) -> types.FrameType:
    """Return the frame of the caller (`depth` 1), or one that many calls further out."""
    return sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython


def _take_pending_call() -> Callable[[], Any]:
    return active_driver.get().take_pending_call()


def _notify_poll() -> None:
    """Tell the driver that its code has reached a poll."""
    driver = active_driver.get(None)
    if driver is not None and driver.on_poll is not None:
        driver.on_poll(get_frame(2))


def _end_cell() -> None:
    """Give the driver the engine locals that record which branches of an agent cell have run."""
    driver = active_driver.get(None)
    if driver is not None:
        driver.branches = {name: value for name, value in get_frame(2).f_locals.items() if name.startswith(BRANCH)}


def _take_exception() -> BaseException | None:
    """Return the exception by which a `finally` or `with` is left, or None, and report it to the driver."""
    exception = sys.exception()
    driver = active_driver.get(None)
    if driver is not None and exception is not None and type(exception) is not RUNTIME.Unwind:
        driver.on_unwinding(exception, get_frame(2), False)
    return exception


def _leave_handler(handled_exception: BaseException) -> None:
    """Report to the driver that another exception than `handled_exception` is about to leave a handler."""
    exception = sys.exception()
    driver = active_driver.get(None)
    if driver is None or exception is None or exception is handled_exception or type(exception) is RUNTIME.Unwind:
        return
    driver.on_unwinding(exception, get_frame(2), False)


def _leave_with(error: BaseException) -> type:
    """Report to the driver that an error reaches the `__exit__` of a `with`. Return the error's type."""
    driver = active_driver.get(None)
    if driver is not None:
        driver.on_unwinding(error, get_frame(2), True)
    return type(error)


RUNTIME.leave_with = _leave_with
RUNTIME.exception = _take_exception
RUNTIME.leave_handler = _leave_handler
RUNTIME.pending = _take_pending_call
RUNTIME.poll = _notify_poll
RUNTIME.end_cell = _end_cell
