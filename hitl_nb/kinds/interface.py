"""What the package asks of a kind of value: everything that differs from kind to kind is behind these members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from hitl_nb.records import Question
from hitl_nb.values.typed_values import TypeInfo

SharingForm = Literal["text", "table", "parts", "whole"]
"""How a draft is shared: as one text; as a table's cells; as parts of a JSON value; as one JSON text."""
TextFormat = Literal["plain", "csv", "json"]


class Kind(Protocol):
    """One kind of value. `registry.py` lists them.

    Attributes:
        name: as in `checkpoint(kind=...)`; stored with each question.
        text_format: what a value is as text; "plain": the text is the value.
        file_suffix: of a file with a value's text.
        takes_options: whether the value is one of options, which the question then has.
        keeps_last_line_end: whether a line end at the end of an edited file counts only if the value had one before.
        sharing_form: how drafts are shared; "parts" becomes "whole" for values that are too large for it.
        paragraph_gap: line ends between two paragraphs of a text that an agent adds to.
    """

    name: str
    text_format: TextFormat
    file_suffix: str
    takes_options: bool
    keeps_last_line_end: bool
    sharing_form: SharingForm
    paragraph_gap: int

    def detect(self, value: Any, options: Any) -> bool:
        """Whether a value that is proposed without `kind=` is of this kind."""
        ...

    def encode(self, value: Any) -> tuple[str, Any, TypeInfo | None]:
        """Codec, JSON and types of a Python value. Raises TypeError or ValueError if this kind does not take it."""
        ...

    def keep_types(self, question: Question, value: Any) -> Any:
        """An edit with the types of what was proposed. Raises InvalidEdit for what is not of these types."""
        ...

    def check(self, question: Question, value: Any) -> Any:
        """The JSON in its normal form. Raises InvalidEdit for what breaks the rules of this kind."""
        ...

    def find_schema_errors(self, schema: Any, value: Any) -> dict[str, str]:
        """One message per path where the JSON does not fit the question's JSON Schema."""
        ...

    def build_model(self, schema: Any, value: Any) -> None:
        """Let the agent's own model or type validate the JSON. Raises InvalidEdit."""
        ...

    def restore(
        self,
        question: Question,
        value: Any,
        original: Any,
        options: Sequence[Any] | None,
        adapters: Mapping[str, Any],
    ) -> Any:
        """The checked JSON as an object of the type that was proposed. Raises InvalidEdit."""
        ...

    def parse_text(self, question: Question, text: str, check: Callable[[Any], Any]) -> Any:
        """The edit that a text means, checked by `check`. Raises InvalidEdit."""
        ...

    def format(self, value: Any) -> str:
        """The JSON as exact text: `parse_text` gives the same JSON again."""
        ...

    def diff(self, before: Any, after: Any) -> str:
        """Unified diff between two different values, hidden characters made visible."""
        ...

    def summarize(self, value: Any, length: int) -> str:
        """The first characters of `format`, without making the whole of it."""
        ...

    def to_html(self, question: Question) -> str:
        """The proposed value as escaped HTML without scripts."""
        ...
