"""Guardrails: functions that check a proposed value before people are asked.

A guardrail returns a finding: `passed()` or None, `escalate(why)` or `block(why)`. This module has these findings and
the built-in guardrails. `guardrail_checks.py` calls guardrails. `hitl.guardrails` is this module.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from hitl_nb.errors import InvalidEdit
from hitl_nb.kinds.questions import build_question, restore_value
from hitl_nb.pickled_names import name_in_package
from hitl_nb.records import GuardrailVerdict
from hitl_nb.values.checks.patterns import find_pattern, is_linear
from hitl_nb.values.schemas import resolve_schema

__all__ = ["blocklist", "pattern", "satisfies"]

_MAX_MESSAGE_CHARS = 1000
"""Maximum length of a finding's message, in characters; the rest is cut off."""


@name_in_package
@dataclass(frozen=True)
class GuardrailFinding:
    """Result of a guardrail: a verdict, and a sentence that says why.

    Attributes:
        verdict: "pass", "escalate" (a person must check the value) or "block".
        message: The reason; "" for "pass".
    """

    verdict: GuardrailVerdict
    message: str = ""


def passed() -> GuardrailFinding:
    """Return the finding that the value is acceptable. A guardrail can also return None."""
    return GuardrailFinding("pass")


def escalate(why: str) -> GuardrailFinding:
    """Return the finding that a person must check the value, even if a policy would pass it.

    Args:
        why: A sentence for the person.

    Raises:
        TypeError: `why` is not a str.
        ValueError: `why` is empty.
    """
    return GuardrailFinding("escalate", _check_sentence(why, "escalate"))


def block(why: str) -> GuardrailFinding:
    """Return the finding that the value must not be used: the proposal is rejected, and nobody is asked.

    Args:
        why: The reason, a sentence.

    Raises:
        TypeError: `why` is not a str.
        ValueError: `why` is empty.
    """
    return GuardrailFinding("block", _check_sentence(why, "block"))


def cut_message(text: str) -> str:
    """Cut a finding's message to its maximum length (1000 characters).

    Lone surrogates, which UTF-8 cannot encode, are replaced by escapes (a backslash and their number).
    """
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _MAX_MESSAGE_CHARS else text[: _MAX_MESSAGE_CHARS - 1] + "…"


def _check_sentence(why: object, function: str) -> str:
    if not isinstance(why, str):
        raise TypeError(f"hitl.{function}(why) takes a sentence (str), not {type(why).__name__}")
    if not why.strip():
        raise ValueError(f"hitl.{function}(why) needs a sentence that says why")
    return cut_message(why)


class NamedGuardrail:
    """A guardrail with a name and a version, by which policies and records identify it."""

    name: str
    version: str = ""


