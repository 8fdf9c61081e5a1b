"""From the numbers of nodes, which compiled code has for lines, to the user's positions.

It is one walk over the entries of the compiler's own table: that of a large cell has thousands of them.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Iterator
from types import CodeType

from hitl_nb.engine.compile.tree.line_table import (
    LONG,
    NO_COLUMNS,
    NONE,
    ONE_LINE,
    PositionRun,
    SourcePosition,
    encode_line_table,
    read_number,
)
from hitl_nb.engine.compile.tree.node_numbers import NodeNumbers

_NOWHERE = rb"[\xf8-\xff]+"  # entries without a position
_SAME_PLACE = rb"(?:[\x80-\x87]\x00)*"  # entries for what has the number of the entry before, and column 0
_ENTRIES = re.compile(rb"(" + _NOWHERE + rb"|[\x80-\xff][\x00-\x7f]*)(" + _SAME_PLACE + rb")")
_BEFORE_SAME, _BEFORE_NOWHERE = 0x7F, 0xF7  # an entry's first byte is that of its kind and how many units it is for

_EXIT_OPERATIONS = frozenset(dis.opmap[name] for name in ("RERAISE", "RAISE_VARARGS"))
_GET_ITER = frozenset((dis.opmap["GET_ITER"], dis.opmap["GET_AITER"]))
_SPECIAL_OPERATIONS = re.compile(b"[%s]" % re.escape(bytes(_EXIT_OPERATIONS | _GET_ITER)))
_NOP = dis.opmap["NOP"]
_RESUME = dis.opmap["RESUME"]


def relocate_code(
    code: CodeType, numbering: NodeNumbers, loops: frozenset[int], first_line: int, *, has_start: bool
) -> tuple[bytes, bytes]:
    """The instructions and the line table of finished code.

    A loop takes the iterator that is filed as it is: calling its `__iter__` again may begin from the start. So the
    instruction that does it is taken out.

    Args:
        loops: the numbers of the instructions that ask for the iterator of what is one already.
        has_start: as natively, what comes before the first statement is at the start of the first line.
    """
    operations = bytearray(code.co_code)
    start = operations[::2].find(_RESUME) + 1 if has_start else 0
    special = [i.start() // 2 for i in _SPECIAL_OPERATIONS.finditer(operations, start * 2) if not i.start() % 2]
    special.append(len(operations))  # behind the last
    special.reverse()
    runs: list[PositionRun] = [(start, (first_line, first_line, 0, 0) if start else None)]
    at = 0
    for units, number, position in _read_line_entries(code, numbering):
        at += units
        if at - units < start:
            units = at - start
            if units <= 0:
                continue
        if special[-1] < at:
            exits: list[int] = []
            while special[-1] < at:
                unit = special.pop()
                if operations[unit * 2] in _EXIT_OPERATIONS:
                    exits.append(unit)
                elif number in loops:
                    operations[unit * 2 : unit * 2 + 2] = bytes((_NOP, 0))
            if position is None:
                _add_exit_runs(runs, at - units, exits, at)
                continue
        if position == runs[-1][1]:
            runs[-1] = runs[-1][0] + units, position
        else:
            runs.append((units, position))
    return bytes(operations), encode_line_table(runs, first_line)


def _read_line_entries(code: CodeType, numbering: NodeNumbers) -> Iterator[tuple[int, int, SourcePosition | None]]:
    """How many code units are at a place: its number, and the user's position. Without a place the number is 0."""
    nodes, position_of = numbering.nodes, numbering.find_position
    number = code.co_firstlineno
    for entry, same in _ENTRIES.findall(code.co_linetable):
        first = entry[0]
        kind = first >> 3 & 15
        more = sum(same) - _BEFORE_SAME * (len(same) >> 1) if same else 0
        if kind == NONE:
            yield sum(entry) - _BEFORE_NOWHERE * len(entry), 0, None
        else:
            if kind >= NO_COLUMNS:
                delta = read_number(entry, 1) if entry[1] > 63 else entry[1]
                number += -(delta >> 1) if delta & 1 else delta >> 1
                column = entry[-2] - 1 if kind == LONG else 0
            elif kind >= ONE_LINE:
                number += kind - ONE_LINE
                column = entry[1]
            else:
                column = kind << 3 | entry[1] >> 4
            if not column:
                yield (first & 7) + 1 + more, number, nodes[number]
                continue
            yield (first & 7) + 1, number, position_of(number, column)
        if more:
            yield more, number, nodes[number]


def _add_exit_runs(runs: list[PositionRun], at: int, exits: list[int], end: int) -> None:
    """A frame that an exception leaves is on a line: debuggers rely on it. The units up to `end` have none."""
    last = next((position for _, position in reversed(runs) if position is not None), None)
    for unit in range(at, end):
        position = last if unit in exits else None
        if position == runs[-1][1]:
            runs[-1] = runs[-1][0] + 1, position
        else:
            runs.append((1, position))
