r"""Match patterns of an agent's schemas in time that grows only with the text.

Most patterns mean the same in Python and in Rust's regex crate, which pydantic includes. Rust matches these patterns in
time that is linear in the text. Python's `re` matches the others: look-around, back references, and set operations in
classes. A match by `re` may take extremely long, so `is_linear` says which engine is used. Two differences from `re`
remain: `$` is the end of the text only, as in JSON Schema, and `\w` includes combining marks.
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
"""Matches patterns that mean the same in Python and Rust, except those that `_POSSESSIVE` finds."""
_POSSESSIVE = re.compile(r"[*+?}]\+")
_COUNT = re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}")


def find_pattern(pattern: str, text: str) -> bool:
    """Return True if the regular expression occurs in the text.

    Raises:
        ValueError: No engine accepts the regular expression.
    """
    return _make_finder(pattern)(text)


def is_linear(pattern: str) -> bool:
    """Return True if matching the regular expression takes time that is linear in the text."""
    return _is_common(pattern) and _compile_rust_pattern(pattern) is not None


def count_states(pattern: str) -> int:
    """Estimate the number of states of the regular expression's automaton: the work per character of a text."""
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
            warnings.simplefilter("ignore")  # about sets that a later Python may read differently
            compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        if (found := _compile_rust_pattern(pattern)) is not None:  # for example \p{L}, which pydantic models may have
            return found
        raise ValueError(f"the pattern {pattern[:100]!r} cannot be used: {error}") from None
    return lambda text: compiled.search(text) is not None


@lru_cache(maxsize=256)
def _compile_rust_pattern(pattern: str) -> Callable[[str], bool] | None:
    """Compile the pattern with Rust's engine, and return a function that matches a text.

    None if the engine refuses it.
    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except (SchemaError, UnicodeEncodeError):
        return None
    # Rust has no text with a lone surrogate. The replacement character matches in its place.
    return lambda text: validator.isinstance_python(re.sub("[\ud800-\udfff]", "\ufffd", text))
