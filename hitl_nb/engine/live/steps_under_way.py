"""Active steps of a session: steps that have begun and not ended.

A session keeps its claim (the right to write to the run) until these steps have ended, because their results are
recorded under the claim. So if a question is asked while another step is active, the result of that step is still
recorded.
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
"""Name of the step whose function runs; None outside of steps."""
recorded_calls: ContextVar[tuple[object, ...]] = ContextVar("hitl_nb_recorded_calls", default=())
"""The calls of steps and gated tools that are being made, the outermost first."""


def find_active_step() -> Future[None] | None:
    """Return the future of the step whose function runs now; None outside of steps.

    The future is done when the step has ended.
    """
    calls = recorded_calls.get()
    return getattr(calls[-1], "under_way", None) if calls and in_step.get() is not None else None


class StepCounter:
    """The steps of a run that have begun and not ended, in all its tasks and threads.

    `bool()` of this object is False if there are none.
    """

    def __init__(self) -> None:
        self._calls: dict[Future[None], asyncio.Task[Any] | None] = {}
        self._names: dict[Future[None], str] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    @property
    def names(self) -> list[str]:
        """Names of the active steps, sorted, each once."""
        return sorted(set(self._names.values()))

    def begin_step(self, name: str) -> Future[None]:
        """Add a step that is about to start.

        Args:
            name: Name of the step, for messages.

        Returns:
            A future for the step, done when the step has ended. Pass it to `end_step` after that.
        """
        call: Future[None] = Future()
        self._calls[call] = None
        self._names[call] = name
        return call

    def end_step(self, call: Future[None]) -> None:
        """Remove a step after its result has been recorded, and mark its future as done."""
        self._calls.pop(call, None)
        self._names.pop(call, None)
        if not call.done():
            call.set_result(None)

    async def run_step(self, call: Future[None], work: Coroutine[Any, Any, T], stays: Callable[[], bool]) -> T:
        """Await an async step in a task of its own. `end_step` is called when that task has ended.

        The task that waits for the step may be cancelled. A task group does that if another task pauses the run. The
        step is then cancelled, too, as if it were awaited directly, unless `stays` returns True: then it continues to
        its end.

        Args:
            call: Future of the step, from `begin_step`.
            work: The coroutine of the step.
            stays: Returns True if the step must not be cancelled with the waiting task.

        Returns:
            The result of the step.
        """
        try:
            task = asyncio.create_task(work)
        except RuntimeError:  # the event loop is not asyncio's
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
        """Wait until all steps have ended.

        Args:
            check: Called about once per second or more often. An error that it raises ends the wait.
        """
        if not self._calls:
            return
        from anyio.to_thread import run_sync

        seconds = 0.05
        while self._calls:
            check()
            await run_sync(partial(wait, list(self._calls), seconds), abandon_on_cancel=True)
            seconds = min(2 * seconds, 1.0)

    def find_blocked_step(self) -> str | None:
        """Find out whether all active steps wait for something that only other asyncio tasks of the run do.

        A pause ends those tasks, and would then wait forever for the steps.

        Returns:
            The name of such a step; None if there is no active step, or if at least one can end by itself.
        """
        tasks = [task for task in self._calls.values() if task is not None]
        if not tasks or len(tasks) < len(self._calls) or not all(map(waits_for_run, tasks)):
            return None
        return context_of(tasks[0]).get(in_step)

    def cancel_steps(self) -> None:
        """Cancel the active async steps. It is not known then whether their effects happened."""
        for task in list(self._calls.values()):
            if task is not None:
                task.cancel()
