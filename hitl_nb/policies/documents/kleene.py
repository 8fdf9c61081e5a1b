"""Three-valued (Kleene) operations on JSON values, for conditions of policy rules.

The result of an operation is Unknown if neither true nor false is certain. Numbers compare with numbers, text with
text; every other pair is Unknown. Numbers that were Decimal are exact (see `exact_numbers.py`). Compared with an exact
number, a float counts as the number that is written: 0.1 is one tenth. No operation raises, takes more than linear
time, or makes a value much larger than its operands.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, Final, cast

MAX_DEPTH = 60
"""Deepest nesting of a condition, and of two values that are compared."""
_NOT_FIELDS = ({"columns", "rows"}, {"base64"})
"""Keys of the JSON objects that represent a table and bytes.

The number of keys says nothing about the length of a table or of bytes, so `len` of such an object is Unknown.
"""
_MAX_BITS = 1024
"""Whole-number results above this size, which is the range of a float, are Unknown."""


_MAX_EXACT_BITS = 4096
"""Largest size of the numerator and the denominator of an exact result."""


class _Unknown:
    def __repr__(self) -> str:
        return "Unknown"

    def __bool__(self) -> bool:
        raise TypeError("Unknown is neither true nor false")


UNKNOWN: Final = _Unknown()

Evaluate = Callable[[Mapping[str, Any]], Any]


def is_like(text: str, pattern: str) -> bool:
    """Return whether the whole text matches the pattern, in which `*` matches any characters. Takes linear time."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last) or end < len(first):
        return False
    at = len(first)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def is_number(value: Any) -> bool:
    """Return whether a value is an int, a float, or an exact number (Fraction). True and False are not numbers."""
    return type(value) is int or type(value) is float or type(value) is Fraction


def _to_exact(number: Any) -> Any:
    """Convert a float to the exact number (Fraction) that is written: 0.1 becomes one tenth.

    Infinity, NaN and other types are returned unchanged.
    """
    return Fraction(repr(number)) if type(number) is float and math.isfinite(number) else number


