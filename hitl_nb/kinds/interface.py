"""The interface of a kind of value. Everything that differs between kinds is in its members.

A *question* is the stored form of a proposal. The *types* of a value are JSON that describes the parts that are not
plain JSON (see `values/typed_values.py`). The *codec* is a name for the way in which the value was converted to JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from hitl_nb.kinds.changes.model import Changes
from hitl_nb.records import Question
from hitl_nb.values.typed_values import TypeInfo

SharingForm = Literal["text", "table", "parts", "whole"]
"""Form of a draft that people edit together: one text; the cells of a table; the parts of a JSON value; one JSON text.
"""
TextFormat = Literal["plain", "csv", "json"]


class Kind(Protocol):
    """One kind of value. `registry.py` lists all kinds.

    Attributes:
        name: Name as in `checkpoint(kind=...)`; stored with each question.
        text_format: Format of a value's text; "plain": the text is the value itself.
        file_suffix: Suffix of a file with a value's text.
        takes_options: True if the value is one of several options, which the question stores.
        keeps_last_line_end: True if a line break at the end of an edited file counts only if the value had one before.
        sharing_form: Form of shared drafts. "parts" becomes "whole" for values that are too large.
        paragraph_gap: Number of line breaks between two paragraphs of a text to which an agent adds text.
    """

    name: str
    text_format: TextFormat
    file_suffix: str
    takes_options: bool
    keeps_last_line_end: bool
    sharing_form: SharingForm
    paragraph_gap: int

    def detect(self, value: Any, options: Any) -> bool:
        """Return True if a value that is proposed without `kind=` has this kind.

        Args:
            value: The proposed Python value.
            options: The argument `options`; None if it was not given.
        """
        ...

    def encode(self, value: Any) -> tuple[str, Any, TypeInfo | None]:
        """Convert a Python value to JSON.

        Returns:
            The name of the codec, the JSON value, and the types of its parts (None: only JSON types).

        Raises:
            TypeError, ValueError: This kind does not accept the value.
        """
        ...

    def keep_types(self, question: Question, value: Any) -> Any:
        """Return an edited JSON value with the types of the proposed value, for example 3.0 for 3 if 2.5 was proposed.

        Raises:
            InvalidEdit: A part of the edit does not have the proposed type.
        """
        ...

    def check(self, question: Question, value: Any) -> Any:
        """Check a JSON value against the rules of this kind, and return it in its normal form.

        Raises:
            InvalidEdit: The value breaks a rule of this kind.
        """
        ...

    def find_schema_errors(self, schema: Any, value: Any) -> dict[str, str]:
        """Check a JSON value against the question's JSON Schema.

        Returns:
            One message per path of a part that does not fit the schema; empty if all parts fit.
        """
        ...

    def build_model(self, schema: Any, value: Any) -> None:
        """Validate a JSON value with the agent's own model or type (`schema`).

        Raises:
            InvalidEdit: The model or type refuses the value.
        """
        ...

    def restore(
        self,
        question: Question,
        value: Any,
        original: Any,
        options: Sequence[Any] | None,
        adapters: Mapping[str, Any],
    ) -> Any:
        """Convert a checked JSON value to an object of the proposed type.

        Args:
            question: The question.
            value: The checked JSON value.
            original: The proposed object itself.
            options: The agent's own options; None if there are none.
            adapters: Pydantic adapters of arguments with annotations, by their path.

        Raises:
            InvalidEdit: The type refuses the value.
        """
        ...

    def parse_text(self, question: Question, text: str, check: Callable[[Any], Any]) -> Any:
        """Parse an edit that was written as text.

        Args:
            question: The question.
            text: The text.
            check: Function that checks a JSON value and returns its normal form.

        Raises:
            InvalidEdit: The text is not a valid edit.
        """
        ...

    def format(self, value: Any) -> str:
        """Return a JSON value as exact text. `parse_text` converts this text to the same value."""
        ...

    def diff(self, before: Any, after: Any) -> str:
        """Return the unified diff of two different JSON values, with hidden characters made visible."""
        ...

    def summarize(self, value: Any, length: int) -> str:
        """Return the first `length` characters of `format` without building the whole text."""
        ...

    def to_html(self, question: Question) -> str:
        """Return the proposed value as escaped HTML without scripts."""
        ...


@runtime_checkable
class ListsChanges(Protocol):
    """A kind that says what its changes are. Kinds of other packages need not have it."""

    def list_changes(self, question: Question, value: Any) -> Changes:
        """Return what an edited JSON value changes in the proposed one.

        Args:
            question: The question.
            value: The edited value. It is not equal to the proposed one, and has been checked.
        """
        ...
