"""The kind of plans: the value is a list of steps."""

from __future__ import annotations

from typing import Any, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.changes.model import Changes
from hitl_nb.kinds.changes.steps import plan_changes
from hitl_nb.kinds.html import format_inline, text_html
from hitl_nb.kinds.json import JsonKind
from hitl_nb.records import Question
from hitl_nb.values.json_types import JsonKinds


class PlanKind(JsonKind):
    """The kind of a list of steps, each a text or an object."""

    name: str = "plan"
    file_suffix: str = ".txt"

    def _json_kinds(self, proposed: Any) -> JsonKinds:
        kinds = super()._json_kinds(proposed)
        if kinds.items:
            kinds.items.free = True  # a step may be a text or an object
        return kinds

    def check(self, question: Question, value: Any) -> Any:
        """Check that an edited JSON value is a list whose items are texts or objects, and return the list.

        A step without text is refused, unless the agent proposed such a step.

        Raises:
            InvalidEdit: The value is no list, or an item is neither a text nor an object, or an empty text. One message
                per item.
        """
        if not isinstance(value, list):
            raise InvalidEdit({"": "must be a list of steps"})
        wrong: dict[str, str] = {}
        for i, step in enumerate(cast("list[Any]", value)):
            if not isinstance(step, (str, dict)):
                wrong[str(i)] = "must be a text or an object"
            elif isinstance(step, str) and not step.strip() and step not in question.value:
                wrong[str(i)] = "must not be empty; write what to do, or remove the step"
        if wrong:
            raise InvalidEdit(wrong)
        return cast("Any", value)

    def list_changes(self, question: Question, value: Any) -> Changes:
        """Return all steps of an edited plan; added, removed and moved ones have a sign.

        Raises:
            TypeError: The value is a draft that is no list of steps yet.
        """
        if not isinstance(value, list):
            raise TypeError(f"a plan is a list, not a {type(value).__name__}")
        return plan_changes(question.value, cast("list[Any]", value))

    def to_html(self, question: Question) -> str:
        """Return the proposed steps as a numbered list in escaped HTML."""
        return "<ol>" + "".join(f"<li>{text_html(format_inline(step))}</li>" for step in question.value) + "</ol>"
