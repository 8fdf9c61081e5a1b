"""The live feed: sends every connected browser the ids of changed proposals and runs, never their content.

The feed listens to the audit log: every change of a run or a proposal, in any process, appends to it. One task per
server polls the log (`log_poller.py`). A decision made through this server is sent immediately.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from msgspec import UNSET
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from hitl_nb.errors import StoreError
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Event, new_id
from hitl_nb.server.base import read_permission as permission
from hitl_nb.server.base.context import ServerContext
from hitl_nb.server.base.headless_runs import HeadlessState
from hitl_nb.server.live.log_poller import IDLE_POLL_SECONDS, POLL_SECONDS, LogPoller
from hitl_nb.server.messages.feed_messages import (
    ChangedMessage,
    FeedStruct,
    HeadlessMessage,
    HelloMessage,
    NoticeInfo,
    NoticeKind,
)

NOTICES: dict[str, NoticeKind] = {
    "proposal.reminded": "reminded",
    "proposal.escalated": "escalated",
    "proposal.overdue": "overdue",
    "proposal.stuck": "stuck",
    "decision.expired": "expired",
}
"""Event types for which people get a notice, with the notice's name."""


class Feed:
    """The connected browsers of one server, and the messages for them.

    Args:
        context: State of the server.
        poller: The server's reader of the audit log.
    """

    def __init__(self, context: ServerContext, poller: LogPoller) -> None:
        self._poller = poller
        self._browsers: set[FeedHandler] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        context.on_headless_status = self._on_headless_status
        poller.add_listener(self._prepare_broadcast, on_failure=self._disconnect_all)

    @property
    def head(self) -> int:
        """Number of the newest event that was sent."""
        return self._poller.head

    def _on_headless_status(self, run: str, state: HeadlessState, message: str) -> None:
        """Send the status of a headless run. Called on the thread of that run."""
        said = HeadlessMessage(run=run, state=state, message=message)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._broadcast, said)

    async def join(self, browser: FeedHandler) -> None:
        """Add a browser; from now on it gets all changes after `head`.

        Raises:
            StoreError: The audit log cannot be read.
        """
        self._loop = asyncio.get_running_loop()
        if not self._browsers:
            await self._poller.catch_up()
        self._browsers.add(browser)
        self._poller.start()
        self._poller.poll_now(POLL_SECONDS)

    def leave(self, browser: FeedHandler) -> None:
        """Remove a browser. Without browsers the log is polled less often."""
        self._browsers.discard(browser)
        if not self._browsers:
            self._poller.seconds = IDLE_POLL_SECONDS

    def poll_now(self, draft: str | None = None) -> None:
        """Poll the audit log now instead of at the next interval, because this server wrote something.

        Args:
            draft: Id of a proposal whose draft changed. Draft changes are not in the log, so they are sent directly.
        """
        if draft is not None:
            self._broadcast_changes([], [], [draft])
        self._poller.poll_now()

    def _disconnect_all(self) -> None:
        """Close all sockets, because they may have missed changes. Browsers connect again and read everything."""
        for browser in list(self._browsers):
            browser.close(1011)

    def _prepare_broadcast(self, ledger: Ledger, events: list[Event]) -> Callable[[], None]:
        """Collect the ids that these events are about, and return the function that sends them."""
        proposals = (one for event in events for one in _proposals_of(event))
        workspaces = (one for event in events for one in _workspaces_of(event))
        notices = [one for event in events if (one := _notice_of(event)) is not None]
        return partial(
            self._broadcast_changes,
            _unique_ids(proposals),
            _unique_ids(event.run for event in events),
            [],
            _unique_ids(workspaces),
            notices,
        )

    def _broadcast_changes(
        self,
        proposals: list[str],
        runs: list[str],
        drafts: list[str],
        workspaces: Sequence[str] = (),
        notices: Sequence[NoticeInfo] = (),
    ) -> None:
        """Send the ids of changed proposals, workspaces and runs, and of proposals of which only the draft changed.

        Args:
            proposals: Ids of changed proposals.
            runs: Ids of changed runs.
            drafts: Ids of proposals of which only the draft changed.
            workspaces: Ids of changed workspaces.
            notices: Messages about proposals for people, besides those about new proposals.
        """
        self._broadcast(
            ChangedMessage(
                proposals=proposals,
                runs=runs,
                drafts=drafts,
                head=self.head,
                workspaces=[*workspaces],
                notices=[*notices] if notices else UNSET,
            )
        )

    def _broadcast(self, message: FeedStruct) -> None:
        for browser in list(self._browsers):
            browser.send(message)


class FeedHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):  # pyright: ignore[reportIncompatibleMethodOverride]  # Jupyter's own mix
    """WebSocket of one browser. Messages from the browser are ignored."""

    def initialize(self, feed: Feed) -> None:
        """Keep the feed to join."""
        self.feed = feed
        self._watching: asyncio.Task[None] | None = None

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Accept the WebSocket if the user may read proposals.

        Raises:
            HTTPError: 403 if the user may not read proposals.
        """
        user = self.current_user
        if not await ensure_async(self.authorizer.is_authorized(self, user, "read", "hitl:proposals")):
            raise HTTPError(403)
        await super().get(*args, **kwargs)

    async def open(self, *args: str, **kwargs: str) -> None:
        """Join the feed, and send a "hello" with the browser's new name and the log's newest event number."""
        super().open(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]  # Tornado's own
        try:
            await self.feed.join(self)
        except StoreError as broken:
            self.close(1011, str(broken)[:100])
            return
        self._watching = asyncio.create_task(
            permission.watch_permission(lambda: permission.is_allowed(self, "read"), self._disconnect)
        )
        self.send(HelloMessage(browser=new_id(), head=self.feed.head))

    def on_message(self, message: str | bytes) -> None:
        """Ignore the message: browsers need not send anything."""

    def _disconnect(self) -> None:
        self.feed.leave(self)
        self.close(permission.FORBIDDEN_CODE, "you may not read proposals any more")

    def on_close(self) -> None:
        """Leave the feed."""
        if self._watching is not None:
            self._watching.cancel()
        self.feed.leave(self)
        super().on_close()

    def send(self, message: FeedStruct) -> None:
        """Send a message as JSON, unless the browser has disconnected."""
        try:
            self.write_message(json.dumps(msgspec.to_builtins(message)))
        except WebSocketClosedError:
            self.feed.leave(self)


def _proposals_of(event: Event) -> Iterator[str | None]:
    """Yield the proposals of an event, also those that a pause asked or that a cancelled run superseded."""
    data: dict[str, Any] = event.data or {}
    yield event.proposal
    if event.type == "run.paused":
        yield from (asked["id"] for asked in data["proposals"])
    elif event.type == "run.cancelled":
        yield from data["superseded"]


def _workspaces_of(event: Event) -> Iterator[str | None]:
    """Yield the workspaces of an event: of status changes, comments, and reviews of a workspace.

    A decision about a workspace is followed by an event of the workspace itself.
    """
    data: dict[str, Any] = event.data or {}
    if event.type.startswith(("workspace.", "comment")):
        yield data.get("workspace")
    elif event.type == "run.paused":
        yield from (asked.get("workspace") for asked in data["proposals"])


def _notice_of(event: Event) -> NoticeInfo | None:
    """Return the notice for people that an event causes: its kind and proposal; None if there is none."""
    kind = NOTICES.get(event.type)
    return None if kind is None or event.proposal is None else NoticeInfo(kind=kind, proposal=event.proposal)


def _unique_ids(found: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(one for one in found if one is not None))
