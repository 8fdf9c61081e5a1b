"""Form fields: one control for one value, selected by the value's type and its schema, with a label and a message.

Only core controls of ipywidgets are used, and no markup: text of an agent is a control's value or plain label text,
never HTML.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from hitl_nb import json_text as json
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.changes.labels import resolve_schema_part
from hitl_nb.kinds.changes.model import Span
from hitl_nb.kinds.changes.paths import MISSING, format_json
from hitl_nb.kinds.changes.words import shorten_spans, word_spans
from hitl_nb.notebook.panel.controls import (
    NAMED_STYLE,
    WIDE_LAYOUT,
    NoteLabel,
    autosize_textarea,
    html_view,
    make_button,
    text_label,
)
from hitl_nb.records import canonical_json
from hitl_nb.review.card.changes_html import spans_html
from hitl_nb.values.json_values import short_json

ui: Any = import_module("ipywidgets")  # it has no types

_LONG_TEXT = 40
"""Minimum length of a text whose changes are shown by word. Of a shorter one, the proposed text is shown."""


class FormField:
    """One control of a form, with its label and an error message.

    Args:
        name: Text of the label.
        help_text: Description from the schema.
        control: An ipywidgets control.
        read: Converts the control's value to JSON (or `MISSING`); raises ValueError if it is not valid.

    Attributes:
        control: The control.
        widget: The widget to display: control, label and message.
    """

    def __init__(self, name: str, help_text: str, control: Any, read: Callable[[Any], Any]) -> None:
        self.control = control
        self._read = read
        self._message = NoteLabel("", "", "wrong")
        # ipywidgets renders formulas in labels, so a name with a dollar sign is put above its control.
        formula = "$" in name or "\\" in name
        control.description = "" if formula else show_hidden_characters(name)
        control.tooltip = show_hidden_characters(help_text or name)
        control.style = NAMED_STYLE
        if not isinstance(control, ui.Checkbox):
            number = isinstance(control, (ui.IntText, ui.FloatText))
            control.layout = {"width": "24em", "max_width": "100%"} if number else WIDE_LAYOUT
        above = [text_label(name)] if formula else []
        below = [text_label(help_text, "about")] if help_text else []
        self._was = html_view("Proposed value")
        self._take_back = make_button("Take back", f"Take back: {show_hidden_characters(name)}", self._press_take_back)
        self._take_back.add_class("hitl-nb-link")
        self._change = ui.HBox([self._was, self._take_back], layout={"flex_flow": "row wrap", "display": "none"})
        self._change.add_class("hitl-nb-was")
        self._on_take_back: Callable[[], None] | None = None
        self.widget: Any = ui.VBox([*above, control, self._change, *below, self._message.widget])
        self.widget.add_class("hitl-nb-field")

    def read_value(self) -> Any:
        """Return the JSON in the control, or `MISSING` if the field is empty and not required.

        Raises:
            ValueError: The input is not valid JSON.
        """
        return self._read(self.control.value)

    def read_draft(self) -> Any:
        """Return the JSON in the control. Input that is not yet valid JSON is returned as text."""
        try:
            return self.read_value()
        except ValueError:
            return self.control.value

    def show_change(self, before: Any, take_back: Callable[[], None]) -> None:
        """Show below the field what was proposed, if the field has another value now, with a button to take it back.

        Args:
            before: The proposed value; `MISSING` if the proposed object does not have the field.
            take_back: Puts the proposed value into the field.
        """
        now = self.read_draft()
        changed = (before is MISSING) != (now is MISSING) or (
            now is not MISSING and canonical_json(now) != canonical_json(before)
        )
        self._on_take_back = take_back
        self._change.layout.display = None if changed else "none"
        self.widget.remove_class("hitl-nb-changed")
        if not changed:
            self._was.value = ""
            return
        self.widget.add_class("hitl-nb-changed")
        if isinstance(before, str) and isinstance(now, str) and max(len(before), len(now)) > _LONG_TEXT:
            self._was.value = spans_html(shorten_spans(word_spans(before, now)))
        else:
            was = "not set" if before is MISSING else spans_html([Span("removed", format_json(before))])
            self._was.value = f"was {was}"

    def disable_change(self, disabled: bool) -> None:
        """Enable or disable the button that takes the change back."""
        self._take_back.disabled = disabled

    def _press_take_back(self, _: Any) -> None:
        if self._on_take_back is not None:
            self._on_take_back()

    def show_message(self, message: str) -> None:
        """Show an error message at the field. An empty message removes the old one."""
        self._message.show(f"⚠ {message}" if message else "")


def make_field(name: str, schema: dict[str, Any], value: Any, required: bool) -> FormField:
    """Make the field for a value: a checkbox, a number, a text, a list of choices, or JSON text.

    The control fits the value's type if the schema allows this type.

    Args:
        name: Name of the field.
        schema: The field's schema, without references.
        value: The value, or `MISSING`.
        required: Whether the schema requires the field.
    """
    kinds = _schema_types(schema)
    title, help_text = str(schema.get("title") or name), str(schema.get("description") or "")
    empty: Any = None if "null" in kinds else MISSING if not required else ""
    if value is None or value is MISSING:
        empty = value
    if isinstance(schema.get("enum"), list):
        return _make_enum_field(title, help_text, schema["enum"], value)
    if type(value) is bool and kinds <= {"boolean"}:
        return FormField(title, help_text, ui.Checkbox(value=value, indent=True), lambda now: now)
    if isinstance(value, (int, float)) and type(value) is not bool and abs(value) < 1 << 53:
        if kinds == {"integer"} and type(value) is int:
            return FormField(title, help_text, ui.IntText(value=value, continuous_update=True), lambda now: now)
        if kinds <= {"integer", "number"}:
            # The control holds 5.0 where the agent proposed 5. An untouched field must not count as changed.
            control = ui.FloatText(value=value, continuous_update=True)
            return FormField(title, help_text, control, lambda now: value if now == value else now)
    if isinstance(value, str) and (not kinds or "string" in kinds):
        return FormField(title, help_text, _make_text_box(value), lambda now: now)
    if (value is None or value is MISSING) and "string" in kinds:
        return FormField(title, help_text, _make_text_box(""), lambda now: now or empty)
    return _make_json_field(title, help_text, value, kinds, empty)


def label_options(options: list[Any]) -> list[tuple[str, int]]:
    """Return options as pairs (label, index).

    A text is its own label, unless another option has the same label. Other options have their JSON as label.
    """
    texts = [option if isinstance(option, str) else json.dumps(option, ensure_ascii=False) for option in options]
    shown = [
        t if texts.count(t) == 1 else json.dumps(o, ensure_ascii=False) for t, o in zip(texts, options, strict=True)
    ]
    return [(show_hidden_characters(text), i) for i, text in enumerate(shown)]


def _make_text_box(text: str) -> Any:
    long = "\n" in text or len(text) > 80
    return autosize_textarea(text, 3) if long else ui.Text(value=text, continuous_update=True)


def _make_enum_field(title: str, help_text: str, allowed: list[Any], value: Any) -> FormField:
    values, texts = list(allowed), [text for text, _ in label_options(allowed)]
    spelled = [json.dumps(one) for one in allowed]
    if value is MISSING or json.dumps(value) not in spelled:
        values.append(value)
        texts.append("(not set)" if value is MISSING else f"{short_json(value)} (not allowed)")
        chosen = len(allowed)
    else:
        chosen = spelled.index(json.dumps(value))
    options = [(text, i) for i, text in enumerate(texts)]
    return FormField(title, help_text, ui.Dropdown(options=options, value=chosen), lambda now: values[now])


def _make_json_field(title: str, help_text: str, value: Any, kinds: set[str], empty: Any) -> FormField:
    nested = isinstance(value, (dict, list)) or bool(kinds & {"object", "array"})
    if value is MISSING or (value is None and empty is None):
        text = ""
    elif isinstance(value, str) and kinds and "string" not in kinds:
        text = value  # incomplete JSON of a draft
    else:
        text = json.dumps(value, indent=2 if nested else None, ensure_ascii=False)

    def read_json(now: str) -> Any:
        if not now.strip():
            if empty == "":
                raise ValueError("is required")
            return empty
        try:
            return json.loads(now)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"must be JSON: {error}") from None

    control = autosize_textarea(text, 3) if nested else ui.Text(value=text, continuous_update=True)
    return FormField(title, help_text, control, read_json)


def _schema_types(schema: dict[str, Any]) -> set[str]:
    """Return the JSON types that a schema without references allows. Empty if it does not name types."""
    given: Any = schema.get("type")
    if given is None:
        alternatives: list[Any] = schema.get("anyOf") or schema.get("oneOf") or []
        found = [_schema_types(resolve_schema_part(one, None)) for one in alternatives]
        return set[str]().union(*found) if all(found) else set()
    return {given} if isinstance(given, str) else set(given)
