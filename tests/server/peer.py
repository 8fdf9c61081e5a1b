"""Somebody in a room: a browser's part of the protocol, over a real WebSocket, with pycrdt as the document.

A browser window has one WebSocket for all its drafts: `Window`. A `Peer` is one draft that is open in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from pycrdt import Doc, Map, Text
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

WITHIN = 30.0


def number(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(0x80 | value & 0x7F)
        value >>= 7
    return bytes([*made, value])


def prefix_size(data: bytes) -> bytes:
    return number(len(data)) + data


def update_message(update: bytes) -> bytes:
    return b"\x00\x02" + prefix_size(update)


def awareness_message(*states: tuple[int, int, Any]) -> bytes:
    body = b"".join(
        number(client) + number(clock) + prefix_size(json.dumps(state).encode()) for client, clock, state in states
    )
    return b"\x01" + prefix_size(number(len(states)) + body)


class Cursor:
    """Reads what `number` and `prefix_size` wrote."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def read_sized(self) -> bytes:
        length = self.number()
        self.at += length
        return self.data[self.at - length : self.at]


class Window:
    """A browser window: a WebSocket with a channel for each draft that is open.

    Args:
        url: address of the WebSocket.
        headers: headers of the request; empty ones are left out.
        channels: False for a server of which one WebSocket is one room, without channels.
    """

    def __init__(self, url: str, headers: dict[str, str], channels: bool = True) -> None:
        self.url, self.headers = url, headers
        self.channels = channels
        self.socket: WebSocketClientConnection | None = None
        self.peers: dict[int, Peer] = {}
        self.last = 0
        self._listening: asyncio.Task[None] | None = None

    @staticmethod
    def to_server(port: int, token: str, **headers: str) -> Window:
        url = f"ws://127.0.0.1:{port}/hitl_nb/api/drafts/rooms"
        return Window(url, {"Authorization": f"token {token}", **headers})

    async def connect(self) -> None:
        if self.socket is None:
            request = HTTPRequest(self.url, headers={k: v for k, v in self.headers.items() if v})
            self.socket = await websocket_connect(request, max_message_size=1 << 30)
            self._listening = asyncio.create_task(self._listen(self.socket))

    async def open(self, peer: Peer) -> None:
        """Open a channel for somebody."""
        self.last += 1
        peer.channel = self.last  # at once: the answer may come before the request has been sent, so to speak
        self.peers[self.last] = peer
        if self.channels:
            await self.control(type="open", channel=self.last, draft=peer.document)

    async def close(self, channel: int) -> None:
        """Close a channel, and with the last one the WebSocket."""
        del self.peers[channel]
        if self.peers:
            await self.control(type="close", channel=channel)
        else:
            self.cut_network()

    async def control(self, **message: Any) -> None:
        """Say something about channels."""
        await self.text(json.dumps(message))

    async def text(self, text: str) -> None:
        assert self.socket is not None
        await self.socket.write_message(text)

    async def send(self, channel: int, message: bytes) -> None:
        assert self.socket is not None
        await self.socket.write_message(number(channel) + message if self.channels else message, binary=True)

    def cut_network(self) -> None:
        """The network goes, if it is still there."""
        if self.socket is not None:
            assert self._listening is not None
            self.socket.close()
            self.socket = None
            self._listening.cancel()
            self.peers.clear()

    async def _listen(self, socket: WebSocketClientConnection) -> None:
        while True:
            message = await socket.read_message()
            if message is None:
                self.socket = None
                peers, self.peers = list(self.peers.values()), {}
                for peer in peers:
                    await peer.end(socket.close_code or 1006, socket.close_reason or "")
                return
            if isinstance(message, str):
                said = json.loads(message)
                assert said["type"] == "closed"
                if peer := self.peers.pop(said["channel"], None):
                    await peer.end(said["code"], said["reason"])
                if not self.peers:  # as a browser does
                    self.socket = None
                    socket.close()
                    return
                continue
            read = Cursor(message)
            if peer := self.peers.get(read.number() if self.channels else self.last):
                await peer.hear(read)


