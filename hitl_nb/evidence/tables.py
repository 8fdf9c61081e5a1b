"""Evidence blocks of tables: the first rows and columns of a pandas or polars frame, or of a list of equal objects.

A frame is cut before its cells are copied, so the size of the frame does not matter. Neither library is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, cast

from hitl_nb.evidence.texts import cut_text, format_cell, format_json
from hitl_nb.records import EvidenceColumn, TableBlock
from hitl_nb.values.dataframes import dataframe_library

MAX_ROWS, MAX_COLUMNS = 200, 40
"""Maximum number of rows and columns of a table in a block."""
_MAX_NAME_CHARS = 200

_Cells = tuple[EvidenceColumn, list[str | None]]


def is_frame(value: Any) -> bool:
    """Return whether `value` is a DataFrame, Series or Index of pandas or polars."""
    return dataframe_library(value) is not None


def table_of_frame(name: str, value: Any) -> TableBlock:
    """Return the block with the first rows and columns of a DataFrame, Series or Index of pandas or polars."""
    cells, total_columns = _read_pandas(value) if dataframe_library(value) == "pandas" else _read_polars(value)
    cells = cells[:MAX_COLUMNS]
    return TableBlock(
        name=name,
        columns=tuple(column for column, _ in cells),
        rows=tuple(zip(*(texts for _, texts in cells), strict=True)),
        total_rows=len(value),
        total_columns=total_columns,
    )


def table_of_objects(name: str, value: Any) -> TableBlock | None:
    """Return the block of a list of JSON objects that all have the same keys; None if `value` is something else."""
    if not isinstance(value, list) or not value:
        return None
    items = cast("list[Any]", value)
    if not all(isinstance(item, dict) for item in items):
        return None
    rows = cast("list[dict[str, Any]]", items)
    names = list(rows[0])
    if not names or any(row.keys() != rows[0].keys() for row in rows):
        return None
    kept = rows[:MAX_ROWS]
    return TableBlock(
        name=name,
        columns=tuple(
            EvidenceColumn(name=_short_name(key), numeric=_are_numbers([row[key] for row in kept]))
            for key in names[:MAX_COLUMNS]
        ),
        rows=tuple(tuple(_json_cell(row[key]) for key in names[:MAX_COLUMNS]) for row in kept),
        total_rows=len(rows),
        total_columns=len(names),
    )


def _json_cell(value: Any) -> str | None:
    return None if value is None else format_cell(format_json(value))


def _are_numbers(values: Sequence[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(type(value) in (int, float) for value in present)


def _short_name(label: Any) -> str:
    """Return the name of a column as text; the levels of a name with several levels are joined with " / "."""
    parts = cast("tuple[Any, ...]", label) if isinstance(label, tuple) else (label,)
    return cut_text(" / ".join(format_cell(part) or "" for part in parts), _MAX_NAME_CHARS)[0]


# --- pandas ---------------------------------------------------------------------------------------------------------


def _read_pandas(value: Any) -> tuple[list[_Cells], int]:
    """Return the first columns of a frame, Series or Index with their first texts, and the number of all columns.

    An index that has a name, or that is not 0, 1, 2, ..., comes first.
    """
    pd: Any = sys.modules["pandas"]
    frame, total = _cut_pandas(value)
    columns = [(label, frame.iloc[:, i]) for i, label in enumerate(frame.columns)]
    index = frame.index
    if not isinstance(index, pd.RangeIndex) or index.start != 0 or index.step != 1 or index.name is not None:
        levels = [
            ("" if level is None else level, pd.Series(index.get_level_values(i)))
            for i, level in enumerate(index.names)
        ]
        columns, total = [*levels, *columns], total + len(levels)
    return [_pandas_cells(pd, label, series) for label, series in columns[:MAX_COLUMNS]], total


def _cut_pandas(value: Any) -> tuple[Any, int]:
    """Return the first rows and columns of a frame, Series or Index as a frame, and the number of all its columns."""
    kind = type(value).__name__
    if kind == "DataFrame":
        return value.iloc[:MAX_ROWS, :MAX_COLUMNS], value.shape[1]
    if kind == "Series":
        return value.iloc[:MAX_ROWS].to_frame("value" if value.name is None else value.name), 1
    kept = value[:MAX_ROWS].to_frame(index=False)
    return kept, kept.shape[1]


def _pandas_cells(pd: Any, label: Any, series: Any) -> _Cells:
    types, dtype = pd.api.types, series.dtype
    is_number = bool(types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype))
    # A float32 as text is "0.1"; as a float it would be 0.10000000149011612.
    values = (series.astype(str) if types.is_float_dtype(dtype) else series).tolist()
    missing = series.isna().tolist()
    texts = [None if gone else format_cell(value) for value, gone in zip(values, missing, strict=True)]
    return EvidenceColumn(name=_short_name(label), numeric=is_number), texts


# --- polars ---------------------------------------------------------------------------------------------------------


def _read_polars(value: Any) -> tuple[list[_Cells], int]:
    """Return the first columns of a frame or Series with their first texts, and the number of all columns."""
    if type(value).__name__ == "Series":
        return [_polars_cells(value.head(MAX_ROWS))], 1
    return [_polars_cells(column) for column in value[:MAX_ROWS, :MAX_COLUMNS].iter_columns()], value.width


def _polars_cells(series: Any) -> _Cells:
    pl: Any = sys.modules["polars"]
    shown = series.cast(pl.String) if series.dtype.is_float() else series  # a float32 keeps its short text
    texts = [format_cell(value) for value in shown.to_list()]
    return EvidenceColumn(name=_short_name(series.name or "value"), numeric=bool(series.dtype.is_numeric())), texts
