"""Task that applies deadlines and sends notifications while the server runs, whether or not a browser is connected."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from hitl_nb.errors import HitlError
from hitl_nb.review.notifications.watcher import DeadlineWatcher
from hitl_nb.server.base.context import ServerContext

T = TypeVar("T")

MAX_LOOK_SECONDS = 0.5
"""Maximum number of seconds between two checks whether the store has changed."""
_RESTART_SECONDS = 30.0
_STORE_CHECK_SECONDS = 5.0
"""Seconds between two checks whether a store exists, and seconds until the next attempt after an error of the store."""


class DeadlineTimers:
    """Task that applies deadlines to the proposals of a server's store, and sends the notifications that are due.

    Args:
        context: State of the server.
        log: Log for problems.
    """

    def __init__(self, context: ServerContext, log: logging.Logger) -> None:
        self._desk = context
        self._log = log
        self._watcher = DeadlineWatcher(
            context.open_ledger,
            label="server",
            public_url=context.settings.public_url,
            say=self._log_problem,
            always=False,
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task on the running event loop. The task ends with the loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._on_task_end)
        self._desk.watches_deadlines = True

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        """Start the task again after an unexpected error: a bug in one notification must not stop all others."""
        self._desk.watches_deadlines = False
        if not task.cancelled() and task.exception() is not None:
            self._log.error(
                "hitl_nb could not watch deadlines; it tries again in %s s", _RESTART_SECONDS, exc_info=task.exception()
            )
            task.get_loop().call_later(_RESTART_SECONDS, self.start)

    def _log_problem(self, problem: str) -> None:
        self._log.warning("hitl_nb: %s", problem)

    async def _run(self) -> None:
        while True:
            try:
                await self._run_due()
            except HitlError as error:  # requests of browsers report the same error
                self._log.debug("hitl_nb: %s", error)
                await asyncio.sleep(_STORE_CHECK_SECONDS)

    async def _run_due(self) -> None:
        """Apply the deadlines and send the notifications that are due. Then wait for the next one or for a change.

        If the store does not exist, only wait.
        """
        if not self._desk.has_store():
            await asyncio.sleep(_STORE_CHECK_SECONDS)  # no agent ran here yet: do not create a store
            return
        seen = await self._store_version()
        end = time.monotonic() + await _run_on_own_thread(self._watcher.run_step)
        while time.monotonic() < end and await self._store_version() == seen:  # noqa: ASYNC110 - other processes write, too
            await asyncio.sleep(max(0.0, min(MAX_LOOK_SECONDS, end - time.monotonic())))

    async def _store_version(self) -> int:
        return await self._desk.run_in_lane(lambda ledger: ledger.store.version())


async def _run_on_own_thread(work: Callable[[], T]) -> T:
    """Call `work` on a daemon thread, and return its result or raise its error.

    A thread of a thread pool would keep the process alive if a notification service hangs.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # pyright: ignore[reportArgumentType] - there is one without an error

    def run() -> None:
        try:
            ended: tuple[T | None, BaseException | None] = (work(), None)
        except BaseException as error:  # noqa: BLE001 - it is raised where this is awaited
            ended = (None, error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, *ended)

    threading.Thread(target=run, name="hitl_nb timers", daemon=True).start()
    return await done
