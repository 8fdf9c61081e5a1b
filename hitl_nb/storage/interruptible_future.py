"""A future that a KeyboardInterrupt cannot jam.

`Future.result()` waits inside a `threading.Condition`, whose `__enter__` is Python code: an interrupt that arrives just
after it took the lock leaves the lock taken, and the thread that wants to set the result hangs for ever. Here the
waiting is done on a plain lock, which the other side only ever releases.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 1.0  # seconds; in case another waiter was interrupted with the lock in its hand


class InterruptibleFuture(Future[T]):
    """A `Future` whose `result`, `exception` and `done` touch its condition only when it is settled."""

    def __init__(self) -> None:
        super().__init__()
        self._settled = False
        self._signal = threading.Lock()
        self._signal.acquire()
        self.add_done_callback(_wake_waiters)

    def done(self) -> bool:
        """See `Future.done`."""
        return self._settled

    def result(self, timeout: float | None = None) -> T:
        """See `Future.result`."""
        self._wait(timeout)
        return super().result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """See `Future.exception`."""
        self._wait(timeout)
        return super().exception()

    def _wait(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._settled:
            left = _POLL_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if self._signal.acquire(timeout=min(left, _POLL_SECONDS)):
                self._signal.release()


def _wake_waiters(outcome: Future[T]) -> None:
    assert isinstance(outcome, InterruptibleFuture)
    outcome._settled = True  # pyright: ignore[reportPrivateUsage] - the callback is part of the class
    outcome._signal.release()  # pyright: ignore[reportPrivateUsage]
