"""The live feed: sends the ids of changed proposals, runs and workspaces to every connected browser, never the content.

Every change of a run or a proposal, in any process, adds an event to the store's audit log. One task of each server
polls the log (`log_poller.py`) and gives new events to the feed. After a change that was made through this server, the
log is polled immediately.
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
"""For each type of event for which browsers show a notice to people: the kind of the notice."""


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
        """Send browsers the status of a notebook that the server executes itself. Called on any thread."""
        said = HeadlessMessage(run=run, state=state, message=message)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._broadcast, said)

    async def join(self, browser: FeedHandler) -> None:
        """Add a browser. From now on it gets a message about each event whose number is greater than `head`.

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
        """Remove a browser. If no browser is left, the log is polled less often."""
        self._browsers.discard(browser)
        if not self._browsers:
            self._poller.seconds = IDLE_POLL_SECONDS

    def poll_now(self, draft: str | None = None) -> None:
        """Poll the audit log now instead of at the next interval, because this server wrote something.

        Args:
            draft: Id of a proposal whose draft was changed. Changes of drafts are not in the log, so this change is
                sent to the browsers directly. None (default): no draft was changed.
        """
        if draft is not None:
            self._broadcast_changes([], [], [draft])
        self._poller.poll_now()

    def _disconnect_all(self) -> None:
        """Close all connections, because browsers may have missed changes. They connect again and read all records."""
        for browser in list(self._browsers):
            browser.close(1011)

    def _prepare_broadcast(self, ledger: Ledger, events: list[Event]) -> Callable[[], None]:
        """Collect the ids of the records that events are about. Return a function that sends these ids to all browsers.

        Args:
            ledger: Not used: the events contain the ids.
            events: New events of the audit log.
        """
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
            notices: Notices about proposals for people, such as that a deadline is near. Browsers show new proposals
                without a notice.
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
    """WebSocket connection of one browser window to the feed. Messages from the browser are ignored."""

    def initialize(self, feed: Feed) -> None:
        """Set the feed that this connection joins when it is open."""
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
        """Join the feed, and send a "hello" message with a new name for the browser and the number of the newest event.

        If the audit log cannot be read, the connection is closed.
        """
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
    """Yield the ids of the proposals that an event changed.

    A pause of a run creates several proposals, and the end of a cancelled run makes its open proposals superseded.
    None is yielded for an event that is about no proposal.
    """
    data: dict[str, Any] = event.data or {}
    yield event.proposal
    if event.type == "run.paused":
        yield from (asked["id"] for asked in data["proposals"])
    elif event.type == "run.cancelled":
        yield from data["superseded"]


def _workspaces_of(event: Event) -> Iterator[str | None]:
    """Yield the ids of the workspaces that an event changed: status changes, comments, and questions about a workspace.

    After a decision on such a question, the audit log has a separate event for the workspace. None is yielded for a
    proposal or comment that is about no workspace.
    """
    data: dict[str, Any] = event.data or {}
    if event.type.startswith(("workspace.", "comment")):
        yield data.get("workspace")
    elif event.type == "run.paused":
        yield from (asked.get("workspace") for asked in data["proposals"])


def _notice_of(event: Event) -> NoticeInfo | None:
    """Return the notice for people that an event causes; None if the event causes none."""
    kind = NOTICES.get(event.type)
    return None if kind is None or event.proposal is None else NoticeInfo(kind=kind, proposal=event.proposal)


def _unique_ids(found: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(one for one in found if one is not None))
