"""Has running code report from time to time."""

from __future__ import annotations

import threading
from types import TracebackType

from hitl_nb.engine.compile.runtime import RUNTIME


class Ticker:
    """While entered, running code reports when `seconds` have passed, again and again.

    A thread of its own: code that runs has no other way to know the time at no cost.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="hitl_nb reports", daemon=True)

    def __enter__(self) -> None:
        _entered.add(self)
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        _entered.discard(self)
        if not _entered:  # else code that belongs to no run would report for nothing, again and again
            RUNTIME.due = False

    def _work(self) -> None:
        while not self._ended.wait(self._seconds):
            RUNTIME.due = True


_entered: set[Ticker] = set()
