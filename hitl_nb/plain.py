"""What counts as JSON in a proposal.

`plain` turns a Python structure into exact JSON, or names the place in it that is none. Pydantic models and
dataclasses go through pydantic's `TypeAdapter`, are decoded again and compared, so that nothing is lost unnoticed;
pydantic is imported only when one turns up.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.records import canonical

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_JSON = 16 << 20
"""Largest canonical JSON of a proposal, in bytes."""

MAX_DEPTH = 200
"""Deepest nesting of a proposal; also what stops at a structure that contains itself."""

MAX_DIGITS = 4000
"""Python refuses to print integers that are much longer."""

_WAYS_OUT = {
    "tuple": "use a list",
    "set": "use a list",
    "frozenset": "use a list",
    "bytearray": "use bytes as the whole value",
    "bytes": "bytes can only be the whole value",
    "Decimal": "use str(...) or float(...)",
    "datetime": "use .isoformat()",
    "date": "use .isoformat()",
    "Timestamp": "use .isoformat()",
    "UUID": "use str(...)",
    "ndarray": "use .tolist()",
    "Series": "use .to_frame(), or .to_list() (pandas: .tolist())",
    "LazyFrame": "use .collect()",
    "DataFrame": "a DataFrame can only be the whole value, as a plain pandas or polars DataFrame",
}


def is_model(value: Any) -> bool:
    """True for an instance of a pydantic model or of a dataclass."""
    kind = cast("type[Any]", type(value))
    return dataclasses.is_dataclass(kind) or hasattr(kind, "__pydantic_core_schema__")


def model_type(value: Any) -> Any:
    """The type that checks `value` as a whole: its class for a model, `list[class]` for a list of one, else None."""
    if is_model(value):
        return cast(Any, type(value))
    if type(value) is list:
        items = cast("list[Any]", value)
        kinds: set[Any] = {type(item) for item in items}
        if len(kinds) == 1 and is_model(items[0]):
            return list[kinds.pop()]
    return None


def plain(value: Any, path: str = "value", depth: int = 0) -> Any:
    """`value` as a JSON structure of its own: None, bool, int, float, str, list and dict only.

    Raises TypeError or ValueError that names the place, as `value['lines'][2].price`.
    """
    if depth > MAX_DEPTH:
        raise ValueError(
            f"{path[:80]}... is nested deeper than {MAX_DEPTH} levels, or contains itself; make it flatter"
        )
    kind = cast("type[Any]", type(value))
    if value is None or kind is bool:
        return value
    if kind is str:
        return _text(value, path)
    if kind is int:
        if value.bit_length() > MAX_DIGITS * 3.32:
            raise ValueError(f"{path} is an integer of more than {MAX_DIGITS} digits; use a str")
        return value
    if kind is float:
        if not math.isfinite(value):
            raise ValueError(f"{path} is {value}, which JSON cannot hold; use None or a finite number")
        return value
    if kind is list:
        items = cast("list[Any]", value)
        return [plain(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(items)]
    if kind is dict:
        return _plain_dict(value, path, depth)
    if is_model(value):
        return _model_json(value, path, depth)
    raise TypeError(f"{path} is {a_name(kind.__name__)}; {_way_out(kind)}")


def model_from(kind: Any, value: Any) -> Any:
    """The object of type `kind` that the JSON `value` describes. Raises InvalidEdit, one message per field."""
    from pydantic import ValidationError

    try:
        return adapter(kind, "value").validate_json(json.dumps(value))
    except ValidationError as error:
        fields: dict[str, str] = {}
        for one in error.errors(include_url=False):
            fields.setdefault("/".join(str(part) for part in one["loc"]), one["msg"])
        raise InvalidEdit(fields) from None


def adapter(kind: Any, path: str, value: Any = None) -> TypeAdapter[Any]:
    """Pydantic's adapter of a type. Raises TypeError that names the part of `value` it does not know."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

    try:
        return TypeAdapter(kind)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        where, culprit = _offender(value, path) or (path, kind)
        name = getattr(culprit, "__name__", None) or repr(culprit)
        reason = error.message.split("\n")[0]
        raise TypeError(f"{where} is {a_name(name)}, which pydantic cannot check ({reason})") from None


def align(pattern: Any, value: Any) -> Any:
    """`value` with numbers spelled as in `pattern`, where both have one: 5 for 5.0 and the reverse, if nothing is lost.

    JavaScript does not tell them apart.
    """
    if type(pattern) is float and type(value) is int and abs(value) <= 1 << 53:
        return float(value)
    if type(pattern) is int and type(value) is float and value.is_integer():
        return int(value)
    if isinstance(pattern, dict) and isinstance(value, dict):
        known, given = cast("dict[str, Any]", pattern), cast("dict[str, Any]", value)
        return {key: align(known.get(key), item) for key, item in given.items()}
    if isinstance(pattern, list) and isinstance(value, list):
        before, after = cast("list[Any]", pattern), cast("list[Any]", value)
        if len(set(map(type, before))) == 1:  # of several types, items that moved would take the wrong one
            return [align(before[min(i, len(before) - 1)], item) for i, item in enumerate(after)]
    return cast(Any, value)


