"""Convert single values that JSON cannot hold: dates, decimals, paths, bytes, members of an Enum and others.

Such a value is proposed as JSON that a person can read and edit, together with its *type*. The type is a small JSON
object, such as `{"is": "date"}`, that says how the JSON is checked and converted back. A check needs no class of the
agent. A restored object has the class of a proposed object of the same type. `numpy_scalars.py` adds numpy and pandas.
The table shows the JSON by the entry "is" of the type:

    is                       JSON
    decimal                  "9.90" (a number is accepted)
    datetime, date, time     ISO 8601; a datetime with "aware" has an offset from UTC, any other has none
    duration                 ISO 8601, "P1DT2H30M"
    uuid, path, fraction, complex, ip      the value's own text
    enum, flag               one of "of": values, or names where JSON cannot hold the values; a flag is a list of names
    bytes                    {"base64": "..."}
    range                    {"start": 0, "stop": 10, "step": 1}
    float                    a number, or "NaN", "Infinity", "-Infinity"
    str, int, bool, none     as in JSON: values of a subclass, and keys
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import enum
import functools
import ipaddress
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import PurePath
from typing import Any, cast
from uuid import UUID

from hitl_nb.records import canonical_json
from hitl_nb.values.json_values import MAX_DIGITS, short_json, with_article
from hitl_nb.values.tables import NON_FINITE, format_duration, parse_duration_nanoseconds

TypeInfo = dict[str, Any]
"""Description of a value's type, as JSON, for example `{"is": "date"}`."""

_MICROSECOND = dt.timedelta(microseconds=1)
_FRACTION = re.compile(r"[+-]?[0-9]{1,4000}(/[0-9]{1,4000}|\.[0-9]{1,4000})?")
_IP = ("IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network", "IPv4Interface", "IPv6Interface")


def encode_scalar(value: Any, path: str) -> tuple[Any, TypeInfo] | None:
    """Convert a single value, such as a date or a path, to JSON.

    Args:
        value: The value.
        path: Path of the value, for messages.

    Returns:
        The JSON, and its type such as `{"is": "date"}`, which says how an edit is checked and converted back. None
        if this module does not convert values of this class.

    Raises:
        ValueError: The value cannot be written. The message has its path.
    """
    if isinstance(value, enum.Enum):
        return _encode_enum(value, path)
    for kind, encode in _ENCODERS:
        if isinstance(value, kind):
            return encode(value)
    return None


def check_scalar(described: TypeInfo, value: Any) -> Any:
    """Check edited JSON of a single value, and return it in its normal form.

    Args:
        described: The type of the proposed value, such as `{"is": "date"}`.
        value: The edited JSON.

    Raises:
        ValueError: The JSON does not fit the type. The message says which values fit.
    """
    return _CHECKS[described["is"]](described, value)


def decode_scalar(described: TypeInfo, value: Any, like: Any) -> Any:
    """Make a single value from checked JSON.

    Args:
        described: The type, such as `{"is": "date"}`.
        value: The checked JSON.
        like: A proposed object, whose class the new object gets. None: the plain class.

    Raises:
        ValueError: The class refuses the value.
        TypeError: The class refuses the value.
        OverflowError: The value is out of the class's range.
    """
    made = _DECODERS[described["is"]](value, like)
    return made if like is None or isinstance(like, (enum.Enum, PurePath)) else _convert_to_class(made, type(like))


def scalar_schema(described: TypeInfo) -> dict[str, Any]:
    """Return the JSON Schema for values of a type such as `{"is": "date"}`. `is_scalar(described)` must be True."""
    kind = described["is"]
    if kind in ("enum", "flag"):
        one = {"enum": described["of"]}
        return one if kind == "enum" else {"type": "array", "items": one, "uniqueItems": True}
    if kind == "float" and described.get("endless"):
        return {"anyOf": [{"type": "number"}, {"type": "string", "enum": list(NON_FINITE)}]}
    return _SCHEMAS[kind]


