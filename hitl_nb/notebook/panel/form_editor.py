"""Editors of objects and of tool calls: a form with one control for each field."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.changes.labels import resolve_schema_part
from hitl_nb.kinds.changes.paths import MISSING
from hitl_nb.notebook.panel.controls import NoteLabel, close_widgets
from hitl_nb.notebook.panel.fields import FormField, make_field
from hitl_nb.notebook.panel.value_editor import ValueEditor
from hitl_nb.records import Proposal


class FormEditor(ValueEditor):
    """Editor of an object: one control for each field, selected by the schema, or by the type of the field's value.

    Args:
        schema: The schema of the object.
        root: The whole schema, for references.
        proposed: The proposed object.
        value: The object, as a draft has it now.
        prefix: Beginning of the fields' paths in error messages, for example "arguments/".
    """

    shows_changes: bool = True

    def __init__(
        self, schema: Any, root: Any, proposed: dict[str, Any], value: dict[str, Any], prefix: str = ""
    ) -> None:
        super().__init__()
        schema = resolve_schema_part(schema, root)
        self._properties = cast("dict[str, Any]", schema.get("properties") or {})
        self._required = cast("list[str]", schema.get("required") or [])
        self._root = root
        self._proposed = proposed
        self._prefix = prefix
        names = dict.fromkeys([*self._properties, *proposed, *value])
        self._fields: dict[str, FormField] = {key: self._make_field(key, value.get(key, MISSING)) for key in names}
        self._place_fields()

    def _make_field(self, key: str, value: Any) -> FormField:
        one = resolve_schema_part(self._properties.get(key), self._root)
        return make_field(key, one, value, key in self._required)

    def _place_fields(self) -> None:
        self.controls = [field.control for field in self._fields.values()]
        self.widget.children = (*self._list_head(), *(field.widget for field in self._fields.values()))

    def _list_head(self) -> list[Any]:
        """Return the widgets above the fields."""
        return []

    def show_changes(self) -> None:
        """Show below each changed field what was proposed for it, with a button to take the change back."""
        for key, field in self._fields.items():
            field.show_change(self._proposed.get(key, MISSING), partial(self._take_back, key))
            field.disable_change(field.control.disabled)

    def _take_back(self, key: str) -> None:
        """Put the proposed value into a field. A new control is made, because its form depends on the value."""
        before = self._fields[key]
        if before.control.disabled:
            return
        self._fields[key] = self._make_field(key, self._proposed.get(key, MISSING))
        self._place_fields()
        self._fields[key].control.observe(self._notify, "value")
        close_widgets(before.widget)
        self._notify()

    def read_value(self) -> Any:
        """Return the object.

        Raises:
            InvalidEdit: A field is not valid JSON.
        """
        found: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        for key, field in self._fields.items():
            try:
                found[key] = field.read_value()
            except ValueError as error:
                wrong[self._prefix + key] = str(error)
        if wrong:
            raise InvalidEdit(wrong)
        return {key: value for key, value in found.items() if value is not MISSING}

    def read_draft(self) -> Any:
        """Return the object. A field that is not yet valid JSON is returned as text."""
        drafts = {key: field.read_draft() for key, field in self._fields.items()}
        return {key: value for key, value in drafts.items() if value is not MISSING}

    def show_errors(self, wrong: dict[str, str]) -> dict[str, str]:
        """Show error messages at their fields.

        Args:
            wrong: Path of a field -> message.

        Returns:
            The messages that have no field in this form.
        """
        left = dict(wrong)
        for key, field in self._fields.items():
            path = self._prefix + key
            mine = [one for one in left if one == path or one.startswith(path + "/")]
            said = ((one.removeprefix(path).lstrip("/"), left.pop(one)) for one in mine)
            field.show_message("; ".join(f"{inside}: {text}" if inside else text for inside, text in said))
        return left


class ToolEditor(FormEditor):
    """Editor of a tool call: the name of the tool, which cannot be changed, and a form of its arguments."""

    def __init__(self, proposal: Proposal, value: dict[str, Any]) -> None:
        self._tool = NoteLabel(str(proposal.tool), "Tool")
        self._name: Any = value.get("name")
        properties = resolve_schema_part(proposal.schema, proposal.schema).get("properties", {})
        schema = resolve_schema_part(properties.get("arguments"), proposal.schema)
        super().__init__(schema, proposal.schema, proposal.value["arguments"], value["arguments"], "arguments/")

    def _list_head(self) -> list[Any]:
        return [self._tool.widget]

    def read_value(self) -> Any:
        """Return the tool call.

        Raises:
            InvalidEdit: An argument is not valid JSON.
        """
        return {"name": self._name, "arguments": super().read_value()}

    def read_draft(self) -> Any:
        """Return the tool call. An argument that is not yet valid JSON is returned as text."""
        return {"name": self._name, "arguments": super().read_draft()}


def make_form(proposal: Proposal, value: Any) -> ValueEditor | None:
    """Make a form for an object whose schema names its fields. None for any other value: it is edited as text."""
    properties = resolve_schema_part(proposal.schema, proposal.schema).get("properties")
    first: Any = proposal.value
    if not isinstance(value, dict) or not isinstance(first, dict) or not properties:
        return None
    proposed = cast("dict[str, Any]", first)
    return FormEditor(proposal.schema, proposal.schema, proposed, cast("dict[str, Any]", value))


def make_tool_form(proposal: Proposal, value: Any) -> ValueEditor | None:
    """Make a form of the arguments of a tool call. None for a draft that is no tool call: it is edited as text."""
    call = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return ToolEditor(proposal, call) if isinstance(call.get("arguments"), dict) else None
