"""Names of the parts of a JSON value for people: titles of a JSON Schema, and paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

Path = tuple[str | int, ...]
"""Names and indices from a whole value to one of its parts."""


def field_label(path: Sequence[str | int], schema: Any, skip: int = 0) -> str:
    """Return the name of a part for people: the titles of its fields in the schema; without any title, its path.

    Args:
        path: Names and indices from the whole value to the part.
        schema: The schema of the whole value; None if there is none.
        skip: Number of names at the beginning of the path to leave out.
    """
    titles = list(_iterate_titles(path, schema))[skip:]
    shown = path[skip:]
    if not any(titles):
        return format_path(shown)
    names = (str(step + 1) if isinstance(step, int) else step for step in shown)
    return " › ".join(title or name for title, name in zip(titles, names, strict=True))


def _iterate_titles(path: Sequence[str | int], schema: Any) -> Iterator[str]:
    here = _follow_references(schema, schema)
    for step in path:
        inner: Any = here.get("items") if isinstance(step, int) else _as_dict(here.get("properties")).get(step)
        here = _follow_references(inner, schema)
        yield str(here.get("title") or "") if isinstance(step, str) else ""


def format_path(path: Sequence[str | int]) -> str:
    """Format a path as people read it: "limits.tools[2]"."""
    texts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(texts).removeprefix(".")


def resolve_schema_part(schema: Any, root: Any, depth: int = 0) -> dict[str, Any]:
    """Return a part of a JSON Schema with its `$ref` replaced by the target.

    The same is done for the alternatives in its `anyOf` and `oneOf`.

    Args:
        schema: The part.
        root: The whole schema.
        depth: Nesting level of the alternatives.
    """
    part = _follow_references(schema, root)
    for key in ("anyOf", "oneOf"):
        if isinstance(part.get(key), list) and depth < 5:
            part = {**part, key: [resolve_schema_part(one, root, depth + 1) for one in part[key]]}
    return part


def _follow_references(schema: Any, root: Any) -> dict[str, Any]:
    part = _as_dict(schema)
    for _ in range(5):  # references can form a chain or a circle
        reference = part.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        target = _as_dict(root)
        for name in reference[2:].split("/"):
            target = _as_dict(target.get(name.replace("~1", "/").replace("~0", "~")))
        part = {**target, **{key: item for key, item in part.items() if key != "$ref"}}
    return part


def _as_dict(schema: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}