def json_size(value: Any, what: str) -> None:
    """Raise ValueError if the canonical JSON of `value` is larger than `MAX_JSON`."""
    size = len(canonical(value))
    if size > MAX_JSON:
        raise ValueError(
            f"{what} is {size:,} bytes of JSON, above the limit of {MAX_JSON:,}; propose a part, or a link to the data"
        )


def spell(value: Any, limit: int = 60) -> str:
    """`value` as short JSON, for a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def a_name(name: str) -> str:
    """A type's name with its article."""
    return f"an {name}" if name[:1].lower() in "aeio" else f"a {name}"


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{path} holds a lone surrogate at character {error.start}, which is no text; remove it"
        ) from None
    return value


def _plain_dict(value: dict[Any, Any], path: str, depth: int) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, item in value.items():
        if type(key) is not str:
            raise TypeError(f"{path} has the key {key!r}, {a_name(type(key).__name__)}; keys must be str")
        shown[_text(key, f"a key of {path}")] = plain(item, f"{path}[{key!r}]", depth + 1)
    return shown


def _model_json(value: Any, path: str, depth: int) -> Any:
    from pydantic import ValidationError
    from pydantic_core import PydanticSerializationError

    checks = adapter(type(value), path, value)
    try:
        # round_trip leaves out computed fields, which validation would not take back.
        data = checks.dump_python(value, mode="json", by_alias=True, round_trip=True, warnings=False)
    except PydanticSerializationError as error:
        where, kind = _offender(value, path) or (path, type(value))
        raise TypeError(f"{where} is {a_name(kind.__name__)}, which cannot be written as JSON ({error})") from None
    if type(data) is dict:
        fields = cast("dict[str, Any]", data)
        data = {key: plain(item, f"{path}.{key}", depth + 1) for key, item in fields.items()}
    else:
        data = plain(data, path, depth + 1)
    try:
        back = checks.validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join([path, *(str(part) for part in first["loc"])])
        raise ValueError(f"{where} does not come back from JSON: {first['msg']}") from None
    lost = _lost(value, back, path)
    if lost:
        where, before, after = lost
        raise ValueError(f"{where} is {before!r:.80} and would come back from JSON as {after!r:.80}")
    return data


def _children(value: Any, path: str) -> list[tuple[str, Any]] | None:
    """The parts of a container or object with their paths, or None for a leaf."""
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value)
        return [(f"{path}[{key!r}]", item) for key, item in pairs.items()]
    if isinstance(value, (list, tuple)):
        items = cast("list[Any]", value)
        return [(f"{path}[{i}]", item) for i, item in enumerate(items)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f"{path}.{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value)]
    if is_model(value):
        inside: dict[str, Any] = {**vars(value), **(getattr(value, "__pydantic_extra__", None) or {})}
        return [(f"{path}.{name}", item) for name, item in inside.items()]
    return None


def _offender(value: Any, path: str) -> tuple[str, type] | None:
    """The first part of `value` whose class pydantic does not know."""
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    parts = _children(value, path)
    if parts is None:
        kind = cast("type[Any]", type(value))
        try:
            TypeAdapter(kind)
        except PydanticUserError:
            return path, kind
        return None
    return next(filter(None, (_offender(item, where) for where, item in parts)), None)


def _lost(before: Any, after: Any, path: str) -> tuple[str, Any, Any] | None:
    """The first place where two structures differ in type or value. Objects without __eq__ are compared by fields."""
    if type(before) is not type(after):
        return path, before, after
    old, new = _children(before, path), _children(after, path)
    if old is None or new is None:
        return None if before == after else (path, before, after)
    if len(old) != len(new):
        return path, before, after
    parts = dict(new)
    for where, item in old:
        if where not in parts:
            return path, before, after
        lost = _lost(item, parts[where], where)
        if lost:
            return lost
    return None


def _way_out(kind: type) -> str:
    if kind.__module__.split(".")[0] == "numpy" and kind.__name__ != "ndarray":
        return "use .item()"
    ways = [_WAYS_OUT[base.__name__] for base in kind.__mro__ if base.__name__ in _WAYS_OUT]
    known = next((base.__name__ for base in kind.__mro__[1:] if base in (str, int, float, list, dict)), None)
    if not ways and known:
        ways = [f"use a plain {known}"]
    return ways[0] if ways else "use str, int, float, bool, None, list, dict, a pydantic model or a dataclass"
