"""Convert edited JSON to Python values of the proposed types (see `typed_values.py` for the types).

The store never names a class. The class comes from the object that was proposed at the same position, or from another
proposed object of the same type. A part that was not edited becomes the proposed object itself.

In this module, `described` is the type of a part, `before` its proposed JSON, and `own` the proposed object. `like` is
an object whose class is used.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.records import canonical_json
from hitl_nb.values.json_types import ABSENT
from hitl_nb.values.json_values import with_article
from hitl_nb.values.models import build_edited_model, build_model_from_fields, validate_json
from hitl_nb.values.numpy_scalars import decode_science, is_record, is_science, make_record
from hitl_nb.values.scalars import TypeInfo, decode_scalar, is_scalar
from hitl_nb.values.typed_values import encode_key, encode_value, parse_key, set_sort_key


def rebuild_value(
    described: TypeInfo | None, value: Any, before: Any, original: Any, adapters: Mapping[str, Any] = {}
) -> Any:
    """Make a Python object from a checked edit, with the classes of the proposed object.

    Parts that were not edited are the proposed objects themselves.

    Args:
        described: The type of `original`: JSON that describes the parts that are not plain JSON. None: plain JSON.
        value: The checked JSON.
        before: The JSON of `original`.
        original: The proposed object.
        adapters: Pydantic's adapters of the arguments whose type is "schema", by path.

    Raises:
        InvalidEdit: The classes refuse the edited value. One message per path.
    """
    rebuilder = _Rebuilder(adapters)
    rebuilder.learn_classes(described, original)
    try:
        return rebuilder.rebuild(described, value, before, original, "")
    except _PlacedError as error:
        raise InvalidEdit(error.fields) from None


class _PlacedError(InvalidEdit):
    """An error whose paths already begin at the top of the value, so that callers do not add their own path."""


class _Rebuilder:
    def __init__(self, adapters: Mapping[str, Any]) -> None:
        self._adapters = adapters
        self._likes: dict[int, Any] = {}
        """Id of a type's description -> a proposed object of this type, which has the class to use."""

    def learn_classes(self, described: TypeInfo | None, original: Any) -> None:
        """Remember the classes of all parts of the proposed object, so that edited parts get the same classes.

        Args:
            described: Type of `original`.
            original: The proposed object.
        """
        if described is None or original is None or ("null" in described and type(original).__name__ in _NULLS):
            return
        self._likes.setdefault(id(described), original)
        for one, part in _list_parts(described, original):
            self.learn_classes(one, part)

    def rebuild(self, described: TypeInfo | None, value: Any, before: Any, own: Any, path: str) -> Any:
        """Make the object for one part of the value.

        Args:
            described: Type of the part.
            value: The edited JSON.
            before: The proposed JSON, or `ABSENT`.
            own: The proposed object, or `ABSENT`.
            path: Path of the part, for messages.
        """
        if described is None:
            return value
        if value is None and "null" in described:
            return None if described["null"] is True else decode_science({"is": described["null"]}, None, None)
        kind = described["is"]
        like = self._find_like(described, own)
        try:
            if kind in ("dict", "record"):
                return self._rebuild_dict(described, value, before, own, path)
            if kind in ("list", "tuple"):
                return _items_like(like, kind, self._rebuild_items(described, value, before, own, path))
            if kind == "set":
                return _items_like(like, kind, self._rebuild_set_items(described, value, own, path))
            if kind in ("namedtuple", "fields"):
                return self._rebuild_fields(described, value, before, own, like, path)
            if own is not ABSENT and before is not ABSENT and canonical_json(value) == canonical_json(before):
                return own
            if is_scalar(described):
                return decode_scalar(described, value, like)
            if is_science(described):
                return decode_science(described, value, like)
            if kind == "schema":
                # If the annotation is gone, the argument keeps its JSON form.
                return validate_json(self._adapters[path], value) if path in self._adapters else value
            return build_edited_model(like, value, before)
        except (_PlacedError, RecursionError):
            raise
        except InvalidEdit as error:
            raise _PlacedError({_join_path(path, where): said for where, said in error.fields.items()}) from None
        except Exception as error:  # noqa: BLE001 - a class of the agent may refuse a value with any exception
            raise _PlacedError({path: f"does not fit {_class_name(like)} ({error})"}) from None

    def _find_like(self, described: TypeInfo, own: Any) -> Any:
        known = self._likes.get(id(described))
        return own if own is not ABSENT and (known is None or type(own) is type(known)) else known

    def _rebuild_dict(self, described: TypeInfo, value: Any, before: Any, own: Any, path: str) -> Any:
        given = _dict_items(own)
        parts = {encode_key(key, "")[0]: (key, item) for key, item in given.items()}
        known = cast("dict[str, Any]", before) if isinstance(before, dict) else {}
        fields, more = described.get("fields", {}), described.get("more")
        made: dict[Any, Any] = {}
        for text, item in cast("dict[str, Any]", value).items():
            key, part = parts.get(text, (ABSENT, ABSENT))
            if key is ABSENT:
                key = self._rebuild_key(described, text)
            one = fields.get(text) if text in known or text in fields else more
            made[key] = self.rebuild(one, item, known.get(text, ABSENT), part, _join_path(path, text))
        like = self._find_like(described, own)
        if like is None or type(like) is dict:
            return made
        if described["is"] == "record":
            return make_record(like, made)
        copied = copy.copy(like)
        copied.clear()
        copied.update(made)
        if type(copied) is not type(like) or len(copied) != len(made):
            raise TypeError("its items cannot be replaced")
        return copied

    def _rebuild_key(self, described: TypeInfo, text: str) -> Any:
        one = described["keys"].get(text) if "keys" in described else described.get("key")
        return text if one is None else self.rebuild(one, parse_key(one, text), ABSENT, ABSENT, "")

    def _rebuild_items(self, described: TypeInfo, value: Any, before: Any, own: Any, path: str) -> list[Any]:
        items = cast("list[Any]", value)
        known = cast("list[Any]", before) if isinstance(before, list) else []
        parts = list(cast("list[Any]", own)) if own is not ABSENT and hasattr(own, "__iter__") else []
        if len(parts) != len(known):
            parts = []
        places = list(range(len(items)))
        if len(items) != len(known) and "each" in described:
            # Items moved: find the unchanged items by their JSON.
            at = {canonical_json(item): i for i, item in reversed(list(enumerate(known)))}
            places = [at.get(canonical_json(item), i) for i, item in enumerate(items)]
        made: list[Any] = []
        for i, item in enumerate(items):
            one = described["items"][i] if "items" in described else described.get("each")
            place = places[i]
            there = (known[place], parts[place]) if place < len(parts) else (ABSENT, ABSENT)
            made.append(self.rebuild(one, item, *there, _join_path(path, i)))
        return made

    def _rebuild_set_items(self, described: TypeInfo, value: Any, own: Any, path: str) -> list[Any]:
        known = {canonical_json(shown): (shown, item) for shown, item in _sorted_items(own)}
        made: list[Any] = []
        for i, item in enumerate(cast("list[Any]", value)):
            before, part = known.get(canonical_json(item), (ABSENT, ABSENT))
            one = described.get("each")
            made.append(part if "items" in described else self.rebuild(one, item, before, part, _join_path(path, i)))
        return made

    def _rebuild_fields(self, described: TypeInfo, value: Any, before: Any, own: Any, like: Any, path: str) -> Any:
        known = cast("dict[str, Any]", before) if isinstance(before, dict) else {}
        attributes = described.get("attributes", {})
        made: dict[str, Any] = {}
        for name, item in cast("dict[str, Any]", value).items():
            one = described["fields"].get(name)
            if one is not None and one["is"] == "schema":
                one = None  # the class itself converts the value
            part = getattr(own, attributes.get(name, name), ABSENT)
            made[name] = self.rebuild(one, item, known.get(name, ABSENT), part, _join_path(path, name))
        if described["is"] == "namedtuple":
            return type(like)(**made)
        return build_model_from_fields(like, made, called="called" in described)


