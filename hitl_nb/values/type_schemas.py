"""Make JSON Schemas of types (see `typed_values.py`) for forms: which field is a date, which field offers a choice."""

from __future__ import annotations

from typing import Any, cast

from hitl_nb.values.numpy_scalars import is_science, science_schema
from hitl_nb.values.scalars import TypeInfo, is_scalar, scalar_schema


def type_schema(described: TypeInfo | None) -> dict[str, Any] | None:
    """Return the JSON Schema for values of a type (`TypeInfo`) and all their parts.

    None if the schema would not restrict the value.
    """
    definitions: dict[str, Any] = {}
    schema = _build_schema(described, definitions)
    if not schema:
        return None
    return {**schema, "$defs": definitions} if definitions else schema


def without_schemas(described: Any) -> Any:
    """Return a type (`TypeInfo`) without the JSON Schemas in it, because the question's own schema has them too."""
    if isinstance(described, list):
        return [without_schemas(one) for one in cast("list[Any]", described)]
    if not isinstance(described, dict):
        return described
    one = cast("dict[str, Any]", described)
    if one.get("is") in ("model", "schema"):
        return {key: item for key, item in one.items() if key != "schema"}
    if one.get("is") in ("enum", "flag"):
        return one
    return {key: without_schemas(item) for key, item in one.items()}


def _build_schema(described: TypeInfo | None, definitions: dict[str, Any]) -> dict[str, Any]:
    if described is None:
        return {}
    kind = described["is"]
    schema: dict[str, Any]
    if is_scalar(described):
        schema = scalar_schema(described)
    elif is_science(described):
        schema = science_schema(described)
    elif kind in ("model", "schema"):
        schema = _hoist_definitions(described.get("schema") or {}, definitions)
    elif kind in ("dict", "record", "namedtuple", "fields"):
        schema = _object_schema(described, definitions)
    else:
        schema = {"type": "array", **({"uniqueItems": True} if kind == "set" else {})}
        if each := _build_schema(described.get("each"), definitions):
            schema["items"] = each
    return {"anyOf": [schema, {"type": "null"}]} if "null" in described else schema


def _object_schema(described: TypeInfo, definitions: dict[str, Any]) -> dict[str, Any]:
    fields = dict.fromkeys(described.get("names", ())) | described.get("fields", {})
    schema: dict[str, Any] = {"type": "object"}
    if fields:
        schema["properties"] = {name: _build_schema(one, definitions) for name, one in fields.items()}
    if described["is"] not in ("dict", "record") or "required" in described:
        schema["required"] = described.get("required", described.get("names", []))
    if described["is"] not in ("dict", "record") or "names" in described:
        schema["additionalProperties"] = False
    return schema


def _hoist_definitions(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON Schema as a part of a larger schema. Its `$defs` are moved to the larger schema.

    Args:
        schema: The schema; its references are changed to the new names.
        definitions: `$defs` of the larger schema; the function adds definitions under unused names.
    """
    own: dict[str, Any] = schema.get("$defs", {})
    names: dict[str, str] = {}
    for name, meaning in own.items():
        free, n = name, 1
        while free in definitions and definitions[free] != meaning:
            n += 1
            free = f"{name}_{n}"
        names[name] = free
    renamed = {name: new for name, new in names.items() if name != new}
    for name, meaning in own.items():
        definitions[names[name]] = _rewrite_references(meaning, renamed)
    return _rewrite_references({key: item for key, item in schema.items() if key != "$defs"}, renamed)


def _rewrite_references(part: Any, renamed: dict[str, str]) -> Any:
    if not renamed:
        return part
    if isinstance(part, list):
        return [_rewrite_references(one, renamed) for one in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    given = cast("dict[str, Any]", part)
    made = {key: _rewrite_references(item, renamed) for key, item in given.items()}
    reference = given.get("$ref")
    if isinstance(reference, str) and reference.removeprefix("#/$defs/") in renamed:
        made["$ref"] = "#/$defs/" + renamed[reference.removeprefix("#/$defs/")]
    return made