def _exact_if_mixed(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Wrap an operation on two numbers: if one number is a Fraction, a float operand becomes a Fraction first."""

    def run(a: Any, b: Any) -> Any:
        if type(a) is Fraction or type(b) is Fraction:
            return compute(_to_exact(a), _to_exact(b))
        return compute(a, b)

    return run


_is_same_number = _exact_if_mixed(operator.eq)


def make_and(parts: tuple[Evaluate, ...]) -> Evaluate:
    """Make a function that evaluates parts of a condition, joined by `and`, for a mapping of facts.

    It returns False at the first False part, True if all parts are True, else Unknown. A part that is no truth value
    counts as Unknown.
    """

    def run(facts: Mapping[str, Any]) -> Any:
        found: Any = True
        for part in parts:
            one = part(facts)
            if one is False:
                return False
            if one is not True:
                found = UNKNOWN
        return found

    return run


def make_or(parts: tuple[Evaluate, ...]) -> Evaluate:
    """Make a function that evaluates parts of a condition, joined by `or`, for a mapping of facts.

    It returns True at the first True part, False if all parts are False, else Unknown. A part that is no truth value
    counts as Unknown.
    """

    def run(facts: Mapping[str, Any]) -> Any:
        found: Any = False
        for part in parts:
            one = part(facts)
            if one is True:
                return True
            if one is not False:
                found = UNKNOWN
        return found

    return run


def negate(found: Any) -> Any:
    """Return `not found` for True and False, and Unknown for every other value."""
    return (not found) if found is True or found is False else UNKNOWN


def _equal(a: Any, b: Any, depth: int = 0) -> Any:
    """Return True or False if it is certain whether two JSON values are equal, else `UNKNOWN`.

    It is uncertain if their types differ, such as text and number, or if a value is NaN or nested too deeply.
    """
    if type(a) is str and type(b) is str:
        return a == b
    if is_number(a) and is_number(b):
        return UNKNOWN if a != a or b != b else _is_same_number(a, b)  # NaN
    if a is None and b is None:
        return True
    if type(a) is bool and type(b) is bool:
        return a is b
    if depth > MAX_DEPTH:
        return UNKNOWN
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        left, right = cast("list[Any]", a), cast("list[Any]", b)
        return _all_equal(zip(left, right, strict=True), depth) if len(left) == len(right) else False
    if isinstance(a, dict) and isinstance(b, dict):
        one, other = cast("dict[str, Any]", a), cast("dict[str, Any]", b)
        return _all_equal(((one[k], other[k]) for k in one), depth) if one.keys() == other.keys() else False
    return UNKNOWN


def _all_equal(pairs: Iterable[tuple[Any, Any]], depth: int) -> Any:
    found: Any = True
    for a, b in pairs:
        same = _equal(a, b, depth + 1)
        if same is False:
            return False
        if same is UNKNOWN:
            found = UNKNOWN
    return found


def _contains(item: Any, whole: Any) -> Any:
    if item is UNKNOWN:
        return UNKNOWN
    if type(whole) is str or isinstance(whole, dict):
        return item in whole if type(item) is str else UNKNOWN
    if not isinstance(whole, (list, tuple)):
        return UNKNOWN
    found: Any = False
    for one in cast("list[Any]", whole):
        same = _equal(item, one)
        if same is True:
            return True
        if same is UNKNOWN:
            found = UNKNOWN
    return found


def _make_ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    compare_numbers = _exact_if_mixed(compare)

    def run(a: Any, b: Any) -> Any:
        if is_number(a) and is_number(b):
            return UNKNOWN if a != a or b != b else compare_numbers(a, b)  # NaN
        return compare(a, b) if type(a) is str and type(b) is str else UNKNOWN

    return run


COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda a, b: negate(_equal(a, b)),
    ast.Lt: _make_ordering(operator.lt),
    ast.LtE: _make_ordering(operator.le),
    ast.Gt: _make_ordering(operator.gt),
    ast.GtE: _make_ordering(operator.ge),
    ast.In: _contains,
    ast.NotIn: lambda a, b: negate(_contains(a, b)),
}


def _make_arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def run(a: Any, b: Any) -> Any:
        if not is_number(a) or not is_number(b):
            return UNKNOWN
        if type(a) is int and type(b) is int and a.bit_length() + b.bit_length() > _MAX_BITS:
            return UNKNOWN
        if type(a) is Fraction or type(b) is Fraction:
            return _compute_exactly(compute, _to_exact(a), _to_exact(b))
        try:
            found = compute(a, b)
        except (ZeroDivisionError, OverflowError):
            return UNKNOWN
        return found if type(found) is int or math.isfinite(found) else UNKNOWN

    return run


def _compute_exactly(compute: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    if type(a) is float or type(b) is float:  # infinite
        return UNKNOWN
    try:
        found = Fraction(compute(Fraction(a), b))
    except ZeroDivisionError:
        return UNKNOWN
    bits = max(found.numerator.bit_length(), found.denominator.bit_length())
    return found if bits <= _MAX_EXACT_BITS else UNKNOWN


ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: _make_arithmetic(operator.add),
    ast.Sub: _make_arithmetic(operator.sub),
    ast.Mult: _make_arithmetic(operator.mul),
    ast.Div: _make_arithmetic(lambda a, b: a / b),
}


def look_up_field(whole: Any, key: Any) -> Any:
    """Return a field of a JSON object, or an item of a list (`key` is its index). `UNKNOWN` if it does not exist."""
    if isinstance(whole, dict):
        return cast("dict[str, Any]", whole).get(key, UNKNOWN) if type(key) is str else UNKNOWN
    if isinstance(whole, (list, tuple)) and type(key) is int:
        items = cast("list[Any]", whole)
        return items[key] if -len(items) <= key < len(items) else UNKNOWN
    return UNKNOWN


def _length(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return UNKNOWN if fields.keys() in _NOT_FIELDS else len(fields)
    return len(cast("list[Any]", value)) if isinstance(value, (str, list, tuple)) else UNKNOWN


def _lower(text: Any) -> Any:
    return text.lower() if type(text) is str else UNKNOWN


def _absolute(number: Any) -> Any:
    return abs(number) if is_number(number) else UNKNOWN


def _like(text: Any, pattern: Any) -> Any:
    return is_like(text, pattern) if type(text) is str and type(pattern) is str else UNKNOWN


def _any_of(items: Any, others: Any) -> Any:
    """Return whether two lists share an equal item. It compares sets, so it takes linear time.

    The result is `UNKNOWN` if an argument is not a list. It is also `UNKNOWN` if no equal item is found and some items
    cannot be compared: their types differ, or they are lists or objects.
    """
    if not isinstance(items, (list, tuple)) or not isinstance(others, (list, tuple)):
        return UNKNOWN
    left, right = _group_by_kind(cast("list[Any]", items)), _group_by_kind(cast("list[Any]", others))
    if any(left[kind] & right[kind] for kind in left.keys() & right.keys()):
        return True
    kinds = left.keys() | right.keys()
    return UNKNOWN if left and right and (len(kinds) > 1 or "" in kinds) else False


def _group_by_kind(items: Iterable[Any]) -> dict[str, set[Any]]:
    """Group the items of a list by the name of their kind, such as "text". Returns a set of items for each kind.

    Items that a set cannot compare, such as lists and NaN, are left out; the result then has the key "" with an empty
    set.
    """
    found: dict[str, set[Any]] = {}
    for item in items:
        if item is None or type(item) in (str, bool) or (is_number(item) and item == item):
            found.setdefault(name_kind(item), set()).add(_to_exact(item))
        else:
            found.setdefault("", set())
    return found


FUNCTIONS: dict[str, tuple[Callable[..., Any], int, str]] = {
    "len": (_length, 1, "text, a list or an object"),
    "lower": (_lower, 1, "text"),
    "abs": (_absolute, 1, "a number"),
    "any_of": (_any_of, 2, "two lists of plain values of one kind"),
    "like": (_like, 2, "two texts"),
}


def name_kind(value: Any) -> str:
    """Return the name of a JSON value's type for messages to people, such as "text" or "a number"."""
    if value is None:
        return "null"
    if type(value) is bool:
        return "true or false"
    if type(value) is str:
        return "text"
    if is_number(value):
        return "a number"
    if isinstance(value, dict) and cast("dict[str, Any]", value).keys() in _NOT_FIELDS:
        return "a table (its rows are in rows)" if "rows" in value else "bytes"
    return "a list" if isinstance(value, (list, tuple)) else "an object" if isinstance(value, dict) else "unknown"