def is_scalar(described: TypeInfo) -> bool:
    """Return True if `described` is the type of a single value, such as `{"is": "date"}`."""
    return described["is"] in _CHECKS


def float_json(value: float) -> float | str:
    """Return a float as JSON: the number, or its name ("NaN", "Infinity") if JSON cannot hold it."""
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def parse_moment(text: Any, kind: Any, example: str, digits: int = 6) -> Any:
    """Parse a date or time from ISO 8601 text.

    Args:
        text: The text.
        kind: `datetime`, `date` or `time`.
        example: A valid text, for messages.
        digits: Maximum number of digits of a second's fraction: 6 or 9.

    Raises:
        ValueError: The text is not a date or time of this kind, or its fraction has too many digits.
    """
    name = {"datetime": "time such as", "date": "date such as", "time": "time of day such as"}[kind.__name__]
    if type(text) is not str:
        raise ValueError(f'must be a {name} "{example}", not {short_json(text)}')
    if re.search(rf"[.,]\d{{{digits + 1},}}", text):
        raise ValueError(f"is finer than a {'micro' if digits == 6 else 'nano'}second: {short_json(text)}")
    try:
        return kind.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'must be a {name} "{example}", not {short_json(text)}') from None


def check_aware(value: Any, aware: bool, text: Any) -> None:
    """Check that a time has an offset from UTC if `aware`, and has none otherwise.

    Args:
        value: The datetime or time.
        aware: True: an offset is required. False: an offset is not allowed.
        text: The edited JSON, for the message.

    Raises:
        ValueError: The time has an offset and should not, or the reverse.
    """
    if (value.tzinfo is not None) is not aware:
        wanted = 'an offset from UTC, such as "+00:00"' if aware else "no offset from UTC"
        raise ValueError(f"must have {wanted}, not {short_json(text)}")


def parse_duration(value: Any) -> int:
    """Parse a duration: ISO 8601 text, text such as "1 day, 2:00:00", or a number of seconds.

    Returns:
        Nanoseconds.

    Raises:
        ValueError: The value is not a duration.
    """
    if type(value) is str:
        try:
            return parse_duration_nanoseconds(value)
        except ValueError:
            pass
    if type(value) in (str, int, float):
        from pydantic import TypeAdapter, ValidationError

        try:
            return TypeAdapter(dt.timedelta).validate_python(value) // _MICROSECOND * 1000
        except (ValidationError, OverflowError):
            pass
    raise ValueError(f'must be a duration such as "P1DT2H30M", not {short_json(value)}')


def decode_base64(value: Any) -> bytes:
    """Return the bytes of `{"base64": "..."}`.

    Raises:
        ValueError: The value has another form.
    """
    given = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if set(given) != {"base64"} or not isinstance(given["base64"], str):
        raise ValueError(f'must be {{"base64": "..."}}, not {short_json(value)}')
    try:
        return base64.b64decode(given["base64"], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"must hold base64 text, not {short_json(given['base64'])}") from None


# --- to JSON --------------------------------------------------------------------------------------------------------


def _encode_enum(member: enum.Enum, path: str) -> tuple[Any, TypeInfo]:
    kind = type(member)
    if isinstance(member, enum.Flag):
        flags = cast("type[enum.Flag]", kind)
        parts = [one for one in flags if one in member]
        if _combine_flags(flags, parts) != member:
            raise ValueError(f"{path} is {member!r}, which is no combination of the members of {kind.__name__}")
        return [one.name for one in parts], {"is": "flag", "of": [one.name for one in kind], "class": kind.__name__}
    values = [one.value for one in kind]
    names = [one.name for one in kind]
    if all(type(v) in (str, int, bool) or (type(v) is float and math.isfinite(v)) for v in values):
        return member.value, {"is": "enum", "of": values, "names": names, "class": kind.__name__}
    return member.name, {"is": "enum", "of": names, "class": kind.__name__}


def _combine_flags(kind: type[enum.Flag], parts: Iterable[enum.Flag]) -> enum.Flag:
    return functools.reduce(lambda one, other: one | other, parts, kind(0))


