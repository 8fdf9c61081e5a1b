"""The JSON form of a table, and its text as CSV.

    {"columns": [{"name": "id", "type": "integer", "index": true}, {"name": "due", "type": "date"}],
     "rows": [[1, "2026-01-31"], [2, null]]}

Each row has one cell per column; null is a missing value. Index levels of a pandas frame come first, as columns with
`"index": true` (a plain 0, 1, 2... index is left out). Column types and their cells:

    integer, number, boolean, string    JSON as usual; integers lie between `minimum` and `maximum` if given
    datetime                            ISO 8601 text; with an offset if the column has `"aware": true`
    date, time, duration                ISO 8601 text ("2026-01-31", "10:30:00", "P1DT2H3.5S")
    decimal                             exact text ("12.50")
    json                                any JSON value

A number column with `"endless": true` also accepts "NaN", "Infinity" and "-Infinity". A string or json column with a
`"cell"` holds values of that type (see `typed_values.py`) and is checked by it.

A column with `"options"` allows only these cells; one with `"required": true` does not allow null. An edit may change,
add, remove and reorder rows, but must not change the columns. In CSV, nothing between two commas is null, and `""` is
the empty text. `dataframes.py` converts pandas and polars frames to these tables and back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.errors import InvalidEdit
from hitl_nb.values.json_values import short_json
from hitl_nb.values.text_diff import unified_diff

Column = dict[str, Any]
Table = dict[str, Any]

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""Names of floats that JSON cannot hold."""

_INT64 = (-(1 << 63), (1 << 63) - 1)
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9}))?S)?)?")
_UNQUOTED = re.compile(r"[A-Za-z0-9_.:/+-]+(?: [A-Za-z0-9_.:/+-]+)*")
"""Matches most cells, to recognize quickly that they need no quotes."""
_CELL = re.compile(r'[ \t]*"((?:[^"]|"")*)"[ \t]*(?=,|\r?\n|\Z)|([^,\n]*)')


def check_table(proposed: Table, edited: Any) -> Table:
    """Check the cells of an edited table. Return it with the proposed columns.

    Args:
        proposed: The proposed table.
        edited: The edited table, as JSON.

    Raises:
        InvalidEdit: The table does not fit. One message per cell or row.
    """
    columns = cast("list[Column]", proposed["columns"])
    names = [column["name"] for column in columns]
    table = cast("dict[str, Any]", edited) if isinstance(edited, dict) else {}
    rows: Any = table.get("rows")
    if not isinstance(rows, list) or not set(table) <= {"columns", "rows"}:
        raise InvalidEdit({"": 'must be a table: {"columns": [...], "rows": [[...], ...]}'})
    given = [_column_name(column) for column in table.get("columns", columns)]
    if given != names:
        raise InvalidEdit({"columns": f"must stay {short_json(names, 200)}, not {short_json(given, 200)}"})
    allowed = [set[Any](column["options"]) if "options" in column else None for column in columns]
    wrong: dict[str, str] = {}
    checked: list[list[Any]] = []
    for r, row in enumerate(cast("list[Any]", rows)):
        if not isinstance(row, list) or len(cast("list[Any]", row)) != len(columns):
            wrong[f"rows/{r}"] = f"must have {len(columns)} cells, one per column"
            continue
        cells: list[Any] = []
        for column, options, cell in zip(columns, allowed, cast("list[Any]", row), strict=True):
            try:
                cells.append(_check_cell(column, options, cell))
            except ValueError as error:
                wrong[f"rows/{r}/{column['name']}"] = str(error)
        checked.append(cells)
    if wrong:
        raise InvalidEdit(wrong)
    return {"columns": columns, "rows": checked}


