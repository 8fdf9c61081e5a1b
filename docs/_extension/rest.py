"""The calls of the REST API and their messages, as Markdown."""

from __future__ import annotations

import json
from typing import Any

from _extension import code
from _extension.markdown import escape, table


def rest_api() -> str:
    """Describe the calls of the REST API and their messages, from the OpenAPI document."""
    document = code.openapi_document()
    parts = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(_operation(method.upper(), path, operation))
    parts.append("## Messages\n")
    for name, schema in sorted(document["components"]["schemas"].items(), key=lambda pair: _message(pair[0])):
        parts.append(_schema(name, schema))
    return "\n".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    lines = [
        f"### `{method} {path.removeprefix('/hitl_nb/api')}`\n",
        f"{escape(operation['summary'])}. {operation['description']}\n",
    ]
    rows = [
        (f"`{p['name']}`", p["in"], "yes" if p["required"] else "no", _type(p["schema"]))
        for p in operation["parameters"]
    ]
    if rows:
        lines.append(table(("parameter", "in", "required", "type"), rows))
    if body := operation.get("requestBody"):
        lines.append(f"Body: {_content(body)}\n")
    rows = [
        (f"`{status}`", answer["description"], _content(answer)) for status, answer in operation["responses"].items()
    ]
    lines.append(table(("status", "when", "body"), rows))
    return "\n".join(lines)


def _content(part: dict[str, Any]) -> str:
    return ", ".join(f"`{kind}`: {_type(of['schema'])}" for kind, of in part.get("content", {}).items())


def _schema(name: str, schema: dict[str, Any]) -> str:
    title = f"({_anchor(name)})=\n### `{_message(name)}`\n"
    about = f"{escape(schema['description'])}\n" if schema.get("description") else ""
    required = schema.get("required", [])
    rows = [
        (f"`{field}`", "yes" if field in required else "no", _type(of))
        for field, of in schema.get("properties", {}).items()
    ]
    fields = table(("field", "always there", "type"), rows) if rows else f"Type: {_type(schema)}\n"
    return f"{title}\n{about}\n{fields}"


def _type(schema: dict[str, Any]) -> str:
    """Describe a schema in words. Other messages are links."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[`{_message(name)}`](#{_anchor(name)})"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return f"array of {_type(schema['items'])}" if schema.get("items") else "array"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    limits = [f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema]
    limits += [f"format {schema['format']}"] if "format" in schema else []
    limits += [f"pattern `{schema['pattern']}`"] if "pattern" in schema else []
    return f"{kind} ({', '.join(limits)})" if limits else str(kind)


_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "minLength": "length at least",
    "maxLength": "length at most",
    "minItems": "items at least",
    "maxItems": "items at most",
}


def _message(name: str) -> str:
    """Return a schema's name without its module, which only distinguishes equal names."""
    return name.rsplit(".", 1)[-1]


def _anchor(name: str) -> str:
    return f"message-{name.lower().replace('.', '-')}"
