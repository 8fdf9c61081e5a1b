"""Changes of tables: cells, and rows that were added or removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from hitl_nb.kinds.changes.model import Changes, Part, Span, count_of
from hitl_nb.kinds.changes.paths import text_spans
from hitl_nb.records import canonical_json
from hitl_nb.values.tables import Column, Table, format_cell
from hitl_nb.values.text_diff import match_opcodes

Row = list[Any]
_PLAIN = (str, int, type(None))
"""Types whose equal values have equal JSON."""
_MAX_PAIRS = 40_000
"""Maximum number of pairs of rows that are compared to find which row became which."""


@dataclass(frozen=True)
class RowPair:
    """A row of the proposed table and the row that it became.

    Attributes:
        before: Index of the row in the proposed table; None for an added row.
        after: Index of the row in the edited table; None for a removed row.
    """

    before: int | None
    after: int | None


def match_rows(before: Sequence[Row], after: Sequence[Row]) -> list[RowPair]:
    """Find which row of a table became which: equal rows, and between them the rows with the most equal cells.

    All rows of both tables are in the result. Removed rows are at their old places.
    """
    old, new = ([canonical_json(row).decode() for row in rows] for rows in (before, after))
    pairs: list[RowPair] = []
    for tag, i, i_end, j, j_end in match_opcodes(old, new):
        if tag == "equal" or i_end - i == j_end - j:
            pairs += (RowPair(i + n, j + n) for n in range(i_end - i))
        else:
            pairs += _pair_alike(before, after, range(i, i_end), range(j, j_end))
    return pairs


def _pair_alike(before: Sequence[Row], after: Sequence[Row], old: range, new: range) -> Iterator[RowPair]:
    """Pair the edited rows of two parts by their equal cells. Each pair has at least one."""
    if not old or not new or len(old) * len(new) > _MAX_PAIRS:
        yield from (RowPair(i, None) for i in old)
        yield from (RowPair(None, j) for j in new)
        return
    alike = [[sum(map(_equals, before[i], after[j])) for j in new] for i in old]
    most = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]  # the most equal cells of the rows from here on
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            paired = alike[i][j] + most[i + 1][j + 1] if alike[i][j] else 0
            most[i][j] = max(paired, most[i + 1][j], most[i][j + 1])
    i = j = 0
    while i < len(old) and j < len(new):
        if alike[i][j] and most[i][j] == alike[i][j] + most[i + 1][j + 1]:
            yield RowPair(old[i], new[j])
            i, j = i + 1, j + 1
        elif most[i][j] == most[i + 1][j]:
            yield RowPair(old[i], None)
            i += 1
        else:
            yield RowPair(None, new[j])
            j += 1
    yield from (RowPair(i, None) for i in old[i:])
    yield from (RowPair(None, j) for j in new[j:])


def _equals(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def _trim_same(before: Sequence[Row], after: Sequence[Row]) -> tuple[int, int, int]:
    """Find the rows between the same rows at the beginning and at the end.

    Returns:
        (first row in both tables, index after the last row in the old table, index after the last row in the new one).
    """
    start, old_end, new_end = 0, len(before), len(after)
    while start < min(old_end, new_end) and _is_same_row(before[start], after[start]):
        start += 1
    while start < min(old_end, new_end) and _is_same_row(before[old_end - 1], after[new_end - 1]):
        old_end, new_end = old_end - 1, new_end - 1
    return start, old_end, new_end


def _is_same_row(one: Row, other: Row) -> bool:
    """Return whether two rows have equal JSON, as far as that is known without encoding them."""
    return len(one) == len(other) and all(map(_is_same_cell, one, other))


def _is_same_cell(one: Any, other: Any) -> bool:
    """Return whether two cells have equal JSON, as far as that is known without encoding them.

    0.0 and -0.0 are equal, and their JSON is not.
    """
    is_clear = isinstance(one, _PLAIN) or (isinstance(one, float) and bool(one))
    return type(one) is type(other) and one == other and is_clear


def table_changes(before: Table, after: Table) -> Changes:
    """Compare two tables with the same columns: one part for each changed cell, added row and removed row.

    Row numbers begin at 1. Those of removed rows are the numbers in the proposed table, all others those in the edited
    one.
    """
    columns = cast("list[Column]", before["columns"])
    old, new = cast("list[Row]", before["rows"]), cast("list[Row]", after["rows"])
    start, old_end, new_end = _trim_same(old, new)  # nearly all of a large table; to match and encode it takes seconds
    parts: list[Part] = []
    same = start + len(old) - old_end
    for pair in match_rows(old[start:old_end], new[start:new_end]):
        before_at, after_at = (None if at is None else start + at for at in (pair.before, pair.after))
        if after_at is None and before_at is not None:
            text = format_row(columns, old[before_at])
            parts.append(Part(f"Row {before_at + 1}", (Span("removed", text),), "−"))
        elif before_at is None and after_at is not None:
            parts.append(Part(f"Row {after_at + 1}", (Span("added", format_row(columns, new[after_at])),), "+"))
        elif before_at is not None and after_at is not None:
            cells = list(_changed_cells(columns, old[before_at], new[after_at], after_at + 1))
            parts += cells
            same += not cells
    rest = f"{count_of(same, 'row is', 'rows are')} as proposed" if same else ""
    return Changes(len(parts), tuple(parts), rest)


def _changed_cells(columns: Sequence[Column], before: Row, after: Row, number: int) -> Iterator[Part]:
    for column, one, other in zip(columns, before, after, strict=True):
        if not _is_same_cell(one, other) and canonical_json(one) != canonical_json(other):
            shown = ("null" if cell is None else format_cell(column, cell) for cell in (one, other))
            yield Part(f"Row {number}, {column['name']}", text_spans(*shown), "~")


def format_row(columns: Sequence[Column], row: Row) -> str:
    """Format a row on one line: its cells with " · " between them."""
    cells = ("null" if cell is None else format_cell(column, cell) for column, cell in zip(columns, row, strict=True))
    return " · ".join(cells)
