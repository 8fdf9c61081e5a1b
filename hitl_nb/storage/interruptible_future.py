"""A future that a KeyboardInterrupt cannot block.

`Future.result()` waits inside a `threading.Condition`, whose `__enter__` is Python code. An interrupt that arrives just
after it acquired the lock leaves the lock acquired. Then the thread that sets the result waits forever.
This future waits on a plain lock instead, and the thread that sets the result only releases that lock.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 1.0  # waiters check again, because one may have been interrupted while it held the lock


class InterruptibleFuture(Future[T]):
    """A `Future` that waits on a plain lock, and uses its inherited condition only after the result is set."""

    def __init__(self) -> None:
        super().__init__()
        self._settled = False
        self._signal = threading.Lock()
        self._signal.acquire()
        self.add_done_callback(_wake_waiters)

    def done(self) -> bool:
        """Return True if the result or an exception is set. As `Future.done`, but without the condition's lock."""
        return self._settled

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result and return it, as `Future.result` does.

        Raises:
            TimeoutError: There is no result after `timeout` seconds.
        """
        self._wait(timeout)
        return super().result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the result and return the exception, or None if there is none, as `Future.exception` does.

        Raises:
            TimeoutError: There is no result after `timeout` seconds.
        """
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
    outcome._signal.release()  # pyright: ignore[reportPrivateUsage]  # as above
