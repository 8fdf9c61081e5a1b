"""Threads and submitted calls that an agent started and nobody waits for. A pause would lose them.

A statement that is made again starts its work again. Work that an earlier statement started is not started again: until
it has ended, no question can be asked. Work that a step started belongs to that step. A pause waits for the step to
end, and only the work that is still running then would be lost.
"""

from __future__ import annotations

import inspect
import sysconfig
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakKeyDictionary

from hitl_nb.engine.live.live import LiveRun
from hitl_nb.engine.live.steps_under_way import find_active_step

_OURS = str(Path(__file__).parents[2])
_LIBRARIES = (_OURS, *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")))

StartedWork = Any
"""A thread, or the future of a submitted call."""


@dataclass(frozen=True)
class _Start:
    """The origin of a piece of background work.

    Attributes:
        step: the step whose function started the work: done when that has ended; None if no step did.
    """

    moment: object
    line: str
    name: str
    step: Future[None] | None

    @property
    def is_of_step_under_way(self) -> bool:
        return self.step is not None and not self.step.done()


class BackgroundWork:
    """Threads and submitted calls that the code of one run has started in this process."""

    def __init__(self, live: LiveRun) -> None:
        self.live = live
        self._started: WeakKeyDictionary[StartedWork, _Start] = WeakKeyDictionary()

    def add_started(self, started: StartedWork, function: Any) -> None:
        """Note that the running code has started `started`, which calls `function`."""
        if self.live.is_running:
            name = getattr(function, "__qualname__", None) or type(function).__name__
            self._started[started] = _Start(self.live.current_moment, self.live.line, name, find_active_step())

    def find_problem(self, *, within: bool) -> str | None:
        """Explain why a question cannot be asked now; None if it can.

        Args:
            within: True if the current statement is made again when the run continues, and starts its work again.
        """
        if not self._started:
            return None
        moment = self.live.current_moment
        for started, start in list(self._started.items()):
            if not (within and start.moment == moment) and not start.is_of_step_under_way and not _is_over(started):
                return _describe_unfinished(started, f"{start.name}(), started at {start.line},")
        return None

    def left_by_steps(self) -> str | None:
        """Explain why a question cannot be asked when the steps beside it have ended; None if it can."""
        for started, start in list(self._started.items()):
            if start.step is not None and not _is_over(started):
                return _describe_unfinished(started, f"{start.name}(), which a step has started,")
        return None


def _describe_unfinished(started: StartedWork, what: str) -> str:
    kind, way_out = _WORDS["Thread" if isinstance(started, Thread) else "Future"]
    return f"{kind} {what} has not ended, and would be lost with this process; {way_out} before this question"


_WORDS = {
    "Thread": ("the thread of", "join() it"),
    "Future": ("the submitted call of", "wait for its result()"),
}


def _is_over(started: StartedWork) -> bool:
    return not started.is_alive() if isinstance(started, Thread) else started.done()


def is_from_library(function: Any) -> bool:
    """Tell whether a function, or what a coroutine runs, is of Python's or an installed library.

    Its threads serve it.
    """
    code: Any = getattr(function, "cr_code", None) or getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return getattr(function, "__module__", "__main__") != "__main__"
    return _is_library(code.co_filename)


def _is_library(filename: str) -> bool:
    return str(Path(filename)).startswith(_LIBRARIES) or "site-packages" in filename
