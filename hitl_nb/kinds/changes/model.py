"""The form in which all kinds describe what was changed. Views and the command line draw it; nothing here is markup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Mark = Literal["same", "removed", "added"]
Sign = Literal["", "+", "−", "~", "↑", "↓"]
"""The change of a whole part: added, removed, changed, moved up, moved down; "" if its spans say it."""


@dataclass(frozen=True)
class Span:
    """A piece of text. Removed pieces are only in the proposed value, added pieces only in the edited one."""

    mark: Mark
    text: str


@dataclass(frozen=True)
class Part:
    """One part of a value: a paragraph, a line, a field, a cell, a row or a step.

    Attributes:
        label: Name of the part, such as "Amount", "limits.tools[2]" or "Row 3, paid"; "" if it has none.
        spans: Its text.
        sign: The change of the whole part.
    """

    label: str
    spans: tuple[Span, ...]
    sign: Sign = ""


@dataclass(frozen=True)
class Changes:
    """All changes of a value.

    Attributes:
        count: Number of changes, in the unit of the kind: groups of words, fields, cells, rows, steps.
        parts: Changed parts, in the order of the value. Around them, parts without changes where they help to read.
        rest: Summary of what is not listed, such as "41 values are as proposed"; "" if nothing is left out.
        exact: True if spaces and line breaks count, as in code.
    """

    count: int
    parts: tuple[Part, ...]
    rest: str = ""
    exact: bool = False


NO_CHANGES = Changes(0, ())


def count_of(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun: "1 change", "1,200 rows".

    Args:
        count: The number.
        one: The noun for 1.
        many: The noun for other numbers. Default: the noun with an s.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def removed_and_added(before: str | None, after: str | None) -> tuple[Span, ...]:
    """Return the spans of a part that was replaced as a whole. None: one of the two values does not have it."""
    spans = (Span("removed", before or ""), Span("added", after or ""))
    return tuple(span for span in spans if span.text)


def count_groups(spans: Iterable[Span]) -> int:
    """Count the changes among spans. Changed spans next to each other count once."""
    count, last = 0, "same"
    for span in spans:
        count += span.mark != "same" and last == "same"
        last = span.mark
    return count
