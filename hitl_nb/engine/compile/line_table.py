"""Writes `co_linetable`: the source positions of a code object's instructions.

The format is that of CPython 3.11 and later (Objects/locations.md): per entry up to eight code units, here always in
the long form, or the form without a position.
"""

from __future__ import annotations

Position = tuple[int, int, int, int]  # first line, last line, first column, last column (columns in UTF-8 bytes)

ONE_LINE, NO_COLUMNS, LONG, NONE = 10, 13, 14, 15
"""Kinds of entries. Those before ONE_LINE are at the line of the entry before; those from it on, one to a line."""


class LineTable:
    """The table of code units whose positions are added in order."""

    def __init__(self, first_line: int) -> None:
        self._table = bytearray()
        self._line = first_line
        self._units, self._position = 0, None

    def add(self, units: int, position: Position | None) -> None:
        """The next so many code units have this position."""
        if position == self._position:
            self._units += units
            return
        self._write()
        self._units, self._position = units, position

    def as_bytes(self) -> bytes:
        self._write()
        self._units = 0
        return bytes(self._table)

    def _write(self) -> None:
        table, units, position = self._table, self._units, self._position
        while units > 0:
            head = 0x80 | (units - 1 if units < 8 else 7)
            units -= 8
            if position is None:
                table.append(head | NONE << 3)
                continue
            start, end, column, end_column = position
            line, self._line = self._line, start
            delta = line - start << 1 | 1 if start < line else start - line << 1
            numbers = delta, end - start, column + 1, end_column + 1
            table.append(head | LONG << 3)
            if max(numbers) < 64:
                table += bytes(numbers)
            else:
                for number in numbers:
                    _append(table, number)


def _append(table: bytearray, number: int) -> None:
    while number > 63:
        table.append(0x40 | number & 63)
        number >>= 6
    table.append(number)


def read_number(entry: bytes, at: int) -> int:
    """The number at this byte of an entry."""
    byte = entry[at]
    number, shift = byte & 63, 0
    while byte & 64:
        at += 1
        shift += 6
        byte = entry[at]
        number |= (byte & 63) << shift
    return number
