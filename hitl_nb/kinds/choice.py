"""The kind of choices: the value is one of the options that the agent offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hitl_nb.errors import InvalidEdit
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
        """Return True if options were given (see `Kind.detect`)."""
        return options is not None

    def keep_types(self, question: Question, value: Any) -> Any:
        """Return the value unchanged (see `Kind.keep_types`), because `check` returns the option itself."""
        return value

    def check(self, question: Question, value: Any) -> Any:
        """Return the option that equals the value (see `Kind.check`).

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
        """Return the agent's own option object that equals the JSON `value` (see `Kind.restore`).

        If `options` has no such item any more, the JSON is returned. Without `options`, an object is made from the
        JSON.
        """
        if options is None:
            return super().restore(question, value, original, options, adapters)
        at = [canonical_json(option) for option in question.options or []].index(canonical_json(value))
        return options[at] if at < len(options) else value

    def parse_text(self, question: Question, text: str, check: Callable[[Any], Any]) -> Any:
        """Parse the JSON of an option, or the plain text of an option that is a text (see `Kind.parse_text`)."""
        try:
            return check(parse_json(text))
        except InvalidEdit:
            return check(text.strip())

    def to_html(self, question: Question) -> str:
        """Return the HTML of the proposed option and a list of the other options (see `Kind.to_html`)."""
        others = ", ".join(format_inline(option) for option in question.options or [] if option != question.value)
        return text_html(format_inline(question.value)) + labelled_html("Other options", text_html(others))
