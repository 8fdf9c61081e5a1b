"""Three-valued operations on JSON values, for conditions: true, false, and Unknown where neither can be said.

Numbers compare with numbers, text with text; every other pair is Unknown. Numbers that were Decimal are exact (see
`exact_numbers.py`); where they meet a float, it counts as the number that it is written as. Nothing here raises, takes
more than linear time, or makes a value much larger than what it was given.
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
"""The keys of objects that stand for a table and for bytes: how many there are says nothing about its length."""
_MAX_BITS = 1024
"""Results of arithmetic on whole numbers beyond this size, which is that of a float's range, are Unknown."""


_MAX_EXACT_BITS = 4096
"""Of exact results: the most for what stands above and below the line."""


class _Unknown:
    def __repr__(self) -> str:
        return "Unknown"

    def __bool__(self) -> bool:
        raise TypeError("Unknown is neither true nor false")


UNKNOWN: Final = _Unknown()

Evaluate = Callable[[Mapping[str, Any]], Any]


def is_like(text: str, pattern: str) -> bool:
    """Whether the text fits the pattern, in which `*` stands for any characters. Takes time linear in the text."""
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
    """Whether it is a whole number, a float, or an exact number of another kind; true and false are none."""
    return type(value) is int or type(value) is float or type(value) is Fraction


def _to_exact(number: Any) -> Any:
    """A float as the number that it is written as: 0.1 is one tenth where it meets an exact number."""
    return Fraction(repr(number)) if type(number) is float and math.isfinite(number) else number


def _exact_if_mixed(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The same of two numbers; exactly if one of them is exact."""

    def run(a: Any, b: Any) -> Any:
        if type(a) is Fraction or type(b) is Fraction:
            return compute(_to_exact(a), _to_exact(b))
        return compute(a, b)

    return run


_is_same_number = _exact_if_mixed(operator.eq)


def make_and(parts: tuple[Evaluate, ...]) -> Evaluate:
    """`and`."""

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
    """`or`."""

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
    """`not`."""
    return (not found) if found is True or found is False else UNKNOWN


def _equal(a: Any, b: Any, depth: int = 0) -> Any:
    """Whether two JSON values are equal; Unknown if they are of different kinds."""
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
    if type(a) is float or type(b) is float:  # endless
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
    """A field of an object, or an item of a list; Unknown if there is none."""
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
    """Whether an item of one list is equal to one of the other; by sets, so it takes linear time."""
    if not isinstance(items, (list, tuple)) or not isinstance(others, (list, tuple)):
        return UNKNOWN
    left, right = _group_by_kind(cast("list[Any]", items)), _group_by_kind(cast("list[Any]", others))
    if any(left[kind] & right[kind] for kind in left.keys() & right.keys()):
        return True
    kinds = left.keys() | right.keys()
    return UNKNOWN if left and right and (len(kinds) > 1 or "" in kinds) else False


def _group_by_kind(items: Iterable[Any]) -> dict[str, set[Any]]:
    """The items by kind; those that cannot be compared by a set count as kind ""."""
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
    """What people call the kind of a value."""
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
