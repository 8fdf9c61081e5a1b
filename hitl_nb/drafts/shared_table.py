"""A shared table: the differences to the proposed table, cell by cell, in four shared maps of a CRDT document.

The maps:

    rows      row id -> JSON of a new row's cells

    cells     "<row id>/<column>" -> JSON of a changed cell

    places    row id -> number that orders a new or moved row

    gone      id of a deleted row -> true

The proposed rows have the ids "0", "1" and so on. A row's *place* is the number by which the rows are sorted; for a
proposed row it is its id. So a large table needs no storage until somebody edits it. Two people can change two cells of
one row. A row that two people move exists only once.
"""

from __future__ import annotations

import itertools
import secrets
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, cast

from hitl_nb import json_text as json
from hitl_nb.records import canonical_json

if TYPE_CHECKING:
    from pycrdt import Doc, Map


Row = list[Any]


class SharedTable:
    """A table in a CRDT document: reads and writes the differences to the proposed table.

    Args:
        document: The document.
        proposed: The table that the agent proposed: `{"columns": [...], "rows": [[...], ...]}`.
    """

    def __init__(self, document: Doc[Any], proposed: dict[str, Any]) -> None:
        self._proposed: list[Row] = proposed["rows"]
        self._columns = proposed["columns"]
        self._rows, self._cells, self._places, self._gone = (
            shared_map(document, name) for name in ("rows", "cells", "places", "gone")
        )

    def read_value(self) -> dict[str, Any]:
        """Return the table in the document: `{"columns": [...], "rows": [[...], ...]}`."""
        return {"columns": self._columns, "rows": [row for _, row in self._ordered_rows()]}

    def write_value(self, value: Any) -> None:
        """Change the document to this table. Only cells and rows that differ are written.

        Raises:
            ValueError: The value is not a table, or has other columns.
        """
        new = _rows_of(value, len(self._columns))
        standing = self._ordered_rows()
        start, end = count_common_ends([row for _, row in standing], new)
        names = [name for name, _ in standing]
        stop = len(names) - end
        middle = _match_rows(standing[start:stop], new[start : len(new) - end])
        then = [*names[:start], *middle, *names[stop:]]
        for name in set(names).difference(then):
            self._gone[name] = True
        old = dict(standing)
        for name, row in zip(middle, new[start:], strict=False):
            if name is not None:
                self._change_row(name, old[name], row)
        self._arrange(then, new)

    def _ordered_rows(self) -> list[tuple[str, Row]]:
        """Return the rows as pairs (id, cells), in their order."""
        rows = {str(n): row for n, row in enumerate(self._proposed)}
        for name, raw in self._rows.items():
            if isinstance(row := parse_leaf(raw), list):
                rows[name] = cast("Row", row)
        for name in self._gone.to_py() or {}:
            rows.pop(name, None)
        changed: dict[str, dict[str, Any]] = {}
        for place, raw in self._cells.items():
            name, _, column = place.partition("/")
            changed.setdefault(name, {})[column] = parse_leaf(raw)
        for name in changed.keys() & rows.keys():
            rows[name] = [changed[name].get(str(column), cell) for column, cell in enumerate(rows[name])]
        if not len(self._places):
            return list(rows.items())
        return sorted(rows.items(), key=lambda entry: (self._row_place(entry[0]), entry[0]))

    def _change_row(self, name: str, old: Row, new: Row) -> None:
        for column, (was, cell) in enumerate(zip(old, new, strict=True)):
            if not are_equal(was, cell):
                self._cells[f"{name}/{column}"] = json.dumps(cell)

    def _arrange(self, then: list[str | None], new: list[Row]) -> None:
        """Add new rows with new ids, and set the sort numbers (places) of rows that are not in the wanted order.

        Args:
            then: Ids of the rows in the wanted order; None for a new row.
            new: Cells of the rows, in the same order.
        """
        places = [None if name is None else self._row_place(name) for name in then]
        for i, place in enumerate(_make_rising(places)):
            name = then[i]
            if name is None:
                name = f"r{secrets.token_hex(6)}"
                self._rows[name] = json.dumps(new[i])
            if place != places[i]:
                self._places[name] = place

    def _row_place(self, name: str) -> float:
        place = self._places.get(name)
        return float(place) if isinstance(place, int | float) else float(name) if name.isdecimal() else 0.0


