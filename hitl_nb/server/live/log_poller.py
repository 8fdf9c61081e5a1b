"""The server's reader of the audit log: one task that gives new events to listeners, in the order of the log.

Listeners are parts of the server, such as the live feed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from tornado.log import app_log

from hitl_nb.errors import StoreError
from hitl_nb.ledger.event_reader import EventReader, MemoryCursor
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Event
from hitl_nb.server.base.context import ServerContext

POLL_SECONDS = 0.25
"""Seconds between two checks of the store while a browser is connected."""
IDLE_POLL_SECONDS = 1.0
"""Seconds between two checks of the store while no browser is connected."""
RESTART_SECONDS = 30.0
"""Seconds after which the task starts again if it failed."""

PrepareEvents: TypeAlias = Callable[[Ledger, list[Event]], Callable[[], None]]
"""A listener. It is called on a thread with the ledger and new events, and reads the records that it needs.

It returns a function that sends the result; that function is called on the event loop. If a listener raises a
`StoreError`, all listeners get the same events again later.
"""


class LogPoller:
    """Reads the new events of the audit log while the server runs, and gives them to listeners.

    The first read begins at the current end of the log. The position in the log is kept only in memory. That is
    enough, because browsers read all records when they connect. A server does not report events from before its start.

    Args:
        context: State of the server.

    Attributes:
        head: Number of the newest event that the listeners have got, or are getting now.
        seconds: Interval between two checks of the store.
    """

    def __init__(self, context: ServerContext) -> None:
        self._desk = context
        self._listeners: list[PrepareEvents] = []
        self._on_failure: list[Callable[[], None]] = []
        self._cursor: MemoryCursor | None = None
        self._reading = asyncio.Lock()
        self._look_now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.head = 0
        self.seconds = IDLE_POLL_SECONDS

    def add_listener(self, listener: PrepareEvents, on_failure: Callable[[], None] = lambda: None) -> None:
        """Add a listener for new events. Listeners are called in the order in which they were added.

        Args:
            listener: The listener. It gets the events in lists of at most 1000.
            on_failure: Function that is called on the event loop if the task fails, so that the listener may have
                missed events. Default: nothing is called.
        """
        self._listeners.append(listener)
        self._on_failure.append(on_failure)

    def start(self) -> None:
        """Start the task on the running event loop, unless it runs. The task ends with the loop."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._task.add_done_callback(self._on_task_end)

    def poll_now(self, seconds: float | None = None) -> None:
        """Check the log now instead of at the next interval.

        Args:
            seconds: The interval from now on. None (default): unchanged.
        """
        self.seconds = self.seconds if seconds is None else seconds
        self._look_now.set()

    async def catch_up(self) -> None:
        """Give the listeners all events that are in the log now and that they have not got.

        Raises:
            StoreError: The audit log cannot be read.
        """
        async with self._reading:
            newest = await self._desk.run_in_lane(_find_newest)
            if self._cursor is None or self._cursor.load() > newest:  # the store was replaced, or an old copy restored
                self.head = newest
                self._cursor = MemoryCursor(after=newest)
            while await self._hand_out(self._cursor):
                continue

    async def _hand_out(self, cursor: MemoryCursor) -> bool:
        """Give the next events after the cursor to the listeners. Return False if there are no more events."""
        reader, events = await self._desk.run_in_lane(partial(_poll_reader, cursor))
        if not events:
            return False
        try:
            deliveries = await self._desk.run_in_lane(partial(_prepare_events, self._listeners, events))
            self.head = events[-1].n
            for deliver in deliveries:
                deliver()
        except StoreError:
            raise  # nothing was delivered: the events come again
        except Exception:
            reader.mark_handled(events[-1])  # a bug in hitl_nb: the same events would only fail again
            raise
        reader.mark_handled(events[-1])
        return True

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        """After an unexpected error, report the failure to the listeners, and start the task again later."""
        if task.cancelled() or task.exception() is None:
            return
        app_log.error("hitl_nb's reader of the audit log failed", exc_info=task.exception())
        self._task = None
        for report in self._on_failure:
            report()
        task.get_loop().call_later(RESTART_SECONDS, self.start)

    async def _run(self) -> None:
        version = -1
        while True:
            is_asked = self._look_now.is_set()
            self._look_now.clear()
            try:
                if self._store_exists():
                    now = await self._desk.run_in_lane(lambda ledger: ledger.store.version())
                    if now != version or is_asked:
                        version = now
                        await self.catch_up()
            except StoreError:
                version = -1  # read again at the next poll; the browsers' own requests report the error
            try:
                await asyncio.wait_for(self._look_now.wait(), self.seconds)
            except TimeoutError:
                continue

    def _store_exists(self) -> bool:
        """Return whether the store exists. If it does not, set the position to the beginning of the future log.

        So all events of a store that is created later are new.
        """
        found = self._desk.has_store()
        if not found and self._cursor is None:
            self._cursor = MemoryCursor()
        return found


def _find_newest(ledger: Ledger) -> int:
    return EventReader(ledger.store, MemoryCursor()).newest_number()


def _poll_reader(cursor: MemoryCursor, ledger: Ledger) -> tuple[EventReader, list[Event]]:
    """Return a new reader of the audit log, and the next events after the cursor.

    A new reader is needed each time, because the store may have been closed and opened again.
    """
    reader = EventReader(ledger.store, cursor)
    return reader, reader.poll()


def _prepare_events(listeners: list[PrepareEvents], events: list[Event], ledger: Ledger) -> list[Callable[[], None]]:
    return [prepare(ledger, events) for prepare in listeners]
