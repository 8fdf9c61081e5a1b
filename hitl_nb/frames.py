"""pandas and polars frames <-> the JSON of `tables.py`, exact, with the original's dtypes.

Neither library is imported unless a frame of it was proposed. A column whose cells were not touched is taken from
the original frame, so that nothing of it can change on the way.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any, Literal, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.plain import plain
from hitl_nb.tables import Column, Table, duration_ns, duration_text

Library = Literal["pandas", "polars"]


def library_of(value: Any) -> Library | None:
    """Which library's DataFrame `value` is, if it is one."""
    kind = cast("type[Any]", type(value))
    root = kind.__module__.split(".")[0]
    return root if kind.__name__ == "DataFrame" and root in ("pandas", "polars") else None


def to_table(frame: Any, library: Library) -> Table:
    """The table of a frame. Raises TypeError or ValueError that names the column (and row) it cannot take."""
    named = _pandas_columns(frame) if library == "pandas" else [(name, frame[name], False) for name in frame.columns]
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
    _prove(table, named, library)
    return table


def from_table(table: Table, original: Any, proposed: Table, library: Library) -> Any:
    """A new frame with the cells of `table` and the dtypes of `original`, whose table is `proposed`.

    Raises InvalidEdit if a cell does not fit its column's dtype.
    """
    named = _pandas_columns(original) if library == "pandas" else [(n, original[n], False) for n in original.columns]
    before, after = _by_column(proposed), _by_column(table)
    made: list[Any] = []
    for i, (name, series, _) in enumerate(named):
        if before[i] == after[i]:
            made.append(series)
            continue
        try:
            made.append(_decoded(table["columns"][i], after[i], series, library))
        except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
            raise InvalidEdit({f"columns/{name}": f"does not fit {series.dtype} ({str(error)[:200]})"}) from None
    return _pandas_frame(made, original, len(table["rows"])) if library == "pandas" else _polars_frame(made, original)


def _by_column(table: Table) -> list[list[Any]]:
    return [[row[i] for row in table["rows"]] for i in range(len(table["columns"]))]


def _prove(table: Table, named: list[tuple[str, Any, bool]], library: Library) -> None:
    """Raise ValueError if a column would not come back from its JSON as it is."""
    for (name, series, _), column, cells in zip(named, table["columns"], _by_column(table), strict=True):
        try:
            same = _same(_decoded(column, cells, series, library), series)
        except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
            raise ValueError(f"value[{name!r}] ({series.dtype}) does not come back from JSON: {error}") from None
        if not same:
            raise ValueError(f"value[{name!r}] ({series.dtype}) does not come back from JSON as it is; cast it first")


def _same(back: Any, series: Any) -> bool:
    if back.dtype != series.dtype:
        return False
    if str(series.dtype) != "object":
        return bool(back.equals(series))
    # pandas tells None from NaN here; both are a missing value.
    old, new = series[series.notna()].tolist(), back[back.notna()].tolist()
    return old == new and list(map(type, old)) == list(map(type, new))


def _decoded(column: Column, cells: list[Any], series: Any, library: Library) -> Any:
    if library == "pandas" and "options" in column:
        return _categories(column, cells, series)
    parse = _PARSE.get(column["type"])
    values = [None if cell is None else parse(cell) for cell in cells] if parse else cells
    return _pandas_series(column, values, series) if library == "pandas" else _polars_series(column, values, series)


_PARSE: dict[str, Callable[[str], Any]] = {
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "duration": duration_ns,
    "decimal": Decimal,
}
"""Cells that are text in JSON; datetimes are left to the library, which knows nanoseconds."""


# --- pandas ---------------------------------------------------------------------------------------------------------


