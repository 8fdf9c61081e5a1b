"""Protect a short block on the main thread from Ctrl-C.

Python runs signal handlers on the main thread, between any two instructions, and the handler of Ctrl-C raises an error.
Without this protection, a lock that was just acquired would stay locked, and a transaction that was just begun would
stay open.
"""

from __future__ import annotations

import importlib
import signal
import threading
from types import FrameType
from typing import Any

# `signal` converts each number and handler to an enumeration, which takes as long as the guarded work.
_signal: Any = importlib.import_module("_signal")

_OTHERS = [int(number) for number in signal.Signals if number is not signal.SIGINT]


class DeferredInterrupts:
    """A context manager that defers Ctrl-C until the end of its block.

    `with DeferredInterrupts() as sure:` normally sets `sure` to True. If another signal has a handler in Python, `sure`
    is False and nothing is deferred, because that handler could raise an error too.
    """

    __slots__ = ("_came", "_handler")

    def __enter__(self) -> bool:
        self._handler: Any = None
        self._came: tuple[int, FrameType | None] | None = None
        if threading.get_ident() != threading.main_thread().ident:
            return True  # only the main thread runs handlers
        handlers: list[Any] = list(map(_signal.getsignal, _OTHERS))
        if any(map(callable, handlers)):
            return False
        handler = _signal.getsignal(signal.SIGINT)
        if callable(handler):
            self._handler = handler
            _signal.signal(signal.SIGINT, self._note)
        return True

    def __exit__(self, *_: object) -> None:
        handler, self._handler = self._handler, None
        if handler is None:
            return
        _signal.signal(signal.SIGINT, handler)
        if self._came is not None:
            handler(*self._came)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = (number, frame)
