"""The futures on which tasks wait (waiters), while the tasks of a run are saved or restored."""

from __future__ import annotations

from typing import Any

WAITER_QUEUES = ("_waiters", "_getters", "_putters")
"""Names of the attributes of asyncio's locks, events and queues that hold the futures of their waiters, in order."""


class AsyncioWaits:
    """Data about the waiting tasks of the run that is being saved or continued.

    Attributes:
        cancelled_waiters: the futures of tasks that were cancelled and have not received the CancelledError yet. The
            key is the `id` of the coroutine that waits.
        notified_waiters: the futures that the event loop is about to complete, by `id`. The value is the future and its
            turn (position among the loop's next calls).
        must_notice_cancel: whether the task that takes its first step after a resume now must wait for a
            CancelledError.
        unstarted_coroutines: coroutines of asyncio that were made and are not awaited yet in this process.
    """

    def __init__(self) -> None:
        self.cancelled_waiters: dict[int, Any] = {}
        self.notified_waiters: dict[int, tuple[Any, int]] = {}
        self.unstarted_coroutines: list[Any] = []
        self.must_notice_cancel = False


asyncio_waits = AsyncioWaits()


def is_granted(future: Any) -> bool:
    """Return whether the wait of a task is over: its future was completed, and the task has not been cancelled since.

    Args:
        future: the future on which the task waits.
    """
    return future is not None and future.done() and not future.cancelled() and not is_abandoned(future)


def is_abandoned(future: Any) -> bool:
    """Return whether the task that waits on this future was cancelled, and has not received the CancelledError yet."""
    return any(waiter is future for waiter in asyncio_waits.cancelled_waiters.values())
