"""Writes `co_linetable`: the source positions of a code object's instructions.

The format is that of CPython 3.11 and later (Objects/locations.md): per entry up to eight code units, here always in
the long form, or the form without a position.
"""

from __future__ import annotations

from collections.abc import Iterable

SourcePosition = tuple[int, int, int, int]  # first line, last line, first column, last column (columns in UTF-8 bytes)

PositionRun = tuple[int, "SourcePosition | None"]  # so many code units are at this position

ONE_LINE, NO_COLUMNS, LONG, NONE = 10, 13, 14, 15
"""Kinds of entries. Those before ONE_LINE are at the line of the entry before; those from it on, one to a line."""


def encode_line_table(runs: Iterable[PositionRun], first_line: int) -> bytes:
    """The table of code units with these positions."""
    table = bytearray()
    line = first_line
    for units, position in runs:
        if position is None:
            table += bytes((_NONE_HEAD + 7,)) * (units >> 3)
            if units & 7:
                table.append(_NONE_HEAD + (units & 7) - 1)
            continue
        start, end, column, end_column = position
        delta = (line - start) << 1 | 1 if start < line else (start - line) << 1
        line = start
        if units < 9 and delta < 64 and end - start < 64 and column < 63 and end_column < 63:
            table += bytes((_LONG_HEAD - 1 + units, delta, end - start, column + 1, end_column + 1))
            continue
        while units > 0:
            table.append(_LONG_HEAD - 1 + min(units, 8))
            for number in (delta, end - start, column + 1, end_column + 1):
                table += _SPELLED_NUMBERS[number] if number < _SPELLED_COUNT else _spell_number(number)
            units, delta = units - 8, 0
    return bytes(table)


_LONG_HEAD, _NONE_HEAD = 0x80 | LONG << 3, 0x80 | NONE << 3


def _spell_number(number: int) -> bytes:
    found = bytearray()
    while number > 63:
        found.append(0x40 | number & 63)
        number >>= 6
    return bytes((*found, number))


_SPELLED_COUNT = 1000
_SPELLED_NUMBERS = [_spell_number(number) for number in range(_SPELLED_COUNT)]


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
