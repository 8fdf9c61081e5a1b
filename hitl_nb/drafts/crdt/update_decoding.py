"""Decoder for Yjs updates, format 1: lib0's encoding, and the structs at the beginning of an update.

Only types of content that hitl_nb's documents have are decoded; all others are refused. A *struct* is a range of clocks
of one client. An *item* is a struct with content. The place of an item is given by its neighbors (`origin`, `right`),
or by its parent and, in a map, its key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

MAX_STRUCTS = 200_000
"""Maximum number of structs, values and deleted ranges in one update."""

_MAX_VALUE_DEPTH = 32
_MAX_NUMBER = (1 << 32) - 1
_MAX_CLIENT = (1 << 53) - 1
_MAX_CLOCK = 1 << 31
GC, DELETED, STRING, TYPE, ANY = 0, 1, 4, 7, 8
_ORIGIN, _RIGHT, _KEY = 0x80, 0x40, 0x20
_FORMS: dict[int, TypeForm] = {0: "array", 1: "map", 2: "text"}
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")

Id = tuple[int, int]
"""A client id and a clock of this client."""
TypeForm = Literal["array", "map", "text"]


class UpdateStruct(NamedTuple):
    """One struct of an update: a range of clocks of one client, with its content.

    A client's *clock* counts what the client has written. A *unit* is one step of the clock.

    Attributes:
        clock: Clock of its first unit.
        end: Clock after its last unit.
        kind: Kind of content (`GC`, `DELETED`, `STRING`, `TYPE` or `ANY`).
        origin: Id of the item to the left, when the struct was written.
        right: Id of the item to the right.
        parent: Name or id of the shared type that contains it.
        key: Key in a map.
        pairs: Positions of second halves of surrogate pairs in a string, in UTF-16 units.
        form: For a shared type, its form.
    """

    clock: int
    end: int
    kind: int
    origin: Id | None
    right: Id | None
    parent: str | Id | None
    key: str | None
    pairs: Sequence[int]
    form: TypeForm | None


class UpdateReader:
    """Reader of lib0's encoding. It starts at the beginning of the data.

    All methods raise ValueError for invalid data, and IndexError at the end of the data.

    Args:
        data: The bytes to read.
        most: Maximum number of parts that `read_count` accepts in total.
    """

    __slots__ = ("data", "position", "remaining")

    def __init__(self, data: bytes, most: int) -> None:
        self.data = data
        self.position = 0
        self.remaining = most

    def read_byte(self) -> int:
        """Read one byte."""
        self.position += 1
        return self.data[self.position - 1]

    def read_number(self, largest: int = _MAX_NUMBER) -> int:
        """Read an unsigned integer that is at most `largest`."""
        data, at = self.data, self.position
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
        self.position = at + 1
        return byte

    def read_client(self) -> int:
        """Read a client id."""
        return self.read_number(_MAX_CLIENT)

    def read_id(self) -> Id:
        """Read a client id and a clock."""
        return self.read_number(_MAX_CLIENT), self.read_number()

    def read_count(self) -> int:
        """Read the number of parts that follow. The sum of all numbers that are read in this way is limited.

        Raises:
            IndexError: The data is too short for so many parts.
            ValueError: The sum is larger than the reader's argument `most`.
        """
        count = self.read_number()
        self.remaining -= count
        if count > len(self.data) - self.position:
            raise IndexError
        if self.remaining < 0:
            raise ValueError(f"the update has more than {MAX_STRUCTS:,} parts")
        return count

    def read_text(self) -> str:
        """Read a text, which is preceded by its length in bytes."""
        start = self.read_number()
        start, self.position = self.position, self.position + start
        if self.position > len(self.data):
            raise IndexError
        try:
            return self.data[start : self.position].decode()
        except UnicodeDecodeError:
            raise ValueError("a text in the update is not UTF-8") from None

    def skip_value(self, depth: int = 0) -> None:
        """Skip a value of Yjs's "any" encoding: JSON, undefined, or a big integer.

        Args:
            depth: Nesting level of the value.
        """
        match self.read_byte():
            case 127 | 126 | 121 | 120:  # undefined, null, false, true
                pass
            case 125:
                self._skip_integer()
            case 124:
                self._skip(4)
            case 123 | 122:
                self._skip(8)
            case 119:
                self.read_text()
            case 118 | 117 as kind if depth < _MAX_VALUE_DEPTH:
                for _ in range(self.read_count()):
                    if kind == 118:
                        self.read_text()
                    self.skip_value(depth + 1)
            case 118 | 117:
                raise ValueError(f"a value in the update is nested more than {_MAX_VALUE_DEPTH} deep")
            case kind:
                raise ValueError(f"the update has a value of a kind that documents do not have ({kind})")

    def _skip_integer(self) -> None:
        for _ in range(8):
            if self.read_byte() < 128:
                return
        raise ValueError("an integer in the update is too long")

    def _skip(self, length: int) -> None:
        self.position += length
        if self.position > len(self.data):
            raise IndexError


def read_structs(read: UpdateReader) -> dict[int, list[UpdateStruct]]:
    """Read the structs (ranges of content) at the beginning of an update: client -> list of structs."""
    found: dict[int, list[UpdateStruct]] = {}
    for _ in range(read.read_count()):
        count = read.read_count()
        client, clock = read.read_id()
        if client in found:
            raise ValueError(f"the update has client {client} twice")
        if not count:
            raise ValueError(f"the update has nothing of client {client}")
        queue = found[client] = []
        for _ in range(count):
            struct = _read_struct(read, clock)
            clock = struct.end
            if clock > _MAX_CLOCK:
                raise ValueError(f"client {client} is too far ahead")
            queue.append(struct)
    return found


def _read_struct(read: UpdateReader, clock: int) -> UpdateStruct:
    info = read.read_byte()
    kind = info & 0x1F
    if info == GC:
        return UpdateStruct(clock, clock + read_extent(read), GC, None, None, None, None, (), None)
    if kind not in (DELETED, STRING, TYPE, ANY):
        raise ValueError(f"the update has content of a kind that documents do not have ({kind})")
    origin = read.read_id() if info & _ORIGIN else None
    right = read.read_id() if info & _RIGHT else None
    parent = key = form = None
    pairs: Sequence[int] = ()
    if origin is None and right is None:
        match read.read_number():
            case 1:
                parent = read.read_text()
            case 0:
                parent = read.read_id()
            case other:
                raise ValueError(f"an item of the update has no parent ({other})")
        key = read.read_text() if info & _KEY else None
    if kind == STRING:
        text = read.read_text()
        if not text.isascii():
            pairs = [match.start() + before + 1 for before, match in enumerate(_ASTRAL.finditer(text))]
        length = len(text) + len(pairs)
    elif kind == DELETED:
        length = read_extent(read)
    elif kind == ANY:
        length = read.read_count()
        for _ in range(length):
            read.skip_value()
    else:
        length, form = 1, _read_form(read)
    if not length:
        raise ValueError("the update has an empty item")
    return UpdateStruct(clock, clock + length, kind, origin, right, parent, key, pairs, form)


def _read_form(read: UpdateReader) -> TypeForm:
    if (form := _FORMS.get(number := read.read_byte())) is None:
        raise ValueError(f"the update has a shared type of a kind that documents do not have ({number})")
    return form


def read_extent(read: UpdateReader) -> int:
    """Read the length of a struct or of a deleted range, in clocks."""
    length = read.read_number()
    if not length:
        raise ValueError("the update has an empty item")
    return length
