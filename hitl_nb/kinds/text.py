"""The kind of plain text, which is also the base class of all kinds whose value is a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hitl_nb.kinds.changes.model import Changes
from hitl_nb.kinds.changes.words import text_changes
from hitl_nb.kinds.interface import SharingForm, TextFormat
from hitl_nb.kinds.json import JsonKind
from hitl_nb.records import Question
from hitl_nb.values.typed_values import TypeInfo


class TextKind(JsonKind):
    """The kind of a str that is shown and edited without changes of its format."""

    name: str = "text"
    text_format: TextFormat = "plain"
    file_suffix: str = ".txt"
    keeps_last_line_end: bool = True
    sharing_form: SharingForm = "text"

    def detect(self, value: Any, options: Any) -> bool:
        """Return True for a str that is proposed without options."""
        return options is None and type(value) is str

    def encode(self, value: Any) -> tuple[str, Any, TypeInfo | None]:
        """Return a str as JSON, with its codec. No types are needed for text, so the last item is None.

        Raises:
            TypeError: The value is not a str.
            ValueError: The text contains a lone surrogate (half of a character).
        """
        if type(value) is not str:
            raise TypeError(f"value is a {type(value).__name__}; kind={self.name!r} takes a str")
        return super().encode(value)

    def parse_text(self, question: Question, text: str, check: Callable[[Any], Any]) -> Any:
        """Return the result of `check` for a text that a person typed. The text is the edited value itself.

        Raises:
            InvalidEdit: `check` refuses the text.
        """
        return check(text)

    def format(self, value: Any) -> str:
        """Return the text itself, because the value of this kind is its own text form."""
        return value

    def list_changes(self, question: Question, value: Any) -> Changes:
        """Return the changed paragraphs of an edited text, by word."""
        return text_changes(question.value, value)

    def summarize(self, value: Any, length: int) -> str:
        """Return the first `length` characters of the text."""
        return self.format(value)[:length]
