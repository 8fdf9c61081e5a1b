"""One line of text about the value of a proposal, for rows of a list.

The line shows the value as people read it, not as JSON. The time for one line is limited: of a long value, only the
beginning is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.hidden_characters import show_hidden_characters
from hitl_nb.kinds.questions import format_beginning
from hitl_nb.records import Proposal

MAX_LINE_CHARS = 120
"""Maximum number of characters of a line, with "…" at the end if it was cut."""
SEPARATOR = " · "
_MAX_PARTS = 8
_MAX_STEPS = 3
_MAX_READ_CHARS = 600


_DESCRIBED_KINDS = frozenset({"text", "markdown", "code", "json", "table", "tool_call", "plan", "choice"})
"""Kinds whose values are described here. Any other kind has a method of its own that summarizes its values."""


def summarize_value(proposal: Proposal) -> str:
    """Return the proposed value in one line of at most `MAX_LINE_CHARS` characters, with hidden characters shown.

    For a question about an effect in doubt, the line says why it is in doubt.
    """
    if proposal.doubt is not None:
        how = "The kernel died" if proposal.doubt.died else "It was interrupted"
        return f"{how} while it was called"
    return cut_line(show_hidden_characters(_describe_value(proposal)))


def short_text(value: Any, length: int = 60) -> str:
    """Return a JSON value as one short line: a text without quotes, "yes" or "no", or the beginning of its JSON.

    Args:
        value: The value.
        length: Maximum number of characters of the line.
    """
    return cut_line(show_hidden_characters(_inline(value)), length)


def cut_line(line: str, length: int = MAX_LINE_CHARS) -> str:
    """Return a line with at most `length` characters. A longer line is cut after a word, and ends with "…"."""
    if len(line) <= length:
        return line
    head = line[: length - 1]
    word_end = head.rfind(" ")
    return (head[:word_end] if word_end > length * 2 // 3 else head).rstrip(" ·,") + "…"


def _describe_value(proposal: Proposal) -> str:
    value = proposal.value
    match proposal.kind:
        case kind if kind not in _DESCRIBED_KINDS:
            return _first_words(format_beginning(proposal, value, _MAX_READ_CHARS))
        case "table":
            return _count_cells(value)
        case "plan":
            return SEPARATOR.join([_count(len(value), "step"), ", ".join(map(_inline, value[:_MAX_STEPS]))]).rstrip(
                " ·"
            )
        case "tool_call":
            return _join_fields(cast("dict[str, Any]", value["arguments"]))
        case _ if isinstance(value, dict):
            return _join_fields(cast("dict[str, Any]", value))
        case _ if isinstance(value, list):
            items = cast("list[Any]", value)
            return SEPARATOR.join([_count(len(items), "item"), *map(_inline, items[:_MAX_STEPS])])
        case _ if isinstance(value, str):
            return _first_words(value)
        case _:
            return _first_words(format_beginning(proposal, value, _MAX_READ_CHARS))


def _count_cells(table: Any) -> str:
    return f"{_count(len(table['rows']), 'row')} × {_count(len(table['columns']), 'column')}"  # as on paper


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _join_fields(fields: dict[str, Any]) -> str:
    return SEPARATOR.join(islice(_iterate_field_texts(fields.items()), _MAX_PARTS))


def _iterate_field_texts(fields: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """Yield the texts of the fields that have a value. A yes or no gets the name of its field."""
    for name, value in fields:
        if isinstance(value, bool):
            yield f"{name}: {_inline(value)}"
        elif value is not None and value not in ("", [], {}):
            yield _inline(value)


def _inline(value: Any) -> str:
    if isinstance(value, str):
        return _first_words(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        return _begin_json(value)
    return json.dumps(value)


def _begin_json(value: Any) -> str:
    text = ""
    for piece in json.JSONEncoder(ensure_ascii=False).iterencode(value):
        text += piece
        if len(text) > MAX_LINE_CHARS:
            break
    return text


def _first_words(text: str) -> str:
    return " ".join(text[:_MAX_READ_CHARS].split(None))