def _pandas_columns(frame: Any) -> list[tuple[str, Any, bool]]:
    """Name, values, and whether it is an index level, of everything that becomes a column."""
    pd: Any = import_module("pandas")
    if frame.columns.nlevels > 1:
        raise TypeError("value has columns of several levels; make their names plain text first")
    named: list[tuple[str, Any, bool]] = []
    if not frame.index.equals(pd.RangeIndex(len(frame))) or frame.index.name is not None:
        for level in range(frame.index.nlevels):
            name = frame.index.names[level]
            label = "index" if frame.index.nlevels == 1 else f"level_{level}"
            named.append((label if name is None else _label(name), _level(pd, frame.index, level), True))
    named += [(_label(label), frame.iloc[:, i].reset_index(drop=True), False) for i, label in enumerate(frame.columns)]
    names = [name for name, _, _ in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"value has two columns named {twice!r} (index levels count); rename one")
    return named


def _level(pd: Any, index: Any, level: int) -> Any:
    values = index.get_level_values(level)
    return pd.Series(values, dtype=values.dtype).reset_index(drop=True)


def _label(label: Any) -> str:
    if type(label) not in (str, int):
        raise TypeError(
            f"value has the column name {label!r}, a {type(label).__name__}; column names must be str or int"
        )
    return str(plain(str(label), "a column name of value"))


def _pandas_cells(series: Any, name: str) -> tuple[Column, list[Any]]:
    """The description of a column, and its cells."""
    pd: Any = import_module("pandas")
    missing = [bool(gone) for gone in series.isna()]
    dtype = series.dtype
    values = [None if gone else value for value, gone in zip(series.tolist(), missing, strict=True)]
    described: Column = {}
    if isinstance(dtype, pd.CategoricalDtype):
        described, options = _options(pd.Series(dtype.categories), name)
        return described, [None if code < 0 else options[code] for code in series.cat.codes]
    if dtype.kind in "iub" and not isinstance(dtype, pd.api.extensions.ExtensionDtype):
        described = {"required": True}
    types = pd.api.types
    if types.is_bool_dtype(dtype):
        return {"type": "boolean", **described}, values
    if types.is_integer_dtype(dtype):
        return {"type": "integer", **_bounds(str(dtype)), **described}, values
    if types.is_float_dtype(dtype):
        return {"type": "number"}, _floats(series.astype(str).tolist(), missing, name)
    if types.is_datetime64_any_dtype(dtype):
        aware = {"aware": True} if getattr(dtype, "tz", None) or _arrow_tz(dtype) else {}
        return {"type": "datetime", **aware}, [None if v is None else v.isoformat() for v in values]
    if types.is_timedelta64_dtype(dtype):
        nanoseconds = [None if v is None else pd.Timedelta(v).as_unit("ns").value for v in values]
        return {"type": "duration"}, [None if n is None else duration_text(n) for n in nanoseconds]
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
        return made.astype(series.dtype).rename(series.name)
    return pd.Series(values, dtype=series.dtype, name=series.name)


def _options(categories: Any, name: str) -> tuple[Column, list[Any]]:
    """A categorical column: its cells are its categories' cells, or their names where these are no JSON (intervals)."""
    try:
        described, options = _pandas_cells(categories, name)
    except TypeError:
        described, options = {"type": "string"}, [str(category) for category in categories]
    if len(set(options)) < len(options):
        raise ValueError(f"value[{name!r}] has two categories that are written the same; rename one")
    return {"type": described["type"], "options": options}, options


def _categories(column: Column, cells: list[Any], series: Any) -> Any:
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
    # An explicit dtype, or pandas would guess one for columns of objects.
    made = [pd.Series(one.array, dtype=one.dtype, index=index) for one in made[levels:]]
    frame = pd.DataFrame(dict(enumerate(made)), index=index)
    frame.columns = original.columns
    return frame


# --- polars ---------------------------------------------------------------------------------------------------------


