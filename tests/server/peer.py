"""Somebody in a room: a browser's part of the protocol, over a real WebSocket, with pycrdt as the document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from pycrdt import Doc, Map, Text
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

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


class Peer:
    """One browser window in a draft's room. `connect` again after `cut_connection` with the same document, as a browser
    does."""

    def __init__(self, port: int, token: str, document: str, **headers: str) -> None:
        self.url = f"ws://127.0.0.1:{port}/hitl_nb/api/drafts/{document}/room"
        self.headers = {"Authorization": f"token {token}", **headers}
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get("source", type=Text)
        self.doc.observe(lambda event: self._made.append(event.update))
        self._made: list[bytes] = []
        self._remote = False
        self.socket: WebSocketClientConnection | None = None
        self.people: dict[int, Any] = {}
        self.readers: list[Any] = []
        self.sent = self.saved = 0
        self.synced = False
        self.closed: tuple[int, str] | None = None
        self._news = asyncio.Condition()
        self._listening: asyncio.Task[None] | None = None

    def map(self, name: str) -> Map[Any]:
        return self.doc.get(name, type=Map)

    async def connect(self) -> Peer:
        request = HTTPRequest(self.url, headers={k: v for k, v in self.headers.items() if v})
        self.socket = await websocket_connect(request, max_message_size=1 << 30)
        self.sent = self.saved = 0
        self.synced, self.closed = False, None
        self._listening = asyncio.create_task(self._listen())
        await self.send(b"\x00\x00" + prefix_size(self.doc.get_state()))
        return self

    async def join(self) -> Peer:
        await self.connect()
        await self.until(lambda: self.synced or self.closed is not None)
        return self

    def cut_connection(self) -> None:
        """The network goes."""
        assert self.socket is not None
        self.socket.close()
        self.socket = None
        assert self._listening is not None
        self._listening.cancel()

    async def send(self, message: bytes) -> None:
        assert self.socket is not None
        await self.socket.write_message(message, binary=True)

    async def edit(self, work: Callable[[], Any]) -> None:
        """Change the document, and send what changed if there is a network."""
        self._made.clear()
        with self.doc.transaction():
            work()
        made, self._made = self._made, []
        if self.socket is not None:
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

    async def _listen(self) -> None:
        socket = self.socket
        assert socket is not None
        while True:
            message = await socket.read_message()
            async with self._news:
                if message is None:
                    self.closed = (socket.close_code or 1006, socket.close_reason or "")
                    self._news.notify_all()
                    return
                assert isinstance(message, bytes)
                await self._hear(Cursor(message))
                self._news.notify_all()

    async def _hear(self, read: Cursor) -> None:
        kind = read.number()
        if kind == 0:
            step, payload = read.number(), read.read_sized()
            if step == 0:
                self.sent += 1
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
