"""Writer of `co_linetable`, the source positions of a code object's instructions.

The format is that of CPython 3.11 and later (Objects/locations.md). An entry is for up to eight code units (two bytes
of bytecode each). Entries that this module writes always have the long form, or the form without a position.
"""

from __future__ import annotations

from collections.abc import Sequence

SourcePosition = tuple[int, int, int, int]  # first line, last line, first column, last column (columns in UTF-8 bytes)

ONE_LINE, NO_COLUMNS, LONG, NONE = 10, 13, 14, 15
"""Kinds of entries.

Kinds below ONE_LINE have the line of the entry before. The kinds ONE_LINE to ONE_LINE + 2 are 0 to 2 lines below it.
"""


class LineTableWriter:
    """Encoder of line tables (`co_linetable`) of code objects.

    It remembers the encoded bytes of each source position, because several instructions have the same position.
    """

    def __init__(self) -> None:
        self._extents: dict[SourcePosition, bytes] = {}  # encoded last line and columns of each position

    def encode(self, counts: Sequence[int], positions: Sequence[SourcePosition | None], first_line: int) -> bytes:
        """Return the line table (`co_linetable`) of a code object.

        Args:
            counts: Number of code units (two bytes of bytecode each) of each run of instructions with the same
                position.
            positions: Source position of each run; None: no position.
            first_line: First line of the code object.
        """
        table: list[bytes] = []
        extents = self._extents
        line = first_line
        for units, position in zip(counts, positions, strict=True):
            if position is None:
                table.append(_NONE_HEADS[8] * (units >> 3) + _NONE_HEADS[units & 7])
                continue
            extent = extents.get(position)
            if extent is None:
                extent = extents[position] = _spell_extent(position)
            start = position[0]
            delta = (line - start) << 1 | 1 if start < line else (start - line) << 1
            line = start
            spelled = _SPELLED_NUMBERS[delta] if delta < _SPELLED_COUNT else _spell_number(delta)
            if units < 9:
                table += (_LONG_HEADS[units], spelled, extent)
            else:
                table += (_LONG_HEADS[8], spelled, extent, (_LONG_HEADS[8] + b"\0" + extent) * ((units >> 3) - 1))
                table += (_LONG_HEADS[units & 7], b"\0", extent) if units & 7 else ()
        return b"".join(table)


def _spell_extent(position: SourcePosition) -> bytes:
    start, end, column, end_column = position
    if end - start < _SPELLED_COUNT > column + 1 and end_column + 1 < _SPELLED_COUNT:
        return _SPELLED_NUMBERS[end - start] + _SPELLED_NUMBERS[column + 1] + _SPELLED_NUMBERS[end_column + 1]
    return _spell_number(end - start) + _spell_number(column + 1) + _spell_number(end_column + 1)


def _spell_number(number: int) -> bytes:
    found = bytearray()
    while number > 63:
        found.append(0x40 | number & 63)
        number >>= 6
    return bytes((*found, number))


_SPELLED_COUNT = 1000
_SPELLED_NUMBERS = [_spell_number(number) for number in range(_SPELLED_COUNT)]
_LONG_HEADS, _NONE_HEADS = (
    [b"", *(bytes((0x80 | kind << 3 | units - 1,)) for units in range(1, 9))] for kind in (LONG, NONE)
)
"""First byte of an entry of each of the two kinds; the index is the number of its code units (1 to 8)."""


def read_number(entry: bytes, at: int) -> int:
    """Decode a number of an entry of a line table. Numbers have a variable length, six bits in each byte.

    Args:
        entry: Bytes of the entry.
        at: Index of the first byte of the number.
    """
    byte = entry[at]
    number, shift = byte & 63, 0
    while byte & 64:
        at += 1
        shift += 6
        byte = entry[at]
        number |= (byte & 63) << shift
    return number
