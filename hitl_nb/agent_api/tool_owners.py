"""The object whose method a gated call is, as people are shown it: in the context, where nobody edits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.engine.questions.doubts import SECRET
from hitl_nb.values.models import is_model
from hitl_nb.values.typed_values import encode_value

LONGEST = 300
"""Letters of what is shown of an object."""


def with_owner(context: Any, owner: Mapping[str, Any]) -> Any:
    """The context of a call, with the object, by the parameter's name; what the context itself says comes first."""
    for name, value in owner.items():
        shown = describe_owner(value)
        if context is None or isinstance(context, Mapping):
            context = {name: shown, **cast("Mapping[str, Any]", context or {})}
        elif isinstance(context, str):
            context = f"{context}\n\n{name}: `{shown.replace('`', chr(39))}`"
    return context


def describe_owner(value: Any) -> str:
    """The name of an object's class, and its fields if it would be shown with them as an argument.

    Fields that are named like a secret, or that its own repr leaves out, are not shown.
    """
    if isinstance(value, type):
        return value.__name__
    name = type(value).__name__
    if not is_model(value):
        return name
    try:
        shown: Any = encode_value(value)[0]
    except (TypeError, ValueError):  # an argument would be refused; the object is only shown
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
