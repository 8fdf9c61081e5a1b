"""Changes between the proposed value and an edited value: how many, and the first of them, for rows of a list.

They are the changes that the card shows (`kinds/questions.list_changes`), each as one short line. The time is limited:
values that are too long are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from hitl_nb.drafts.document import are_equal
from hitl_nb.kinds.changes.model import Part, Span
from hitl_nb.kinds.questions import list_changes
from hitl_nb.records import Proposal, canonical_json
from hitl_nb.server.lists.one_line import short_text

MAX_SHOWN = 3
"""Number of changes that are described; the others are only counted."""
_MAX_BYTES = 256 << 10
"""Maximum size of a value, as JSON, that is compared."""


class ValueChange(NamedTuple):
    """One change of a value.

    Attributes:
        label: Name of the changed part for people, such as "Amount", "Row 3, paid" or "Step 2"; "" for a text.
        before: The part in the proposed value, short; None if it was added.
        after: The part in the edited value, short; None if it was removed.
    """

    label: str
    before: str | None
    after: str | None


class ValueChanges(NamedTuple):
    """The changes of a value.

    Attributes:
        total: Number of changes; None if the values differ, but are too long to compare.
        first: The first changes, at most `MAX_SHOWN`.
    """

    total: int | None
    first: tuple[ValueChange, ...]


NO_CHANGES = ValueChanges(0, ())


def find_value_changes(proposal: Proposal, edited: Any) -> ValueChanges:
    """Return the changes from the proposed value to an edited one.

    Args:
        proposal: The proposal.
        edited: The edited value, as JSON; or the typed text, if that is not a valid value yet.
    """
    if are_equal(proposal.value, edited):
        return NO_CHANGES
    if max(len(canonical_json(value)) for value in (proposal.value, edited)) > _MAX_BYTES:
        return ValueChanges(None, ())
    found = list_changes(proposal, edited)
    shown = (change for part in found.parts for change in _iterate_changes(part))
    return ValueChanges(max(found.count, 1), tuple(islice(shown, MAX_SHOWN)))


def _iterate_changes(part: Part) -> Iterator[ValueChange]:
    """Yield the changes of one part: one for a named part, one for each group of changed words of a text."""
    if part.sign in ("↑", "↓"):
        text = _join(part.spans)
        yield ValueChange(short_text(part.label), text, f"{part.sign} {text}")
    elif part.label:
        if part.sign or any(span.mark != "same" for span in part.spans):
            yield ValueChange(short_text(part.label), *_read_sides(part.spans))
    else:
        group: list[Span] = []
        for span in (*part.spans, Span("same", "")):
            if span.mark != "same":
                group.append(span)
            elif group:
                yield ValueChange("", *_read_sides(group))
                group = []


def _read_sides(spans: Sequence[Span]) -> tuple[str | None, str | None]:
    """Return the text of spans in the proposed value and in the edited one. None: the value does not have it."""
    before = [span for span in spans if span.mark != "added"]
    after = [span for span in spans if span.mark != "removed"]
    return _join(before) if before else None, _join(after) if after else None


def _join(spans: Sequence[Span]) -> str:
    return short_text("".join(span.text for span in spans))
