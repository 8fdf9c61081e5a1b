"""Convert pandas and polars frames to the JSON tables of `tables.py` and back, exactly and with the original dtypes.

A frame here is a DataFrame, Series or Index. Neither library is imported before one of its frames is proposed. A column
without edited cells is taken from the original frame, so that nothing in it can change. A Series or Index becomes a
table with one column (and with its index).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any, Literal, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.values.json_values import to_json
from hitl_nb.values.numpy_scalars import is_record
from hitl_nb.values.rebuilt_values import rebuild_value
from hitl_nb.values.scalars import TypeInfo, float_json
from hitl_nb.values.tables import NON_FINITE, Column, Table, format_duration, parse_duration_nanoseconds
from hitl_nb.values.typed_values import encode_cells

DataFrameLibrary = Literal["pandas", "polars"]


def dataframe_library(value: Any) -> DataFrameLibrary | None:
    """Return the library of `value` if it is a DataFrame, Series or Index that is proposed as a table, else None."""
    kind = cast("type[Any]", type(value))
    root = kind.__module__.split(".")[0]
    if root not in ("pandas", "polars"):
        return None
    if kind.__name__ in ("DataFrame", "Series"):
        return None if is_record(value) else root
    return "pandas" if root == "pandas" and kind.__name__.endswith("Index") else None


def table_from_frame(value: Any, library: DataFrameLibrary) -> Table:
    """Convert a frame to a table.

    Args:
        value: DataFrame, Series or Index, of n_rows rows.
        library: "pandas" or "polars".

    Returns:
        The table; `rows` is a list of length n_rows, each of len(columns) cells.

    Raises:
        TypeError: A cell's type is not supported. The message names the column and the row.
        ValueError: There is no column, or a column cannot be restored from JSON.
    """
    named = _list_columns(value, library)
    columns: list[Column] = []
    cells: list[list[Any]] = []
    for name, series, index in named:
        described, values = _pandas_cells(series, name) if library == "pandas" else _polars_cells(series, name)
        columns.append({"name": name, **described, **({"index": True} if index else {})})
        cells.append(values)
    if not columns:
        raise ValueError("value is a table without columns; give it at least one")
    rows = [list(row) for row in zip(*cells, strict=True)]
    table = {"columns": columns, "rows": rows}
    _check_round_trip(table, named, library)
    return table


def frame_from_table(table: Table, original: Any, proposed: Table, library: DataFrameLibrary) -> Any:
    """Make a new frame, Series or Index with the cells of `table` and the dtypes of `original`.

    Args:
        table: The checked, edited table.
        original: The proposed frame.
        proposed: The table of `original`.
        library: "pandas" or "polars".

    Returns:
        An object of the same kind as `original`.

    Raises:
        InvalidEdit: A cell does not fit its column's dtype.
    """
    named = _list_columns(original, library)
    before, after = _cells_by_column(proposed), _cells_by_column(table)
    made: list[Any] = []
    for i, (name, series, _) in enumerate(named):
        if before[i] == after[i]:
            made.append(series)
            continue
        try:
            made.append(_decode_column(table["columns"][i], after[i], series, library, before[i]))
        except InvalidEdit as error:
            raise InvalidEdit({f"rows/{where}": said for where, said in error.fields.items()}) from None
        except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
            raise InvalidEdit({f"columns/{name}": f"does not fit {series.dtype} ({str(error)[:200]})"}) from None
    frame = _as_frame(original)
    if library == "polars":
        back = _polars_frame(made, frame)
        return back if frame is original else back.to_series().alias(original.name)
    back = _pandas_frame(made, frame, len(table["rows"]))
    if frame is original:
        return back
    if type(original).__name__ == "Series":
        return back.iloc[:, 0].rename(original.name)
    pd: Any = import_module("pandas")
    if isinstance(original, pd.MultiIndex):
        return pd.MultiIndex.from_frame(back, names=original.names)
    return pd.Index(back.iloc[:, 0], dtype=original.dtype).rename(original.name)


def _as_frame(value: Any) -> Any:
    """Return a Series or Index as a frame. A frame is returned unchanged."""
    name = type(value).__name__
    if name == "DataFrame":
        return value
    if hasattr(value, "to_list") and type(value).__module__.startswith("polars"):
        return value.to_frame(value.name or "value")
    if name == "Series":
        return value.to_frame("value" if value.name is None else value.name)
    pd: Any = import_module("pandas")
    if isinstance(value, pd.MultiIndex):
        return value.to_frame(index=False, name=[f"level_{i}" if n is None else n for i, n in enumerate(value.names)])
    return value.to_frame(index=False, name="value" if value.name is None else value.name)


def _list_columns(value: Any, library: DataFrameLibrary) -> list[tuple[str, Any, bool]]:
    """List everything that becomes a column of the table: label, values, and True if it is an index level."""
    frame = _as_frame(value)
    named = _pandas_columns(frame) if library == "pandas" else [(n, frame[n], False) for n in frame.columns]
    labels = _make_unique([_column_label(name) for name, _, _ in named])
    return [(label, series, index) for label, (_, series, index) in zip(labels, named, strict=True)]


def _column_label(name: Any) -> str:
    """Return the name of a column in the table. The levels of a name with several levels are joined with " / "."""
    parts = cast("tuple[Any, ...]", name) if isinstance(name, tuple) else (name,)
    text = " / ".join(str(part) for part in parts if str(part) != "") or "column"
    return str(to_json(text, "a column name of value"))


def _make_unique(labels: list[str]) -> list[str]:
    """Return the labels, with a number added to each label that occurred before: "price", "price (2)"."""
    found: dict[str, None] = {}
    given = set(labels)
    numbers: dict[str, int] = {}
    for label in labels:
        free, n = label, numbers.get(label, 1)
        while free in found or (free != label and free in given):
            n += 1
            free = f"{label} ({n})"
        numbers[label] = n
        found[free] = None
    return list(found)


def _cells_by_column(table: Table) -> list[list[Any]]:
    return [[row[i] for row in table["rows"]] for i in range(len(table["columns"]))]


def _check_round_trip(table: Table, named: list[tuple[str, Any, bool]], library: DataFrameLibrary) -> None:
    """Check that each column of a proposed frame can be restored from its JSON.

    Args:
        table: The table.
        named: For each column: its label in the table, its values, and True if it is an index level.
        library: "pandas" or "polars".

    Raises:
        ValueError: A restored column differs from the original, or a column cannot be restored.
    """
    for (name, series, _), column, cells in zip(named, table["columns"], _cells_by_column(table), strict=True):
        try:
            same = _is_same_series(_decode_column(column, cells, series, library, cells), series)
        except (ValueError, TypeError, OverflowError, ArithmeticError, InvalidEdit) as error:
            raise ValueError(f"value[{name!r}] ({series.dtype}) cannot be restored from JSON: {error}") from None
        if not same:
            raise ValueError(f"value[{name!r}] ({series.dtype}) would change if restored from JSON; cast it first")


def _is_same_series(back: Any, series: Any) -> bool:
    if back.dtype != series.dtype:
        return False
    if str(series.dtype) != "object":
        return bool(back.equals(series))
    # pandas distinguishes None from NaN here; both mean a missing value.
    old, new = series[series.notna()].tolist(), back[back.notna()].tolist()
    return old == new and list(map(type, old)) == list(map(type, new))


def _decode_column(column: Column, cells: list[Any], series: Any, library: DataFrameLibrary, before: list[Any]) -> Any:
    if library == "pandas" and "options" in column:
        return _decode_categories(column, cells, series)
    values = _decode_values(column, cells, series, before)
    return _pandas_series(column, values, series) if library == "pandas" else _polars_series(column, values, series)


def _decode_values(column: Column, cells: list[Any], series: Any, before: list[Any]) -> list[Any]:
    """Convert cells to Python values. Cells that pandas or polars converts itself are returned unchanged.

    Args:
        column: The description of the column.
        cells: The edited cells.
        series: The column of the proposed frame.
        before: The proposed cells.
    """
    if "cell" in column:
        each: TypeInfo = {"null": True, **column["cell"]}
        original = [None if shown is None else value for shown, value in zip(before, series.to_list(), strict=True)]
        return rebuild_value({"is": "list", "each": each}, cells, before, original)
    if column.get("endless"):
        return [NON_FINITE[cell] if isinstance(cell, str) else cell for cell in cells]
    parse = _CELL_PARSERS.get(column["type"])
    return [None if cell is None else parse(cell) for cell in cells] if parse else cells


_CELL_PARSERS: dict[str, Callable[[str], Any]] = {
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "duration": parse_duration_nanoseconds,
    "decimal": Decimal,
}
"""Parsers of cells that are text in JSON. The library parses datetimes, because it supports nanoseconds."""


# --- pandas ---------------------------------------------------------------------------------------------------------


def _pandas_columns(frame: Any) -> list[tuple[Any, Any, bool]]:
    """List everything that becomes a column of the table: name, values, and True if it is an index level."""
    pd: Any = import_module("pandas")
    named: list[tuple[Any, Any, bool]] = []
    if not frame.index.equals(pd.RangeIndex(len(frame))) or any(name is not None for name in frame.index.names):
        for level in range(frame.index.nlevels):
            name = frame.index.names[level]
            label = "index" if frame.index.nlevels == 1 else f"level_{level}"
            named.append((label if name is None else name, _index_level(pd, frame.index, level), True))
    named += [(label, frame.iloc[:, i].reset_index(drop=True), False) for i, label in enumerate(frame.columns)]
    return named


def _index_level(pd: Any, index: Any, level: int) -> Any:
    values = index.get_level_values(level)
    return pd.Series(values, dtype=values.dtype).reset_index(drop=True)


def _pandas_cells(series: Any, name: str) -> tuple[Column, list[Any]]:
    """Return the description of a column (its type and limits), and its cells as JSON.

    Args:
        series: The column as a pandas Series.
        name: Label of the column, for messages.
    """
    pd: Any = import_module("pandas")
    missing = [bool(gone) for gone in series.isna()]
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        return _pandas_cells(series.sparse.to_dense(), name)
    values = [None if gone else value for value, gone in zip(series.to_list(), missing, strict=True)]
    described: Column = {}
    if isinstance(dtype, pd.CategoricalDtype):
        described, options = _categorical_cells(pd.Series(dtype.categories), name)
        return described, [None if code < 0 else options[code] for code in series.cat.codes]
    if dtype.kind in "iub" and not isinstance(dtype, pd.api.extensions.ExtensionDtype):
        described = {"required": True}
    types = pd.api.types
    if types.is_bool_dtype(dtype):
        return {"type": "boolean", **described}, values
    if types.is_integer_dtype(dtype):
        return {"type": "integer", **_integer_bounds(str(dtype)), **described}, values
    if types.is_float_dtype(dtype):
        return _float_cells(series.astype(str).tolist(), missing)
    if types.is_datetime64_any_dtype(dtype):
        aware = {"aware": True} if getattr(dtype, "tz", None) or _arrow_tz(dtype) else {}
        return {"type": "datetime", **aware}, [None if v is None else v.isoformat() for v in values]
    if types.is_timedelta64_dtype(dtype):
        nanoseconds = [None if v is None else pd.Timedelta(v).as_unit("ns").value for v in values]
        return {"type": "duration"}, [None if n is None else format_duration(n) for n in nanoseconds]
    return _object_cells(values, name)


def _arrow_tz(dtype: Any) -> Any:
    return getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None)


def _pandas_series(column: Column, values: list[Any], series: Any) -> Any:
    pd: Any = import_module("pandas")
    kind = column["type"]
    if kind == "datetime":
        values = [None if v is None else pd.Timestamp(v) for v in values]
        zone = getattr(series.dtype, "tz", None)
        if isinstance(series.dtype, pd.DatetimeTZDtype):
            values = [None if v is None else v.tz_convert(zone) for v in values]
    elif kind == "duration":
        values = [None if v is None else pd.Timedelta(v, unit="ns") for v in values]
    if kind in ("datetime", "duration") and series.dtype.kind in "mM":
        made = pd.Series([pd.NaT if v is None else v for v in values], dtype=object)
        made = made.astype(series.dtype).rename(series.name)
        of = pd.Timestamp if kind == "datetime" else pd.Timedelta  # an arrow date column returns dates
        if any(v is not None and v != of(kept) for v, kept in zip(values, made, strict=True)):
            raise ValueError("finer than its unit")  # pandas would truncate the value
        return made
    if isinstance(series.dtype, pd.SparseDtype):
        dense = pd.Series(values, dtype=series.dtype.subtype)
        return dense.astype(series.dtype).rename(series.name)
    return pd.Series(values, dtype=series.dtype, name=series.name)


def _categorical_cells(categories: Any, name: str) -> tuple[Column, list[Any]]:
    """Return the description of a categorical column, and its categories as JSON.

    Categories that JSON cannot hold (such as intervals) are written as text.

    Raises:
        ValueError: Two categories have the same JSON.
    """
    try:
        described, options = _pandas_cells(categories, name)
    except TypeError:
        described, options = {"type": "json"}, []
    if described["type"] == "json" or "cell" in described:
        described, options = {"type": "string"}, [str(category) for category in categories]
    if len(set(options)) < len(options):
        raise ValueError(f"value[{name!r}] has two categories that are written the same; rename one")
    return {"type": described["type"], "options": options}, options


def _decode_categories(column: Column, cells: list[Any], series: Any) -> Any:
    pd: Any = import_module("pandas")
    places = {option: i for i, option in enumerate(column["options"])}
    codes = [-1 if cell is None else places[cell] for cell in cells]
    return pd.Series(pd.Categorical.from_codes(codes, dtype=series.dtype), name=series.name)


def _pandas_frame(made: list[Any], original: Any, length: int) -> Any:
    pd: Any = import_module("pandas")
    levels = len(made) - original.shape[1]
    index: Any = pd.RangeIndex(length)
    if levels == 1:
        index = pd.Index(made[0], dtype=made[0].dtype, name=original.index.name)
    elif levels:
        index = pd.MultiIndex.from_arrays([pd.Index(one) for one in made[:levels]], names=original.index.names)
    # The dtype is given, because pandas would guess one for object columns.
    made = [pd.Series(one.array, dtype=one.dtype, index=index) for one in made[levels:]]
    frame = pd.DataFrame(dict(enumerate(made)), index=index)
    frame.columns = original.columns
    return frame


# --- polars ---------------------------------------------------------------------------------------------------------


def _polars_cells(series: Any, name: str) -> tuple[Column, list[Any]]:
    pl: Any = import_module("polars")
    dtype = series.dtype
    if dtype.is_integer():
        return {"type": "integer", **_integer_bounds(str(dtype).lower())}, series.to_list()
    if dtype.is_float():
        texts = series.cast(pl.String).to_list()
        return _float_cells(texts, [text is None for text in texts])
    if dtype == pl.Datetime:
        aware = dtype.time_zone is not None
        texts = series.dt.to_string("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if aware else "")).to_list()
        return {"type": "datetime", **({"aware": True} if aware else {})}, texts
    if dtype == pl.Duration:
        nanoseconds = series.dt.total_nanoseconds().to_list()
        return {"type": "duration"}, [None if n is None else format_duration(n) for n in nanoseconds]
    if dtype == pl.Enum:
        return {"type": "string", "options": dtype.categories.to_list()}, series.cast(pl.String).to_list()
    for simple, kind in ((pl.Boolean, "boolean"), (pl.String, "string"), (pl.Categorical, "string")):
        if dtype == simple:
            return {"type": kind}, _object_cells(series.cast(pl.String).to_list(), name)[
                1
            ] if kind == "string" else series.to_list()
    described, cells = _object_cells(series.to_list(), name)
    known = {pl.Date: "date", pl.Time: "time", pl.Decimal: "decimal"}
    if "cell" not in described:
        described["type"] = next((kind for one, kind in known.items() if dtype == one), described["type"])
    return described, cells


def _polars_series(column: Column, values: list[Any], series: Any) -> Any:
    pl: Any = import_module("polars")
    dtype = series.dtype
    if dtype == pl.Datetime or dtype == pl.Duration:
        per_unit = {"ns": 1, "us": 1000, "ms": 1_000_000}[dtype.time_unit]
        counts = [v if v is None or column["type"] == "duration" else _parse_nanoseconds(v) for v in values]
        if any(n is not None and n % per_unit for n in counts):
            raise ValueError(f"finer than its unit, {dtype.time_unit}")
        return pl.Series(series.name, [None if n is None else n // per_unit for n in counts], dtype=pl.Int64).cast(
            dtype
        )
    return pl.Series(series.name, values, dtype=dtype, strict=True)


def _polars_frame(made: list[Any], original: Any) -> Any:
    pl: Any = import_module("polars")
    return pl.DataFrame(made, schema=original.schema)


# --- both -----------------------------------------------------------------------------------------------------------


def _parse_nanoseconds(text: str) -> int:
    """Return the nanoseconds since 1970 of an ISO 8601 text, exactly.

    A time without offset from UTC is read as if it was UTC.
    """
    moment = dt.datetime.fromisoformat(text)
    whole = moment.replace(microsecond=0)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC if whole.tzinfo else None)
    seconds = (whole - epoch) // dt.timedelta(seconds=1)
    fraction = text.partition(".")[2] or text.partition(",")[2]
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    return seconds * 10**9 + int(digits[:9].ljust(9, "0") or 0)


def _integer_bounds(name: str) -> Column:
    """Return `minimum` and `maximum` of an integer type, from its name ("Int8", "uint64"). Empty for int64."""
    unsigned = name.lower().startswith("u")
    bits = int("".join(c for c in name.partition("[")[0] if c.isdigit()) or 64)
    if bits == 64 and not unsigned:
        return {}
    top = 1 << (bits if unsigned else bits - 1)
    return {"minimum": 0 if unsigned else -top, "maximum": top - 1}


def _float_cells(texts: list[Any], missing: list[bool]) -> tuple[Column, list[Any]]:
    """Return the description (type and limits) and the cells of a column of numbers.

    The numbers are parsed from their shortest text, so that a 32-bit 0.1 stays 0.1.

    Args:
        texts: The number of each cell as text.
        missing: True for cells without a value.
    """
    cells = [None if gone else float_json(float(text)) for text, gone in zip(texts, missing, strict=True)]
    endless = any(isinstance(cell, str) for cell in cells)
    return {"type": "number", **({"endless": True} if endless else {})}, cells


def _object_cells(values: list[Any], name: str) -> tuple[Column, list[Any]]:
    """Return the description and the cells of a column whose dtype does not describe its values (dtype `object`).

    The description is JSON with the type of the cells.

    Args:
        values: The values of the column.
        name: Name of the column, for messages.
    """
    kinds: set[type] = {type(value) for value in values if value is not None}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is str or not (kinds or kind):
        return {"type": "string"}, [to_json(value, f"value[{name!r}][{i}]") for i, value in enumerate(values)]
    if kind is dt.date or kind is dt.time:
        return {"type": kind.__name__}, [None if value is None else value.isoformat() for value in values]
    if kind is Decimal and all(value is None or value.is_finite() for value in values):
        return {"type": "decimal"}, [None if value is None else str(value) for value in values]
    cells, cell = encode_cells(values, f"value[{name!r}]")
    if cell is None:
        return {"type": "json"}, cells
    text = all(one is None or isinstance(one, str) for one in cells)
    return {"type": "string" if text else "json", "cell": cell}, cells
