"""A timer that makes running code report (call the engine) from time to time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from hitl_nb.engine.compile.runtime.runtime import RUNTIME


class Ticker:
    """Context manager that makes running code call the engine at regular intervals, for example to save the run.

    One thread of the process does this for all tickers, because reading a clock in the running code would slow it down.

    Args:
        seconds: Function that returns the interval in seconds.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        global _ticker_thread
        _entered_tickers.add(self)
        if _ticker_thread is None or not _ticker_thread.is_alive():  # a forked process has no such thread
            _ticker_thread = threading.Thread(target=_request_reports, name="hitl_nb reports", daemon=True)
            _ticker_thread.start()
        _wake.set()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _entered_tickers.discard(self)
        _end_reports()


_entered_tickers: set[Ticker] = set()
_wake = threading.Event()
_ticker_thread: threading.Thread | None = None


def _request_reports() -> None:
    while True:
        _wake.wait()
        entered = list(_entered_tickers)
        if entered:
            time.sleep(min(ticker.seconds() for ticker in entered))
            RUNTIME.due = True
        else:
            _wake.clear()
            if _entered_tickers:  # entered since the list was read
                _wake.set()
        _end_reports()


def _end_reports() -> None:
    """Stop the calls of the engine if no `Ticker` is entered, because they would slow down code outside of runs."""
    if not _entered_tickers:
        RUNTIME.due = False
