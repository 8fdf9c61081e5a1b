"""Functions that instrumented code calls while it runs. Each passes the call to the driver of the running code.

Instrumented code calls them as attributes of the object `RUNTIME`, for example `RUNTIME.poll`. `driver` imports this
module, so that the attributes are set before a driver runs code.
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
"""The driver whose code runs in the current context. It is set in the context of each task of a run."""


def current_driver() -> Driver | None:
    """Return the driver whose code is running; None if there is none. A driver executes the code of one run."""
    return active_driver.get(None)


def get_frame(depth: int) -> types.FrameType:
    """Return a frame of the current stack. `depth` 1 is the caller of this function, 2 is the next frame outward."""
    return sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]  # documented, in CPython


def _take_pending_call() -> Callable[[], Any]:
    return active_driver.get().take_pending_call()


def _notify_poll() -> None:
    """Tell the driver that its code has reached a poll: the end of a statement, or a new turn of a loop."""
    driver = active_driver.get(None)
    if driver is not None and driver.on_poll is not None:
        driver.on_poll(get_frame(2))


def _end_cell() -> None:
    """Copy the engine variables that record which branches of an agent cell have run to `Driver.branches`."""
    driver = active_driver.get(None)
    if driver is not None:
        driver.branches = {name: value for name, value in get_frame(2).f_locals.items() if name.startswith(BRANCH)}


def _take_exception() -> BaseException | None:
    """Report to the driver that an exception reaches a `finally` or `with` block, and return the exception.

    None if the block is left without an exception. `Unwind`, by which the engine leaves the code, is not reported.
    """
    exception = sys.exception()
    driver = active_driver.get(None)
    if driver is not None and exception is not None and type(exception) is not RUNTIME.Unwind:
        driver.on_unwinding(exception, get_frame(2), False)
    return exception


def _leave_handler(handled_exception: BaseException) -> None:
    """Report to the driver that an exception is about to leave an `except` block.

    Args:
        handled_exception: The exception that the block handles. It is not reported if it is the one that leaves.
    """
    exception = sys.exception()
    driver = active_driver.get(None)
    if driver is None or exception is None or exception is handled_exception or type(exception) is RUNTIME.Unwind:
        return
    driver.on_unwinding(exception, get_frame(2), False)


def _leave_with(error: BaseException) -> type:
    """Report to the driver that an error reaches the `__exit__` of a `with` block, and return the type of the error."""
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