def _polars_cells(series: Any, name: str) -> tuple[Column, list[Any]]:
    pl: Any = import_module("polars")
    dtype = series.dtype
    if dtype.is_integer():
        return {"type": "integer", **_bounds(str(dtype).lower())}, series.to_list()
    if dtype.is_float():
        texts = series.cast(pl.String).to_list()
        return {"type": "number"}, _floats(texts, [text is None for text in texts], name)
    if dtype == pl.Datetime:
        aware = dtype.time_zone is not None
        texts = series.dt.to_string("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if aware else "")).to_list()
        return {"type": "datetime", **({"aware": True} if aware else {})}, texts
    if dtype == pl.Duration:
        nanoseconds = series.dt.total_nanoseconds().to_list()
        return {"type": "duration"}, [None if n is None else duration_text(n) for n in nanoseconds]
    if dtype == pl.Enum:
        return {"type": "string", "options": dtype.categories.to_list()}, series.cast(pl.String).to_list()
    for simple, kind in ((pl.Boolean, "boolean"), (pl.String, "string"), (pl.Categorical, "string")):
        if dtype == simple:
            return {"type": kind}, _object_cells(series.cast(pl.String).to_list(), name)[
                1
            ] if kind == "string" else series.to_list()
    if dtype.is_nested():
        return {"type": "json"}, [plain(v, f"value[{name!r}][{i}]") for i, v in enumerate(series.to_list())]
    described, cells = _object_cells(series.to_list(), name)
    known = {pl.Date: "date", pl.Time: "time", pl.Decimal: "decimal"}
    described["type"] = next((kind for one, kind in known.items() if dtype == one), described["type"])
    return described, cells


def _polars_series(column: Column, values: list[Any], series: Any) -> Any:
    pl: Any = import_module("polars")
    dtype = series.dtype
    if dtype == pl.Datetime or dtype == pl.Duration:
        per_unit = {"ns": 1, "us": 1000, "ms": 1_000_000}[dtype.time_unit]
        counts = [v if v is None or column["type"] == "duration" else _nanoseconds(v) for v in values]
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


def _nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 of an ISO 8601 text, exact; wall-clock time if it has no offset."""
    moment = dt.datetime.fromisoformat(text)
    whole = moment.replace(microsecond=0)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC if whole.tzinfo else None)
    seconds = (whole - epoch) // dt.timedelta(seconds=1)
    fraction = text.partition(".")[2] or text.partition(",")[2]
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    return seconds * 10**9 + int(digits[:9].ljust(9, "0") or 0)


def _bounds(name: str) -> Column:
    """`minimum` and `maximum` of an integer type, from its name ("Int8", "uint64"); none for int64."""
    unsigned = name.lower().startswith("u")
    bits = int("".join(c for c in name.partition("[")[0] if c.isdigit()) or 64)
    if bits == 64 and not unsigned:
        return {}
    top = 1 << (bits if unsigned else bits - 1)
    return {"minimum": 0 if unsigned else -top, "maximum": top - 1}


def _floats(texts: list[Any], missing: list[bool], name: str) -> list[float | None]:
    """Numbers from their shortest spelling, so that a 32-bit 0.1 stays 0.1."""
    cells = [None if gone else float(text) for text, gone in zip(texts, missing, strict=True)]
    for i, cell in enumerate(cells):
        if cell is not None and not math.isfinite(cell):
            raise ValueError(f"value[{name!r}][{i}] is {cell}, which JSON cannot hold; make it null or a finite number")
    return cells


def _object_cells(values: list[Any], name: str) -> tuple[Column, list[Any]]:
    """Cells of a column whose dtype does not tell what is in it."""
    kinds: set[type] = {type(value) for value in values if value is not None}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is str or not (kinds or kind):
        return {"type": "string"}, [plain(value, f"value[{name!r}][{i}]") for i, value in enumerate(values)]
    if kind is dt.date or kind is dt.time:
        return {"type": kind.__name__}, [None if value is None else value.isoformat() for value in values]
    if kind is Decimal:
        if not all(value is None or value.is_finite() for value in values):
            raise ValueError(f"value[{name!r}] holds a decimal that is no finite number; make it null")
        return {"type": "decimal"}, [None if value is None else str(value) for value in values]
    return {"type": "json"}, [plain(value, f"value[{name!r}][{i}]") for i, value in enumerate(values)]