class Peer:
    """Somebody in a draft's room. `connect` again after `cut_connection` with the same document, as a browser does.

    Args:
        window: the window in which the draft is open; None for one of its own.
    """

    def __init__(self, port: int, token: str, document: str, *, window: Window | None = None, **headers: str) -> None:
        self.document = document
        self.window = window or Window.to_server(port, token, **headers)
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get("source", type=Text)
        self.doc.observe(lambda event: self._made.append(event.update))
        self._made: list[bytes] = []
        self._remote = False
        self.channel: int | None = None
        self.people: dict[int, Any] = {}
        self.readers: list[Any] = []
        self.sent = self.saved = 0
        self.synced = False
        self.closed: tuple[int, str] | None = None
        self._news = asyncio.Condition()

    def map(self, name: str) -> Map[Any]:
        return self.doc.get(name, type=Map)

    async def connect(self) -> Peer:
        await self.window.connect()
        self.sent = self.saved = 0
        self.synced, self.closed = False, None
        await self.window.open(self)
        with contextlib.suppress(WebSocketClosedError):  # the answer came first, and `closed` has its reason
            await self.send(b"\x00\x00" + prefix_size(self.doc.get_state()))
        return self

    async def join(self) -> Peer:
        await self.connect()
        await self.until(lambda: self.synced or self.closed is not None)
        return self

    def cut_connection(self) -> None:
        """The network of the window goes."""
        self.window.cut_network()
        self.channel = None

    async def leave(self) -> None:
        """Close the draft; others stay open in the window."""
        channel, self.channel = self.channel, None
        assert channel is not None
        await self.window.close(channel)

    async def send(self, message: bytes) -> None:
        """Send a message, also if the server has closed the channel: a browser may not know it yet."""
        if self.window.socket is None:
            raise WebSocketClosedError
        assert self.channel is not None
        await self.window.send(self.channel, message)

    async def edit(self, work: Callable[[], Any]) -> None:
        """Change the document, and send what changed if there is a network."""
        self._made.clear()
        with self.doc.transaction():
            work()
        made, self._made = self._made, []
        if self.channel is not None:
            for update in made:
                self.sent += 1
                await self.send(update_message(update))

    async def type(self, text: str, at: int | None = None) -> None:
        await self.edit(lambda: self.text.insert(len(self.text) if at is None else at, text))

    async def until(self, true: Callable[[], bool]) -> None:
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(true), WITHIN)

    async def safe(self) -> None:
        """Wait until all that was sent is in the log; what is typed meanwhile is not waited for."""
        sent = self.sent
        await self.until(lambda: (self.synced and self.saved >= sent) or self.closed is not None)

    async def end(self, code: int, reason: str) -> None:
        """The server has closed the channel."""
        async with self._news:
            self.closed = (code, reason)
            self._news.notify_all()

    async def hear(self, read: Cursor) -> None:
        """Take a message of the server in."""
        async with self._news:
            await self._take(read)
            self._news.notify_all()

    async def _take(self, read: Cursor) -> None:
        kind = read.number()
        if kind == 0:
            step, payload = read.number(), read.read_sized()
            if step == 0:
                self.sent += 1
                with contextlib.suppress(WebSocketClosedError):  # the end is the next that is read
                    await self.send(b"\x00\x01" + prefix_size(self.doc.get_update(payload)))
            else:
                self.doc.apply_update(payload)
                self._made.clear()
                self.synced = self.synced or step == 1
        elif kind == 1:
            states = Cursor(read.read_sized())
            for _ in range(states.number()):
                client, _, state = states.number(), states.number(), json.loads(states.read_sized())
                if state is None:
                    self.people.pop(client, None)
                else:
                    self.people[client] = state
        elif kind == 64:
            self.saved = read.number()
        elif kind == 65:
            self.readers = json.loads(read.read_sized())
