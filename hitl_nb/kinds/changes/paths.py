"""Changes of JSON values by path, and of forms and tool calls by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from hitl_nb import json_text as json
from hitl_nb.kinds.changes.labels import Path, field_label
from hitl_nb.kinds.changes.model import Changes, Part, Span, count_of, removed_and_added
from hitl_nb.kinds.changes.words import shorten_spans, word_spans
from hitl_nb.records import canonical_json
from hitl_nb.values.text_diff import match_opcodes

MISSING: Any = object()
"""Used in place of a part that one of two values does not have."""
_MAX_ITEMS = 1_000_000
"""Maximum number of pairs of items that the comparison of two lists looks at."""
_LONG_TEXT = 40
"""Minimum length of texts whose words are compared. A shorter text is shown as replaced."""


@dataclass(frozen=True)
class PathChange:
    """A part that differs. `before` or `after` is `MISSING` where a value does not have the part."""

    path: Path
    before: Any
    after: Any


def path_changes(before: Any, after: Any) -> tuple[list[PathChange], int]:
    """Compare two JSON values. Objects and lists that both values have are compared by their parts.

    Returns:
        The changed parts in the order of the value, and the number of parts that are the same.
    """
    found: list[PathChange] = []
    same = _compare((), before, after, found)
    return found, same


def _compare(path: Path, before: Any, after: Any, found: list[PathChange]) -> int:
    if before is not MISSING and after is not MISSING:
        if isinstance(before, dict) and isinstance(after, dict) and (before or after):
            one, other = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
            names = [*one, *(name for name in other if name not in one)]
            return sum(
                _compare((*path, name), one.get(name, MISSING), other.get(name, MISSING), found) for name in names
            )
        if isinstance(before, list) and isinstance(after, list) and (before or after):
            return _compare_items(path, cast("list[Any]", before), cast("list[Any]", after), found)
        if canonical_json(before) == canonical_json(after):
            return 1
    found.append(PathChange(path, before, after))
    return 0


def _compare_items(path: Path, before: list[Any], after: list[Any], found: list[PathChange]) -> int:
    """Compare two lists. An item that was added or removed does not make all later items differ."""
    if len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return sum(_compare((*path, n), one, other, found) for n, (one, other) in pairs)
    old, new = ([canonical_json(item).decode() for item in items] for items in (before, after))
    same = 0
    for tag, i, i_end, j, j_end in match_opcodes(old, new, _MAX_ITEMS):
        if tag == "equal":
            same += sum(_count_parts(item) for item in after[j:j_end])
            continue
        for n in range(max(i_end - i, j_end - j)):
            removed = before[i + n] if i + n < i_end else MISSING
            added = after[j + n] if j + n < j_end else MISSING
            same += _compare((*path, i + n if added is MISSING else j + n), removed, added, found)
    return same


def _count_parts(value: Any) -> int:
    """Count the values without parts inside a JSON value."""
    if not isinstance(value, (dict, list)) or not value:
        return 1
    parts = cast("dict[str, Any]", value).values() if isinstance(value, dict) else cast("list[Any]", value)
    return sum(_count_parts(part) for part in parts)


def json_changes(before: Any, after: Any, schema: Any = None, prefix: Path = ()) -> Changes:
    """Compare two JSON values, with the labels that a JSON Schema gives their fields.

    Args:
        before: The proposed value.
        after: The edited value.
        schema: The schema of the whole value; None if there is none.
        prefix: Path of the part that people see as the value; its names are left out of the labels.
    """
    found, same = path_changes(before, after)
    parts = tuple(_describe_change(change, schema, prefix) for change in found)
    rest = f"{count_of(same, 'value is', 'values are')} as proposed" if same else ""
    return Changes(len(parts), parts, rest)


def _describe_change(change: PathChange, schema: Any, prefix: Path) -> Part:
    label = field_label(change.path, schema, len(prefix) if change.path[: len(prefix)] == prefix else 0)
    if isinstance(change.before, str) and isinstance(change.after, str):
        return Part(label, text_spans(change.before, change.after))
    sign = "+" if change.before is MISSING else "−" if change.after is MISSING else ""
    return Part(label, removed_and_added(*(_format_part(one) for one in (change.before, change.after))), sign)


def text_spans(before: str, after: str) -> tuple[Span, ...]:
    """Return the changes of a text on the same line as its label. Short texts are shown as replaced."""
    if max(len(before), len(after)) < _LONG_TEXT or not before or not after:
        return removed_and_added(before or '""', after or '""')
    return shorten_spans(word_spans(before, after))


def _format_part(value: Any) -> str | None:
    return None if value is MISSING else format_json(value)


def format_json(value: Any) -> str:
    """Format a JSON value for reading: texts as they are, short values on one line, longer ones indented.

    Line breaks in nested texts are real ones and not escape sequences, so this is not always valid JSON.
    """
    if isinstance(value, str):
        return value or '""'
    line = json.dumps(value, ensure_ascii=False)
    text = line if len(line) <= 60 else json.dumps(value, indent=2, ensure_ascii=False)
    return "\\".join(piece.replace("\\n", "\n").replace("\\t", "\t") for piece in text.split("\\\\"))
