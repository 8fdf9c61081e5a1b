"""The iterators of itertools are read without their own help, as Python 3.14 needs it."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hitl_nb.engine.position.iterators.itertools_state import reduce_by_reading


def is_odd(value: int) -> bool:
    return value % 2 == 1


def is_small(value: int) -> bool:
    return value < 3


MADE: dict[str, Callable[[], Iterator[Any]]] = {
    "count": lambda: itertools.islice(itertools.count(5), 6),
    "plain count": lambda: itertools.count(5),
    "count by steps": lambda: itertools.count(10, -3),
    "count of fractions": lambda: itertools.count(0.5, 0.25),
    "repeat": lambda: itertools.repeat("x", 4),
    "endless repeat": lambda: itertools.repeat("x"),
    "cycle": lambda: itertools.cycle("abc"),
    "empty cycle": lambda: itertools.cycle(""),
    "chain": lambda: itertools.chain([1, 2], "ab", (), [3]),
    "chain of iterables": lambda: itertools.chain.from_iterable([[1, 2], "ab"]),
    "islice": lambda: itertools.islice(range(100), 2, 30, 7),
    "islice without end": lambda: itertools.islice(range(20), 3, None),
    "islice of nothing": lambda: itertools.islice(range(20), 0),
    "pairwise": lambda: itertools.pairwise("abcd"),
    "starmap": lambda: itertools.starmap(pow, [(2, 3), (3, 2), (10, 2)]),
    "filterfalse": lambda: itertools.filterfalse(is_odd, range(8)),
    "dropwhile": lambda: itertools.dropwhile(is_small, range(6)),
    "takewhile": lambda: itertools.takewhile(is_small, range(6)),
    "compress": lambda: itertools.compress("abcdef", [1, 0, 1, 0, 1, 1]),
    "accumulate": lambda: itertools.accumulate([1, 2, 3, 4]),
    "accumulate by a function": lambda: itertools.accumulate([1, 2, 3, 4], operator.mul),
    "accumulate from a number": lambda: itertools.accumulate([1, 2, 3], initial=100),
    "zip_longest": lambda: itertools.zip_longest("abc", [1], range(2)),
    "zip_longest with a fill": lambda: itertools.zip_longest("abc", [1], fillvalue="-"),
    "product": lambda: itertools.product("abc", range(2), repeat=2),
    "product of nothing": lambda: itertools.product(),
    "product with an empty pool": lambda: itertools.product("abc", ()),
    "combinations": lambda: itertools.combinations("abcde", 3),
    "too many combinations": lambda: itertools.combinations("ab", 3),
    "combinations with replacement": lambda: itertools.combinations_with_replacement("abc", 3),
    "permutations": lambda: itertools.permutations("abcd", 3),
    "all permutations": lambda: itertools.permutations(range(4)),
}


@pytest.mark.parametrize("name", MADE)
def test_the_rest_is_the_same_from_every_place(name: str) -> None:
    most = 40
    whole = list(itertools.islice(MADE[name](), most))
    for taken in range(len(whole) + 2):
        iterator = MADE[name]()
        assert len(list(itertools.islice(iterator, taken))) <= taken
        function, args, *_ = reduce_by_reading(iterator)
        again = function(*args)
        found = list(itertools.islice(again, most))
        left = list(itertools.islice(MADE[name](), taken, taken + most))
        assert found == left


@pytest.mark.parametrize("name", [name for name in MADE if name != "empty cycle"])
def test_one_that_was_made_again_is_read_again(name: str) -> None:
    for _ in range(2):
        iterator = MADE[name]()
        next(iterator, None)
        for _ in range(3):
            function, args, *_ = reduce_by_reading(iterator)
            iterator = function(*args)
            next(iterator, None)
        expected = list(itertools.islice(MADE[name](), 4, 7))
        assert list(itertools.islice(iterator, 3)) == expected


def test_reading_does_not_advance() -> None:
    for make in MADE.values():
        iterator = make()
        next(iterator, None)
        reduce_by_reading(iterator)
        assert list(itertools.islice(iterator, 5)) == list(itertools.islice(make(), 1, 6))