def _rows_of(table: Any, width: int) -> list[Row]:
    """Return the rows of a table.

    Raises:
        ValueError: The value is not a table, or a row does not have `width` cells.
    """
    rows = cast("dict[str, Any]", table).get("rows") if isinstance(table, dict) else None
    if not isinstance(rows, list):
        raise ValueError('the draft of a table must be {"columns": [...], "rows": [[...], ...]}')
    for row in cast("list[Any]", rows):
        if not isinstance(row, list) or len(cast("list[Any]", row)) != width:
            raise ValueError(f"a row of this table has {width} cells, one per column")
    return cast("list[Row]", rows)


def _match_rows(old: list[tuple[str, Row]], new: list[Row]) -> list[str | None]:
    """Return for each new row the id of the old row that it is a version of; None for an added row.

    Equal rows are the same row. If equally many old and new rows remain, the rows were edited in place.

    Args:
        old: The old rows as pairs (id, cells).
        new: The new rows.
    """
    equal: dict[bytes, list[str]] = {}
    for name, row in reversed(old):
        equal.setdefault(canonical_json(row), []).append(name)
    found = [names.pop() if (names := equal.get(canonical_json(row))) else None for row in new]
    others = [name for names in equal.values() for name in names]
    if len(others) != found.count(None):
        return found
    order = {name: i for i, (name, _) in enumerate(old)}
    rest = iter(sorted(others, key=order.__getitem__))
    return [next(rest) if name is None else name for name in found]


def _make_rising(places: list[float | None]) -> list[float]:
    """Return sort numbers of rows, each larger than the number before it.

    Numbers that already rise are kept where possible. The others get numbers between their neighbors. If there is no
    float between two neighbors, all rows get new numbers.

    Args:
        places: The current numbers; None for a new row.
    """
    kept = _find_longest_rising(places)
    above: list[float | None] = [None] * len(places)
    for i in range(len(places) - 2, -1, -1):
        above[i] = places[i + 1] if i + 1 in kept else above[i + 1]
    made: list[float] = []
    for i, place in enumerate(places):
        after = above[i]
        below = made[-1] if made else (after - 2 if after is not None else -1.0)
        if place is None or i not in kept:
            place = below + 1 if after is None else (below + after) / 2
        made.append(place)
    if all(a < b for a, b in itertools.pairwise(made)):
        return made
    return [float(i) for i in range(len(places))]  # floats had no number left between two neighbors


def _find_longest_rising(places: list[float | None]) -> set[int]:
    """Return the indices of the longest rising subsequence of numbers, found by patience sorting.

    None in `places` is skipped.
    """
    tops: list[float] = []
    piles: list[int] = []
    before: dict[int, int] = {}
    for i, place in enumerate(places):
        if place is None:
            continue
        pile = bisect_left(tops, place)
        if pile:
            before[i] = piles[pile - 1]
        tops[pile : pile + 1], piles[pile : pile + 1] = [place], [i]
    found: set[int] = set()
    at = piles[-1] if piles else None
    while at is not None:
        found.add(at)
        at = before.get(at)
    return found


def are_equal(one: Any, other: Any, *, rounded: bool = False) -> bool:
    """Return True if two JSON values are equal. 1 and 1.0 are equal; true and 1 are not.

    Args:
        one: A JSON value.
        other: Another JSON value.
        rounded: True: large integers are compared as a browser reads them, rounded to a float of 64 bits.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        a, b = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        return a.keys() == b.keys() and all(are_equal(a[key], b[key], rounded=rounded) for key in a)
    if isinstance(one, list) and isinstance(other, list):
        x, y = cast("list[Any]", one), cast("list[Any]", other)
        return len(x) == len(y) and all(
            are_equal(item, there, rounded=rounded) for item, there in zip(x, y, strict=True)
        )
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other or (rounded and _as_browser_number(one) == _as_browser_number(other)))


def _as_browser_number(value: Any) -> Any:
    """Return an integer as the float that a browser reads it as. Other values are returned unchanged."""
    return float(value) if isinstance(value, int) and abs(value) < 1e300 else value


def parse_leaf(text: Any) -> Any:
    """Parse a JSON text of a document. The text itself is returned if it is not valid JSON."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return str(text)


def count_common_ends(old: list[Any], new: list[Any]) -> tuple[int, int]:
    """Count the equal items at the beginning of two lists, and the equal items at their end.

    Returns:
        The two counts. An item that counts at the beginning does not count at the end too.
    """
    most = min(len(old), len(new))
    start = next((i for i in range(most) if not are_equal(old[i], new[i])), most)
    most -= start
    return start, next((i for i in range(most) if not are_equal(old[-1 - i], new[-1 - i])), most)


def shared_map(document: Doc[Any], name: str) -> Map[Any]:
    """Return the shared map with this name."""
    from pycrdt import Map

    return document.get(name, type=Map)
