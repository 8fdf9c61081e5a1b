"""The kind of choices: the value is one of the options that the agent offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.changes.model import Changes, Part, removed_and_added
from hitl_nb.kinds.html import format_inline, labelled_html, text_html
from hitl_nb.kinds.interface import SharingForm
from hitl_nb.kinds.json import JsonKind, parse_json
from hitl_nb.records import Question, canonical_json
from hitl_nb.values.json_values import match_number_types, short_json


class ChoiceKind(JsonKind):
    """The kind of a value that is one of `options`. The options may be any JSON values."""

    name: str = "choice"
    takes_options: bool = True
    sharing_form: SharingForm = "whole"

    def detect(self, value: Any, options: Any) -> bool:
        """Return True if the agent gave options. A value that is proposed without `kind=` then has this kind."""
        return options is not None

    def keep_types(self, question: Question, value: Any) -> Any:
        """Return an edited JSON value unchanged.

        `check` gives the value the proposed types, because it returns the stored option itself.
        """
        return value

    def check(self, question: Question, value: Any) -> Any:
        """Return the stored option that equals an edited JSON value.

        Raises:
            InvalidEdit: No option equals the value.
        """
        for option in question.options or []:
            if canonical_json(match_number_types(option, value)) == canonical_json(option):
                return option
        raise InvalidEdit({"": f"must be one of {short_json(question.options, 200)}, not {short_json(value)}"})

    def restore(
        self,
        question: Question,
        value: Any,
        original: Any,
        options: Sequence[Any] | None,
        adapters: Mapping[str, Any],
    ) -> Any:
        """Convert a chosen option from JSON to the agent's own Python object.

        Args:
            question: The question, with the options as JSON.
            value: The chosen option as JSON.
            original: The proposed object.
            options: The agent's own options. If the list has become too short for the chosen option, the JSON is
                returned. None: the agent does not pass its options, and an object is made from the JSON.
            adapters: Pydantic adapters by path, used only without `options`.
        """
        if options is None:
            return super().restore(question, value, original, options, adapters)
        at = [canonical_json(option) for option in question.options or []].index(canonical_json(value))
        return options[at] if at < len(options) else value

    def parse_text(self, question: Question, text: str, check: Callable[[Any], Any]) -> Any:
        """Parse an edit that a person typed: the JSON of an option, or the plain text of an option that is a text.

        Returns:
            The result of `check`, which is called with the parsed value.

        Raises:
            InvalidEdit: The text describes no option.
        """
        try:
            return check(parse_json(text))
        except InvalidEdit:
            return check(text.strip())

    def list_changes(self, question: Question, value: Any) -> Changes:
        """Return the agent's choice as removed and the chosen option as added."""
        return Changes(1, (Part("", removed_and_added(format_inline(question.value), format_inline(value))),))

    def to_html(self, question: Question) -> str:
        """Return escaped HTML that shows the proposed option, and below it the other options."""
        others = ", ".join(format_inline(option) for option in question.options or [] if option != question.value)
        return text_html(format_inline(question.value)) + labelled_html("Other options", text_html(others))
