"""Description of the object whose method is a gated call. People see it as context and cannot edit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.engine.questions.doubts import SECRET
from hitl_nb.values.models import is_model
from hitl_nb.values.typed_values import encode_value

LONGEST = 300
"""Maximum number of characters that are shown of an object."""


def with_owner(context: Any, owner: Mapping[str, Any]) -> Any:
    """Return the context of a proposed method call, with a description of the method's object added.

    Entries of the context with the same name are kept.

    Args:
        context: The context: a mapping, a text or None. Other values are returned unchanged.
        owner: {name of the parameter, such as "self": the object}.
    """
    for name, value in owner.items():
        shown = describe_owner(value)
        if context is None or isinstance(context, Mapping):
            context = {name: shown, **cast("Mapping[str, Any]", context or {})}
        elif isinstance(context, str):
            context = f"{context}\n\n{name}: `{shown.replace('`', chr(39))}`"
    return context


def describe_owner(value: Any) -> str:
    """Return a description of an object for people: the name of its class, and for a dataclass or model its fields.

    Values of fields are hidden if the name looks like that of a secret. Fields that the object's own repr leaves out
    are left out.
    """
    if isinstance(value, type):
        return value.__name__
    name = type(value).__name__
    if not is_model(value):
        return name
    try:
        shown: Any = encode_value(value)[0]
    except (TypeError, ValueError):  # not supported as an argument; the object is shown only by its class
        return name
    if not isinstance(shown, dict):
        return name
    hidden = {one.name for one in fields(value) if not one.repr} if is_dataclass(value) else set[str]()
    known = cast("dict[str, Any]", shown)
    parts = [
        f"{field}={'…' if SECRET.search(field) else json.dumps(item, ensure_ascii=False)}"
        for field, item in known.items()
        if field not in hidden
    ]
    text = f"{name}({', '.join(parts)})"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
