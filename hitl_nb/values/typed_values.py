"""Convert Python values of any shape to JSON with types, and check edited JSON by these types.

`encode_value` returns the JSON of a value and its *type*. The type is None if the value is plain JSON. Otherwise it is
JSON that describes the parts that are not. `check_value` accepts or refuses an edit by that type, in any process,
without the agent's classes. `rebuilt_values.py` makes the edited value, with containers and items of the proposed
types. The table shows the JSON by the entry "is" of the type, and further entries:

    is                  JSON                     and
    dict                an object                "fields": types by key; "key": the type of all keys that are not text,
                                                 or "keys": of each; "more": the type of values that are added;
                                                 of a tool's arguments all "names", and those "required"
    record              the same                 a pandas Series that is a row of a frame
    list, tuple, set    a list (of a set sorted) "each": the type of all items, or "items": the type of each item;
                                                 then no item can be added
    namedtuple          an object                "names", "fields"
    fields              an object                a dataclass or model that pydantic cannot write as it is
    model               as pydantic writes it    "schema", its JSON Schema
    schema              as "schema" says         an argument that its annotation describes

With "null", null is allowed as well. Single values are in `scalars.py` and `numpy_scalars.py`.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.records import canonical_json
from hitl_nb.values.json_types import ABSENT, JsonKinds
from hitl_nb.values.json_values import MAX_DEPTH, check_text, short_json, suggest_alternative, to_json, with_article
from hitl_nb.values.models import encode_model, is_model
from hitl_nb.values.numpy_scalars import check_science, encode_science, is_record, is_science
from hitl_nb.values.scalars import TypeInfo, check_scalar, encode_scalar, is_scalar
from hitl_nb.values.schemas import schema_errors

_KEYS: dict[type, str] = {bool: "bool", int: "int", float: "float", type(None): "none"}
_CONTAINERS = frozenset({dict, list, tuple, set, frozenset})
_PLAIN = frozenset({bool, int, str, type(None)})


# --- to JSON --------------------------------------------------------------------------------------------------------


def encode_value(value: Any, path: str = "value", depth: int = 0) -> tuple[Any, TypeInfo | None]:
    """Convert `value` to JSON and its type.

    The type is JSON that describes the parts that are not plain JSON, such as dates; None if all parts are plain.

    Args:
        value: The value.
        path: Path of the value for messages, such as `value['lines'][2]`.
        depth: Nesting level of the value.

    Raises:
        TypeError: A part is not supported. The message has its path.
        ValueError: A part cannot be written as JSON. The message has its path.
    """
    if depth > MAX_DEPTH:
        raise ValueError(
            f"{path[:80]}... is nested deeper than {MAX_DEPTH} levels, or contains itself; make it flatter"
        )
    kind = cast("type[Any]", type(value))
    if kind in _PLAIN:
        return to_json(value, path), None
    if kind is float and value - value == 0:  # a finite number
        return value, None
    if kind not in _CONTAINERS:
        found = encode_science(value, path)
        if found is None and is_model(value):
            found = encode_model(value, path, depth, encode_value)
        if found is None:
            found = encode_scalar(value, path)
        if found is not None:
            # A class may write text with lone surrogates, or numbers with too many digits to print.
            return to_json(found[0], path, depth), found[1]
    return _encode_container(value, path, depth)


def _encode_container(value: Any, path: str, depth: int) -> tuple[Any, TypeInfo | None]:
    kind = cast("type[Any]", type(value))
    if isinstance(value, dict):
        return _encode_dict(cast("dict[Any, Any]", value), path, depth)
    if is_record(value):
        shown, described = _encode_dict(dict(value.items()), path, depth)
        return shown, {**(described or {}), "is": "record"}
    if isinstance(value, (set, frozenset)):
        return _encode_set(cast("set[Any]", value), path, depth)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return _encode_namedtuple(value, path, depth)
    if isinstance(value, (list, tuple, collections.deque)):
        return _encode_items(list(cast("list[Any]", value)), kind, path, depth)
    raise TypeError(f"{path} is {with_article(kind.__name__)}; {suggest_alternative(kind)}")


def _encode_dict(value: dict[Any, Any], path: str, depth: int) -> tuple[Any, TypeInfo | None]:
    shown: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    keys: dict[str, Any] = {}
    for key, item in value.items():
        text, keys_type = encode_key(key, path, depth)
        if text in shown:
            raise ValueError(f"{path} has two keys that are written {text!r}; rename one")
        shown[text], fields[text] = encode_value(item, f"{path}[{key!r}]", depth + 1)
        keys[text] = keys_type
    described: TypeInfo = {"is": "dict"}
    if type(value) is not dict:
        described["class"] = type(value).__name__
    if any(keys.values()):
        try:
            described["key"] = _find_common_type(list(keys), list(keys.values()))
        except _MixedTypes:
            described["keys"] = keys
    if len(shown) > 1 or (shown and "key" in described):
        try:
            more = _find_common_type(list(shown.values()), list(fields.values()))
        except _MixedTypes:
            more = None
        if more:
            described["more"] = more
    typed = {text: one for text, one in fields.items() if one}
    if typed:
        described["fields"] = typed
    return shown, described if len(described) > 1 else None


def encode_key(key: Any, path: str, depth: int = 0) -> tuple[str, TypeInfo | None]:
    """Return the text of a dict's key, and the key's type. The type is None if the key is a str.

    Args:
        key: The key.
        path: Path of the dict, for messages.
        depth: Nesting level of the dict.
    """
    if type(key) is str:
        return check_text(key, f"a key of {path}"), None
    found, described = encode_value(key, f"a key of {path}", depth + 1)
    if described is None:
        described = {"is": _KEYS[type(key)]}
    return _format_key(found), described


def _format_key(found: Any) -> str:
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _encode_items(items: list[Any], kind: type, path: str, depth: int) -> tuple[Any, TypeInfo | None]:
    encoded = [encode_value(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(items)]
    shown = [one for one, _ in encoded]
    described: TypeInfo = {"is": "tuple" if issubclass(kind, tuple) else "list", **_items_type(encoded)}
    if kind not in (list, tuple):
        described["class"] = kind.__name__
    return shown, None if described == {"is": "list"} else described


def encode_cells(cells: list[Any], path: str) -> tuple[list[Any], TypeInfo | None]:
    """Convert the cells of a column, and return their JSON and their common type.

    The type is JSON that says how edited cells are checked and converted back; None for plain JSON.

    Args:
        cells: The cells.
        path: Path of the column, for messages.

    Raises:
        TypeError: The cells have several types that are not plain JSON.
        ValueError: A cell cannot be written as JSON.
    """
    encoded = [encode_value(cell, f"{path}[{i}]") for i, cell in enumerate(cells)]
    shown = [one for one, _ in encoded]
    try:
        return shown, _find_common_type(shown, [one for _, one in encoded])
    except _MixedTypes:
        raise TypeError(f"{path} holds values of several types that are no plain JSON; make them of one type") from None


def check_cells(columns: list[dict[str, Any]], rows: list[list[Any]]) -> dict[str, str]:
    """Check the cells of columns with a "cell" type, and put them into their normal form.

    Args:
        columns: The columns of the table.
        rows: The rows; their cells are changed.

    Returns:
        The error messages by path, for example "rows/0/price".
    """
    wrong: dict[str, str] = {}
    for i, column in enumerate(columns):
        if "cell" not in column:
            continue
        for r, row in enumerate(rows):
            if row[i] is not None:
                row[i] = _check_part(column["cell"], row[i], ABSENT, JsonKinds(), f"rows/{r}/{column['name']}", wrong)
    return wrong


def _items_type(encoded: list[tuple[Any, TypeInfo | None]]) -> TypeInfo:
    try:
        each = _find_common_type([shown for shown, _ in encoded], [one for _, one in encoded])
    except _MixedTypes:
        return {"items": [one for _, one in encoded]}
    return {"each": each} if each else {}


def _encode_set(value: Iterable[Any], path: str, depth: int) -> tuple[Any, TypeInfo | None]:
    encoded = [encode_value(item, f"an item of {path}", depth + 1) for item in value]
    encoded.sort(key=lambda one: set_sort_key(one[0]))
    for (shown, its_type), (following, other_type) in pairwise(encoded):
        if its_type != other_type and type(shown) is type(following) and shown == following:
            raise ValueError(f"{path} has two items that are written {shown!r}; people could not tell them apart")
    described: TypeInfo = {"is": "set", **_items_type(encoded)}
    if type(value) is not set:
        described["class"] = type(value).__name__
    return [shown for shown, _ in encoded], described


def set_sort_key(shown: Any) -> tuple[bool, Any, bytes]:
    """Return a key by which the items of a set are sorted in the same order in every process.

    Numbers come first, by size, then other items by their JSON.
    """
    number = type(shown) in (int, float)
    return not number, shown if number else 0, canonical_json(shown)


def _encode_namedtuple(value: Any, path: str, depth: int) -> tuple[Any, TypeInfo]:
    names = list(value._fields)
    encoded = {name: encode_value(item, f"{path}.{name}", depth + 1) for name, item in zip(names, value, strict=True)}
    fields = {name: one for name, (_, one) in encoded.items() if one}
    described: TypeInfo = {"is": "namedtuple", "class": type(value).__name__, "names": names, "fields": fields}
    return {name: shown for name, (shown, _) in encoded.items()}, described


class _MixedTypes(Exception):
    """Raised internally if values that need one common type have several types."""


def _find_common_type(shown: list[Any], types: list[TypeInfo | None]) -> TypeInfo | None:
    """Return the type that all these values have; None if all are plain JSON.

    Nulls are ignored, except that the result then allows null.

    Args:
        shown: The JSON of the values.
        types: The type of each value; None for plain JSON.

    Raises:
        _MixedTypes: The values have several types.
    """
    nulls = {(one or {}).get("is") for item, one in zip(shown, types, strict=True) if item is None}
    pairs = [(item, one) for item, one in zip(shown, types, strict=True) if item is not None]
    if len(nulls) > 1:
        raise _MixedTypes
    if not pairs:
        return types[0] if types else None
    common = pairs[0][1]
    if any(one != common for _, one in pairs):
        common = _merge_types([item for item, _ in pairs], [one for _, one in pairs])
    if not nulls:
        return common
    if common is None:
        if nulls != {None}:
            raise _MixedTypes
        return None
    return {**common, "null": nulls.pop() or True}


def _merge_types(shown: list[Any], types: list[TypeInfo | None]) -> TypeInfo:
    if all(type(item) is float or (one or {}).get("is") == "float" for item, one in zip(shown, types, strict=True)):
        return {"is": "float", "endless": True}
    some = [one or _container_type(item) for item, one in zip(shown, types, strict=True)]
    first = some[0]
    if first is None or any(one is None or one["is"] != first["is"] for one in some):
        raise _MixedTypes
    known = cast("list[TypeInfo]", some)
    if first["is"] == "dict" and not any("key" in one or "keys" in one for one in known):
        if len({one.get("class") for one in known}) > 1:
            raise _MixedTypes
        return _merge_dict_types(shown, known)
    if first["is"] in ("list", "tuple", "set"):
        return _merge_list_types(shown, known)
    flags = [{k: v for k, v in one.items() if k not in ("endless", "null")} for one in known]
    if any(one != flags[0] for one in flags) or len({str(one.get("null")) for one in known if "null" in one}) > 1:
        raise _MixedTypes
    merged: TypeInfo = {}
    for one in known:
        merged |= one
    return merged


def _container_type(shown: Any) -> TypeInfo | None:
    return {"is": "dict"} if isinstance(shown, dict) else {"is": "list"} if isinstance(shown, list) else None


def _merge_list_types(shown: list[Any], types: list[TypeInfo]) -> TypeInfo:
    """Return the common type of several lists. Some may be empty, or contain null.

    Raises:
        _MixedTypes: The items have several types.
    """
    bare = [{key: item for key, item in one.items() if key != "each"} for one in types]
    if "items" in bare[0] or any(one != bare[0] for one in bare):
        raise _MixedTypes
    items: list[Any] = []
    each: list[TypeInfo | None] = []
    for part, one in zip(shown, types, strict=True):
        own: TypeInfo | None = one.get("each")
        null = (own or {}).get("null")
        given = {key: item for key, item in own.items() if key != "null"} if own else None
        for item in part:
            items.append(item)
            each.append(given if item is not None else {"is": null} if isinstance(null, str) else None)
    common = _find_common_type(items, each)
    return {**bare[0], **({"each": common} if common else {})}


def _merge_dict_types(shown: list[Any], types: list[TypeInfo]) -> TypeInfo:
    """Return the common type of dicts of which not all have the same keys.

    Raises:
        _MixedTypes: Values at the same key have several types.
    """
    fields: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in types for name in one.get("fields", {})):
        having = [
            (item[name], one.get("fields", {}).get(name))
            for item, one in zip(shown, types, strict=True)
            if name in item
        ]
        fields[name] = _find_common_type([item for item, _ in having], [one for _, one in having])
    merged: TypeInfo = {"is": "dict", "fields": {name: one for name, one in fields.items() if one}}
    more = [one.get("more") for item, one in zip(shown, types, strict=True) if len(item) > 1]
    if more and more[0] and all(one == more[0] for one in more):
        merged["more"] = more[0]
    return {**merged, **({"class": types[0]["class"]} if "class" in types[0] else {})}


# --- checks ---------------------------------------------------------------------------------------------------------


def check_value(
    described: TypeInfo | None, value: Any, before: Any = ABSENT, kinds: JsonKinds | None = None
) -> tuple[Any, dict[str, str]]:
    """Check an edit by the type of the proposed value.

    Args:
        described: The type of the proposed value, as `encode_value` returned it; None for plain JSON.
        value: The edited JSON.
        before: The proposed JSON. Parts that are equal to it are valid.
        kinds: JSON types of the plain parts, which an edit must keep.

    Returns:
        The JSON in normal form, and one error message per path ("lines/0/price"). No messages: the edit is valid.
    """
    wrong: dict[str, str] = {}
    return _check_part(described, value, before, kinds or JsonKinds(), "", wrong), wrong


def _check_part(
    described: TypeInfo | None, value: Any, before: Any, kinds: JsonKinds, path: str, wrong: dict[str, str]
) -> Any:
    if described is None:
        return kinds.fit_value(value, before, path, wrong)
    if value is None and "null" in described:
        return value
    if before is not ABSENT and type(value) is type(before) and canonical_json(value) == canonical_json(before):
        return value
    kind = described["is"]
    try:
        if is_scalar(described):
            return check_scalar(described, value)
        if is_science(described):
            return check_science(described, value)
    except ValueError as error:
        wrong[path] = str(error)
        return value
    if kind in ("model", "schema"):
        schema = described.get("schema")
        for where, message in (schema_errors(schema, value) if schema else {}).items():
            wrong[_join_path(path, where)] = message
        return value
    if kind in ("dict", "record"):
        return _check_dict(described, value, before, kinds, path, wrong)
    if kind in ("namedtuple", "fields"):
        return _check_fields(described, value, before, kinds, path, wrong)
    return _check_items(described, value, before, kinds, path, wrong)


def _join_path(path: str, name: Any) -> str:
    return f"{path}/{name}".strip("/")


def _check_dict(
    described: TypeInfo, value: Any, before: Any, kinds: JsonKinds, path: str, wrong: dict[str, str]
) -> Any:
    if not isinstance(value, dict):
        wrong[path] = f"must be an object, not {short_json(value)}"
        return value
    given = cast("dict[str, Any]", value)
    known = cast("dict[str, Any]", before) if isinstance(before, dict) else {}
    fields, more = described.get("fields", {}), described.get("more")
    checked: dict[str, Any] = {}
    for text, item in given.items():
        try:
            name = text if text in known else check_key(described, text)
        except ValueError as error:
            wrong[_join_path(path, text)] = str(error)
            continue
        if name in checked:
            wrong[_join_path(path, text)] = f"is the key {name} again"
        one = fields.get(name) if name in known or name in fields else more
        if "names" in described and name not in described["names"]:
            wrong[_join_path(path, name)] = "is no argument of this tool"
        checked[name] = _check_part(
            one, item, known.get(name, ABSENT), kinds.field_kinds(name), _join_path(path, name), wrong
        )
    for name in described.get("required", ()):
        if name not in given:
            wrong[_join_path(path, name)] = "is required"
    return checked


def check_key(described: TypeInfo, text: str) -> str:
    """Check a key of an edited dict, and return its text in normal form.

    Args:
        described: The type of the dict.
        text: The key in the edited JSON.

    Raises:
        ValueError: The text is not a valid key of the dict.
    """
    if "keys" in described:
        if text not in described["keys"]:
            raise ValueError("is a new key, and the keys here are of several types; keep them as they are")
        return text
    if "key" not in described:
        return text
    try:
        return _format_key(parse_key(described["key"], text))
    except ValueError as error:
        raise ValueError(f"is no key: it {error}") from None


def parse_key(described: TypeInfo | None, text: str) -> Any:
    """Return the JSON of the key that a text represents.

    Args:
        described: The type of the key; None for text.
        text: The text.

    Raises:
        ValueError: The text is not a key of this type.
    """
    if described is None:
        return text
    found, wrong = check_value(described, text)
    if wrong:
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(next(iter(wrong.values()))) from None
        found, wrong = check_value(described, read)
    if wrong:
        raise ValueError(next(iter(wrong.values())))
    return found


def _check_fields(
    described: TypeInfo, value: Any, before: Any, kinds: JsonKinds, path: str, wrong: dict[str, str]
) -> Any:
    names: list[str] = described["names"]
    if described["is"] == "namedtuple" and isinstance(value, list):
        items = cast("list[Any]", value)
        value = dict(zip(names, items, strict=True)) if len(items) == len(names) else items
    if not isinstance(value, dict):
        wrong[path] = f"must be an object with {', '.join(names)}, not {short_json(value)}"
        return value
    given = cast("dict[str, Any]", value)
    known = cast("dict[str, Any]", before) if isinstance(before, dict) else {}
    for name in described.get("required", names):
        if name not in given:
            wrong[_join_path(path, name)] = "is required"
    for name in given:
        if name not in names:
            wrong[_join_path(path, name)] = f"is no field of {described['class']}"
    fields = described["fields"]
    return {
        name: _check_part(
            fields.get(name), item, known.get(name, ABSENT), kinds.field_kinds(name), _join_path(path, name), wrong
        )
        for name, item in given.items()
    }


def _check_items(
    described: TypeInfo, value: Any, before: Any, kinds: JsonKinds, path: str, wrong: dict[str, str]
) -> Any:
    if not isinstance(value, list):
        wrong[path] = f"must be a list, not {short_json(value)}"
        return value
    items = cast("list[Any]", value)
    known = cast("list[Any]", before) if isinstance(before, list) else []
    if described["is"] == "set":
        return _check_set(described, items, known, kinds.item_kinds, path, wrong)
    each, every = described.get("items"), described.get("each")
    if each is None and every is None:
        return kinds.fit_items(items, known, path, wrong)
    if each is not None and len(each) != len(items):
        wrong[path] = "must keep its number of items: they are of several types"
        return items
    if len(items) != len(known):
        # Items moved: find the unchanged items by their JSON.
        there = {canonical_json(item): item for item in known}
        known = [there.get(canonical_json(item), ABSENT) for item in items]
    return [
        _check_part(
            each[i] if each is not None else every, item, known[i], kinds.item_kinds, _join_path(path, i), wrong
        )
        for i, item in enumerate(items)
    ]


def _check_set(
    described: TypeInfo, items: list[Any], known: list[Any], kinds: JsonKinds, path: str, wrong: dict[str, str]
) -> Any:
    checked: dict[bytes, Any] = {}
    spelled = {canonical_json(item) for item in known}
    for i, item in enumerate(items):
        where = _join_path(path, i)
        if "items" in described:
            if canonical_json(item) not in spelled:
                wrong[where] = "is new, and the items here are of several types; they can only be removed"
        else:
            item = _check_part(described.get("each"), item, ABSENT, kinds, where, wrong)
            if described.get("each") is None and isinstance(item, (dict, list)):
                wrong[where] = f"cannot be in a set: {short_json(item)}"
        checked[canonical_json(item)] = item
    return sorted(checked.values(), key=set_sort_key)
