"""Events of the audit log as CSV, for spreadsheets. The exact bytes that are hashed are only in the JSON form."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

import msgspec

from hitl_nb import json_text as json

_COLUMNS = ("n", "at", "type", "run", "proposal", "actor", "data", "prev")
EVENT_CSV_HEAD = ",".join(_COLUMNS).encode() + b"\r\n"
"""First line of the CSV."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def format_event_csv(events: Iterable[bytes]) -> bytes:
    """Return events as lines of CSV (RFC 4180), without the first line that names the columns.

    The column `data` is JSON. A text that a spreadsheet would execute as a formula gets an apostrophe in front.

    Args:
        events: The events as they are stored. A damaged event is one line with its text in the column `data`.
    """
    sink = io.StringIO()
    writer = csv.writer(sink)
    for raw in events:
        writer.writerow([_make_safe(cell) for cell in _list_cells(raw)])
    return sink.getvalue().encode("utf-8", "surrogatepass")


def _list_cells(raw: bytes) -> list[str]:
    try:
        event: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [*[""] * 6, raw.decode("utf-8", "replace"), ""]
    cells = {name: event.get(name) for name in _COLUMNS}
    return ["" if cell is None else _format_cell(cell) for cell in cells.values()]


def _format_cell(cell: Any) -> str:
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _make_safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
