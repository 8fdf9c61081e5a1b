"""Conversion of line tables: from numbers of syntax nodes to the user's lines and columns.

Instrumented code is compiled with the number of a syntax node in place of each line number, so that each instruction
states its node exactly. Afterwards this module writes a line table with the user's lines and columns. A *code unit* is
two bytes of bytecode.

One walk over the entries of the compiler's own table does this, because a large cell has thousands of entries.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Iterator
from itertools import chain
from types import CodeType

from hitl_nb.engine.compile.tree.line_table import (
    LONG,
    NO_COLUMNS,
    NONE,
    ONE_LINE,
    LineTableWriter,
    SourcePosition,
    read_number,
)
from hitl_nb.engine.compile.tree.node_numbers import METHOD_COLUMN, NodeNumbers

_NOWHERE = rb"[\xf8-\xff]+"  # entries without a position
_SAME_PLACE = rb"(?:[\x80-\x87]\x00)*"  # entries with the same node number as the entry before, and column 0
_ENTRIES = re.compile(rb"(" + _NOWHERE + rb"|[\x80-\xff][\x00-\x7f]*)(" + _SAME_PLACE + rb")")
# The first byte of an entry is one of these, by its kind, plus the number of its code units.
_BEFORE_SAME, _BEFORE_NOWHERE = 0x7F, 0xF7
# The first byte of an entry of each kind, for one code unit.
_ONE_LINE, _NO_COLUMNS, _LONG, _NONE = (0x80 | kind << 3 for kind in (ONE_LINE, NO_COLUMNS, LONG, NONE))

_EXIT_OPERATIONS = re.compile(b"[%s]" % re.escape(bytes(dis.opmap[name] for name in ("RERAISE", "RAISE_VARARGS"))))
_GET_ITER = frozenset((dis.opmap["GET_ITER"], dis.opmap["GET_AITER"]))
_NOP = dis.opmap["NOP"]
_RESUME = dis.opmap["RESUME"]

_Place = tuple[int, int, "SourcePosition | None"]  # (number of code units, their node number, their user position)


def relocate_code(
    code: CodeType,
    numbering: NodeNumbers,
    loops: frozenset[int],
    first_line: int,
    writer: LineTableWriter,
    *,
    has_start: bool,
) -> tuple[bytes, bytes]:
    """Compute the final instructions and the final line table of compiled code.

    The line table gets the user's lines and columns. Also, some `GET_ITER` instructions are replaced by `NOP`. The
    reason: instrumented code keeps the iterator of a loop in a local variable, and calling `__iter__` of that iterator
    again may begin from the start.

    Args:
        code: Code object whose line table has numbers of syntax nodes in place of lines.
        numbering: The user's position of each node number.
        loops: Node numbers of the `GET_ITER` instructions to replace. Their object is an iterator already.
        first_line: The user's first line of the code, 1-based.
        writer: Encoder of the line table, shared by the codes of a unit.
        has_start: If True, the instructions before the first statement get the start of the first line, as in code that
            Python compiles itself.

    Returns:
        (new `co_code`, new `co_linetable`) for the code object.
    """
    operations = code.co_code
    start = operations[::2].find(_RESUME) + 1 if has_start else 0
    exits = [i.start() // 2 for i in _EXIT_OPERATIONS.finditer(operations) if not i.start() % 2]
    exits.append(len(operations))  # a value behind the last instruction, so that the list is never empty
    exits.reverse()
    counts, positions = [start], [(first_line, first_line, 0, 0) if start else None]  # code units of each position
    asking: list[int] = []
    at, before = start, positions[0]
    for units, number, position in _skip_units(_read_line_entries(code, numbering), start):
        if number in loops:
            asking += [unit for unit in range(at, at + units) if operations[unit * 2] in _GET_ITER]
        at += units
        if position is None:
            while exits[-1] < at:
                unit = exits.pop()
                if unit >= at - units:
                    _add_exit(counts, positions, unit - at + units)
                    units = at - unit - 1
            before = positions[-1]
        if position == before:
            counts[-1] += units
        elif units:
            counts.append(units)
            positions.append(position)
            before = position
    return _take_out(operations, asking), writer.encode(counts, positions, first_line)


def _take_out(operations: bytes, units: list[int]) -> bytes:
    if not units:
        return operations
    changed = bytearray(operations)
    for unit in units:
        changed[unit * 2 : unit * 2 + 2] = bytes((_NOP, 0))
    return bytes(changed)


def _skip_units(places: Iterator[_Place], start: int) -> Iterator[_Place]:
    """Return the entries of a line table without its first `start` code units.

    An entry that contains code unit `start` is split.

    Args:
        places: Entries, each as (number of code units, node number, user position).
        start: Number of code units (two bytes of bytecode each) to skip.
    """
    at, number, position = 0, 0, None
    while at < start:
        units, number, position = next(places)
        at += units
    return chain([(at - start, number, position)], places) if at > start else places


def _read_line_entries(code: CodeType, numbering: NodeNumbers) -> Iterator[_Place]:
    """Yield the entries of a code object's line table, each with the user's position added.

    Args:
        code: Code object whose line table has numbers of syntax nodes in place of lines.
        numbering: The user's position of each node number.

    Yields:
        (number of code units, node number, user position). For instructions without a position, the last two are 0 and
        None.
    """
    nodes, methods = numbering.nodes, numbering.method_positions
    number = code.co_firstlineno
    for entry, same in _ENTRIES.findall(code.co_linetable):
        first = entry[0]
        more = sum(same) - _BEFORE_SAME * (len(same) >> 1) if same else 0
        if first >= _NONE:
            yield sum(entry) - _BEFORE_NOWHERE * len(entry), 0, None
        else:
            if first >= _NO_COLUMNS:
                delta = entry[1] if entry[1] < 64 else read_number(entry, 1)
                number += -(delta >> 1) if delta & 1 else delta >> 1
                column = entry[-2] - 1 if first >= _LONG else 0
            elif first >= _ONE_LINE:
                number += (first - _ONE_LINE) >> 3
                column = entry[1]
            else:
                column = first & 0x78 | entry[1] >> 4
            if not column:
                yield (first & 7) + 1 + more, number, nodes[number]
                continue
            yield (first & 7) + 1, number, methods.get(number) if column == METHOD_COLUMN else None
        if more:
            yield more, number, nodes[number]


def _add_exit(counts: list[int], positions: list[SourcePosition | None], units: int) -> None:
    """Add an entry for the instruction at which an exception leaves a frame. It gets the user's last line.

    Debuggers rely on that line.

    Args:
        counts: Number of code units of each entry; extended in place.
        positions: User position of each entry; extended in place.
        units: Number of code units between the end of the table and that instruction.
    """
    last = next((position for position in reversed(positions) if position is not None), None)
    for count, position in ((units, None), (1, last)):
        if position == positions[-1]:
            counts[-1] += count
        elif count:
            counts.append(count)
            positions.append(position)