def _encode_decimal(value: Decimal) -> tuple[Any, TypeInfo]:
    return str(value), {"is": "decimal"} if value.is_finite() else {"is": "decimal", "endless": True}


def _encode_datetime(value: dt.datetime) -> tuple[Any, TypeInfo]:
    return value.isoformat(), {"is": "datetime", "aware": True} if value.tzinfo else {"is": "datetime"}


def _encode_time(value: dt.time) -> tuple[Any, TypeInfo]:
    return value.isoformat(), {"is": "time", "aware": True} if value.tzinfo else {"is": "time"}


def _encode_float(value: float) -> tuple[Any, TypeInfo]:
    return float_json(float(value)), {"is": "float"} if math.isfinite(value) else {"is": "float", "endless": True}


def _encode_range(value: range) -> tuple[Any, TypeInfo]:
    return {"start": value.start, "stop": value.stop, "step": value.step}, {"is": "range"}


def _encode_bytes(value: Any) -> tuple[Any, TypeInfo]:
    return {"base64": base64.b64encode(value).decode()}, {"is": "bytes"}


def _ip_class_name(value: Any) -> str:
    return next(base.__name__ for base in type(value).__mro__ if base.__name__ in _IP)


def _encode_as_text(name: str) -> Callable[[Any], tuple[Any, TypeInfo]]:
    return lambda value: (str(value), {"is": name})


