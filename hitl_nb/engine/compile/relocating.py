"""From the numbers of nodes, which compiled code has for lines, to the user's positions.

It is one walk over the entries of the compiler's own table: that of a large cell has thousands of them.
"""

from __future__ import annotations

import dis
import re
from types import CodeType

from hitl_nb.engine.compile.line_table import LONG, NO_COLUMNS, NONE, ONE_LINE, LineTable, Position, read_number
from hitl_nb.engine.compile.numbering import Numbering

_SAME = rb"(?:[\x80-\x87]\x00)+"  # entries for what has the number of the entry before, and column 0
_NOWHERE = rb"[\xf8-\xff]+"  # entries without a position
_ENTRIES = re.compile(_SAME + rb"|" + _NOWHERE + rb"|[\x80-\xff][\x00-\x7f]*")
_BEFORE_SHORT, _BEFORE_NONE = 0x7F, 0xF7  # an entry's first byte is that of its kind and how many units it is for
_EXIT = frozenset(dis.opmap[name] for name in ("RERAISE", "RAISE_VARARGS"))
_EXITS = re.compile(b"[%s]" % re.escape(bytes(_EXIT)))
_GET_ITER = re.compile(b"[%s]" % re.escape(bytes((dis.opmap["GET_ITER"], dis.opmap["GET_AITER"]))))
_NOP = dis.opmap["NOP"]
_RESUME = dis.opmap["RESUME"]

Run = tuple[int, "Position | None"]  # so many code units are at this position


def relocate(
    code: CodeType, numbering: Numbering, loops: frozenset[int], first_line: int, *, has_start: bool
) -> tuple[bytes, bytes]:
    """The instructions and the line table of finished code.

    Args:
        loops: the numbers of the instructions that ask for the iterator of what is one already.
        has_start: as natively, what comes before the first statement is at the start of the first line.
    """
    operations = bytearray(code.co_code)
    runs = _read_runs(code, operations, numbering, loops)
    if has_start:
        _place_start(runs, operations[::2].find(_RESUME) + 1, first_line)
    table = LineTable(first_line)
    last: Position | None = None
    at = 0
    for units, position in runs:
        end = at + units * 2
        if position is not None:
            last = position
            table.add(units, position)
        elif last is None or _EXITS.search(operations, at, end) is None:
            table.add(units, None)
        else:  # a frame that an exception leaves is on a line: debuggers rely on it
            for i in range(at, end, 2):
                table.add(1, last if operations[i] in _EXIT else None)
        at = end
    return bytes(operations), table.as_bytes()


def _read_runs(code: CodeType, operations: bytearray, numbering: Numbering, loops: frozenset[int]) -> list[Run]:
    """The positions, those of neighbours that are the same together.

    A loop takes the iterator that is filed as it is: calling its `__iter__` again may begin from the start. So the
    operations that do so are taken out.
    """
    asking = [i.start() for i in _GET_ITER.finditer(operations) if not i.start() % 2]
    asking.append(len(operations))
    asking.reverse()
    nodes, position_of = numbering.nodes, numbering.position_of
    runs: list[Run] = []
    number, at = code.co_firstlineno, 0
    run: Position | None = None
    same = 0
    for entry in _ENTRIES.findall(code.co_linetable):
        first = entry[0]
        kind = first >> 3 & 15
        if kind == NONE:
            units, position = sum(entry) - _BEFORE_NONE * len(entry), None
        elif not kind and not entry[1]:
            units, position = sum(entry) - _BEFORE_SHORT * (len(entry) >> 1), nodes[number]
        else:
            units = (first & 7) + 1
            if kind >= NO_COLUMNS:
                delta = read_number(entry, 1) if entry[1] > 63 else entry[1]
                number += -(delta >> 1) if delta & 1 else delta >> 1
                column = entry[-2] - 1 if kind == LONG else 0
            elif kind >= ONE_LINE:
                number += kind - ONE_LINE
                column = entry[1]
            else:
                column = kind << 3 | entry[1] >> 4
            position = position_of(number, column) if column else nodes[number]
        at += units * 2
        while asking[-1] < at:
            i = asking.pop()
            if kind != NONE and number in loops:
                operations[i : i + 2] = bytes((_NOP, 0))
        if position == run:
            same += units
            continue
        runs.append((same, run))
        run, same = position, units
    runs.append((same, run))
    return runs


def _place_start(runs: list[Run], count: int, first_line: int) -> None:
    """Args:
    count: so many code units come before the first statement.
    """
    left = count
    while left:
        units, position = runs[0]
        if units > left:
            runs[0] = units - left, position
            break
        left -= units
        del runs[0]
    runs.insert(0, (count, (first_line, first_line, 0, 0)))
