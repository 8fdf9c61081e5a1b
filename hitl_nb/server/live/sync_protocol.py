"""The bytes of a room: the Yjs sync and awareness protocols (y-protocols 1), and two messages of our own.

    0 sync       0 state vector ("send what I lack") | 1 update (the answer) | 2 update
    1 awareness  who is here: client id, clock and JSON state (null: gone) of each
    3            ask for everybody's awareness
    64 saved     how many of the messages of this connection that carried an update are in the log
    65 readers   JSON: who has had the document before their eyes

Numbers are unsigned LEB128, texts and updates are preceded by their length in bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

_SYNC, _AWARENESS, _ASK, _SAVED, _READERS = 0, 1, 3, 64, 65
_LONGEST_STATE = 16 << 10
"""Longest awareness state, in bytes."""
_MOST_STATES = 1000
_LARGEST = (1 << 53) - 1
"""Largest number that browsers can read."""
_CLOCKS = 1 << 31
"""Largest clock of an awareness state, which goes up by one with each."""


@dataclass(frozen=True)
class Lacks:
    """Asks for what is not in this state vector."""

    state: bytes


@dataclass(frozen=True)
class Brings:
    """An update; `asked`: the answer to what the room lacks, which browsers send even if that is nothing."""

    update: bytes
    asked: bool


@dataclass(frozen=True)
class Present:
    """Awareness states: client id, clock, and state; None for one that has gone."""

    states: list[tuple[int, int, dict[str, Any] | None]]


@dataclass(frozen=True)
class WhoIsHere:
    """Asks for everybody's awareness."""


def read(message: bytes) -> Lacks | Brings | Present | WhoIsHere:
    """What a browser sent. Raises ValueError with a sentence for anything that is no message of the protocol."""
    reader = _Reader(message)
    kind = reader.number()
    if kind == _SYNC:
        step, payload = reader.number(), reader.bytes()
        reader.end()
        if step > 2:
            raise ValueError(f"there is no sync message {step}")
        return Lacks(payload) if step == 0 else Brings(payload, asked=step == 1)
    if kind == _AWARENESS:
        inner = _Reader(reader.bytes())
        reader.end()
        return Present(_states(inner))
    if kind == _ASK:
        reader.end()
        return WhoIsHere()
    raise ValueError(f"there is no message of type {kind}")


def lacks(state: bytes) -> bytes:
    return _number(_SYNC) + _number(0) + _bytes(state)


def answer(update: bytes) -> bytes:
    return _number(_SYNC) + _number(1) + _bytes(update)


def brings(update: bytes) -> bytes:
    return _number(_SYNC) + _number(2) + _bytes(update)


def present(states: list[tuple[int, int, dict[str, Any] | None]]) -> bytes:
    body = [_number(len(states))]
    for client, clock, state in states:
        body += [_number(client), _number(clock), _bytes(json.dumps(state).encode())]
    return _number(_AWARENESS) + _bytes(b"".join(body))


def saved(count: int) -> bytes:
    return _number(_SAVED) + _number(count)


def readers(found: list[dict[str, Any]]) -> bytes:
    return _number(_READERS) + _bytes(json.dumps(found).encode())


def _states(reader: _Reader) -> list[tuple[int, int, dict[str, Any] | None]]:
    count = reader.number()
    if count > _MOST_STATES:
        raise ValueError(f"{count} awareness states at once are too many")
    found: list[tuple[int, int, dict[str, Any] | None]] = []
    for _ in range(count):
        client, clock, raw = reader.number(), reader.number(), reader.bytes()
        if len(raw) > _LONGEST_STATE:
            raise ValueError(f"an awareness state of {len(raw)} bytes is too long")
        if clock > _CLOCKS:
            raise ValueError(f"an awareness state has the clock {clock}, which is too large")
        try:
            state = msgspec.json.decode(raw, type=dict[str, Any] | None)
        except msgspec.ValidationError:
            raise ValueError("an awareness state is no object") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ValueError("an awareness state is no JSON") from None
        found.append((client, clock, state))
    reader.end()
    return found


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self) -> int:
        value = shift = 0
        while True:
            if self._at >= len(self._data):
                raise ValueError("a number of the message is cut off")
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if value > _LARGEST or (byte >= 0x80 and shift > 49):
                raise ValueError("a number of the message is too large")
            if byte < 0x80:
                return value

    def bytes(self) -> bytes:
        length = self.number()
        start, self._at = self._at, self._at + length
        if self._at > len(self._data):
            raise ValueError("the message is cut off")
        return self._data[start : self._at]

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError("the message goes on behind its end")


def _number(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(0x80 | value & 0x7F)
        value >>= 7
    made.append(value)
    return bytes(made)


def _bytes(data: bytes) -> bytes:
    return _number(len(data)) + data
