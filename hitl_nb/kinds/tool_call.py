"""The kind of tool calls: the name of a tool, which an edit cannot change, and its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.changes.model import Changes
from hitl_nb.kinds.changes.paths import json_changes
from hitl_nb.kinds.html import escape_html, text_html
from hitl_nb.kinds.json import JsonKind
from hitl_nb.records import Question
from hitl_nb.values.json_values import short_json
from hitl_nb.values.models import describe_annotation
from hitl_nb.values.typed_values import TypeInfo

_VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class ToolCallKind(JsonKind):
    """The kind of an object `{"name": str, "arguments": {...}}`."""

    name: str = "tool_call"

    def check(self, question: Question, value: Any) -> Any:
        """Check that an edited JSON value is `{"name": ..., "arguments": {...}}` without other keys, and return it.

        Raises:
            InvalidEdit: The value has another form.
        """
        call = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        name = call.get("name")
        if set(call) != {"name", "arguments"}:
            raise InvalidEdit({"": 'must be an object with "name" and "arguments", and nothing else'})
        if not isinstance(name, str) or not name:
            raise InvalidEdit({"name": f"must be the name of a tool, not {short_json(name)}"})
        if not isinstance(call["arguments"], dict):
            raise InvalidEdit({"arguments": f"must be an object, not {short_json(call['arguments'])}"})
        return call

    def list_changes(self, question: Question, value: Any) -> Changes:
        """Return the changed arguments of an edited call, each with its name."""
        return json_changes(question.value, value, question.schema, ("arguments",))

    def to_html(self, question: Question) -> str:
        """Return escaped HTML with the name of the tool, and below it the arguments as indented JSON."""
        arguments = json.dumps(question.value["arguments"], indent=2, ensure_ascii=False)
        return f"<code>{escape_html(question.value['name'])}</code>{text_html(arguments)}"


def build_call_type(call: Any, encoded: Any, types: TypeInfo | None, parameters: Mapping[str, Parameter]) -> TypeInfo:
    """Return the type of a tool call: JSON by which edits of its arguments are checked and converted back.

    The type of an argument comes from its annotation if that says more than the proposed value. An edit cannot change
    the tool's name, and must have the required arguments.

    Args:
        call: The proposed call, `{"name": ..., "arguments": {...}}`, with Python values.
        encoded: The call as JSON.
        types: Types of the call's values; None: only JSON types.
        parameters: Parameters of the tool by name.
    """
    own: TypeInfo = (types or {}).get("fields", {}).get("arguments") or {}
    given: dict[str, TypeInfo] = own.get("fields", {})
    fields: dict[str, Any] = {}
    for name, shown in encoded["arguments"].items():
        annotation = parameters[name].annotation if name in parameters else Parameter.empty
        if one := describe_annotation(annotation, call["arguments"][name], shown, given.get(name)):
            fields[name] = one
    required = [
        name
        for name, parameter in parameters.items()
        if parameter.default is Parameter.empty and parameter.kind not in _VARIADIC
    ]
    arguments: TypeInfo = {"is": "dict", "fields": fields, "names": list(parameters), "required": required}
    named: TypeInfo = {"is": "schema", "schema": {"const": encoded["name"]}}
    return {"is": "dict", "fields": {"name": named, "arguments": arguments}, "required": ["name", "arguments"]}
