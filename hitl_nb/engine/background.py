"""Threads and submitted calls that an agent started and nobody waits for: a pause would lose them.

What a statement started that is made again is started again. What an earlier one started is not: while that has not
ended, no question can be asked.
"""

from __future__ import annotations

import inspect
import sysconfig
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .run.live import LiveRun

if TYPE_CHECKING:
    pass

_OURS = str(Path(__file__).parent.parent)
_LIBRARIES = (_OURS, *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")))

Started = Any
"""A thread, or the future of a submitted call."""


class Background:
    """What the code of one run has started in this process."""

    def __init__(self, live: LiveRun) -> None:
        self.live = live
        self._started: WeakKeyDictionary[Started, tuple[object, str, str]] = WeakKeyDictionary()

    def began(self, started: Started, function: Any) -> None:
        """The code that runs has started `started`, which calls `function`."""
        if self.live.is_running:
            name = getattr(function, "__qualname__", None) or type(function).__name__
            self._started[started] = self.live.moment, self.live.line, name

    def problem(self, *, within: bool) -> str | None:
        """Why a question cannot be asked now, if so.

        `within`: what the statement at hand has started is started again when the run continues.
        """
        if not self._started:
            return None
        moment = self.live.moment
        lost = [
            (started, line, name)
            for started, (began, line, name) in list(self._started.items())
            if not (within and began == moment) and not _is_over(started)
        ]
        for started, line, name in lost:
            kind, way_out = _WORDS.get(type(started).__name__, _WORDS["Future"])
            kind, way_out = _WORDS["Thread"] if isinstance(started, Thread) else (kind, way_out)
            return (
                f"{kind} {name}(), started at {line}, has not ended, and would be lost with this process; "
                f"{way_out} before this question"
            )
        return None


_WORDS = {
    "Thread": ("the thread of", "join() it"),
    "Future": ("the submitted call of", "wait for its result()"),
}


def _is_over(started: Started) -> bool:
    return not started.is_alive() if isinstance(started, Thread) else started.done()


def is_from_library(function: Any) -> bool:
    """Whether a function, or what a coroutine runs, is of Python's or an installed library: its threads serve it."""
    code: Any = getattr(function, "cr_code", None) or getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return getattr(function, "__module__", "__main__") != "__main__"
    return _is_library(code.co_filename)


def _is_library(filename: str) -> bool:
    return str(Path(filename)).startswith(_LIBRARIES) or "site-packages" in filename
