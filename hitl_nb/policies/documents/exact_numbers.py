"""Exact numbers for conditions: Decimal and Fraction values, which a question's JSON holds as text.

JSON has no exact form of such numbers. So the question records which texts are numbers: in the types of its value, the
schema of a model, or the columns of a table. Conditions read them as exact numbers (`Fraction`), so that `value.amount
> 100` is true for Decimal("100.01").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, cast

from hitl_nb.records import Question

_MAX_DIGITS = 400
"""Largest number of digits, before or after the decimal point. A longer number stays text: comparing it could take
long.
"""
_SCHEMA_KINDS = ("model", "schema")
_TEXT_KINDS = ("decimal", "fraction")

_TypeMapping = Mapping[str, Any]


def value_with_numbers(question: Question) -> Any:
    """Return the question's value with each text that represents a Decimal or Fraction replaced by a `Fraction`.

    Other parts of the value, and texts that are no number, are unchanged.
    """
    value, schema = question.value, question.schema or {}
    if question.kind == "table":
        return _read_table(value)
    if question.codec == "model":
        return _convert_by_schema(schema, value, schema)
    return value if question.types is None else _convert_by_type(question.types, value, schema, schema)


def _convert_by_type(described: _TypeMapping | None, value: Any, schema: Any, root: _TypeMapping) -> Any:
    """Convert texts in `value` to numbers where the question's recorded types say that they are numbers.

    Args:
        described: Recorded type of `value`, a part of `Question.types`. None: the value is plain JSON.
        value: The value, or a part of it.
        schema: JSON Schema for `value`, used for parts whose type is recorded as a schema only.
        root: The whole JSON Schema, in which references such as "#/$defs/Item" are looked up.
    """
    if described is None or value is None:
        return value
    kind = described.get("is")
    if kind in _TEXT_KINDS:
        return _read_number(value, kind)
    if kind in _SCHEMA_KINDS:
        return _convert_by_schema(schema, value, root)
    inner = _part_schemas(schema, root)
    if isinstance(value, dict):
        fields, more = described.get("fields", {}), described.get("more")
        table = cast("dict[str, Any]", value)
        if not fields and not more:
            return table
        return {
            key: _convert_by_type(fields.get(key, more), one, inner.get("properties", {}).get(key), root)
            for key, one in table.items()
        }
    if isinstance(value, list):
        each, items = described.get("each"), described.get("items", [])
        listed = cast("list[Any]", value)
        if not each and not items:
            return listed
        return [
            _convert_by_type(items[n] if n < len(items) else each, one, inner.get("items"), root)
            for n, one in enumerate(listed)
        ]
    return value


def _convert_by_schema(schema: Any, value: Any, root: _TypeMapping) -> Any:
    """Convert texts in `value` to numbers where the JSON Schema accepts no text except decimal numbers.

    Args:
        schema: JSON Schema for `value`.
        value: The value, or a part of it.
        root: The whole JSON Schema, in which references such as "#/$defs/Item" are looked up.
    """
    if isinstance(value, str):
        texts = [one for one in _iterate_alternatives(schema, root) if _accepts_text(one)]
        return (
            _read_number(value, "decimal") if texts and all(one.get("format") == "decimal" for one in texts) else value
        )
    if not isinstance(value, (dict, list)):
        return value
    inner = _part_schemas(schema, root)
    if isinstance(value, dict):
        fields, more = inner.get("properties", {}), inner.get("additionalProperties")
        table = cast("dict[str, Any]", value)
        return {key: _convert_by_schema(fields.get(key, more), one, root) for key, one in table.items()}
    first = inner.get("prefixItems", ())
    listed = cast("list[Any]", value)
    return [
        _convert_by_schema(first[n] if n < len(first) else inner.get("items"), one, root)
        for n, one in enumerate(listed)
    ]


def _part_schemas(schema: Any, root: _TypeMapping) -> _TypeMapping:
    """Return the schema that describes the fields or items of an object or list.

    {} if no alternative of `schema` (see `anyOf` in JSON Schema) describes them, or if several do.
    """
    names = ("properties", "items", "prefixItems", "additionalProperties")
    found = [one for one in _iterate_alternatives(schema, root) if any(name in one for name in names)]
    return found[0] if len(found) == 1 else {}


def _iterate_alternatives(schema: Any, root: _TypeMapping, level: int = 0) -> Iterator[_TypeMapping]:
    """Yield the alternatives of a JSON Schema: the schemas in its `anyOf` and `oneOf`, or `schema` itself.

    References are followed. Nothing is yielded below 20 levels, or if `schema` is no mapping.
    """
    if not isinstance(schema, Mapping) or level > 20:
        return
    one = cast("Mapping[str, Any]", schema)
    if isinstance(one.get("$ref"), str):
        yield from _iterate_alternatives(_resolve_reference(one["$ref"], root), root, level + 1)
    elif "anyOf" in one or "oneOf" in one:
        for other in (*one.get("anyOf", ()), *one.get("oneOf", ())):
            yield from _iterate_alternatives(other, root, level + 1)
    elif len(one.get("allOf", ())) == 1:  # pydantic wraps a reference like this
        yield from _iterate_alternatives(one["allOf"][0], root, level + 1)
    else:
        yield one


def _resolve_reference(reference: str, root: _TypeMapping) -> Any:
    found: Any = root
    if not reference.startswith("#/"):
        return None
    for name in reference[2:].split("/"):
        found = (
            cast("Mapping[str, Any]", found).get(name.replace("~1", "/").replace("~0", "~"))
            if isinstance(found, Mapping)
            else None
        )
    return found


def _accepts_text(schema: _TypeMapping) -> bool:
    kind = schema.get("type")
    return kind is None or kind == "string" or (isinstance(kind, list) and "string" in kind)


def _read_table(table: Any) -> Any:
    columns: list[Any] = table.get("columns", [])
    decimals = {n for n, column in enumerate(columns) if column.get("type") == "decimal"}
    if not decimals:
        return table
    rows: list[list[Any]] = table["rows"]
    read = [[_read_number(one, "decimal") if n in decimals else one for n, one in enumerate(row)] for row in rows]
    return {**table, "rows": read}


def _read_number(text: Any, kind: str) -> Any:
    """Convert text to a `Fraction`. `kind` is "decimal" or "fraction".

    The text itself is returned if it is no number, is infinite, or has too many digits.
    """
    if type(text) is not str or len(text) > _MAX_DIGITS:
        return text
    try:
        if kind == "fraction":
            return Fraction(text)
        number = Decimal(text)
    except (InvalidOperation, ValueError, ZeroDivisionError):
        return text
    return Fraction(number) if number.is_finite() and abs(number.adjusted()) <= _MAX_DIGITS else text