_NULLS = frozenset({"NaTType", "NAType"})


def _list_parts(described: TypeInfo, original: Any) -> list[tuple[TypeInfo | None, Any]]:
    """List the parts of a container as pairs (type of the part, part).

    Args:
        described: Type of the container: JSON that describes the parts that are not plain JSON.
        original: The container; an object of a class with fields is one too.
    """
    kind = described["is"]
    if kind in ("dict", "record"):
        fields, more = described.get("fields", {}), described.get("more")
        found: list[tuple[TypeInfo | None, Any]] = []
        for key, item in _dict_items(original).items():
            text = encode_key(key, "")[0]
            found.append((described["keys"].get(text) if "keys" in described else described.get("key"), key))
            found += [(fields.get(text), item), (more, item)]
        return found
    if kind in ("list", "tuple") and hasattr(original, "__iter__"):
        items = list(cast("list[Any]", original))
        if "items" in described:
            return list(zip(described["items"], items, strict=False))
        return [(described.get("each"), item) for item in items]
    if kind == "set" and "each" in described and hasattr(original, "__iter__"):
        return [(described["each"], item) for item in cast("set[Any]", original)]
    if kind in ("namedtuple", "fields"):
        attributes = described.get("attributes", {})
        return [(one, getattr(original, attributes.get(n, n), None)) for n, one in described["fields"].items()]
    return []


def _dict_items(own: Any) -> dict[Any, Any]:
    """Return the items of a dict, or of a pandas Series that is a row of a frame: key -> item.

    Empty for any other value.
    """
    if isinstance(own, dict):
        return cast("dict[Any, Any]", own)
    return dict(own.items()) if is_record(own) else {}


def _sorted_items(own: Any) -> list[tuple[Any, Any]]:
    if not isinstance(own, (set, frozenset)):
        return []
    return sorted(
        ((encode_value(item)[0], item) for item in cast("set[Any]", own)), key=lambda one: set_sort_key(one[0])
    )


def _items_like(like: Any, kind: str, items: list[Any]) -> Any:
    """Make a list, tuple or set of these items, of the class of `like`.

    Args:
        like: An object of the class; None for the built-in class.
        kind: "list", "tuple" or "set".
        items: The items.

    Raises:
        TypeError: The class does not accept the items.
    """
    plain = {"list": list, "tuple": tuple, "set": set}[kind]
    if like is None or type(like) is plain:
        return plain(items)
    if kind != "list":
        made = type(like)(items)
    else:
        made = copy.copy(like)
        made.clear()
        made.extend(items)
    if type(made) is not type(like) or (kind != "set" and len(made) != len(items)):
        raise TypeError("its items cannot be replaced")
    return made


def _join_path(path: str, name: Any) -> str:
    return f"{path}/{name}".strip("/")


def _class_name(like: Any) -> str:
    return "what was proposed" if like is None else with_article(type(like).__name__)
