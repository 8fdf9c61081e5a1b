"""WebSocket connection of one browser to a room (a draft that is open in browsers).

The connection identifies the user, checks permissions, and limits the size and the rate of messages.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from hitl_nb.errors import StoreError
from hitl_nb.server.base import read_permission as permission
from hitl_nb.server.base.identity import identify_user
from hitl_nb.server.live import sync_protocol as wire
from hitl_nb.server.live.room import ConnectionRefused, Room
from hitl_nb.server.live.rooms import Rooms

MAX_MESSAGE_BYTES = 16 << 20
"""Maximum size of a message, in bytes."""
MAX_MESSAGES = 200
"""Maximum number of messages per second, averaged over `RATE_SECONDS` seconds."""
RATE_SECONDS = 5
UNREAD, MOST_UNREAD = 1 << 20, 64 << 20
"""Limits for the bytes that were sent to a browser and that the browser has not read.

Above UNREAD, the server waits before it handles the browser's next message. Above MOST_UNREAD, the connection is
closed.
"""
_MAX_REASON_BYTES = 120
"""Maximum size of the reason in a close frame, in bytes."""


class RoomHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):  # pyright: ignore[reportIncompatibleMethodOverride]  # Jupyter's own mix
    """WebSocket connection of one browser to a room. Implements `room.Member`."""

    def initialize(self, rooms: Rooms) -> None:
        """Set the state of a new connection, which has not joined a room.

        Args:
            rooms: The rooms of the server.
        """
        self._rooms = rooms
        self._room: Room | None = None
        self._kept = 0
        self._allowance = float(MAX_MESSAGES * RATE_SECONDS)
        self._heard = time.monotonic()
        self._watching: asyncio.Task[None] | None = None
        self.may_write = False
        self._unread = 0
        self._missed = False
        self._read = asyncio.Event()
        self._sent_away = False

    @property
    def max_message_size(self) -> int:
        """Maximum size of a message, in bytes. Tornado closes the connection if a message is larger."""
        return MAX_MESSAGE_BYTES

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Accept the WebSocket if the user may read proposals; remember whether they may write.

        Raises:
            HTTPError: 403 if the user may not read proposals.
        """
        if not await self._is_allowed("read"):
            raise HTTPError(403)
        self.may_write = await self._is_allowed("write")
        await super().get(*args, **kwargs)

    async def open(self, *args: str, **kwargs: str) -> None:
        """Join the room of the document in the path, or close the connection with a reason."""
        super().open(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]  # Tornado's own
        self.set_nodelay(True)  # send each keystroke immediately, do not collect small packets
        self._identify_member()
        self._watching = asyncio.create_task(permission.watch_permission(self._is_still_allowed, self._disconnect))
        try:
            room = await self._rooms.enter(kwargs["id"], self)
        except ConnectionRefused as no:
            self.leave(no.code, str(no))
        except StoreError as broken:
            self.leave(1011, str(broken))
        else:
            self._room = room
            if self.ws_connection is None:  # gone meanwhile
                self._rooms.leave(room, self)

    def _identify_member(self) -> None:
        """Set the user's identity, which other members see. It is read from the login, not from browser messages."""
        who = identify_user(self)
        shown = self.identity_provider.identity_model(self.current_user)
        self.username, self.name = who.username, who.display_name
        self.user: dict[str, Any] = {
            "username": who.username,
            "name": who.display_name,
            **{key: shown.get(key) for key in ("initials", "color", "avatar_url")},
        }

    async def on_message(self, message: str | bytes) -> None:
        """Handle a message from the browser. If it contains an update, acknowledge the update when it is durable.

        The connection is closed if the message is malformed or refused, or if the browser sends too many messages.
        """
        room = self._room
        if room is None or self._sent_away:
            return
        try:
            if not self._is_within_rate():
                raise ConnectionRefused(4429, f"more than {MAX_MESSAGES} messages per second; connecting again")
            if isinstance(message, str):
                raise ValueError("it is text, but only binary messages are accepted")
            if await room.handle_message(self, message):
                self._kept += 1
                self.send(wire.encode_saved_count(self._kept))
            await self._wait_until_read()
        except ConnectionRefused as no:
            self.leave(no.code, str(no))
        except ValueError as wrong:
            self.leave(4400, f"malformed message: {wrong}")

    def on_close(self) -> None:
        """Leave the room."""
        if self._watching is not None:
            self._watching.cancel()
        if self._room is not None:
            self._rooms.leave(self._room, self)
        super().on_close()

    def send(self, message: bytes) -> None:
        """Send a message, unless the browser has disconnected. A browser with too many unread bytes is disconnected."""
        try:
            sending = self.write_message(message, binary=True)
        except WebSocketClosedError:
            return  # Tornado calls on_close next
        self._unread += len(message)
        sending.add_done_callback(lambda sent: self._on_message_read(sent, len(message)))
        if self._unread > MOST_UNREAD:
            self.leave(4429, "this browser reads its messages too slowly; connecting again")

    def send_if_idle(self, message: bytes) -> None:
        """Send a presence message, unless the browser has many unread bytes.

        In that case, the browser gets all presence states after it has read the other messages.
        """
        if self._unread > UNREAD:
            self._missed = True
        else:
            self.send(message)

    def _on_message_read(self, sent: asyncio.Future[None], size: int) -> None:
        if not sent.cancelled():
            sent.exception()  # mark it as retrieved; a disconnected browser needs no log entry
        self._unread -= size
        if self._unread <= UNREAD:
            self._read.set()
            if self._missed and self._room is not None and not self._sent_away:
                self._missed = False
                self._room.send_presence(self)

    async def _wait_until_read(self) -> None:
        """Wait until the browser has read most of the messages that were sent to it.

        The server handles no further message of this browser meanwhile. So a slow browser delays only itself.
        """
        while self._unread > UNREAD:
            self._read.clear()
            await self._read.wait()

    def leave(self, code: int, reason: str) -> None:
        """Close the connection with a WebSocket close code and a reason, and ignore all further messages from it."""
        self._sent_away = True
        self.close(code, reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore"))

    def _is_within_rate(self) -> bool:
        now = time.monotonic()
        self._allowance = min(MAX_MESSAGES * RATE_SECONDS, self._allowance + (now - self._heard) * MAX_MESSAGES) - 1
        self._heard = now
        return self._allowance >= 0

    async def _is_still_allowed(self) -> bool:
        self.may_write = await permission.is_allowed(self, "write")
        return await permission.is_allowed(self, "read")

    def _disconnect(self) -> None:
        self.leave(permission.FORBIDDEN_CODE, "you may not read this draft any more")

    async def _is_allowed(self, action: str) -> bool:
        allowed = self.authorizer.is_authorized(self, self.current_user, action, "hitl:proposals")
        return bool(await ensure_async(allowed))
