"""Patterns of agents' schemas, matched in time that grows with the text only.

A pattern that means the same to Python and to Rust's regex crate (pydantic brings it) is matched by the latter, whose
time is linear in the text whatever the pattern; the others (look-around, back references, set operations in classes)
by Python's `re`, which may take for ever: `is_linear` says which. Differences from `re` that remain: `$` is the end of
the text only, as JSON Schema has it, and `\\w` takes combining marks.
"""

from __future__ import annotations

import math
import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ESCAPE = r"\\(?:[dDwWsSbBnrtfv.^$*+?()\[\]{}|/-]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})"
_COMMON = re.compile(
    rf"(?:[^\\\[(]|{_ESCAPE}|\((?!\?)|\(\?:|\(\?P<[A-Za-z_][A-Za-z0-9_]*>"
    rf"|\[\^?(?:[^\\\[\]&~-]|-(?!-)|&(?!&)|~(?!~)|{_ESCAPE})+\])*"
)
"""Patterns that Python and Rust read alike, but for what `_POSSESSIVE` finds."""
_POSSESSIVE = re.compile(r"[*+?}]\+")
_COUNT = re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}")


def find_pattern(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text. Raises ValueError for a pattern that no engine here takes."""
    return _make_finder(pattern)(text)


def is_linear(pattern: str) -> bool:
    """Whether the pattern is one that is matched in time which grows with the text only."""
    return _is_common(pattern) and _compile_rust_pattern(pattern) is not None


def count_states(pattern: str) -> int:
    """About how many states an automaton of the pattern has: what a linear engine may do for each character."""
    counts = (max(int(low or 1), int(high or 1)) for low, high in _COUNT.findall(pattern))
    return len(pattern) * math.prod(max(count, 1) for count in counts)


def _is_common(pattern: str) -> bool:
    return _COMMON.fullmatch(pattern) is not None and _POSSESSIVE.search(pattern) is None


@lru_cache(maxsize=256)
def _make_finder(pattern: str) -> Callable[[str], bool]:
    if _is_common(pattern) and (found := _compile_rust_pattern(pattern)) is not None:
        return found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets that a later Python may read otherwise
            compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        if (found := _compile_rust_pattern(pattern)) is not None:  # \p{L} say, which pydantic's own models may have
            return found
        raise ValueError(f"the pattern {pattern[:100]!r} cannot be used: {error}") from None
    return lambda text: compiled.search(text) is not None


@lru_cache(maxsize=256)
def _compile_rust_pattern(pattern: str) -> Callable[[str], bool] | None:
    """The pattern in Rust's engine, or None if that does not take it."""
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except (SchemaError, UnicodeEncodeError):
        return None
    # Half a character (a lone surrogate) is no text to Rust: it matches as the replacement character does.
    return lambda text: validator.isinstance_python(re.sub("[\ud800-\udfff]", "\ufffd", text))
