"""JSON types of a proposed value, which an edit must keep.

A text stays a text, a number a number, true or false stays true or false, a list a list, an object an object. A whole
number stays whole. In place of 2.5, the number 3 becomes 3.0. A proposed null may be replaced by any value; no other
value may be replaced by null.

All items of a list are checked in the same way. Each must have one of the types of the proposed items, or be null if
one of them was null. If the proposed items have several types, a list of the same length keeps the type at each index.
Items that only moved are accepted. Keys and items may be added and removed; a new key may have any value. Where a
schema names a type, only the schema is checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import unquote

from hitl_nb.records import canonical_json
from hitl_nb.values.json_values import short_json

ABSENT: Any = object()
"""Marks a value that does not exist."""

_NAMES: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
}
_NUMBERS = {int, float}


class JsonKinds:
    """The JSON types that were proposed at one position in a value. For a list, the types of all its items together.

    Attributes:
        types: The types, without null. Empty if nothing or only null was proposed; then any value fits.
        null: True if null was proposed.
        free: True if something else, such as a schema, checks the type.
        fields: For objects, the types by key.
        items: For lists, the types of the items.
    """

    __slots__ = ("_mixed", "fields", "free", "items", "null", "types")

    def __init__(self, *values: Any) -> None:
        self.types: set[type] = set()
        self.null = False
        self.free = False
        self.fields: dict[str, JsonKinds] = {}
        self.items: JsonKinds | None = None
        self._mixed: bool | None = None
        for value in values:
            self._add_value(value)

    def _add_value(self, value: Any) -> None:
        if value is None:
            self.null = True
            return
        self.types.add(cast("type[Any]", type(value)))
        if isinstance(value, dict):
            for key, item in cast("dict[str, Any]", value).items():
                self.fields.setdefault(key, JsonKinds())._add_value(item)
        elif isinstance(value, list):
            self.items = self.items or JsonKinds()
            for item in cast("list[Any]", value):
                self.items._add_value(item)

    def field_kinds(self, name: str) -> JsonKinds:
        """Return the types of the value at a key. For a new key, no types are known."""
        return self.fields.get(name) or JsonKinds()

    @property
    def item_kinds(self) -> JsonKinds:
        """Types of the list's items. For an empty list, no types are known."""
        return self.items or JsonKinds()

    @property
    def is_mixed(self) -> bool:
        """True if values of several types were proposed at this position, or inside these values.

        All numbers count as one type.
        """
        if self._mixed is None:
            parts = [*self.fields.values(), *([self.items] if self.items else [])]
            several = len(self.types) > 1 and not self.types <= _NUMBERS
            self._mixed = several or any(part.is_mixed for part in parts)
        return self._mixed

    def release_to_schemas(self, schemas: list[dict[str, Any]], root: dict[str, Any]) -> None:
        """Mark positions whose types a JSON Schema checks, so that they are not checked here.

        Args:
            schemas: The parts of `root` that describe this position.
            root: The whole schema.
        """
        meant = _collect_alternatives(schemas, root)
        self.free = self.free or any(not part.keys().isdisjoint(("type", "enum", "const")) for part in meant)
        for name, kinds in self.fields.items():
            kinds.release_to_schemas([inside for part in meant for inside in _property_schemas(part, name)], root)
        if self.items:
            self.items.release_to_schemas([inside for part in meant for inside in _item_schemas(part)], root)

    def fit_value(self, value: Any, own: Any, path: str, wrong: dict[str, str]) -> Any:
        """Return `value` with its numbers in the proposed form, and report values of other types in `wrong`.

        Args:
            value: The edited value.
            own: The value that was proposed at this position, or `ABSENT`.
            path: Path of the position, for example "lines/0/price".
            wrong: Path -> error message; the function adds messages.
        """
        if value is None:
            if self.types and not self.null and not self.free:
                wrong[path] = self._refusal(self.types, value)
            return None
        if not self.types:
            return value
        numbers = self.types <= _NUMBERS
        wanted = self.types if own is None or own is ABSENT or numbers else {cast("type[Any]", type(own))}
        value = _convert_number(wanted, value)
        if type(value) not in wanted:
            if not self.free:
                wrong[path] = self._refusal(wanted, value)
            return value
        if isinstance(value, dict):
            known = cast("dict[str, Any]", own) if isinstance(own, dict) else {}
            return {
                name: self.field_kinds(name).fit_value(
                    item, known.get(name, ABSENT), f"{path}/{name}".strip("/"), wrong
                )
                for name, item in cast("dict[str, Any]", value).items()
            }
        return self.fit_items(cast("list[Any]", value), own, path, wrong) if isinstance(value, list) else value

    def fit_items(self, items: list[Any], own: Any, path: str, wrong: dict[str, str]) -> list[Any]:
        """Apply `fit_value` to the items of a list, and return the new list.

        Args:
            items: The edited list.
            own: The proposed list, or `ABSENT`.
            path: Path of the list.
            wrong: Path -> error message; the function adds messages.
        """
        kinds = self.item_kinds
        known = cast("list[Any]", own) if isinstance(own, list) and len(cast("list[Any]", own)) == len(items) else []
        moved = {canonical_json(item) for item in known} if known and kinds.is_mixed else set[bytes]()
        return [
            item
            if moved and canonical_json(item) in moved
            else kinds.fit_value(item, known[i] if known else ABSENT, f"{path}/{i}".strip("/"), wrong)
            for i, item in enumerate(items)
        ]

    def _refusal(self, wanted: set[type], value: Any) -> str:
        names = [name for kind, name in _NAMES.items() if kind in wanted and (kind is not int or float not in wanted)]
        allowed = " or ".join([*names, *(["null"] if self.null else [])])
        return f"must be {allowed}, as was proposed, not {short_json(value)}"


