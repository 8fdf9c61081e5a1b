"""The steps of a session that have begun and not ended.

A run keeps its claim until they have: their results are recorded under it. So a question that is asked while a step
beside it is at work does not leave that step in doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

from hitl_nb.engine.position.event_loop.blocked_steps import waits_for_run
from hitl_nb.engine.position.event_loop.origins import origin_of
from hitl_nb.engine.position.event_loop.turns import context_of

T = TypeVar("T")

in_step: ContextVar[str | None] = ContextVar("hitl_nb_step", default=None)
"""The name of the step whose function runs, if any."""
recorded_calls: ContextVar[tuple[object, ...]] = ContextVar("hitl_nb_recorded_calls", default=())
"""The calls of steps and gated tools that are being made, the outermost first."""


def find_active_step() -> Future[None] | None:
    """Find the step whose function runs now, as it is counted: done when it has ended."""
    calls = recorded_calls.get()
    return getattr(calls[-1], "under_way", None) if calls and in_step.get() is not None else None


class StepCounter:
    """Counts steps from their beginning to their end, in whatever task or thread they run."""

    def __init__(self) -> None:
        self._calls: dict[Future[None], asyncio.Task[Any] | None] = {}
        self._names: dict[Future[None], str] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    @property
    def names(self) -> list[str]:
        """The names of those that have not ended."""
        return sorted(set(self._names.values()))

    def begin_step(self, name: str) -> Future[None]:
        """Begin a step; it has ended when `end_step` is called with the returned value."""
        call: Future[None] = Future()
        self._calls[call] = None
        self._names[call] = name
        return call

    def end_step(self, call: Future[None]) -> None:
        """End a step, after its result has been recorded."""
        self._calls.pop(call, None)
        self._names.pop(call, None)
        if not call.done():
            call.set_result(None)

    async def run_step(self, call: Future[None], work: Coroutine[Any, Any, T], stays: Callable[[], bool]) -> T:
        """Await `work`, an async step, in a task of its own. `end_step` is called when that task is over.

        The task that waits for it may be cancelled, as a task group does when a task beside it pauses the run. The step
        is cancelled then, too, as if it were awaited directly, unless it `stays`: then it continues to its end.
        """
        try:
            task = asyncio.create_task(work)
        except RuntimeError:  # another event loop than asyncio's
            try:
                return await work
            finally:
                self.end_step(call)
        origin_of(task).awaiting_task = asyncio.current_task()
        self._calls[call] = task
        task.add_done_callback(lambda _: self.end_step(call))
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.done() or stays():
                    raise
                task.cancel()

    async def wait_until_idle(self, check: Callable[[], None] = lambda: None) -> None:
        """Wait until no step is under way. Raises what `check` raises, which is called now and then."""
        if not self._calls:
            return
        from anyio.to_thread import run_sync

        seconds = 0.05
        while self._calls:
            check()
            await run_sync(partial(wait, list(self._calls), seconds), abandon_on_cancel=True)
            seconds = min(2 * seconds, 1.0)

    def find_blocked_step(self) -> str | None:
        """Find the name of a step, if all that are under way wait for what only the run's own tasks give."""
        tasks = [task for task in self._calls.values() if task is not None]
        if not tasks or len(tasks) < len(self._calls) or not all(map(waits_for_run, tasks)):
            return None
        return context_of(tasks[0]).get(in_step)

    def cancel_steps(self) -> None:
        """Interrupt the async steps. Their effects are in doubt then."""
        for task in list(self._calls.values()):
            if task is not None:
                task.cancel()