class BuiltinGuardrail(NamedGuardrail, ABC):
    """Base class of the guardrails that this package provides. An object of a subclass is called with the value."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def __call__(self, value: Any) -> GuardrailFinding:
        """Check a proposed value and return the finding: a verdict, and a sentence that says why."""


@name_in_package
class _BlocklistGuardrail(BuiltinGuardrail):
    def __init__(self, words: Iterable[str], name: str) -> None:
        super().__init__(name)
        self.words = _clean_words(words)

    def __call__(self, value: Any) -> GuardrailFinding:
        texts = [text.casefold() for text in _iterate_texts(value)]
        found = [word for word in self.words if any(_has_word(text, word.casefold()) for text in texts)]
        return block(f"it has {', '.join(map(repr, found))}, on the list of blocked words") if found else passed()


@name_in_package
class _PatternGuardrail(BuiltinGuardrail):
    def __init__(self, regex: str, name: str) -> None:
        super().__init__(name)
        if not isinstance(regex, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise TypeError(f"regex must be a str, not {type(regex).__name__}")
        find_pattern(regex, "")  # raises ValueError for an invalid pattern
        if not is_linear(regex):
            raise ValueError(
                f"the pattern {regex[:100]!r} cannot be matched in linear time: remove look-around and back "
                "references, or check the text in your own function with @hitl.guardrail"
            )
        self.regex = regex

    def __call__(self, value: Any) -> GuardrailFinding:
        if not isinstance(value, str):
            return escalate(f"it is no text but a {type(value).__name__}, which no pattern can be found in")
        return passed() if find_pattern(self.regex, value) else escalate(f"it does not match {self.regex!r}")


@name_in_package
class _SchemaGuardrail(BuiltinGuardrail):
    def __init__(self, schema: Any, name: str) -> None:
        super().__init__(name)
        resolve_schema(schema)  # raises TypeError or ValueError for an invalid schema
        self.schema = schema

    def __call__(self, value: Any) -> GuardrailFinding:
        wrong = _find_schema_errors(self.schema, value)
        if not wrong:
            return passed()
        return escalate("; ".join(f"{path or 'value'}: {message}" for path, message in wrong.items()))


def blocklist(words: Iterable[str], *, name: str = "blocklist") -> BuiltinGuardrail:
    """Make a guardrail that blocks a value if any of its texts contains one of these words.

    Args:
        words: Words or phrases. Case is ignored. A word inside a longer word is not found ("ass" is not in "passport").
        name: Name of the guardrail in policies and records. If a call has several guardrails, each needs its own name.

    Raises:
        TypeError: `words` is a str, or has an item that is not a str.
        ValueError: `words` is empty, or has an empty word.
    """
    return _BlocklistGuardrail(words, name)


def pattern(regex: str, *, name: str = "pattern") -> BuiltinGuardrail:
    """Make a guardrail that escalates a text in which a regular expression has no match.

    It also escalates values that are not texts.

    Args:
        regex: A regular expression without look-around and back references, so that the matching time grows only with
            the text. Use `^` and `$` to match the whole text.
        name: Name of the guardrail in policies and records.

    Raises:
        TypeError: `regex` is not a str.
        ValueError: `regex` is invalid, or has look-around or back references.
    """
    return _PatternGuardrail(regex, name)


def satisfies(type_or_schema: Any, *, name: str = "satisfies") -> BuiltinGuardrail:
    """Make a guardrail that escalates a value that does not fit a type, a pydantic model or a JSON Schema (a dict).

    For a table, each row is checked as an object, as for the argument `schema` of a checkpoint.

    Args:
        type_or_schema: A type, model or schema, as for the argument `schema` of a checkpoint.
        name: Name of the guardrail in policies and records.

    Raises:
        TypeError: `type_or_schema` is not a type or a dict.
        ValueError: `type_or_schema` is an invalid schema.
    """
    return _SchemaGuardrail(type_or_schema, name)


def _clean_words(words: Iterable[str]) -> tuple[str, ...]:
    if isinstance(words, str):
        raise TypeError("words must be a list of words, not one str: a str would be split into its letters")
    found = tuple(words)
    for word in found:
        if not isinstance(word, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise TypeError(f"words must be str, not {type(word).__name__}")
    if not found or not all(word.strip() for word in found):
        raise ValueError("words must have at least one word, and no empty one")
    return found


def _has_word(text: str, word: str) -> bool:
    """Return whether `word` occurs in `text` as a whole word, not as a part of a longer word."""
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not (before.isalnum() and word[0].isalnum()) and not (after.isalnum() and word[-1].isalnum()):
            return True
        at = text.find(word, at + 1)
    return False


def _iterate_texts(value: Any) -> Iterator[str]:
    """Yield all texts and numbers that a value contains, and the names of its fields and columns, as text."""
    question = build_question(value, title="value")
    shown = question.value
    if question.kind == "table":
        yield from (str(column["name"]) for column in shown["columns"])
        shown = shown["rows"]
    todo: list[Any] = [shown]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            fields = cast("dict[str, Any]", one)
            todo += [*fields, *fields.values()]
        elif isinstance(one, list):
            todo += one
        elif isinstance(one, (str, int, float)):
            yield str(one)


def _find_schema_errors(schema: Any, value: Any) -> dict[str, str]:
    question = build_question(value, title="value", schema=schema)
    try:
        restore_value(question, question.value, value, schema)
    except InvalidEdit as error:
        return error.fields
    return {}
