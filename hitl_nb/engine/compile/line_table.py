"""Writes `co_linetable`: the source positions of a code object's instructions.

The format is that of CPython 3.11 and later (Objects/locations.md): per entry up to eight code units, here always in
the long form, or the form without a position.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

Position = tuple[int, int, int, int]  # first line, last line, first column, last column (columns in UTF-8 bytes)

_LONG, _NONE = 14, 15


def encode(positions: Iterable[Position | None], first_line: int) -> bytes:
    """The table of code units that have these positions, one each."""
    table = bytearray()
    line = first_line
    for position, same in itertools.groupby(positions):
        left = len(list(same))
        while left:
            units = min(8, left)
            left -= units
            if position is None:
                table.append(0x80 | _NONE << 3 | units - 1)
                continue
            start, end, column, end_column = position
            table.append(0x80 | _LONG << 3 | units - 1)
            _append_signed(table, start - line)
            for number in (end - start, column + 1, end_column + 1):
                _append(table, number)
            line = start
    return bytes(table)


def _append(table: bytearray, number: int) -> None:
    while number > 63:
        table.append(0x40 | number & 63)
        number >>= 6
    table.append(number)


def _append_signed(table: bytearray, number: int) -> None:
    _append(table, (-number << 1) | 1 if number < 0 else number << 1)
