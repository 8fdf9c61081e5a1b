"""Plain JSON in a proposal: None, bool, int, float, str, list and dict.

`to_json` copies such a value, or raises an error that names the part that is not JSON. `typed_values.py` converts other
values.
"""

from __future__ import annotations

import math
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.records import canonical_json

MAX_JSON_BYTES = 16 << 20
"""Maximum size of a proposal's canonical JSON, in bytes."""

MAX_DEPTH = 200
"""Maximum nesting of a proposal. The limit also detects a structure that contains itself."""

MAX_DIGITS = 4000
"""Maximum number of digits of an integer. Python refuses to print integers that are much longer."""

_ALTERNATIVES = {
    "ndarray": "use .tolist()",
    "Series": "a Series can only be the whole value; use .to_list() (pandas: .tolist())",
    "Index": "an Index can only be the whole value; use .tolist()",
    "Categorical": "use pd.Series(...)",
    "LazyFrame": "use .collect()",
    "DataFrame": "a DataFrame can only be the whole value, as a plain pandas or polars DataFrame",
    "generator": "use list(...)",
    "dict_keys": "use list(...)",
    "dict_values": "use list(...)",
    "dict_items": "use dict(...)",
    "map": "use list(...)",
    "filter": "use list(...)",
    "zip": "use list(...)",
    "mappingproxy": "use dict(...)",
    "memoryview": "use bytes(...)",
    "type": "propose its name",
    "function": "propose its name",
}


def to_json(value: Any, path: str = "value", depth: int = 0) -> Any:
    """Copy `value` as a JSON structure of None, bool, int, float, str, list and dict only.

    Args:
        value: The value.
        path: Path of the value for messages, such as `value['lines']`.
        depth: Nesting level of the value.

    Raises:
        TypeError: A part is not JSON. The message has the part's path, such as `value['lines'][2].price`.
        ValueError: The value is nested too deeply, or a number or text is not valid in JSON.
    """
    if depth > MAX_DEPTH:
        raise ValueError(
            f"{path[:80]}... is nested deeper than {MAX_DEPTH} levels, or contains itself; make it flatter"
        )
    kind = cast("type[Any]", type(value))
    if value is None or kind is bool:
        return value
    if kind is str:
        return check_text(value, path)
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
        return [to_json(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(items)]
    if kind is dict:
        return _dict_to_json(value, path, depth)
    raise TypeError(f"{path} is {with_article(kind.__name__)}; {suggest_alternative(kind)}")


def match_number_types(pattern: Any, value: Any) -> Any:
    """Return `value` with numbers of the same types as in `pattern`: 5 for 5.0 and the reverse, if nothing is lost.

    For values from a browser: JavaScript does not distinguish 5 from 5.0.
    """
    if type(pattern) is float and type(value) is int and abs(value) <= 1 << 53:
        return float(value)
    if type(pattern) is int and type(value) is float and value.is_integer():
        return int(value)
    if isinstance(pattern, dict) and isinstance(value, dict):
        known, given = cast("dict[str, Any]", pattern), cast("dict[str, Any]", value)
        return {key: match_number_types(known.get(key), item) for key, item in given.items()}
    if isinstance(pattern, list) and isinstance(value, list):
        before, after = cast("list[Any]", pattern), cast("list[Any]", value)
        if len(set(map(type, before))) == 1:  # with several types, moved items would get the wrong type
            return [match_number_types(before[min(i, len(before) - 1)], item) for i, item in enumerate(after)]
    return cast(Any, value)


def json_size(value: Any, what: str) -> int:
    """Return the size of the canonical JSON of `value`, in bytes.

    Args:
        value: JSON.
        what: Name of the value in messages.

    Raises:
        ValueError: The size is above `MAX_JSON_BYTES`.
    """
    size = len(canonical_json(value))
    if size > MAX_JSON_BYTES:
        raise ValueError(
            f"{what} is {size:,} bytes of JSON, above the limit of {MAX_JSON_BYTES:,}; propose a part, or a link to "
            "the data"
        )
    return size


def short_json(value: Any, limit: int = 60) -> str:
    """Return `value` as short JSON, for a message."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def with_article(name: str) -> str:
    """Return a type's name with its article: "a DataFrame", "an int"."""
    return f"an {name}" if name[:1].lower() in "aeio" else f"a {name}"


def check_text(value: str, path: str) -> str:
    """Return `value` if it is valid text.

    Args:
        value: The text.
        path: Path of the text, for the message.

    Raises:
        ValueError: The text contains a lone surrogate, which is half a character.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{path} holds a lone surrogate at character {error.start}, which is no text; remove it"
        ) from None
    return value


def _dict_to_json(value: dict[Any, Any], path: str, depth: int) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, item in value.items():
        if type(key) is not str:
            raise TypeError(f"{path} has the key {key!r}, {with_article(type(key).__name__)}; keys must be str")
        shown[check_text(key, f"a key of {path}")] = to_json(item, f"{path}[{key!r}]", depth + 1)
    return shown


def suggest_alternative(kind: type) -> str:
    """Return advice on which value to propose in place of an object of this class."""
    if kind.__module__.split(".")[0] == "numpy" and kind.__name__ != "ndarray":
        return "use .item(), or .tolist()"
    way = next((_ALTERNATIVES[base.__name__] for base in kind.__mro__ if base.__name__ in _ALTERNATIVES), None)
    return way or "propose its parts: texts, numbers, dates, lists, dicts, a dataclass or a pydantic model"
