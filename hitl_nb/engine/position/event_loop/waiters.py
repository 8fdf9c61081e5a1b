"""Who waits for what in an event loop, while its tasks are read or made again."""

from __future__ import annotations

from typing import Any

WAITER_QUEUES = ("_waiters", "_getters", "_putters")
"""Attributes of asyncio's locks, events and queues that hold the futures of who waits, in order."""


class AsyncioWaits:
    """What is known of those that wait in the run that is being saved.

    Attributes:
        cancelled_waiters: waiters of tasks that have been cancelled and have not noticed yet, by identity.
        notified_waiters: what those wait for who are about to be told that they need not wait, with the turn of
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
    return future is not None and future.done() and not future.cancelled() and not is_abandoned(future)


def is_abandoned(future: Any) -> bool:
    """Whether whoever waits for it has been cancelled meanwhile."""
    return any(waiter is future for waiter in asyncio_waits.cancelled_waiters.values())
