"""Conditions (schemas) that an edited value must satisfy.

`resolve_schema` converts a JSON Schema, a model or a type to a JSON Schema. `schema_errors` lists, by field, where a
value does not satisfy a schema, in words for the person who edits. A reference to another document is refused, and is
never fetched. Pydantic and jsonschema are imported when they are needed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from functools import partial
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from hitl_nb.records import canonical_json
from hitl_nb.values.checks.bounded_checks import run_check
from hitl_nb.values.checks.patterns import find_pattern
from hitl_nb.values.json_values import short_json, to_json, with_article
from hitl_nb.values.models import adapter_schema, is_model, type_adapter
from hitl_nb.values.scalars import check_scalar, parse_duration

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MAX_SCHEMA_ERRORS = 1000
"""Maximum number of messages that are listed."""
_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}


def resolve_schema(schema: Any) -> dict[str, Any]:
    """Return the JSON Schema of a `schema` argument.

    Args:
        schema: A JSON Schema, a pydantic model, or any type that pydantic knows.

    Raises:
        TypeError: `schema` is none of these, or cannot be written as JSON Schema.
        ValueError: `schema` is not a valid JSON Schema, or refers to another document.
    """
    if type(schema) is dict:
        return _check_schema(cast("dict[str, Any]", to_json(schema, "schema")))
    if isinstance(schema, str) or is_model(schema):
        raise TypeError(
            f"schema is {with_article(type(schema).__name__)}; pass a JSON Schema (dict), a pydantic model class or "
            "a type"
        )
    from pydantic.errors import PydanticUserError

    try:
        return adapter_schema(type_adapter(schema, "schema"))
    except PydanticUserError as error:
        raise TypeError(f"schema cannot be written as JSON Schema: {error.message}; pass a JSON Schema") from None


def import_jsonschema() -> None:
    """Import jsonschema without its grammar of IRIs.

    The grammar takes over a second to build, and no format that is used here needs it.
    """
    if "jsonschema" not in sys.modules and "rfc3987_syntax" not in sys.modules:
        sys.modules["rfc3987_syntax"] = cast("ModuleType", None)  # marks the module as missing
        try:
            import jsonschema  # pyright: ignore[reportUnusedImport]  # noqa: F401  # only to have it imported
        finally:
            del sys.modules["rfc3987_syntax"]


def schema_errors(schema: dict[str, Any], value: Any) -> dict[str, str]:
    """Check `value` against `schema`.

    Returns:
        One message per path, such as "lines/0/sku" ("" for the whole value).

    Raises:
        InvalidEdit: The check takes too long.
    """
    return run_check(find_schema_errors, schema, [value])[0]


def row_schema_errors(schema: dict[str, Any], rows: list[Any]) -> dict[str, str]:
    """Check each row of a table (a list of objects) against `schema`.

    Returns:
        One message per path, such as "rows/0/sku"; empty if all rows fit.

    Raises:
        InvalidEdit: The check takes too long.
    """
    found = enumerate(run_check(find_schema_errors, schema, rows))
    return {f"rows/{r}/{path}".rstrip("/"): message for r, fields in found for path, message in fields.items()}


def find_schema_errors(schema: dict[str, Any], values: list[Any]) -> list[dict[str, str]]:
    """Check several values against a schema in this process, without a time limit.

    The results have at most `MAX_SCHEMA_ERRORS` messages in total.

    Returns:
        For each value, the messages by path.
    """
    validator = _make_validator(schema)
    found: list[dict[str, str]] = []
    left = MAX_SCHEMA_ERRORS
    for value in values:
        fields: dict[str, str] = {}
        for error in islice(validator.iter_errors(value), left):
            for path, message in _error_messages(error):
                fields.setdefault(path, message)
        left -= len(fields)
        found.append(fields)
    return found


def _check_schema(schema: dict[str, Any]) -> dict[str, Any]:
    import_jsonschema()
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    try:
        kind: Any = validator_for(schema, default=Draft202012Validator)
        kind.check_schema(schema, format_checker=kind.FORMAT_CHECKER)  # its formats include "regex"
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path)
        raise ValueError(f"schema is no valid JSON Schema: {error.message[:200]} (at {place or 'its top'})") from None
    resolver: Any = Registry[Any]().resolver_with_root(
        Resource.from_contents(schema, default_specification=DRAFT202012)
    )
    for ref in _iterate_references(schema):
        try:
            resolver.lookup(ref)
        except Unresolvable:
            raise ValueError(f"schema refers to {ref!r}, which is not inside it; copy that part into $defs") from None
    return schema


def _iterate_references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, item in cast("dict[str, Any]", schema).items():
            if key in ("$ref", "$dynamicRef") and isinstance(item, str):
                yield item
            elif key not in ("const", "enum", "default", "examples"):
                yield from _iterate_references(item)
    elif isinstance(schema, list):
        for item in cast("list[Any]", schema):
            yield from _iterate_references(item)


def _make_validator(schema: dict[str, Any]) -> Any:
    import_jsonschema()
    from jsonschema import FormatChecker, validators
    from referencing import Registry

    extend: Any = cast("Any", validators).extend
    formats: Any = FormatChecker(formats=("email", "ipv4", "ipv6", "uuid"))
    # jsonschema's own date-time and time formats require an offset, which Python's naive datetimes do not have.
    for name, kind in (("date-time", datetime), ("date", date), ("time", time)):
        formats.checks(name, raises=ValueError)(partial(_is_parsable, kind.fromisoformat))
    for name, read in (
        ("decimal", partial(check_scalar, {"is": "decimal", "endless": True})),
        ("duration", parse_duration),
    ):
        formats.checks(name, raises=ValueError)(partial(_is_parsable, read))
    kind: Any = validators.validator_for(schema, default=validators.Draft202012Validator)
    keywords = {**_KEYWORDS, "additionalProperties": partial(_check_additional_properties, kind)}
    validator: Any = extend(kind, keywords)
    return validator(schema, registry=Registry[Any](), format_checker=formats)  # empty registry: fetches nothing


def _check_pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(instance, "string") and not find_pattern(pattern, instance):
        yield ValidationError(f"does not match {pattern}")


def _check_pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, subschema in patterns.items():
            for name, item in instance.items():
                if find_pattern(pattern, name):
                    yield from validator.descend(item, subschema, path=name, schema_path=pattern)


def _check_additional_properties(
    kind: Any, validator: Any, others: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    """Check the keyword `additionalProperties`: yield the errors that jsonschema's own check finds.

    Names that match a pattern of `patternProperties` are not additional. They are removed first, because jsonschema
    would match the patterns with Python's `re`, which may take extremely long.
    """
    patterns = schema.get("patternProperties", ())
    if patterns and validator.is_type(instance, "object"):
        taken = {name for name in instance for pattern in patterns if find_pattern(pattern, name)}
        instance = {name: item for name, item in instance.items() if name not in taken}
        schema = {name: rule for name, rule in schema.items() if name != "patternProperties"}
    yield from kind.VALIDATORS["additionalProperties"](validator, others, instance, schema) or ()


def _check_unique_items(validator: Any, unique: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Check the keyword `uniqueItems` in linear time: yield one error if a list has two equal items."""
    from jsonschema.exceptions import ValidationError

    if unique and validator.is_type(instance, "array"):
        spelled = {canonical_json(_normalize_numbers(item)) for item in instance}
        if len(spelled) < len(instance):
            yield ValidationError("has an item twice")


