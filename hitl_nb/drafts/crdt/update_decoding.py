"""The bytes of a Yjs update, format 1: lib0's encoding, and the structs that an update begins with.

Only what documents of ours have is read; anything else is refused. An item is a struct with content; its place is named
by the items beside it (`origin`, `right`), or by its parent and, in a map, its key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

MOST = 200_000
"""How many structs, values and deleted ranges one update may have."""

_DEEPEST_VALUE = 32
_LARGEST = (1 << 32) - 1
_CLIENTS = (1 << 53) - 1
_CLOCKS = 1 << 31
GC, DELETED, STRING, TYPE, ANY = 0, 1, 4, 7, 8
_ORIGIN, _RIGHT, _KEY = 0x80, 0x40, 0x20
_FORMS: dict[int, Form] = {0: "array", 1: "map", 2: "text"}
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")

Id = tuple[int, int]
"""A client, and a clock of it."""
Form = Literal["array", "map", "text"]


class Struct(NamedTuple):
    """One struct of an update. `pairs`: where in a string the second halves of characters are, in UTF-16 units."""

    clock: int
    end: int
    kind: int
    origin: Id | None
    right: Id | None
    parent: str | Id | None
    key: str | None
    pairs: Sequence[int]
    form: Form | None


class Reader:
    """Reads lib0's encoding from the front. Raises ValueError, and IndexError at the end of the data."""

    __slots__ = ("at", "data", "left")

    def __init__(self, data: bytes, most: int) -> None:
        self.data = data
        self.at = 0
        self.left = most

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self, largest: int = _LARGEST) -> int:
        """An unsigned integer."""
        data, at = self.data, self.at
        byte = data[at]
        if byte > 127:
            value, shift = byte & 127, 7
            while True:
                at += 1
                byte = data[at]
                value |= (byte & 127) << shift
                if byte < 128:
                    break
                shift += 7
                if shift > 49:
                    raise ValueError("a number in the update is too long")
            if value > largest:
                raise ValueError("a number in the update is too large")
            byte = value
        self.at = at + 1
        return byte

    def client(self) -> int:
        return self.number(_CLIENTS)

    def id(self) -> Id:
        return self.number(_CLIENTS), self.number()

    def count(self) -> int:
        """How many of something follow."""
        count = self.number()
        self.left -= count
        if count > len(self.data) - self.at:
            raise IndexError
        if self.left < 0:
            raise ValueError(f"the update has more than {MOST:,} parts")
        return count

    def text(self) -> str:
        start = self.number()
        start, self.at = self.at, self.at + start
        if self.at > len(self.data):
            raise IndexError
        try:
            return self.data[start : self.at].decode()
        except UnicodeDecodeError:
            raise ValueError("a text in the update is not UTF-8") from None

    def skip_value(self, depth: int = 0) -> None:
        """Go past a value: JSON, undefined, or a big integer."""
        match self.byte():
            case 127 | 126 | 121 | 120:  # undefined, null, false, true
                pass
            case 125:
                self._skip_integer()
            case 124:
                self._skip(4)
            case 123 | 122:
                self._skip(8)
            case 119:
                self.text()
            case 118 | 117 as kind if depth < _DEEPEST_VALUE:
                for _ in range(self.count()):
                    if kind == 118:
                        self.text()
                    self.skip_value(depth + 1)
            case 118 | 117:
                raise ValueError(f"a value in the update is nested more than {_DEEPEST_VALUE} deep")
            case kind:
                raise ValueError(f"the update has a value of a kind that documents do not have ({kind})")

    def _skip_integer(self) -> None:
        for _ in range(8):
            if self.byte() < 128:
                return
        raise ValueError("an integer in the update is too long")

    def _skip(self, length: int) -> None:
        self.at += length
        if self.at > len(self.data):
            raise IndexError


def queues(read: Reader) -> dict[int, list[Struct]]:
    """The structs of an update, by client."""
    found: dict[int, list[Struct]] = {}
    for _ in range(read.count()):
        count = read.count()
        client, clock = read.id()
        if client in found:
            raise ValueError(f"the update has client {client} twice")
        if not count:
            raise ValueError(f"the update has nothing of client {client}")
        queue = found[client] = []
        for _ in range(count):
            struct = _struct(read, clock)
            clock = struct.end
            if clock > _CLOCKS:
                raise ValueError(f"client {client} is too far ahead")
            queue.append(struct)
    return found


def _struct(read: Reader, clock: int) -> Struct:
    info = read.byte()
    kind = info & 0x1F
    if info == GC:
        return Struct(clock, clock + extent(read), GC, None, None, None, None, (), None)
    if kind not in (DELETED, STRING, TYPE, ANY):
        raise ValueError(f"the update has content of a kind that documents do not have ({kind})")
    origin = read.id() if info & _ORIGIN else None
    right = read.id() if info & _RIGHT else None
    parent = key = form = None
    pairs: Sequence[int] = ()
    if origin is None and right is None:
        match read.number():
            case 1:
                parent = read.text()
            case 0:
                parent = read.id()
            case other:
                raise ValueError(f"an item of the update has no parent ({other})")
        key = read.text() if info & _KEY else None
    if kind == STRING:
        text = read.text()
        if not text.isascii():
            pairs = [match.start() + before + 1 for before, match in enumerate(_ASTRAL.finditer(text))]
        length = len(text) + len(pairs)
    elif kind == DELETED:
        length = extent(read)
    elif kind == ANY:
        length = read.count()
        for _ in range(length):
            read.skip_value()
    else:
        length, form = 1, _form(read)
    if not length:
        raise ValueError("the update has an empty item")
    return Struct(clock, clock + length, kind, origin, right, parent, key, pairs, form)


def _form(read: Reader) -> Form:
    if (form := _FORMS.get(number := read.byte())) is None:
        raise ValueError(f"the update has a shared type of a kind that documents do not have ({number})")
    return form


def extent(read: Reader) -> int:
    """How many clocks a struct, or a deleted range, goes on for."""
    length = read.number()
    if not length:
        raise ValueError("the update has an empty item")
    return length
