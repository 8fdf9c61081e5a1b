"""The kind of JSON values of any form, which is also the base class of all other kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hitl_nb import json_text as json
from hitl_nb.errors import InvalidEdit
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.changes.model import Changes
from hitl_nb.kinds.changes.paths import json_changes
from hitl_nb.kinds.html import text_html
from hitl_nb.kinds.interface import SharingForm, TextFormat
from hitl_nb.records import Question
from hitl_nb.values.dataframes import dataframe_library
from hitl_nb.values.json_types import JsonKinds
from hitl_nb.values.json_values import match_number_types
from hitl_nb.values.models import build_model, is_model
from hitl_nb.values.numpy_scalars import is_science
from hitl_nb.values.rebuilt_values import rebuild_value
from hitl_nb.values.scalars import is_scalar
from hitl_nb.values.schemas import schema_errors
from hitl_nb.values.text_diff import unified_diff
from hitl_nb.values.typed_values import TypeInfo, check_value, encode_value


class JsonKind:
    """The kind of any value that can be written as JSON. Other kinds inherit from it and add their rules."""

    name: str = "json"
    text_format: TextFormat = "json"
    file_suffix: str = ".json"
    takes_options: bool = False
    keeps_last_line_end: bool = False
    sharing_form: SharingForm = "parts"
    paragraph_gap: int = 2

    def detect(self, value: Any, options: Any) -> bool:
        """Return False: this kind is not detected. The registry uses it for values that no other kind detects."""
        return False

    def encode(self, value: Any) -> tuple[str, Any, TypeInfo | None]:
        """Convert a Python value to JSON. Parts that are not plain JSON, such as dates, are described by types.

        Returns:
            The name of the codec (the way of the conversion: "json", "model" or "bytes"), the JSON value, and the
            types of its parts (None: only JSON types).

        Raises:
            TypeError: The value is a DataFrame, Series or Index, or a part of it is not supported.
            ValueError: A part cannot be written as JSON.
        """
        if dataframe_library(value):
            name = type(value).__name__
            raise TypeError(f"value is a {name}; kind={self.name!r} does not take one; use kind='table'")
        encoded, types = encode_value(value)
        codec = "bytes" if type(value) is bytes else "model" if is_model(value) else "json"
        return codec, encoded, types

    def keep_types(self, question: Question, value: Any) -> Any:
        """Return an edited JSON value with the types of the proposed value, for example 3.0 for 3 if 2.5 was proposed.

        Where the question's JSON Schema names a type, the edit may have that type instead.

        Raises:
            InvalidEdit: A part of the edit does not have the proposed type.
        """
        value = match_number_types(question.value, value)
        kinds = self._json_kinds(question.value)
        checked, wrong = check_value(question.types, value, question.value, kinds)
        if wrong and question.schema is not None:
            kinds.release_to_schemas([question.schema], question.schema)
            checked, wrong = check_value(question.types, value, question.value, kinds)
        if wrong:
            raise InvalidEdit(wrong)
        return checked

    def _json_kinds(self, proposed: Any) -> JsonKinds:
        """Return the JSON types that an edit must keep."""
        return JsonKinds(proposed)

    def check(self, question: Question, value: Any) -> Any:
        """Return the JSON value unchanged, because this kind has no rules. Other kinds override this method."""
        return value

    def find_schema_errors(self, schema: Any, value: Any) -> dict[str, str]:
        """Check the whole JSON value against a JSON Schema.

        Returns:
            One message per path of a part that does not fit the schema; empty if all parts fit.
        """
        return schema_errors(schema, value)

    def build_model(self, schema: Any, value: Any) -> None:
        """Check that the agent's own model or type (`schema`) accepts the whole JSON value.

        Raises:
            InvalidEdit: The model or type refuses the value.
        """
        build_model(schema, value)

    def restore(
        self,
        question: Question,
        value: Any,
        original: Any,
        options: Sequence[Any] | None,
        adapters: Mapping[str, Any],
    ) -> Any:
        """Convert a checked JSON value to a Python object of the proposed type.

        Parts that were not edited are taken from the proposed object.

        Args:
            question: The question, with the types of the proposed value.
            value: The checked JSON value.
            original: The proposed object.
            options: Not used by this kind.
            adapters: Pydantic adapters of arguments with annotations, by their path.

        Raises:
            InvalidEdit: The type refuses the value.
        """
        return rebuild_value(question.types, value, question.value, original, adapters)

    def parse_text(self, question: Question, text: str, check: Callable[[Any], Any]) -> Any:
        """Parse JSON that a person typed. Dates, decimals and similar values may be written without quotes.

        Returns:
            The result of `check`, which is called with the parsed value.

        Raises:
            InvalidEdit: The text is not valid JSON, or `check` refuses the value.
        """
        if _is_text_scalar(question) and not text.lstrip().startswith('"'):
            return check(text)  # the text itself, because 12.50 must not become 12.5
        return check(parse_json(text))

    def format(self, value: Any) -> str:
        """Return a JSON value as indented JSON text, from which `parse_text` makes the same value."""
        return indent_json(value)

    def diff(self, before: Any, after: Any) -> str:
        """Return the unified diff between the indented JSON of two values. Hidden characters are made visible."""
        return diff_texts(self.format(before), self.format(after))

    def list_changes(self, question: Question, value: Any) -> Changes:
        """Return the changed parts of an edited value, each with the title of its field or its path."""
        return json_changes(question.value, value, question.schema)

    def summarize(self, value: Any, length: int) -> str:
        """Return the first `length` characters of the indented JSON, without building the whole text."""
        if isinstance(value, str):
            return self.format(value)[:length]
        text = ""
        for piece in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(value):
            text += piece
            if len(text) >= length:
                break
        return text[:length]

    def to_html(self, question: Question) -> str:
        """Return escaped HTML with the text form of the proposed value. Line breaks are kept."""
        return text_html(self.format(question.value))


def _is_text_scalar(question: Question) -> bool:
    """Return True if the value is a single value that JSON stores as text: a date, a decimal, a path."""
    types = question.types
    single = types is not None and (is_scalar(types) or is_science(types)) and types["is"] not in ("enum", "float")
    return single and isinstance(question.value, str)


def diff_texts(before: str, after: str) -> str:
    """Return the unified diff of two texts, with hidden characters made visible."""
    old, new = (show_hidden_characters(text).split("\n") for text in (before, after))
    return "\n".join(unified_diff(old, new, "proposed", "edited")) + "\n"


def indent_json(value: Any) -> str:
    """Return the text of `json.dumps(value, indent=2, ensure_ascii=False)`, faster than Python's json makes it."""
    try:
        return msgspec.json.format(json.dumps(value, ensure_ascii=False), indent=2)
    except (UnicodeEncodeError, msgspec.DecodeError):  # only Python's json accepts lone surrogates and NaN
        return json.dumps(value, indent=2, ensure_ascii=False)


def parse_json(text: str) -> Any:
    """Parse a JSON text.

    Raises:
        InvalidEdit: The text is not JSON, or an object has the same key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_build_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidEdit({"": f"must be JSON: {error}"}) from None


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