def _normalize_numbers(value: Any) -> Any:
    """Return a JSON value in which equal numbers are written alike: 5.0 becomes 5."""
    if isinstance(value, dict):
        return {name: _normalize_numbers(item) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_normalize_numbers(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_KEYWORDS = {
    "pattern": _check_pattern,
    "patternProperties": _check_pattern_properties,
    "uniqueItems": _check_unique_items,
}
"""Checks of keywords for which jsonschema's own check may take time that grows faster than the value."""


def _is_parsable(read: Callable[[str], object], text: Any) -> bool:
    if isinstance(text, str):
        read(text)
    return True


def _error_messages(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Yield (path, message for people) for each part of the value that one error of jsonschema is about."""
    path = "/".join(str(part) for part in error.absolute_path)
    rule: Any = error.validator
    wanted: Any = error.validator_value
    if rule == "required":
        given: Any = error.instance
        for name in wanted:
            if name not in given:
                yield f"{path}/{name}".lstrip("/"), "is required"
    elif rule in ("anyOf", "oneOf") and error.context:
        # Report the alternative that fails at the longest path, and if possible not only because of the value's type.
        best = max(error.context, key=lambda one: (len(one.path), one.validator != "type"))
        kinds = [cast(str, one.validator_value) for one in error.context if one.validator == "type" and not one.path]
        if best.validator == "type" and not best.path:
            yield path, f"must be {_format_kinds(kinds)}, not {short_json(error.instance)}"
        else:
            yield from _error_messages(best)
    elif rule == "type":
        named = _format_kinds([wanted] if isinstance(wanted, str) else wanted)
        yield path, f"must be {named}, not {short_json(error.instance)}"
    elif rule == "enum":
        yield path, f"must be one of {short_json(wanted, 200)}, not {short_json(error.instance)}"
    elif rule == "const":
        yield path, f"must be {short_json(wanted)}, not {short_json(error.instance)}"
    elif rule == "format":
        yield path, f"must be a valid {wanted}, not {short_json(error.instance)}"
    elif rule == "pattern":
        yield path, f"must match {wanted}, not {short_json(error.instance)}"
    else:
        yield path, error.message if len(error.message) <= 200 else error.message[:199] + "…"


def _format_kinds(names: list[str]) -> str:
    return " or ".join(dict.fromkeys(_TYPES.get(name, name) for name in names))
