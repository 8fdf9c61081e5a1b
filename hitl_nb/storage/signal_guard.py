"""A few milliseconds on the main thread that no signal may cut in two.

Python runs signal handlers on the main thread, between any two instructions, and the handler of Ctrl-C raises. A lock
that was just taken, or a transaction that was just begun, would stay so.
"""

from __future__ import annotations

import importlib
import signal
import threading
from types import FrameType
from typing import Any

# `signal` turns each number and handler into an enumeration, which takes as long as the work that is guarded.
_signal: Any = importlib.import_module("_signal")

_OTHERS = [int(number) for number in signal.Signals if number is not signal.SIGINT]


class DeferredInterrupts:
    """`with DeferredInterrupts() as sure:` an interrupt that comes meanwhile reaches its handler when the block has
    ended.

    `sure` is False, and nothing is held back, where another signal has a handler in Python, which could raise too.
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
