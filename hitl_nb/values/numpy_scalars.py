"""Convert numpy scalars, small numpy arrays and pandas scalars to JSON and back. Extends `scalars.py`.

Neither library is imported before one of its values is proposed. Checks of edits do not need the libraries. The table
shows the JSON by the entry "is" of a value's type:

    is           JSON
    numpy        as in Python, by the dtype's "kind"; datetime64 ISO 8601, timedelta64 "5 D", "NaT" for none
    array        nested lists of such scalars, as deep as the array has dimensions ("ndim")
    timestamp    ISO 8601, to the nanosecond; with an offset if "aware"
    timedelta    ISO 8601 duration, to the nanosecond
    period       its text ("2026-01")
    interval     {"left": ..., "right": ..., "closed": "right"}
    nat, na      null
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from importlib import import_module
from typing import Any, cast

from hitl_nb.values.json_values import short_json
from hitl_nb.values.scalars import (
    TypeInfo,
    check_aware,
    check_scalar,
    decode_base64,
    decode_scalar,
    encode_scalar,
    float_json,
    is_scalar,
    parse_duration,
    parse_moment,
    scalar_schema,
)
from hitl_nb.values.tables import NON_FINITE, format_duration

MAX_ITEMS = 1000
"""Maximum number of items of an array. Nobody reviews more items one by one."""

_KINDS = frozenset("biufcUSmM")
_TIMEDELTA = re.compile(r"(-?\d+) (Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)")
_NAMES = frozenset({"numpy", "array", "timestamp", "timedelta", "period", "interval", "nat", "na"})


def encode_science(value: Any, path: str) -> tuple[Any, TypeInfo] | None:
    """Convert a numpy or pandas value to JSON.

    Args:
        value: The value.
        path: Path of the value, for messages.

    Returns:
        The JSON, and its type such as `{"is": "timestamp"}`, which says how an edit is checked and converted back.
        None for other values.

    Raises:
        TypeError: The value's type is not supported. The message has the value's path.
        ValueError: The array is too large. The message has the path.
    """
    kind = cast("type[Any]", type(value))
    root = kind.__module__.split(".")[0]
    if root == "numpy":
        np: Any = import_module("numpy")
        if kind is np.ndarray:
            return _encode_array(value, path)
        if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
            return _numpy_json(value), _numpy_type(value.dtype)
        return None
    return _encode_pandas(value, kind.__name__, path) if root == "pandas" else None


def check_science(described: TypeInfo, value: Any) -> Any:
    """Check edited JSON of a numpy or pandas value, and return it in its normal form.

    Args:
        described: The type of the proposed value, such as `{"is": "timestamp"}`.
        value: The edited JSON.

    Raises:
        ValueError: The JSON does not fit the type.
    """
    match described["is"]:
        case "numpy":
            return _check_numpy(described, value)
        case "array":
            return _check_array(described, value, described["ndim"])
        case "timestamp":
            aware = bool(described.get("aware"))
            found = parse_moment(value, dt.datetime, "2026-01-31T10:30:00" + ("+00:00" if aware else ""), digits=9)
            check_aware(found, aware, value)
            return value.strip()
        case "timedelta":
            return format_duration(parse_duration(value))
        case "period":
            if type(value) is not str or not value.strip():
                raise ValueError(f'must be a period such as "2026-01", not {short_json(value)}')
            return value.strip()
        case "interval":
            return _check_interval(described, value)
        case "nat":
            if value is not None:
                parse_moment(value, dt.datetime, "2026-01-31T10:30:00", digits=9)
            return value
        case _:
            return value


def decode_science(described: TypeInfo, value: Any, like: Any) -> Any:
    """Make a numpy or pandas object from checked JSON.

    Args:
        described: The type, such as `{"is": "timestamp"}`.
        value: The checked JSON.
        like: A proposed object of the type.

    Raises:
        ValueError: The class refuses the value.
        TypeError: The class refuses the value.
        OverflowError: The value is out of the class's range.
    """
    match described["is"]:
        case "numpy":
            return _decode_numpy(described["dtype"], value)
        case "array":
            return _decode_array(described, value)
        case "interval":
            ends = [_decode_end(described["of"], value[side], getattr(like, side)) for side in ("left", "right")]
            return import_module("pandas").Interval(*ends, closed=value["closed"])
        case _:
            return _decode_pandas(described["is"], value, like)


def science_schema(described: TypeInfo) -> dict[str, Any]:
    """Return the JSON Schema for values of a type such as `{"is": "timestamp"}`.

    `is_science(described)` must be True.
    """
    match described["is"]:
        case "numpy":
            return _numpy_schema(described)
        case "array":
            schema = _numpy_schema(described)
            for _ in range(described["ndim"]):
                schema = {"type": "array", "items": schema}
            return schema
        case "timestamp":
            return {"type": "string", "format": "date-time"}
        case "timedelta":
            return {"type": "string", "format": "duration"}
        case "nat":
            return {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
        case "period":
            return {"type": "string"}
        case "interval":
            of = described["of"]
            end: dict[str, Any] = {} if of is None else scalar_schema(of) if is_scalar(of) else science_schema(of)
            sides = {"enum": ["left", "right", "both", "neither"]}
            return {"type": "object", "properties": {"left": end, "right": end, "closed": sides}}
        case _:
            return {}


def is_science(described: TypeInfo) -> bool:
    """Return True if `described` is the type of a numpy or pandas value, such as `{"is": "timestamp"}`."""
    return described["is"] in _NAMES


def is_record(value: Any) -> bool:
    """Return True if a value is a pandas Series that is a row of a frame: values of any types, with names."""
    kind = cast("type[Any]", type(value))
    if kind.__name__ != "Series" or kind.__module__.split(".")[0] != "pandas" or value.dtype.kind != "O":
        return False
    labels = value.index.to_list()
    return bool(labels) and str(value.dtype) == "object" and {*map(type, labels)} == {str} and value.index.is_unique


def make_record(like: Any, items: dict[str, Any]) -> Any:
    """Make a pandas Series of these items, with the name and the kind of index of `like`."""
    pd: Any = import_module("pandas")
    index = pd.Index(list(items), dtype=like.index.dtype, name=like.index.name)
    made = pd.Series([None] * len(items), index=index, dtype=object, name=like.name)
    for place, item in enumerate(items.values()):
        made.iat[place] = item
    return made


# --- numpy ----------------------------------------------------------------------------------------------------------


def _numpy_type(dtype: Any) -> TypeInfo:
    return {"is": "numpy", "kind": dtype.kind, "bits": dtype.itemsize * 8, "dtype": str(dtype)}


def _numpy_json(value: Any) -> Any:
    kind = value.dtype.kind
    if kind == "f":
        # The shortest form is used, so that a 32-bit 0.1 stays 0.1. A number longer than a float is written as text.
        return str(value) if value.dtype.itemsize > 8 else float_json(float(str(value)))
    if kind == "c":
        return str(complex(value))
    if kind == "M":
        return str(value)
    if kind == "m":
        np: Any = import_module("numpy")
        unit, count = np.datetime_data(value.dtype)
        return "NaT" if np.isnat(value) else f"{int(value.astype('int64')) * count} {unit}"
    if kind == "S":
        return {"base64": base64.b64encode(bytes(value)).decode()}
    return {"b": bool, "i": int, "u": int, "U": str}[kind](value)


def _check_numpy(described: TypeInfo, value: Any) -> Any:
    kind, bits = described["kind"], described["bits"]
    if kind in "iu":
        number = check_scalar({"is": "int"}, value)
        low, high = (0, (1 << bits) - 1) if kind == "u" else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        if not low <= number <= high:
            raise ValueError(f"must be between {low} and {high} ({described['dtype']}), not {short_json(number)}")
        return number
    if kind == "f" and bits > 64:
        return check_scalar({"is": "decimal", "endless": True}, value)
    if kind == "M":
        if value != "NaT":
            parse_moment(value, dt.datetime, "2026-01-31T10:30:00", digits=9)
        return value
    if kind == "m":
        if type(value) is not str or not (value == "NaT" or _TIMEDELTA.fullmatch(value)):
            raise ValueError(f'must be a number and a unit, such as "5 D" or "250 ms", not {short_json(value)}')
        return value
    named = {"b": "bool", "f": "float", "c": "complex", "U": "str", "S": "bytes"}[kind]
    return check_scalar({"is": named, "endless": True}, value)


def _numpy_schema(described: TypeInfo) -> dict[str, Any]:
    simple = {
        "b": "boolean",
        "i": "integer",
        "u": "integer",
        "U": "string",
        "c": "string",
        "m": "string",
        "M": "string",
    }
    kind = described["kind"]
    if kind == "f":
        return scalar_schema({"is": "float", "endless": True}) if described["bits"] <= 64 else {"type": "string"}
    return scalar_schema({"is": "bytes"}) if kind == "S" else {"type": simple.get(kind, "string")}


def _decode_numpy(dtype: str, value: Any) -> Any:
    np: Any = import_module("numpy")
    wanted = np.dtype(dtype)
    if wanted.kind == "m" and value != "NaT":
        count, unit = value.split(" ")
        value = np.timedelta64(int(count), unit)
    elif wanted.kind == "M":
        value = np.datetime64(value)
    elif wanted.kind == "S":
        value = decode_base64(value)
    elif wanted.kind == "c":
        value = complex(value)
    elif isinstance(value, str):
        value = NON_FINITE.get(value, value)
    if wanted.kind in "US":
        return wanted.type(value)
    made = np.array(value, dtype=wanted)[()]
    if wanted.kind in "mM" and value != "NaT" and made != value:
        raise ValueError(f"is finer than {dtype}")
    return made


def _encode_array(value: Any, path: str) -> tuple[Any, TypeInfo]:
    if value.dtype.kind not in _KINDS:
        raise TypeError(f"{path} is an array of {value.dtype}; propose value.tolist(), or a DataFrame")
    if value.size > MAX_ITEMS:
        raise ValueError(
            f"{path} is an array of {value.size:,} items, more than the {MAX_ITEMS:,} that can be reviewed one by one; "
            "propose a DataFrame, or a summary"
        )
    items = [_numpy_json(item) for item in value.ravel()]
    for length in reversed(value.shape[1:]):
        items = [items[i : i + length] for i in range(0, len(items), length)] if length else []
    described = {**_numpy_type(value.dtype), "is": "array", "ndim": value.ndim}
    return (items if value.ndim else items[0]), described


def _check_array(described: TypeInfo, value: Any, depth: int) -> Any:
    if depth == 0:
        return _check_numpy(described, value)
    if not isinstance(value, list):
        raise ValueError(f"must be a list nested {described['ndim']} deep, not {short_json(value)}")
    items = [_check_array(described, item, depth - 1) for item in cast("list[Any]", value)]
    if depth > 1 and len({_array_shape(item, depth - 1) for item in items}) > 1:
        raise ValueError("must have rows of the same length")
    if depth == described["ndim"] and _count_items(items) > MAX_ITEMS:
        raise ValueError(f"must have at most {MAX_ITEMS:,} items")
    return items


def _array_shape(value: Any, depth: int) -> tuple[int, ...]:
    return (len(value), *(_array_shape(value[0], depth - 1) if value else ())) if depth else ()


def _count_items(value: Any) -> int:
    return sum(map(_count_items, cast("list[Any]", value))) if isinstance(value, list) else 1


def _decode_array(described: TypeInfo, value: Any) -> Any:
    np: Any = import_module("numpy")
    shape = _array_shape(value, described["ndim"])
    shape += (0,) * (described["ndim"] - len(shape))
    flat: list[Any] = [value]
    for _ in range(described["ndim"]):
        flat = [item for part in flat for item in part]
    items = [_decode_numpy(described["dtype"], item) for item in flat]
    dtype = np.dtype(described["dtype"])
    if dtype.kind in "US" and items:
        dtype = max(dtype, np.array(items).dtype, key=lambda one: one.itemsize)  # the old dtype truncates longer texts
    return np.array(items, dtype=dtype).reshape(shape)


# --- pandas ---------------------------------------------------------------------------------------------------------


def _encode_pandas(value: Any, name: str, path: str) -> tuple[Any, TypeInfo] | None:
    match name:
        case "Timestamp":
            return value.isoformat(), {"is": "timestamp", "aware": True} if value.tzinfo else {"is": "timestamp"}
        case "Timedelta":
            return format_duration(value.as_unit("ns").value), {"is": "timedelta"}
        case "NaTType":
            return None, {"is": "nat"}
        case "NAType":
            return None, {"is": "na"}
        case "Period":
            return str(value), {"is": "period"}
        case "Interval":
            (left, of), (right, _) = (_encode_end(value.left, path), _encode_end(value.right, path))
            return {"left": left, "right": right, "closed": value.closed}, {"is": "interval", "of": of}
        case _:
            return None


def _encode_end(value: Any, path: str) -> tuple[Any, TypeInfo | None]:
    if type(value) is int:
        return value, None
    found = encode_science(value, path) or encode_scalar(value, path)
    if found is None:
        raise TypeError(f"{path} is an Interval of {type(value).__name__}, which has no JSON; propose its ends")
    return found


def _check_interval(described: TypeInfo, value: Any) -> Any:
    given = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if set(given) != {"left", "right", "closed"} or given["closed"] not in ("left", "right", "both", "neither"):
        raise ValueError(f'must be {{"left": 0, "right": 1, "closed": "right"}}, not {short_json(value)}')
    of = described["of"]
    check: Any = check_scalar if of is None or is_scalar(of) else check_science
    return {**given, **{side: check(of or {"is": "int"}, given[side]) for side in ("left", "right")}}


def _decode_end(of: TypeInfo | None, value: Any, like: Any) -> Any:
    if of is None:
        return value
    return decode_scalar(of, value, like) if is_scalar(of) else decode_science(of, value, like)


def _decode_pandas(kind: str, value: Any, like: Any) -> Any:
    pd: Any = import_module("pandas")
    if kind == "na":
        return pd.NA if value is None else value
    if value is None:
        return pd.NaT
    if kind == "period":
        return pd.Period(value, freq=like.freq)
    if kind == "timedelta":
        made = _make_timedelta(pd, parse_duration(value))
    else:
        made = pd.Timestamp(value)
        zone = getattr(like, "tzinfo", None)
        made = made.tz_convert(zone) if zone and made.tzinfo else made
    unit = getattr(like, "unit", None)
    try:
        return made.as_unit(unit, round_ok=False) if unit else made
    except ValueError:  # finer than the proposed unit, or outside of its range
        return made


def _make_timedelta(pd: Any, nanoseconds: int) -> Any:
    """Make a Timedelta, in nanoseconds if their range allows it, else in microseconds.

    Raises:
        ValueError: The duration needs nanoseconds and is too long for them.
    """
    if -(1 << 63) < nanoseconds < 1 << 63:
        return pd.Timedelta(nanoseconds, unit="ns")
    np: Any = import_module("numpy")
    microseconds, finer = divmod(nanoseconds, 1000)
    if finer:
        raise ValueError("is too long for nanoseconds")
    return pd.Timedelta(np.timedelta64(microseconds, "us"))
