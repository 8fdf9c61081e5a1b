"""The server's part in watching its store: a task from its start to its end, whether or not a browser is connected."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from hitl_nb.errors import HitlError
from hitl_nb.review.notifications.watcher import Watcher
from hitl_nb.server.base.context import Desk

T = TypeVar("T")

SECONDS = 0.5
"""Between two looks whether something changed in the store."""
_AFTER_A_BUG = 30.0
_ABSENT = 5.0
"""The same while there is no store yet."""


class Timers:
    """Lets the clock act on the proposals of a server's store, and sends its notices."""

    def __init__(self, desk: Desk, log: logging.Logger) -> None:
        self._desk = desk
        self._log = log
        self._watcher = Watcher(
            desk.ledger, label="server", public_url=desk.settings.public_url, say=self._say, always=False
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop; the task ends with it."""
        self._task = asyncio.get_running_loop().create_task(self._watch())
        self._task.add_done_callback(self._ended)
        self._desk.watches = True

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A bug of ours, about one notice say, must not leave all others unwatched for good."""
        self._desk.watches = False
        if not task.cancelled() and task.exception() is not None:
            self._log.error("hitl_nb watches no deadlines for %s s", _AFTER_A_BUG, exc_info=task.exception())
            task.get_loop().call_later(_AFTER_A_BUG, self.start)

    def _say(self, problem: str) -> None:
        self._log.warning("hitl_nb: %s", problem)

    async def _watch(self) -> None:
        while True:
            try:
                await self._look()
            except HitlError as error:  # the requests of browsers say so too
                self._log.debug("hitl_nb: %s", error)
                await asyncio.sleep(_ABSENT)

    async def _look(self) -> None:
        """Do what is due, then wait for something to be due or to change."""
        if not self._desk.has_store():
            await asyncio.sleep(_ABSENT)  # a server on which no agent ever ran makes no store
            return
        seen = await self._version()
        end = time.monotonic() + await _on_its_own_thread(self._watcher.step)
        while time.monotonic() < end and await self._version() == seen:  # noqa: ASYNC110 - other processes write, too
            await asyncio.sleep(max(0.0, min(SECONDS, end - time.monotonic())))

    async def _version(self) -> int:
        return await self._desk.call(lambda ledger: ledger.store.version())


async def _on_its_own_thread(work: Callable[[], T]) -> T:
    """What `work` returns. A service that hangs must not keep the process from ending, as a pool's thread would."""
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