def _convert_number(wanted: set[type], value: Any) -> Any:
    """Convert a number to the wanted type if nothing is lost. Other values are returned unchanged."""
    if type(value) is int and float in wanted and int not in wanted:
        try:
            return float(value) if float(value) == value else value
        except OverflowError:
            return value
    if type(value) is float and value.is_integer() and int in wanted and float not in wanted:
        return int(value)
    return value


def _only_objects(parts: Iterable[Any]) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", part) for part in parts if isinstance(part, dict)]


def _property_schemas(schema: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """List the parts of a schema that may describe the property `name`."""
    properties = schema.get("properties", {})
    if name in properties:
        return _only_objects([properties[name]])
    return _only_objects([*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")])


def _item_schemas(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """List the parts of a schema that may describe an item of a list."""
    items = schema.get("items")
    older = cast("list[Any]", items) if isinstance(items, list) else [items]  # before 2020-12: one schema per index
    return _only_objects([*older, *schema.get("prefixItems", ()), schema.get("additionalItems")])


def _collect_alternatives(schemas: list[dict[str, Any]], root: dict[str, Any]) -> list[dict[str, Any]]:
    """List schemas together with all schemas that they refer to or combine (`$ref`, `anyOf`, `then` ...), each once.

    Args:
        schemas: The schemas.
        root: The whole schema, in which references are looked up.
    """
    found: dict[int, dict[str, Any]] = {}
    left = list(schemas)
    while left:
        schema = left.pop()
        if id(schema) in found:
            continue
        found[id(schema)] = schema
        parts = [schema.get("then"), schema.get("else")]
        for key in ("anyOf", "oneOf", "allOf"):
            parts += schema.get(key, ())
        if "$ref" in schema:
            parts.append(_resolve_reference(schema["$ref"], root))
        left += _only_objects(parts)
    return list(found.values())


_UNKNOWN: dict[str, Any] = {"type": []}
"""Used for a schema that cannot be found. It counts as naming a type, so that only the schema checks the type."""


def _resolve_reference(reference: str, root: dict[str, Any]) -> Any:
    """Return the part of the whole schema `root` to which a reference such as "#/$defs/Address" points.

    `_UNKNOWN` for a reference to another document, or to a part that does not exist.
    """
    if reference != "#" and not reference.startswith("#/"):
        return _UNKNOWN
    found: Any = root
    for part in reference.split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        found = cast("dict[str, Any]", found).get(name, _UNKNOWN) if isinstance(found, dict) else _UNKNOWN
    return found