def rows_as_objects(table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table as objects (column name -> cell), to which a schema of the agent applies."""
    names = [column["name"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


def format_csv(table: Table) -> str:
    """Format the table as CSV: a line of column names, then one line per row. `parse_csv` restores the rows."""
    columns = table["columns"]
    return "\n".join([_format_header(columns), *(_format_line(columns, row) for row in table["rows"])]) + "\n"


def diff_csv(before: Table, after: Table) -> str:
    """Return the unified diff of two tables with the same columns, as CSV, one line per row.

    Only the rows that the diff shows are formatted.
    """
    columns = before["columns"]

    def keys(table: Table) -> list[str]:
        return ["header", *map(json.JSONEncoder().encode, table["rows"]), ""]

    lines: list[str] = []
    for line in unified_diff(keys(before), keys(after), "proposed", "edited"):
        sign, key = line[0], line[1:]
        if key == "header":
            lines.append(sign + _format_header(columns))
        elif key.startswith("["):  # no other line begins like this
            lines.append(sign + _format_line(columns, json.loads(key)).replace("\n", f"\n{sign}"))
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def parse_csv(proposed: Table, text: str) -> Table:
    """Parse CSV text as a table.

    Args:
        proposed: The proposed table, for its columns.
        text: The CSV.

    Returns:
        The table. Its cells are not checked yet (see `check_table`).

    Raises:
        InvalidEdit: The text is not valid CSV, or a cell cannot be parsed. One message per cell.
    """
    columns = cast("list[Column]", proposed["columns"])
    lines = _parse_csv_rows(text.removeprefix("\ufeff"))
    header = [cell or "" for cell in lines[0]] if lines else []
    rows: list[list[Any]] = []
    wrong: dict[str, str] = {}
    for r, line in enumerate(lines[1:]):
        if line == [None] and len(columns) > 1:
            continue
        row: list[Any] = []
        for i, cell in enumerate(line):
            column = columns[i] if i < len(columns) else {"name": str(i), "type": "string"}
            try:
                row.append(None if cell is None else _parse_cell_text(column, cell))
            except ValueError as error:
                wrong[f"rows/{r}/{column['name']}"] = str(error)
        rows.append(row)
    if wrong:
        raise InvalidEdit(wrong)
    return {"columns": header, "rows": rows}


def format_cell(column: Column, cell: Any) -> str:
    """Format one cell as text for an editable grid. A missing value becomes the empty text."""
    return "" if cell is None else cell if isinstance(cell, str) and column["type"] != "json" else json.dumps(cell)


def parse_cell(column: Column, text: str) -> Any:
    """Parse the text of a cell of an editable grid, and return the cell as JSON.

    Empty text is a missing value (None). Only in a string column that requires a value, it is the empty text.

    Args:
        column: The description of the column, with its type.
        text: The text.
    """
    if text == "" and not (column.get("required") and column["type"] == "string"):
        return None
    return _parse_cell_text(column, text)


def format_duration(nanoseconds: int) -> str:
    """Format a duration as exact ISO 8601 text."""
    seconds, fraction = divmod(abs(nanoseconds), 10**9)
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    d, h = divmod(hours, 24)
    small = f"{s}.{fraction:09d}".rstrip("0") if fraction else str(s)
    clock = (f"{h}H" if h else "") + (f"{m}M" if m else "") + (f"{small}S" if s or fraction else "")
    text = "P" + (f"{d}D" if d else "") + (f"T{clock}" if clock else "")
    return ("-" if nanoseconds < 0 else "") + (text if text != "P" else "PT0S")


def parse_duration_nanoseconds(text: str) -> int:
    """Parse an ISO 8601 duration of days, hours, minutes and seconds. Return nanoseconds.

    Raises:
        ValueError: The text is not such a duration, for example "P1DT2H30M".
    """
    match = _DURATION.fullmatch(text)
    if not match or text.endswith(("P", "T")):
        raise ValueError(f'must be a duration such as "P1DT2H30M", not {short_json(text)}')
    sign, d, h, m, s, fraction = match.groups()
    seconds = ((int(d or 0) * 24 + int(h or 0)) * 60 + int(m or 0)) * 60 + int(s or 0)
    return (seconds * 10**9 + int((fraction or "0").ljust(9, "0"))) * (-1 if sign else 1)


def _column_name(column: Any) -> Any:
    return cast("dict[str, Any]", column).get("name") if isinstance(column, dict) else column


def _check_cell(column: Column, options: set[Any] | None, cell: Any) -> Any:
    if cell is None:
        if column.get("required"):
            raise ValueError("must not be empty")
        return None
    cell = _CHECKS[column["type"]](column, cell)
    if options is not None and cell not in options:
        raise ValueError(f"must be one of {short_json(column['options'], 200)}, not {short_json(cell)}")
    return cell


def _check_integer(column: Column, cell: Any) -> int:
    if type(cell) is float and cell.is_integer():
        cell = int(cell)
    if type(cell) is not int:
        raise ValueError(f"must be a whole number, not {short_json(cell)}")
    low, high = column.get("minimum", _INT64[0]), column.get("maximum", _INT64[1])
    if not low <= cell <= high:
        raise ValueError(f"must be between {low} and {high}, not {cell}")
    return cell


def _check_number(column: Column, cell: Any) -> float | str:
    if column.get("endless") and isinstance(cell, str) and cell in NON_FINITE:
        return cell
    if type(cell) not in (int, float):
        raise ValueError(f"must be a number, not {short_json(cell)}")
    try:
        return float(cell)
    except OverflowError:
        raise ValueError(f"is too large for a number: {short_json(cell)}") from None


def _check_boolean(column: Column, cell: Any) -> bool:
    if type(cell) is not bool:
        raise ValueError(f"must be true or false, not {short_json(cell)}")
    return cell


def _check_string(column: Column, cell: Any) -> str:
    if type(cell) is not str:
        raise ValueError(f"must be text, not {short_json(cell)}")
    return cell


def _make_moment_check(parse: Callable[[str], Any], example: str) -> Callable[[Column, Any], str]:
    def check(column: Column, cell: Any) -> str:
        try:
            value = parse(_check_string(column, cell))
        except ValueError:
            raise ValueError(f'must be a {column["type"]} such as "{example}", not {short_json(cell)}') from None
        if column["type"] == "datetime" and (value.tzinfo is not None) is not bool(column.get("aware")):
            wanted = 'an offset from UTC, such as "+00:00"' if column.get("aware") else "no offset from UTC"
            raise ValueError(f"must have {wanted}, not {short_json(cell)}")
        return cell

    return check


def _check_duration(column: Column, cell: Any) -> str:
    parse_duration_nanoseconds(_check_string(column, cell))
    return cell


def _check_decimal(column: Column, cell: Any) -> str:
    try:
        finite = Decimal(_check_string(column, cell)).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise ValueError(f'must be a decimal number as text, such as "12.50", not {short_json(cell)}')
    return cell


_CHECKS: dict[str, Callable[[Column, Any], Any]] = {
    "integer": _check_integer,
    "number": _check_number,
    "boolean": _check_boolean,
    "string": _check_string,
    "datetime": _make_moment_check(datetime.fromisoformat, "2026-01-31T10:30:00"),
    "date": _make_moment_check(date.fromisoformat, "2026-01-31"),
    "time": _make_moment_check(time.fromisoformat, "10:30:00"),
    "duration": _check_duration,
    "decimal": _check_decimal,
    "json": lambda column, cell: cell,
}


def _parse_cell_text(column: Column, text: str) -> Any:
    kind = column["type"]
    if kind in ("integer", "number", "boolean"):
        low = text.strip().lower()
        if kind == "number" and column.get("endless") and text.strip() in NON_FINITE:
            return text.strip()
        if kind == "boolean" and low in ("true", "false"):
            return low == "true"
        try:
            number = int(low) if kind == "integer" or re.fullmatch(r"[+-]?\d+", low) else float(low)
        except ValueError:
            number = math.nan
        if kind == "boolean" or not math.isfinite(number):
            words = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
            raise ValueError(f"must be {words[kind]}, not {short_json(text)}")
        return number
    if kind == "json":
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"must be JSON ({error}), not {short_json(text)}") from None
    return text if kind == "string" else text.strip()


def _format_header(columns: list[Column]) -> str:
    return ",".join(_quote_cell(column["name"]) for column in columns)


def _format_line(columns: list[Column], row: list[Any]) -> str:
    return ",".join(_format_cell_text(column, cell) for column, cell in zip(columns, row, strict=True))


def _quote_cell(text: str) -> str:
    if _UNQUOTED.fullmatch(text):
        return text
    simple = text != "" and text == text.strip() and not re.search(r'[",\r\n]', text) and not text.startswith("{")
    return text if simple and text.isprintable() else '"' + text.replace('"', '""') + '"'


def _format_cell_text(column: Column, cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return repr(cell)
    return _quote_cell(
        cell if isinstance(cell, str) and column["type"] != "json" else json.dumps(cell, ensure_ascii=False)
    )


def _parse_csv_rows(text: str) -> list[list[str | None]]:
    """Split the text into cells per line. A cell without text is None; a quoted empty cell is the empty text.

    Raises:
        InvalidEdit: A quote is not closed, or not doubled inside a cell.
    """
    rows: list[list[str | None]] = []
    at = 0
    while at < len(text):
        row: list[str | None] = []
        while True:
            match = _CELL.match(text, at)
            assert match, "the second alternative matches everywhere"
            at = match.end()
            quoted, bare = match.groups()
            if quoted is None and '"' in bare:
                raise InvalidEdit({f"rows/{len(rows) - 1}": "has a quote that is not closed, or not doubled inside"})
            row.append(quoted.replace('""', '"') if quoted is not None else bare.strip() or None)
            if not text.startswith(",", at):
                break
            at += 1
        rows.append(row)
        at += 2 if text.startswith("\r\n", at) else 1
    return rows
