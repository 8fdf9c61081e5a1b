"""One control for one value in a form: picked by the value's type and its schema, with a label and a message.

Only ipywidgets' core controls, and no markup: what an agent wrote is a control's value or plain label text, never HTML.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.kinds.questions import visible
from hitl_nb.notebook.panel.controls import NAMED, WIDE, Note, growing, words
from hitl_nb.values.json_values import spell

ui: Any = import_module("ipywidgets")  # it has no types

MISSING: Any = object()
"""A field that is not there."""


class Field:
    """One control of a form with its label and the place for a message.

    Args:
        name: the label.
        help_text: what the schema says about it.
        control: an ipywidgets control.
        read: the JSON (or `MISSING`) that a control's value means; raises ValueError.
    """

    def __init__(self, name: str, help_text: str, control: Any, read: Callable[[Any], Any]) -> None:
        self.control = control
        self._read = read
        self._message = Note("", "", "wrong")
        # ipywidgets looks for formulas in labels, so a name with a dollar stands above its control.
        formula = "$" in name or "\\" in name
        control.description = "" if formula else visible(name)
        control.tooltip = visible(help_text or name)
        control.style = NAMED
        if not isinstance(control, ui.Checkbox):
            number = isinstance(control, (ui.IntText, ui.FloatText))
            control.layout = {"width": "24em", "max_width": "100%"} if number else WIDE
        above = [words(name)] if formula else []
        below = [words(help_text, "about")] if help_text else []
        self.widget: Any = ui.VBox([*above, control, *below, self._message.widget])
        self.widget.add_class("hitl-nb-field")

    def read(self) -> Any:
        """The JSON in the control, or `MISSING`. Raises ValueError."""
        return self._read(self.control.value)

    def draft(self) -> Any:
        """The same; what is no JSON yet, as its text."""
        try:
            return self.read()
        except ValueError:
            return self.control.value

    def say(self, message: str) -> None:
        """Show a message at the field; "" for none."""
        self._message.show(f"⚠ {message}" if message else "")


def field_for(name: str, schema: dict[str, Any], value: Any, required: bool) -> Field:
    """The field for `value`: by its type, as far as the schema (without references) allows this type."""
    kinds = _types(schema)
    title, help_text = str(schema.get("title") or name), str(schema.get("description") or "")
    empty: Any = None if "null" in kinds else MISSING if not required else ""
    if value is None or value is MISSING:
        empty = value
    if isinstance(schema.get("enum"), list):
        return _enum_field(title, help_text, schema["enum"], value)
    if type(value) is bool and kinds <= {"boolean"}:
        return Field(title, help_text, ui.Checkbox(value=value, indent=True), lambda now: now)
    if isinstance(value, (int, float)) and type(value) is not bool and abs(value) < 1 << 53:
        if kinds == {"integer"} and type(value) is int:
            return Field(title, help_text, ui.IntText(value=value, continuous_update=True), lambda now: now)
        if kinds <= {"integer", "number"}:
            # The control holds 5.0 where the agent had 5; an untouched field must not look changed.
            control = ui.FloatText(value=value, continuous_update=True)
            return Field(title, help_text, control, lambda now: value if now == value else now)
    if isinstance(value, str) and (not kinds or "string" in kinds):
        return Field(title, help_text, _line(value), lambda now: now)
    if (value is None or value is MISSING) and "string" in kinds:
        return Field(title, help_text, _line(""), lambda now: now or empty)
    return _json_field(title, help_text, value, kinds, empty)


def labels(options: list[Any]) -> list[tuple[str, int]]:
    """Options as people see them. A text looks like itself, unless another option does too."""
    texts = [option if isinstance(option, str) else json.dumps(option, ensure_ascii=False) for option in options]
    shown = [
        t if texts.count(t) == 1 else json.dumps(o, ensure_ascii=False) for t, o in zip(texts, options, strict=True)
    ]
    return [(visible(text), i) for i, text in enumerate(shown)]


def resolved(schema: Any, root: Any, depth: int = 0) -> dict[str, Any]:
    """A part of a schema with its reference, and those of its alternatives, put in place."""
    part = _dict(schema)
    for _ in range(5):  # references may lead on, or in a circle
        reference = part.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        target = _dict(root)
        for name in reference[2:].split("/"):
            target = _dict(target.get(name.replace("~1", "/").replace("~0", "~")))
        part = {**target, **{key: item for key, item in part.items() if key != "$ref"}}
    for key in ("anyOf", "oneOf"):
        if key in part and depth < 5:
            part = {**part, key: [resolved(one, root, depth + 1) for one in part[key]]}
    return part


def _dict(schema: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}


def _line(text: str) -> Any:
    long = "\n" in text or len(text) > 80
    return growing(text, 3) if long else ui.Text(value=text, continuous_update=True)


def _enum_field(title: str, help_text: str, allowed: list[Any], value: Any) -> Field:
    values, texts = list(allowed), [text for text, _ in labels(allowed)]
    spelled = [json.dumps(one) for one in allowed]
    if value is MISSING or json.dumps(value) not in spelled:
        values.append(value)
        texts.append("(not set)" if value is MISSING else f"{spell(value)} (not allowed)")
        chosen = len(allowed)
    else:
        chosen = spelled.index(json.dumps(value))
    options = [(text, i) for i, text in enumerate(texts)]
    return Field(title, help_text, ui.Dropdown(options=options, value=chosen), lambda now: values[now])


def _json_field(title: str, help_text: str, value: Any, kinds: set[str], empty: Any) -> Field:
    nested = isinstance(value, (dict, list)) or bool(kinds & {"object", "array"})
    if value is MISSING or (value is None and empty is None):
        text = ""
    elif isinstance(value, str) and kinds and "string" not in kinds:
        text = value  # a draft's half-typed JSON
    else:
        text = json.dumps(value, indent=2 if nested else None, ensure_ascii=False)

    def read(now: str) -> Any:
        if not now.strip():
            if empty == "":
                raise ValueError("is required")
            return empty
        try:
            return json.loads(now)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"must be JSON: {error}") from None

    control = growing(text, 3) if nested else ui.Text(value=text, continuous_update=True)
    return Field(title, help_text, control, read)


def _types(schema: dict[str, Any]) -> set[str]:
    """The JSON types that a schema without references allows; empty if it does not say."""
    given: Any = schema.get("type")
    if given is None:
        alternatives: list[Any] = schema.get("anyOf") or schema.get("oneOf") or []
        found = [_types(_dict(one)) for one in alternatives]
        return set[str]().union(*found) if all(found) else set()
    return {given} if isinstance(given, str) else set(given)