_ENCODERS: list[tuple[Any, Callable[[Any], tuple[Any, TypeInfo]]]] = [
    (Decimal, _encode_decimal),
    (dt.datetime, _encode_datetime),
    (dt.date, lambda value: (value.isoformat(), {"is": "date"})),
    (dt.time, _encode_time),
    (dt.timedelta, lambda value: (format_duration(value // _MICROSECOND * 1000), {"is": "duration"})),
    (UUID, _encode_as_text("uuid")),
    (PurePath, _encode_as_text("path")),
    ((bytes, bytearray), _encode_bytes),
    (Fraction, _encode_as_text("fraction")),
    (complex, _encode_as_text("complex")),
    (range, _encode_range),
    (
        tuple(getattr(ipaddress, name) for name in _IP),
        lambda value: (
            str(value),
            {"is": "ip", "of": next(b.__name__ for b in type(value).__mro__ if b.__name__ in _IP)},
        ),
    ),
    (float, _encode_float),
    # Values of a subclass. They are restored as that subclass.
    (str, lambda value: (str.__str__(value), {"is": "str"})),
    (int, lambda value: (int(value), {"is": "int"})),
]


# --- checks ---------------------------------------------------------------------------------------------------------


def _check_decimal(described: TypeInfo, value: Any) -> str:
    text = repr(value) if type(value) in (int, float) else value
    if type(text) is str and len(text) > MAX_DIGITS:
        raise ValueError(f"has {len(text)} characters; a decimal number has at most {MAX_DIGITS}")
    try:
        number = Decimal(text.strip()) if type(text) is str else None
    except InvalidOperation:
        number = None
    if number is None or not (number.is_finite() or described.get("endless")):
        raise ValueError(f'must be a decimal number such as "12.50", not {short_json(value)}')
    return str(number)


def _check_datetime(described: TypeInfo, value: Any) -> str:
    aware = bool(described.get("aware"))
    found = parse_moment(value, dt.datetime, "2026-01-31T10:30:00" + ("+00:00" if aware else ""))
    check_aware(found, aware, value)
    return found.isoformat()


def _check_time(described: TypeInfo, value: Any) -> str:
    found = parse_moment(value, dt.time, "10:30:00")
    check_aware(found, bool(described.get("aware")), value)
    return found.isoformat()


def _check_duration(described: TypeInfo, value: Any) -> str:
    nanoseconds = parse_duration(value)
    if nanoseconds % 1000:
        raise ValueError(f"is finer than a microsecond: {short_json(value)}")
    try:
        dt.timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        raise ValueError(f"is longer than a timedelta can be: {short_json(value)}") from None
    return format_duration(nanoseconds)


def _check_enum(described: TypeInfo, value: Any) -> Any:
    for allowed in described["of"]:
        if canonical_json(allowed) == canonical_json(value):
            return allowed
    if isinstance(value, str) and value in described.get("names", ()):
        return described["of"][described["names"].index(value)]
    raise ValueError(f"must be one of {short_json(described['of'], 200)}, not {short_json(value)}")


def _check_flag(described: TypeInfo, value: Any) -> list[str]:
    given: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
    unknown = [one for one in given if one not in described["of"]]
    if unknown:
        raise ValueError(f"must be a list of {short_json(described['of'], 200)}, not {short_json(value)}")
    return [name for name in described["of"] if name in given]


def _check_bytes(described: TypeInfo, value: Any) -> Any:
    decode_base64(value)
    return value


def _check_float(described: TypeInfo, value: Any) -> float | str:
    if described.get("endless") and value in NON_FINITE:
        return value
    if type(value) not in (int, float):
        raise ValueError(f"must be a number, not {short_json(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"is too large for a number: {short_json(value)}") from None


def _check_range(described: TypeInfo, value: Any) -> Any:
    given = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if set(given) != {"start", "stop", "step"} or any(type(one) is not int for one in given.values()):
        raise ValueError(f'must be {{"start": 0, "stop": 10, "step": 1}}, not {short_json(value)}')
    if given["step"] == 0:
        raise ValueError("must have a step other than 0")
    return given


def _check_as_json(name: str, *kinds: type) -> Callable[[TypeInfo, Any], Any]:
    def check(described: TypeInfo, value: Any) -> Any:
        if type(value) not in kinds:
            raise ValueError(f"must be {name}, not {short_json(value)}")
        return value

    return check


def _check_int(described: TypeInfo, value: Any) -> int:
    if type(value) is float and value.is_integer():
        return int(value)
    return _check_as_json("a whole number", int)(described, value)


def _check_by_reading(read: Callable[[TypeInfo, str], Any], name: str, example: str) -> Callable[[TypeInfo, Any], str]:
    """Make a function that checks edited JSON: it must be a text that `read` can parse.

    Args:
        read: Parses a text; called with the type and the text. ValueError or ArithmeticError: the text is not
            valid.
        name: Name of valid texts in messages, for example "a date".
        example: A valid text, for messages.

    Returns:
        A function that returns the text in its normal form, or raises ValueError with a message.
    """

    def check(described: TypeInfo, value: Any) -> str:
        try:
            return str(read(described, _check_as_json(name, str)(described, value)))
        except (ValueError, ArithmeticError):
            raise ValueError(f'must be {name} such as "{example}", not {short_json(value)}') from None

    return check


def _read_path(described: TypeInfo, text: str) -> str:
    if "\0" in text:
        raise ValueError
    return text


def _read_fraction(described: TypeInfo, text: str) -> Fraction:
    if not _FRACTION.fullmatch(text):  # an exponent could make a number of any size
        raise ValueError
    return Fraction(text)


def _read_ip(described: TypeInfo, text: str) -> Any:
    return getattr(ipaddress, described["of"])(text)


_CHECKS: dict[str, Callable[[TypeInfo, Any], Any]] = {
    "decimal": _check_decimal,
    "datetime": _check_datetime,
    "date": lambda described, value: parse_moment(value, dt.date, "2026-01-31").isoformat(),
    "time": _check_time,
    "duration": _check_duration,
    "uuid": _check_by_reading(lambda _, text: UUID(text), "a UUID", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    "path": _check_by_reading(_read_path, "a path", "reports/may.csv"),
    "fraction": _check_by_reading(_read_fraction, "a fraction", "1/3"),
    "complex": _check_by_reading(lambda _, text: complex(text), "a complex number", "1+2j"),
    "ip": _check_by_reading(_read_ip, "an address", "192.0.2.1"),
    "enum": _check_enum,
    "flag": _check_flag,
    "bytes": _check_bytes,
    "range": _check_range,
    "float": _check_float,
    "str": _check_as_json("text", str),
    "int": _check_int,
    "bool": _check_as_json("true or false", bool),
    "none": _check_as_json("null", type(None)),
}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "decimal": {"type": "string", "format": "decimal"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "duration": {"type": "string", "format": "duration"},
    "uuid": {"type": "string", "format": "uuid"},
    "path": {"type": "string", "format": "path"},
    "fraction": {"type": "string", "format": "fraction"},
    "complex": {"type": "string", "format": "complex"},
    "ip": {"type": "string"},
    "bytes": {
        "type": "object",
        "properties": {"base64": {"type": "string", "contentEncoding": "base64"}},
        "required": ["base64"],
        "additionalProperties": False,
    },
    "range": {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in ("start", "stop", "step")},
        "required": ["start", "stop", "step"],
        "additionalProperties": False,
    },
    "float": {"type": "number"},
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "none": {"type": "null"},
}


# --- back to Python -------------------------------------------------------------------------------------------------


def _decode_enum(value: Any, like: Any) -> Any:
    kind = cast("type[enum.Enum]", type(like))
    members = {canonical_json(_encode_enum(member, "")[0]): member for member in kind}
    if canonical_json(value) not in members:
        raise ValueError(f"{short_json(value)} is no member of {kind.__name__}")
    return members[canonical_json(value)]


def _decode_flag(value: Any, like: Any) -> Any:
    kind = cast(Any, type(like))
    return _combine_flags(kind, [kind[name] for name in value])


def _decode_datetime(value: str, like: Any) -> dt.datetime:
    made = dt.datetime.fromisoformat(value)
    zone = getattr(like, "tzinfo", None)
    return made.astimezone(zone) if zone and made.tzinfo else made


def _decode_path(value: str, like: Any) -> PurePath:
    return (type(like) if isinstance(like, PurePath) else PurePath)(value)


def _decode_ip(value: str, like: Any) -> Any:
    return getattr(ipaddress, _ip_class_name(like))(value)


def _decode_range(value: Any, like: Any) -> range:
    return range(value["start"], value["stop"], value["step"])


_DECODERS: dict[str, Callable[[Any, Any], Any]] = {
    "decimal": lambda value, like: Decimal(value),
    "datetime": _decode_datetime,
    "date": lambda value, like: dt.date.fromisoformat(value),
    "time": lambda value, like: dt.time.fromisoformat(value),
    "duration": lambda value, like: dt.timedelta(microseconds=parse_duration_nanoseconds(value) // 1000),
    "uuid": lambda value, like: UUID(value),
    "path": _decode_path,
    "fraction": lambda value, like: Fraction(value),
    "complex": lambda value, like: complex(value),
    "ip": _decode_ip,
    "enum": _decode_enum,
    "flag": _decode_flag,
    "bytes": lambda value, like: decode_base64(value),
    "range": _decode_range,
    "float": lambda value, like: NON_FINITE.get(value, value) if isinstance(value, str) else value,
    "str": lambda value, like: value,
    "int": lambda value, like: value,
    "bool": lambda value, like: value,
    "none": lambda value, like: value,
}


def _convert_to_class(made: Any, kind: Any) -> Any:
    """Convert a plain value to a subclass of its class, for example a str to the user's own subclass of str.

    Args:
        made: The plain value.
        kind: The subclass.

    Raises:
        TypeError: An equal object of the subclass cannot be made from the plain value.
    """
    if type(made) is kind or not isinstance(made, kind.__mro__[1:-1] or (object,)):
        return made
    if isinstance(made, (dt.date, dt.time)):
        fields = {name: getattr(made, name) for name in _FIELDS if hasattr(made, name)}
        copy = kind(**fields)
    elif isinstance(made, dt.timedelta):
        copy = kind(days=made.days, seconds=made.seconds, microseconds=made.microseconds)
    else:
        copy = kind(made)
    if type(copy) is not kind or copy != made:
        raise TypeError(f"cannot be edited: {with_article(kind.__name__)} cannot be made from its plain value")
    return copy


_FIELDS = ("year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold")
