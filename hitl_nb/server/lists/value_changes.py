"""Changes between the proposed value and an edited value: how many, and the first of them, for rows of a list.

A change is about some words of a text, a field, a cell or row of a table, or a step. The time is
limited: values that are too long are not compared in parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import Any, NamedTuple, cast

from hitl_nb.drafts.document import are_equal
from hitl_nb.records import canonical_json
from hitl_nb.server.lists.one_line import short_text

MAX_SHOWN = 3
"""Number of changes that are described; the others are only counted."""
_MAX_PARTS = 1000
"""Maximum number of words, rows or items on each side whose order is compared."""
_MAX_TEXT_CHARS = 200_000


class ValueChange(NamedTuple):
    """One change of a value.

    Attributes:
        path: Place of the changed part, with "/" between names and numbers, for example "lines/0/sku". "": the whole.
        label: Name of the changed part for people: title or name of the field, "row 3", "step 2"; "" for a text.
        before: The part in the proposed value, short; None if it was added.
        after: The part in the edited value, short; None if it was removed.
    """

    path: str
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


def find_value_changes(kind: str, before: Any, after: Any, schema: Any = None) -> ValueChanges:
    """Return the changes from a proposed value to an edited one.

    Args:
        kind: Kind of the value.
        before: The proposed value, as JSON.
        after: The edited value, as JSON; or the typed text, if that is not a valid value yet.
        schema: JSON Schema of the value, for the titles of fields. None (default): the names of the fields are shown.
    """
    if are_equal(before, after):
        return NO_CHANGES
    if isinstance(before, str) and isinstance(after, str):
        if max(len(before), len(after)) > _MAX_TEXT_CHARS:
            return ValueChanges(None, ())
        found = _iterate_word_changes(before, after)
    elif kind == "table" and isinstance(before, dict) and isinstance(after, dict):
        found = _iterate_table_changes(cast("dict[str, Any]", before), cast("dict[str, Any]", after))
    elif kind == "plan" and isinstance(before, list) and isinstance(after, list):
        found = _iterate_item_changes(cast("list[Any]", before), cast("list[Any]", after), "", "step")
    else:
        found = _iterate_part_changes(before, after, (), schema)
    first = tuple(islice(found, MAX_SHOWN))
    return ValueChanges(len(first) + sum(1 for _ in found), first) if first else ValueChanges(1, ())


def _iterate_word_changes(before: str, after: str) -> Iterator[ValueChange]:
    old, new = before.split(), after.split()
    for old_range, new_range in _iterate_ranges(old, new):
        yield ValueChange("", "", _join_words(old[old_range]), _join_words(new[new_range]))


def _join_words(words: Sequence[str]) -> str | None:
    return short_text(" ".join(words[:20])) if words else None


def _iterate_part_changes(before: Any, after: Any, place: tuple[str, ...], schema: Any) -> Iterator[ValueChange]:
    """Yield one change for each field that differs, at any depth. Changes of a list are changes of its items."""
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for name in dict.fromkeys((*old, *new)):
            if name not in old or name not in new:
                yield _change((*place, name), schema, *_shown_sides(name, old, new))
            else:
                yield from _iterate_part_changes(old[name], new[name], (*place, name), schema)
    elif isinstance(before, list) and isinstance(after, list):
        old_items, new_items = cast("list[Any]", before), cast("list[Any]", after)
        if len(old_items) == len(new_items):
            for i, (one, other) in enumerate(zip(old_items, new_items, strict=True)):
                yield from _iterate_part_changes(one, other, (*place, str(i)), schema)
        else:
            yield from _iterate_item_changes(old_items, new_items, "/".join(place), _label(place, schema) or "item")
    elif not are_equal(before, after):
        yield _change(place, schema, short_text(before), short_text(after))


def _shown_sides(name: str, old: dict[str, Any], new: dict[str, Any]) -> tuple[str | None, str | None]:
    return (short_text(old[name]) if name in old else None, short_text(new[name]) if name in new else None)


def _change(place: tuple[str, ...], schema: Any, before: str | None, after: str | None) -> ValueChange:
    return ValueChange("/".join(place), _label(place, schema), before, after)


def _label(place: tuple[str, ...], schema: Any) -> str:
    """Return the title that a schema gives the last named part of a path, else its name; an item gets its number."""
    at, label = schema, ""
    for part in place:
        is_item = part.isdecimal()
        inner = _entry(at, "items" if is_item else "properties")
        at = inner if is_item else _entry(inner, part)
        title = _entry(at, "title")
        name = title if isinstance(title, str) and title else part
        label = f"{label} {int(part) + 1}".lstrip() if is_item else short_text(name)
    return label


def _entry(schema: Any, name: str) -> Any:
    return cast("dict[str, Any]", schema).get(name) if isinstance(schema, dict) else None


def _iterate_table_changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[ValueChange]:
    """Yield one change for each added row, removed row and changed cell. Row numbers begin at 1."""
    columns: list[str] = [column["name"] for column in before["columns"]]
    old: list[Any] = before["rows"]
    new: list[Any] = after["rows"]
    keys = [[canonical_json(row) for row in rows] for rows in (old, new)]
    for old_range, new_range in _iterate_ranges(*keys):
        gone, come = range(*old_range.indices(len(old))), range(*new_range.indices(len(new)))
        for i, j in zip(gone, come, strict=False):
            for name, one, other in zip(columns, old[i], new[j], strict=False):
                if not are_equal(one, other):
                    label = short_text(f"row {i + 1}, {name}")
                    yield ValueChange(f"{i}/{name}", label, short_text(one), short_text(other))
        yield from _iterate_rest(gone, come, old, new, "", "row")


def _iterate_item_changes(old: list[Any], new: list[Any], place: str, noun: str) -> Iterator[ValueChange]:
    """Yield one change for each added, removed or replaced item of a list. Numbers begin at 1."""
    keys = [[canonical_json(one) for one in items] for items in (old, new)]
    for old_range, new_range in _iterate_ranges(*keys):
        gone, come = range(*old_range.indices(len(old))), range(*new_range.indices(len(new)))
        for i, j in zip(gone, come, strict=False):
            yield ValueChange(f"{place}/{i}".lstrip("/"), f"{noun} {i + 1}", short_text(old[i]), short_text(new[j]))
        yield from _iterate_rest(gone, come, old, new, place, noun)


def _iterate_rest(
    gone: range, come: range, old: list[Any], new: list[Any], place: str, noun: str
) -> Iterator[ValueChange]:
    """Yield the items of two ranges that have no counterpart in the other range: removed ones, then added ones."""
    for i in gone[len(come) :]:
        yield ValueChange(f"{place}/{i}".lstrip("/"), f"{noun} {i + 1}", short_text(old[i]), None)
    for j in come[len(gone) :]:
        yield ValueChange(f"{place}/{j}".lstrip("/"), f"{noun} {j + 1}", None, short_text(new[j]))


def _iterate_ranges(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[slice, slice]]:
    """Yield the ranges in which two sequences differ.

    Long sequences without their equal ends are one range, because a comparison would take too long.
    """
    start = _count_equal(old, new, lambda one, i: one[i])
    end = _count_equal(old[start:], new[start:], lambda one, i: one[-1 - i])
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    if len(left) == len(right) and len(left) > _MAX_PARTS:  # parts were changed, none were added or removed
        yield from ((slice(i, i + 1), slice(i, i + 1)) for i in range(start, start + len(left)) if old[i] != new[i])
    elif max(len(left), len(right)) > _MAX_PARTS:
        yield slice(start, start + len(left)), slice(start, start + len(right))
    else:
        for tag, i, j, k, m in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
            if tag != "equal":
                yield slice(start + i, start + j), slice(start + k, start + m)


def _count_equal(old: Sequence[Any], new: Sequence[Any], pick: Callable[[Sequence[Any], int], Any]) -> int:
    count, most = 0, min(len(old), len(new))
    while count < most and pick(old, count) == pick(new, count):
        count += 1
    return count
