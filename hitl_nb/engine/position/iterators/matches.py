"""Iterators of `re.finditer`, and matches, as data. They are found again in the same text: matching has no effect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from sys import getrefcount
from typing import Any

from hitl_nb.engine.compile.runtime import runtime
from hitl_nb.engine.position.frames.errors import CannotSave

_PATTERN: Any = re.compile("")
_SCANNER: Any = _PATTERN.scanner("").__class__
CALLABLE_ITERATOR = type(iter(int, 1))


class Matches:
    """The iterator that a loop reads in place of an iterator of `re.finditer`.

    It has what is needed to save it. The pattern and the text are known from the first match; the number of matches
    taken is the position.

    Args:
        pattern: the compiled pattern.
        text: the text, and the start and end of the search in it.
        taken_count: number of matches that were given.
        first_match: a match that was read from `iterator` and not given yet; None: there is none.
        iterator: the iterator of `re.finditer`.
    """

    __slots__ = ("_first_match", "_iterator", "_taken_count", "pattern", "text")

    def __init__(
        self, pattern: Any, text: tuple[Any, int, int], taken_count: int, first_match: Any, iterator: Any
    ) -> None:
        self.pattern, self.text = pattern, text
        self._taken_count, self._first_match, self._iterator = taken_count, first_match, iterator

    def __iter__(self) -> Matches:
        return self

    def __next__(self) -> Any:
        if self._first_match is not None:
            found, self._first_match = self._first_match, None
        else:
            found = next(self._iterator)
        self._taken_count += 1
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return make_matches, (self.pattern, self.text, self._taken_count)


def make_matches(pattern: Any, text: tuple[Any, int, int], taken_count: int) -> Matches:
    """Make an iterator of matches that has given `taken_count` matches."""
    iterator = pattern.finditer(*text)
    for _ in range(taken_count):
        next(iterator, None)
    return Matches(pattern, text, taken_count, None, iterator)


def open_matches(iterator: Any) -> Any:
    """Return the iterator that a `for` loop reads instead of `iterator`.

    For an iterator of `re.finditer` it is a `Matches`, which can be saved. Other iterators, and an iterator without
    matches, are returned unchanged.
    """
    if not _is_finditer(iterator):
        return iterator
    first = next(iterator, None)
    if first is None:
        return iterator
    text = first.string, first.pos, first.endpos
    for taken, match in enumerate(first.re.finditer(*text)):
        if match.regs == first.regs:
            return Matches(first.re, text, taken, first, iterator)
    return _prepend_match(first, iterator)


def _prepend_match(first_match: Any, iterator: Any) -> Iterator[Any]:
    yield first_match
    yield from iterator


def _is_finditer(iterator: Any) -> bool:
    args = iterator.__reduce__()[1]
    return len(args) == 2 and args[1] is None and type(getattr(args[0], "__self__", None)) is _SCANNER


def reduce_callable_iterator(value: Any) -> tuple[Any, ...] | None:
    """Refuse to save an iterator of `re.finditer` that no loop of the notebook reads.

    None for other iterators of the same type, which pickle can save.

    Raises:
        CannotSave: It is an iterator of `re.finditer`.
    """
    if _is_finditer(value):
        raise CannotSave(
            "an iterator of re.finditer that no `for` reads directly; write `for m in re.finditer(...)`, or loop over "
            "list(re.finditer(...))"
        )
    return None


_MATCH_METHODS = ("search", "match", "fullmatch")


def reduce_match(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of a match of a regular expression (as of `object.__reduce__`).

    It has the pattern, the text and the name of the method, with which the match can be found again.

    Raises:
        CannotSave: The text is no str or bytes, or the match cannot be found again.
    """
    text = value.string, value.pos, value.endpos
    if not isinstance(value.string, str | bytes):
        raise CannotSave(
            "a re.Match in something other than text or bytes; keep what you need of it (.group(), .span())"
        )
    for how in _MATCH_METHODS:
        found = getattr(value.re, how)(*text)
        if found is not None and found.regs == value.regs:
            return make_match, (value.re, text, how, 0)
    for number, found in enumerate(value.re.finditer(*text)):
        if found.regs == value.regs:
            return make_match, (value.re, text, "finditer", number)
    raise CannotSave("a re.Match that is not found again; keep what you need of it (.group(), .span())")


def make_match(pattern: Any, text: tuple[Any, int, int], method_name: str, number: int) -> Any:
    """Return a match of a regular expression that `reduce_match` has saved, by searching the text again.

    Args:
        pattern: the compiled pattern.
        text: (the text, start of the search, end of the search).
        method_name: name of the pattern's method that finds the match.
        number: for "finditer": number of the match, 0-based.
    """
    if method_name != "finditer":
        return getattr(pattern, method_name)(*text)
    return next(match for i, match in enumerate(pattern.finditer(*text)) if i == number)


def open_enumerate(iterator: Any) -> Any:
    """Return the iterator that a `for` loop reads instead of an `enumerate`.

    For `enumerate(re.finditer(...))` it can be saved, if only the loop refers to the `enumerate`. Other iterators are
    returned unchanged.
    """
    if getrefcount(iterator) > _EXPECTED_REFERENCES[0]:
        return iterator
    inner, count = iterator.__reduce__()[1]
    if type(inner) is not CALLABLE_ITERATOR:
        return iterator
    opened = open_matches(inner)
    return iterator if opened is inner else enumerate(opened, count)


_EXPECTED_REFERENCES = [0]  # to an enumerate that only a loop refers to, at its start: measured once


def _count_references() -> None:
    def record_references(iterator: Any) -> Any:
        _EXPECTED_REFERENCES[0] = getrefcount(iterator)
        return iterator

    runtime.openers[enumerate] = record_references
    iterator: Any = enumerate(())
    iterator = runtime.open_iterator(iterator)  # as an instrumented loop does


runtime.openers[CALLABLE_ITERATOR] = open_matches
_count_references()
runtime.openers[enumerate] = open_enumerate
