"""Background work: threads and submitted calls that an agent has started and that nobody waits for.

A pause ends the process's part of a run, so it would lose such work. If a statement is executed again after the pause,
it starts its own work again. But work that an earlier statement has started is not started again. So no question can be
asked until that work has ended.

Work that a step started belongs to that step. A pause waits for the step to end, and only work that still runs after
that would be lost.
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
    """The origin of a piece of background work (a thread or a submitted call).

    Attributes:
        moment: Identifies the execution of the statement that started the work, as `LiveRun.current_moment` returns it.
        line: The line that started the work, for messages.
        name: Name of the function that the thread or call runs, for messages.
        step: Future of the step whose function started the work, done when the step has ended. None if no step started
            it.
    """

    moment: object
    line: str
    name: str
    step: Future[None] | None

    @property
    def is_of_step_under_way(self) -> bool:
        """Whether a step that has not ended has started this work."""
        return self.step is not None and not self.step.done()


class BackgroundWork:
    """Threads and submitted calls (of executors) that the code of one run has started in this process."""

    def __init__(self, live: LiveRun) -> None:
        self.live = live
        self._started: WeakKeyDictionary[StartedWork, _Start] = WeakKeyDictionary()

    def add_started(self, started: StartedWork, function: Any) -> None:
        """Record that the running code has started a thread, or has submitted a call to an executor.

        Args:
            started: The thread, or the future of the submitted call.
            function: The function that it calls.
        """
        if self.live.is_running:
            name = getattr(function, "__qualname__", None) or type(function).__name__
            self._started[started] = _Start(self.live.current_moment, self.live.line, name, find_active_step())

    def find_problem(self, *, within: bool) -> str | None:
        """Check whether unfinished threads or submitted calls of the run forbid a pause now.

        Args:
            within: True if a continued run executes the current statement again. The statement then starts its own
                threads and calls again, so these do not forbid a pause.

        Returns:
            A message that names the unfinished work; None if the run can pause.
        """
        if not self._started:
            return None
        moment = self.live.current_moment
        for started, start in list(self._started.items()):
            if not (within and start.moment == moment) and not start.is_of_step_under_way and not _is_over(started):
                return _describe_unfinished(started, f"{start.name}(), started at {start.line},")
        return None

    def left_by_steps(self) -> str | None:
        """Find a thread or submitted call that a step has started and that still runs.

        Called when all steps have ended.

        Returns:
            A message that names the unfinished work; None if there is none.
        """
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
    """Return whether a function or coroutine is defined in Python's library, an installed package or hitl_nb.

    Threads that run such a function serve the library, so they are not background work of the agent.
    """
    code: Any = getattr(function, "cr_code", None) or getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return getattr(function, "__module__", "__main__") != "__main__"
    return _is_library(code.co_filename)


def _is_library(filename: str) -> bool:
    return str(Path(filename)).startswith(_LIBRARIES) or "site-packages" in filename
