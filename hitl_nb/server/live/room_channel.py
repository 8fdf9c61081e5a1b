"""One draft that is open in a browser window: a member of the draft's room.

A window has one WebSocket for all its drafts, with a channel for each. Each channel handles its messages in a task of
its own, one after the other. So a draft that is slow, or whose replies are large, does not delay the other drafts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from tornado.log import app_log

from hitl_nb.errors import StoreError
from hitl_nb.server.live import sync_protocol as wire
from hitl_nb.server.live.browser_limits import ByteCounter, RateLimit
from hitl_nb.server.live.room import ConnectionRefused, Room
from hitl_nb.server.live.rooms import Rooms

MAX_MESSAGES = 200
"""Maximum number of messages per second of one channel, averaged over `RATE_SECONDS` seconds."""
RATE_SECONDS = 5
FEW_UNREAD = 1 << 20
"""Number of bytes that were sent and not read, above which nothing more is handled that could cause a reply."""
_MESSAGE_OVERHEAD = 100
"""Bytes of memory that a waiting message needs beside its content."""


class ChannelSocket(Protocol):
    """The WebSocket of a browser window, as its channels use it.

    Attributes:
        username: User name of the browser's user.
        name: Display name of the user.
        user: JSON object about the user for other browsers.
        unread: Bytes that were sent to the browser, and that it has not read.
        waiting: Size of the messages from the browser that were received and not handled.
    """

    username: str
    name: str
    user: dict[str, Any]
    unread: ByteCounter
    waiting: ByteCounter

    @property
    def may_write(self) -> bool:
        """Whether the user may change documents. It is checked again every few seconds."""
        ...

    def send_message(self, channel: int, message: bytes, unread: ByteCounter) -> None:
        """Send a message of a channel. `unread` counts it, too, until the browser has read it."""
        ...

    def send_closed(self, channel: int, code: int, reason: str) -> None:
        """Tell the browser that a channel was closed."""
        ...

    def note_missed_presence(self, channel: RoomChannel) -> None:
        """Send the channel all presence states as soon as the browser has few unread bytes."""
        ...


class RoomChannel:
    """One draft that is open in a browser window. Implements `room.Member`.

    Args:
        socket: The WebSocket of the window.
        number: Number of the channel.
        rooms: The rooms of the server.
    """

    def __init__(self, socket: ChannelSocket, number: int, rooms: Rooms) -> None:
        self._socket = socket
        self._number = number
        self._rooms = rooms
        self._room: Room | None = None
        self._messages: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._is_ending = False
        self._is_closed = False
        self._saved = 0
        self._rate = RateLimit(MAX_MESSAGES, RATE_SECONDS)
        self._unread = ByteCounter(FEW_UNREAD)
        self.username, self.name, self.user = socket.username, socket.name, socket.user

    @property
    def may_write(self) -> bool:
        """Whether the user may change the document."""
        return self._socket.may_write

    def start(self, draft: str, on_end: Callable[[], object]) -> None:
        """Join the room of a draft, and handle the messages of the browser until the channel is closed.

        Args:
            draft: Id of the draft's proposal or workspace.
            on_end: Called when the channel has left the room, and handles no further message.
        """
        task = asyncio.create_task(self._serve(draft))
        task.add_done_callback(self._on_task_end)
        task.add_done_callback(lambda _: on_end())

    def receive(self, message: bytes) -> None:
        """Accept a message from the browser. It is handled after all messages that were received before it."""
        if self._is_ending:
            return
        if not self._rate.allows_message():
            self.leave(4429, f"more than {MAX_MESSAGES} messages per second; connecting again")
            return
        self._messages.append(message)
        self._socket.waiting.add(len(message) + _MESSAGE_OVERHEAD)
        self._arrived.set()

    def finish(self) -> None:
        """End the channel after the messages that were received: the browser has closed the channel or disconnected."""
        self._is_ending = True
        self._arrived.set()

    def drop(self) -> None:
        """Leave the room now, and handle no further message."""
        self._is_ending = self._is_closed = True
        while self._messages:
            self._socket.waiting.remove(len(self._messages.popleft()) + _MESSAGE_OVERHEAD)
        self._arrived.set()
        room, self._room = self._room, None
        if room is not None:
            self._rooms.leave(room, self)

    def leave(self, code: int, reason: str) -> None:
        """Close the channel with a WebSocket close code and a reason, and ignore all further messages for it."""
        if not self._is_closed:
            self.drop()
            self._socket.send_closed(self._number, code, reason)

    def send(self, message: bytes) -> None:
        """Send a message, unless the channel is closed."""
        if not self._is_closed:
            self._socket.send_message(self._number, message, self._unread)

    def send_if_idle(self, message: bytes) -> None:
        """Send a presence message, unless the browser has many unread bytes.

        In that case, the browser gets all presence states after it has read the other messages.
        """
        if self._socket.unread.is_high:
            self._socket.note_missed_presence(self)
        else:
            self.send(message)

    def send_presence(self) -> None:
        """Send all presence states of the room."""
        if self._room is not None:
            self._room.send_presence(self)

    async def _serve(self, draft: str) -> None:
        try:
            await self._socket.unread.until_few()
            if self._is_closed:
                return
            room = await self._rooms.enter(draft, self)
            if self._is_closed:
                self._rooms.leave(room, self)
                return
            self._room = room
            await self._handle_messages(room)
        except ConnectionRefused as no:
            self.leave(no.code, str(no))
        except StoreError as broken:
            self.leave(1011, str(broken))
        self.drop()

    async def _handle_messages(self, room: Room) -> None:
        """Handle the messages in their order, until the channel ends.

        If a message contains an update, the update is acknowledged when it is durable.

        Raises:
            ConnectionRefused: The channel must be closed.
        """
        while (message := await self._next_message()) is not None:
            try:
                if wire.has_large_reply(message):
                    await self._socket.unread.until_few()  # one large reply of the window after the other
                if not self._is_closed and await room.handle_message(self, message):
                    self._saved += 1
                    self.send(wire.encode_saved_count(self._saved))
            except ValueError as wrong:
                raise ConnectionRefused(4400, f"malformed message: {wrong}") from None
            finally:
                self._socket.waiting.remove(len(message) + _MESSAGE_OVERHEAD)
            await self._unread.until_few()  # so a slow browser delays only itself
            await asyncio.sleep(0)  # many waiting messages must not delay other channels

    async def _next_message(self) -> bytes | None:
        """Wait for the next message. Return None if the channel has ended."""
        while not self._messages:
            if self._is_ending:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()

    def _on_task_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            app_log.error("a room of hitl_nb failed", exc_info=error)
            self.leave(1011, "the server failed to handle a change of this draft; connecting again")
