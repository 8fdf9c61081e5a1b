"""WebSocket of one browser window, which carries the messages of all drafts that are open in the window.

The socket identifies the user, checks permissions, and limits the size and the rate of messages. Each open draft is a
channel (`room_channel.py`); `channel_protocol.py` describes the frames.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from hitl_nb.server.base import read_permission as permission
from hitl_nb.server.base.identity import identify_user
from hitl_nb.server.live import channel_protocol as frames
from hitl_nb.server.live.browser_limits import ByteCounter, RateLimit
from hitl_nb.server.live.room import ConnectionRefused
from hitl_nb.server.live.room_channel import FEW_UNREAD, RATE_SECONDS, RoomChannel
from hitl_nb.server.live.rooms import Rooms
from hitl_nb.server.messages.response_types.base import ID_PATTERN

MAX_MESSAGE_BYTES = 16 << 20
"""Maximum size of a message, in bytes, without the number of its channel."""
MAX_CHANNELS = 500
"""Maximum number of open channels of a window."""
MAX_WINDOW_MESSAGES = 1000
"""Maximum number of messages per second of all channels of a window, averaged over `RATE_SECONDS` seconds.

So a window with the maximum number of channels can open all of them again at once.
"""
MAX_UNREAD = 64 << 20
"""Maximum number of bytes that a browser has not read. Above it, the connection is closed."""
MAX_WAITING = MAX_MESSAGE_BYTES
"""Size of the messages that were received and not handled, above which the server reads nothing more of the window.

