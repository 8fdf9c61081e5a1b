"""Waiters in an event loop and the futures they wait for, while the loop's tasks are read or made again."""

from __future__ import annotations

from typing import Any

WAITER_QUEUES = ("_waiters", "_getters", "_putters")
"""Attributes of asyncio's locks, events and queues that hold the futures of the waiters, in order."""


class AsyncioWaits:
    """State of the waiters in the run that is being saved or continued.

    Attributes:
        cancelled_waiters: waiters of tasks that have been cancelled and have not noticed yet, by identity.
        notified_waiters: futures of waiters that are about to be told that they need not wait, with the turn of
            that notice.
        must_notice_cancel: whether the task that is continued right now is to notice that it was cancelled.
        unstarted_coroutines: coroutines of asyncio's that were made, and are not awaited yet in this process.
    """

    def __init__(self) -> None:
        self.cancelled_waiters: dict[int, Any] = {}
        self.notified_waiters: dict[int, tuple[Any, int]] = {}
        self.unstarted_coroutines: list[Any] = []
        self.must_notice_cancel = False


asyncio_waits = AsyncioWaits()


def is_granted(future: Any) -> bool:
    """Return whether a waiter's future was granted and its task has not been cancelled in the meantime."""
    return future is not None and future.done() and not future.cancelled() and not is_abandoned(future)


def is_abandoned(future: Any) -> bool:
    """Whether the task that waits for this future has been cancelled in the meantime."""
    return any(waiter is future for waiter in asyncio_waits.cancelled_waiters.values())
