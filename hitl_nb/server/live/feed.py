"""The live feed: tells every connected browser which proposals and runs changed, by id; never what is in them.

The audit log is what is read: whatever changes a run or a proposal, in any process, appends to it. One task a server
looks, and only while somebody is connected; a decision made through this server is told at once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.log import app_log
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from hitl_nb.errors import StoreError
from hitl_nb.records import Event, new_id
from hitl_nb.server.base import read_permission as permission
from hitl_nb.server.base.context import ServerContext

POLL_SECONDS = 0.25
"""Between two looks at the store."""
NOTICES = {
    "proposal.reminded": "reminded",
    "proposal.escalated": "escalated",
    "proposal.overdue": "overdue",
    "proposal.stuck": "stuck",
    "decision.expired": "expired",
}
"""Types of events that people are told of, and what the notice is called."""
_MAX_EVENTS = 1000
"""Most events that are read, and told, at once."""


class Feed:
    """The connected browsers of one server, and what they were told."""

    def __init__(self, context: ServerContext) -> None:
        self._desk = context
        self._browsers: set[FeedHandler] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self.head = 0
        context.on_headless_status = self._on_headless_status

    def _on_headless_status(self, run: str, state: str, message: str) -> None:
        """Tell what a headless run does; called on its own thread."""
        said = {"type": "headless", "run": run, "state": state, "message": message}
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._broadcast, said)

    async def join(self, browser: FeedHandler) -> None:
        """Tell a browser where the log stands, and from now on what changes. Raises StoreError."""
        self._loop = asyncio.get_running_loop()
        if not self._browsers:
            self.head = await self._desk.run_in_lane(lambda ledger: ledger.newest_event_number())
        self._browsers.add(browser)
        if self._task is None:
            self._task = asyncio.create_task(self._poll_log())
            self._task.add_done_callback(self._on_task_end)

    def leave(self, browser: FeedHandler) -> None:
        self._browsers.discard(browser)
        if not self._browsers and self._task is not None:
            self._task.cancel()
            self._task = None

    def poll_now(self, draft: str | None = None) -> None:
        """Something was written through this server: look now. A `draft` of a proposal is not in the log."""
        if draft is not None:
            self._broadcast_changes([], [], [draft])
        self._look_now.set()

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        """A bug of ours must not leave the browsers without word: they connect again, and a new task starts."""
        if not task.cancelled() and task.exception() is not None:
            app_log.error("the live feed of hitl_nb failed", exc_info=task.exception())
            self._task = None
            for browser in list(self._browsers):
                browser.close(1011)

    async def _poll_log(self) -> None:
        version = -1
        while True:
            try:
                now = await self._desk.run_in_lane(lambda ledger: ledger.store.version())
                if now != version or self._look_now.is_set():
                    self._look_now.clear()
                    version = now
                    while self._broadcast_events(
                        await self._desk.run_in_lane(
                            lambda ledger: ledger.read_events(after=self.head, limit=_MAX_EVENTS)
                        )
                    ):
                        continue
            except StoreError:
                version = -1  # the requests of the browsers say what is wrong; here it is looked at again
            try:
                await asyncio.wait_for(self._look_now.wait(), POLL_SECONDS)
            except TimeoutError:
                continue

    def _broadcast_events(self, events: list[Event]) -> bool:
        """Tell what these events are about; whether there may be more of them."""
        if events:
            self.head = events[-1].n
            proposals = (one for event in events for one in _proposals_of(event))
            workspaces = (one for event in events for one in _workspaces_of(event))
            notices = [one for event in events if (one := _notice_of(event)) is not None]
            self._broadcast_changes(
                _unique_ids(proposals), _unique_ids(event.run for event in events), [], _unique_ids(workspaces), notices
            )
        return len(events) == _MAX_EVENTS

    def _broadcast_changes(
        self,
        proposals: list[str],
        runs: list[str],
        drafts: list[str],
        workspaces: Sequence[str] = (),
        notices: Sequence[dict[str, str]] = (),
    ) -> None:
        """Tell which proposals, workspaces and runs are others now, and of which proposals only the draft is.

        `notices` are what people should be told of proposals, beside that one is asked.
        """
        said = {"type": "changed", "proposals": proposals, "runs": runs, "drafts": drafts, "head": self.head}
        self._broadcast({**said, "workspaces": list(workspaces), **({"notices": list(notices)} if notices else {})})

    def _broadcast(self, message: dict[str, Any]) -> None:
        for browser in list(self._browsers):
            browser.send(message)


class FeedHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):  # pyright: ignore[reportIncompatibleMethodOverride]  # Jupyter's own mix
    """One browser's socket. What it sends is not listened to."""

    def initialize(self, feed: Feed) -> None:
        self.feed = feed
        self._watching: asyncio.Task[None] | None = None

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        user = self.current_user
        if not await ensure_async(self.authorizer.is_authorized(self, user, "read", "hitl:proposals")):
            raise HTTPError(403)
        await super().get(*args, **kwargs)

    async def open(self, *args: str, **kwargs: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().open(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]
        try:
            await self.feed.join(self)
        except StoreError as broken:
            self.close(1011, str(broken)[:100])
            return
        self._watching = asyncio.create_task(
            permission.watch_permission(lambda: permission.is_allowed(self, "read"), self._disconnect)
        )
        self.send({"type": "hello", "browser": new_id(), "head": self.feed.head})

    def on_message(self, message: str | bytes) -> None:
        """Nothing is expected from a browser."""

    def _disconnect(self) -> None:
        self.feed.leave(self)
        self.close(permission.FORBIDDEN_CODE, "you may not read proposals any more")

    def on_close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self.feed.leave(self)
        super().on_close()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message, unless the browser has gone."""
        try:
            self.write_message(json.dumps(message))
        except WebSocketClosedError:
            self.feed.leave(self)


def _proposals_of(event: Event) -> Iterator[str | None]:
    """The proposals that an event is about: those that a pause asked, and those that a cancelled run leaves behind."""
    data: dict[str, Any] = event.data or {}
    yield event.proposal
    if event.type == "run.paused":
        yield from (asked["id"] for asked in data["proposals"])
    elif event.type == "run.cancelled":
        yield from data["superseded"]


def _workspaces_of(event: Event) -> Iterator[str | None]:
    """The workspaces that an event is about: what became of them, what was said there, questions whether they are done.

    A decision on one is followed by an event of the workspace's own.
    """
    data: dict[str, Any] = event.data or {}
    if event.type.startswith(("workspace.", "comment")):
        yield data.get("workspace")
    elif event.type == "run.paused":
        yield from (asked.get("workspace") for asked in data["proposals"])


def _notice_of(event: Event) -> dict[str, str] | None:
    """What people should be told by an event, and of which proposal."""
    kind = NOTICES.get(event.type)
    return None if kind is None or event.proposal is None else {"kind": kind, "proposal": event.proposal}


def _unique_ids(found: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(one for one in found if one is not None))