Normally a channel that is slow does not delay the others; above this limit it does, so that memory is bounded.
"""
_MAX_REASON_BYTES = 120
"""Maximum size of the reason in a close frame, in bytes."""


class RoomSocketHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):  # pyright: ignore[reportIncompatibleMethodOverride]  # Jupyter's own mix
    """WebSocket of one browser window for all its drafts. Implements `room_channel.ChannelSocket`."""

    def initialize(self, rooms: Rooms) -> None:
        """Set the state of a new connection, which has no channel.

        Args:
            rooms: The rooms of the server.
        """
        self._rooms = rooms
        self._channels: dict[int, RoomChannel] = {}
        self._last_channel = 0
        self._rate = RateLimit(MAX_WINDOW_MESSAGES, RATE_SECONDS)
        self._watching: asyncio.Task[None] | None = None
        self._lagging: set[RoomChannel] = set()
        self._sent_away = False
        self.may_write = False
        self.unread = ByteCounter(FEW_UNREAD)
        self.waiting = ByteCounter(MAX_WAITING)

    @property
    def max_message_size(self) -> int:
        """Maximum size of a frame, in bytes. Tornado closes the connection if a frame is larger."""
        return MAX_MESSAGE_BYTES + frames.MAX_PREFIX_BYTES

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
        """Identify the user, and watch whether they may still read."""
        super().open(*args, **kwargs)  # pyright: ignore[reportUnknownMemberType]  # Tornado's own
        self.set_nodelay(True)  # send each keystroke immediately, do not collect small packets
        self._identify_member()
        self._watching = asyncio.create_task(permission.watch_permission(self._is_still_allowed, self._revoke))

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
        """Open or close a channel, or give the message to its channel, which handles it in a task of its own.

        The connection is closed if a frame is malformed, or if the browser sends too many messages.
        """
        if self._sent_away:
            return
        try:
            if not self._rate.allows_message():
                raise ConnectionRefused(4429, f"more than {MAX_WINDOW_MESSAGES} messages per second; connecting again")
            if isinstance(message, str):
                self._handle_control(message)
            else:
                number, content = frames.split_frame(message)
                if channel := self._find_channel(number):
                    channel.receive(content)
        except ConnectionRefused as no:
            self._disconnect(no.code, str(no))
        except ValueError as wrong:
            self._disconnect(4400, f"malformed message: {wrong}")
        else:
            await self.waiting.until_few()

    def _handle_control(self, text: str) -> None:
        """Open or close a channel.

        Raises:
            ValueError: The message is malformed, or not possible now.
        """
        match frames.decode_control(text):
            case frames.OpenChannel(channel=number, draft=draft):
                self._open_channel(number, draft)
            case frames.CloseChannel(channel=number):
                if channel := self._find_channel(number):
                    channel.finish()

    def _open_channel(self, number: int, draft: str) -> None:
        if number <= self._last_channel:
            raise ValueError(f"channel {number} was opened before; a new channel has a larger number than all others")
        self._last_channel = number
        if len(self._channels) >= MAX_CHANNELS:
            self.send_closed(number, 4429, f"more than {MAX_CHANNELS} drafts are open in one window; connecting again")
        elif not re.fullmatch(ID_PATTERN, draft):
            self.send_closed(number, 4404, "there is no such draft")
        else:
            channel = self._channels[number] = RoomChannel(self, number, self._rooms)
            channel.start(draft, partial(self._channels.pop, number, None))

    def _find_channel(self, number: int) -> RoomChannel | None:
        """Return an open channel; None if it is closed, which the browser may not know yet.

        Raises:
            ValueError: The channel was never opened.
        """
        if not 0 < number <= self._last_channel:
            raise ValueError(f"channel {number} was never opened")
        return self._channels.get(number)

    def on_close(self) -> None:
        """End all channels. They handle the messages that have arrived, and leave their rooms."""
        if self._watching is not None:
            self._watching.cancel()
        for channel in list(self._channels.values()):
            channel.finish()
        super().on_close()

    def send_message(self, channel: int, message: bytes, unread: ByteCounter) -> None:
        """Send a message of a channel, unless the browser has disconnected.

        A browser with too many unread bytes is disconnected.
        """
        self._send_frame(frames.join_frame(channel, message), unread)

    def send_closed(self, channel: int, code: int, reason: str) -> None:
        """Tell the browser that a channel was closed, unless the browser has disconnected."""
        self._send_frame(frames.encode_closed(channel, code, _shorten(reason)))

    def note_missed_presence(self, channel: RoomChannel) -> None:
        """Send the channel all presence states as soon as the browser has few unread bytes."""
        self._lagging.add(channel)

    def _send_frame(self, frame: str | bytes, *counters: ByteCounter) -> None:
        try:
            sending = self.write_message(frame, binary=isinstance(frame, bytes))
        except WebSocketClosedError:
            return  # Tornado calls on_close next
        for one in (self.unread, *counters):
            one.add(len(frame))
        sending.add_done_callback(lambda sent: self._on_frame_read(sent, len(frame), *counters))
        if self.unread.count > MAX_UNREAD:
            self._disconnect(4429, "this browser reads its messages too slowly; connecting again")

    def _on_frame_read(self, sent: asyncio.Future[None], size: int, *counters: ByteCounter) -> None:
        if not sent.cancelled():
            sent.exception()  # mark it as retrieved; a disconnected browser needs no log entry
        for one in (self.unread, *counters):
            one.remove(size)
        while self._lagging and not self.unread.is_high:
            self._lagging.pop().send_presence()

    def _disconnect(self, code: int, reason: str) -> None:
        """Close the connection with a WebSocket close code and a reason, and ignore all further messages from it."""
        self._sent_away = True
        for channel in list(self._channels.values()):
            channel.drop()
        self.close(code, _shorten(reason))

    def _revoke(self) -> None:
        self._disconnect(permission.FORBIDDEN_CODE, "you may not read this draft any more")

    async def _is_still_allowed(self) -> bool:
        self.may_write = await permission.is_allowed(self, "write")
        return await permission.is_allowed(self, "read")

    async def _is_allowed(self, action: str) -> bool:
        allowed = self.authorizer.is_authorized(self, self.current_user, action, "hitl:proposals")
        return bool(await ensure_async(allowed))


def _shorten(reason: str) -> str:
    return reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
