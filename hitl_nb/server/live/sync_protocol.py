"""Binary messages between browsers and a room (a draft that is open in browsers).

They are the sync and awareness protocols of Yjs (y-protocols 1), and two types of messages of hitl_nb. A *state vector*
says which changes of a document its sender has; an *update* contains changes; an *awareness state* describes a browser.

Message types:

    0 sync       0 state vector (requests the changes that the sender does not have) | 1 update (the reply) | 2 update

    1 awareness  client id, clock and JSON state of each browser (null: the browser has left)

    3 query      request for all awareness states

    64 saved     how many messages with an update from this connection are durable in the log

    65 readers   JSON list of the people who have read the document

Numbers are unsigned LEB128. Texts and updates are preceded by their length in bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

_SYNC, _AWARENESS, _ASK, _SAVED, _READERS = 0, 1, 3, 64, 65
_MAX_STATE_BYTES = 16 << 10
"""Maximum size of an awareness state, in bytes."""
_MAX_STATES = 1000
MAX_NUMBER = (1 << 53) - 1
"""Largest number in a message: the largest integer that JavaScript represents exactly."""
_MAX_CLOCK = 1 << 31
"""Maximum clock of an awareness state; each new state of a browser increments it by one."""


@dataclass(frozen=True)
class SyncRequest:
    """Request for all changes that the sender does not have. `state` is the sender's state vector."""

    state: bytes


@dataclass(frozen=True)
class SyncUpdate:
    """Changes of the document.

    Attributes:
        update: The changes as one update, in the encoding of Yjs.
        is_reply: True for the reply to a request of the room; browsers reply even if they have no new changes. False
            for an edit.
    """

    update: bytes
    is_reply: bool


@dataclass(frozen=True)
class AwarenessUpdate:
    """Awareness states of browsers.

    Attributes:
        states: A tuple for each browser: client id, clock and state. The state is None if the browser has left.
    """

    states: list[tuple[int, int, dict[str, Any] | None]]


@dataclass(frozen=True)
class AwarenessQuery:
    """Request for all awareness states."""


def decode_message(message: bytes) -> SyncRequest | SyncUpdate | AwarenessUpdate | AwarenessQuery:
    """Decode a message from a browser.

    Raises:
        ValueError: The message does not follow the protocol; the text says why.
    """
    reader = _MessageReader(message)
    kind = reader.read_number()
    if kind == _SYNC:
        step, payload = reader.read_number(), reader.read_bytes()
        reader.require_end()
        if step > 2:
            raise ValueError(f"there is no sync message {step}")
        return SyncRequest(payload) if step == 0 else SyncUpdate(payload, is_reply=step == 1)
    if kind == _AWARENESS:
        inner = _MessageReader(reader.read_bytes())
        reader.require_end()
        return AwarenessUpdate(_read_states(inner))
    if kind == _ASK:
        reader.require_end()
        return AwarenessQuery()
    raise ValueError(f"there is no message of type {kind}")


def has_large_reply(message: bytes) -> bool:
    """Return whether a message requests something that can be large: missing changes, or all awareness states."""
    return message[:2] == bytes([_SYNC, 0]) or message[:1] == bytes([_ASK])


def split_number(data: bytes) -> tuple[int, bytes]:
    """Return the number at the beginning of `data`, and the bytes after it.

    Raises:
        ValueError: The number is incomplete or too large.
    """
    reader = _MessageReader(data)
    return reader.read_number(), reader.read_rest()


def encode_number(value: int) -> bytes:
    """Encode a number as unsigned LEB128."""
    made = bytearray()
    while value > 0x7F:
        made.append(0x80 | value & 0x7F)
        value >>= 7
    made.append(value)
    return bytes(made)


def encode_sync_request(state: bytes) -> bytes:
    """Encode a request for all changes that the server does not have. `state` is the server's state vector."""
    return encode_number(_SYNC) + encode_number(0) + _encode_bytes(state)


def encode_sync_reply(update: bytes) -> bytes:
    """Encode the reply to a request for changes. `update` has the requested changes."""
    return encode_number(_SYNC) + encode_number(1) + _encode_bytes(update)


def encode_update(update: bytes) -> bytes:
    """Encode changes that nobody requested: a new edit."""
    return encode_number(_SYNC) + encode_number(2) + _encode_bytes(update)


def encode_awareness(states: list[tuple[int, int, dict[str, Any] | None]]) -> bytes:
    """Encode awareness states.

    Args:
        states: A tuple for each browser: client id, clock and state. The state is None if the browser has left.
    """
    body = [encode_number(len(states))]
    for client, clock, state in states:
        body += [encode_number(client), encode_number(clock), _encode_bytes(json.dumps(state).encode())]
    return encode_number(_AWARENESS) + _encode_bytes(b"".join(body))


def encode_saved_count(count: int) -> bytes:
    """Encode how many messages with an update from a connection are durable in the log."""
    return encode_number(_SAVED) + encode_number(count)


def encode_readers(found: list[dict[str, Any]]) -> bytes:
    """Encode the list of people who have read the document. Each item is a JSON object about one person."""
    return encode_number(_READERS) + _encode_bytes(json.dumps(found).encode())


def _read_states(reader: _MessageReader) -> list[tuple[int, int, dict[str, Any] | None]]:
    count = reader.read_number()
    if count > _MAX_STATES:
        raise ValueError(f"{count} awareness states at once are too many")
    found: list[tuple[int, int, dict[str, Any] | None]] = []
    for _ in range(count):
        client, clock, raw = reader.read_number(), reader.read_number(), reader.read_bytes()
        if len(raw) > _MAX_STATE_BYTES:
            raise ValueError(f"an awareness state of {len(raw)} bytes is too long")
        if clock > _MAX_CLOCK:
            raise ValueError(f"an awareness state has the clock {clock}, which is too large")
        try:
            state = msgspec.json.decode(raw, type=dict[str, Any] | None)
        except msgspec.ValidationError:
            raise ValueError("an awareness state is not a JSON object") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ValueError("an awareness state is not valid JSON") from None
        found.append((client, clock, state))
    reader.require_end()
    return found


class _MessageReader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def read_number(self) -> int:
        value = shift = 0
        while True:
            if self._position >= len(self._data):
                raise ValueError("a number of the message is cut off")
            byte = self._data[self._position]
            self._position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if value > MAX_NUMBER or (byte >= 0x80 and shift > 49):
                raise ValueError("a number of the message is too large")
            if byte < 0x80:
                return value

    def read_bytes(self) -> bytes:
        length = self.read_number()
        start, self._position = self._position, self._position + length
        if self._position > len(self._data):
            raise ValueError("the message is cut off")
        return self._data[start : self._position]

    def read_rest(self) -> bytes:
        return self._data[self._position :]

    def require_end(self) -> None:
        if self._position != len(self._data):
            raise ValueError("the message has extra bytes at its end")


def _encode_bytes(data: bytes) -> bytes:
    return encode_number(len(data)) + data
