"""The iterators of itertools as data. From Python 3.14 on, pickle does not save them.

They are read from the objects that they refer to, which the garbage collector lists. Iterators also hold numbers as C
integers: the position of an `islice`, the indices of a `product`. These are read from the iterator's memory. The memory
layout is tested on samples before it is used.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import itertools
import math
import re
import sys
import warnings
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.iterators.object_memory import find_referents, read_indices, read_objects, read_words


def reduce_itertools(value: Any) -> tuple[Any, ...] | None:
    """Return the pickle form of an iterator of itertools, as `object.__reduce__` returns it.

    None: pickle itself can save the iterator.

    Raises:
        CannotSave: The iterator cannot be read.
    """
    if sys.version_info < (3, 14):
        if type(value).__name__ == "pairwise":
            return _reduce_pairwise(value)
        return _reduce_quietly(value)
    return reduce_by_reading(value)


def _reduce_quietly(value: Any) -> Any:
    with _ignore_deprecations():
        try:
            made, args, *rest = value.__reduce_ex__(4)
        except TypeError:
            return reduce_by_reading(value)
    state = rest[0] if rest else None
    return (made, args) if state is None else (made, args, state, None, None, _set_state_quietly)


def _set_state_quietly(iterator: Any, state: Any) -> None:
    with _ignore_deprecations():
        iterator.__setstate__(state)


@contextlib.contextmanager
def _ignore_deprecations() -> Generator[None]:
    """Ignore the warnings of Python 3.12 and 3.13, inside the `with` block, that 3.14 cannot pickle these iterators."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def reduce_by_reading(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of an iterator of itertools, read from memory. None of its own methods is used.

    The form is a tuple as `object.__reduce__` returns it.

    Raises:
        CannotSave: The iterator cannot be read.
    """
    reader = _REDUCERS.get(type(value).__name__)
    if reader is None:
        raise CannotSave(f"an iterator itertools.{type(value).__name__}; loop over list(...) of it")
    return reader(value)


def _skip_items(iterator: Any, count: int) -> Any:
    deque[Any](itertools.islice(iterator, count), maxlen=0)
    return iterator


def _reduce_finished(kind: str) -> tuple[Any, ...]:
    return _make_finished, (kind,)


def _make_finished(kind: str) -> Any:
    made: Any = itertools.chain(())
    next(made, None)
    return made


# -- iterators that contain other iterators


def _reduce_count(value: Any) -> tuple[Any, ...]:
    held = find_referents(value)
    if len(held) == 2:
        return itertools.count, tuple(held)
    found = re.fullmatch(r"count\((-?\d+)(?:, (-?\d+))?\)", repr(value))
    if found is None:
        raise CannotSave("an itertools.count of numbers that it does not tell; count with a variable")
    return itertools.count, tuple(int(part) for part in found.groups() if part)


def _reduce_repeat(value: Any) -> tuple[Any, ...]:
    [item] = find_referents(value)
    try:
        return itertools.repeat, (item, value.__length_hint__())
    except TypeError:  # it has no end
        return itertools.repeat, (item,)


def _reduce_cycle(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of an `itertools.cycle` (as of `object.__reduce__`).

    In its first round it has its iterator and the items that it has given. Later it has only the items, which it
    repeats.
    """
    iterator, saved = read_objects(value, 2)
    if iterator is not None:
        return _make_cycle, (iterator, saved)
    around = [next(value) for _ in saved]  # after a whole round it has the same position again
    return itertools.cycle, (around,)


def _make_cycle(iterator: Any, taken_items: list[Any]) -> Any:
    return _skip_items(itertools.cycle(itertools.chain(taken_items, iterator)), len(taken_items))


class ChainRest:
    """Iterator of the iterables that an `itertools.chain` has not read to the end.

    The first one is `active`, unless that is None. The others come from the iterator `source`.
    """

    def __init__(self, active: Any, source: Any) -> None:
        self.active, self.source = active, source

    def __iter__(self) -> ChainRest:
        return self

    def __next__(self) -> Any:
        if self.active is not None:
            active, self.active = self.active, None
            return active
        return next(self.source)


def _reduce_chain(value: Any) -> tuple[Any, ...]:
    source, active = read_objects(value, 2)
    if source is None and active is None:
        return _reduce_finished("chain")
    while type(source) is ChainRest and source.active is None:
        source = source.source
    return _make_chain, (active, source)


def _make_chain(active: Any, source: Any) -> Any:
    return itertools.chain.from_iterable(ChainRest(active, source))


def _reduce_islice(value: Any) -> tuple[Any, ...]:
    held = find_referents(value)
    if not held:
        return _reduce_finished("islice")
    _check_islice()
    next_, stop, step, count = read_words(value, 1, 4)
    return _make_islice, (held[0], next_ - count, None if stop < 0 else max(stop - count, 0), step)


def _make_islice(iterator: Any, start: int, stop: int | None, step: int) -> Any:
    if stop is not None:
        start = min(start, stop)
    return itertools.islice(iterator, start, stop, step)


@functools.cache
def _check_islice() -> None:
    sample = itertools.islice(iter(range(100)), 5, 50, 3)
    before = read_words(sample, 1, 4)
    next(sample)
    if before != [5, 50, 3, 0] or read_words(sample, 1, 4) != [8, 50, 3, 6]:
        raise CannotSave("an itertools.islice, which is not read as expected in this Python; loop over list(...) of it")


def _reduce_pairwise(value: Any) -> tuple[Any, ...]:
    if not find_referents(value):
        return _reduce_finished("pairwise")
    iterator, old = read_objects(value, 2)
    if iterator is None:
        return _reduce_finished("pairwise")
    if not read_words(value, 1, 1)[0]:
        return itertools.pairwise, (iterator,)
    return _make_pairwise, (old, iterator)


def _make_pairwise(old: Any, iterator: Any) -> Any:
    return itertools.pairwise(itertools.chain((old,), iterator))


def _make_pair_reducer(factory: Callable[[Any, Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def reduce_pair(value: Any) -> tuple[Any, ...]:
        return factory, tuple(read_objects(value, 2))

    return reduce_pair


def _make_while_reducer(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Make a function that returns the pickle form of a `dropwhile` or `takewhile` (`kind`).

    These iterators have a flag that is set when the condition was false once.
    """

    def reduce_while(value: Any) -> tuple[Any, ...]:
        function, iterator = read_objects(value, 2)
        flag = read_words(value, 2, 1)[0] & 0xFFFFFFFF
        if flag not in (0, 1):
            raise CannotSave(f"an itertools.{kind.__name__} that is not read as expected; loop over list(...) of it")
        if not flag:
            return kind, (function, iterator)
        return (itertools.chain, (iterator,)) if kind is itertools.dropwhile else _reduce_finished(kind.__name__)

    return reduce_while


def _reduce_compress(value: Any) -> tuple[Any, ...]:
    return itertools.compress, tuple(read_objects(value, 2))


def _reduce_accumulate(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of an `itertools.accumulate` (as of `object.__reduce__`).

    It has the fields total, iterator, function and initial, in this order. Only the iterator is always set.
    """
    total, iterator, function, initial = read_objects(value, 4)
    is_begun = bool(read_words(value, 0, 1)[0])
    return _make_accumulate, (iterator, function, is_begun, total, initial)


def _make_accumulate(iterator: Any, function: Any, is_started: bool, total: Any, initial: Any) -> Any:
    if not is_started:
        return itertools.accumulate(iterator, function, initial=initial)
    made = itertools.accumulate(itertools.chain((total,), iterator), function)
    next(made)
    return made


def _reduce_zip_longest(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of an `itertools.zip_longest` (as of `object.__reduce__`).

    Its tuple has NULL for an iterator that has ended, so the tuple must not be read as a Python object.
    """
    count, _, tuple_, _, fill_ = read_words(value, 0, 5)
    held = {id(each): each for each in find_referents(value)}
    if not held:
        return _reduce_finished("zip_longest")
    if tuple_ not in held or fill_ not in held or not 0 <= count < 1_000_000:
        raise CannotSave("an itertools.zip_longest that is not read as expected; loop over list(...) of it")
    parts = {id(each): each for each in gc.get_referents(held[tuple_])}
    words = (ctypes.c_ssize_t * count).from_address(tuple_ + tuple.__basicsize__)
    return _make_zip_longest, (tuple(parts.get(word) for word in words), held[fill_])


def _make_zip_longest(iterators: tuple[Any, ...], fill: Any) -> Any:
    return itertools.zip_longest(*(() if each is None else each for each in iterators), fillvalue=fill)


# -- iterators over pools (input sequences): the position is known from their indices


def _reduce_product(value: Any) -> tuple[Any, ...]:
    pools, is_begun, stopped = _read_pools(value, 3)
    if stopped:
        return _reduce_finished("product")
    pools = pools or ()
    place = 0
    if is_begun:
        for pool, index in zip(pools, read_indices(value, 1, len(pools)), strict=True):
            place = place * len(pool) + index
        place += 1
    return _make_product, (pools, place)


def _read_pools(value: Any, stopped_word: int) -> tuple[Any, bool, bool]:
    """Read the pools (the input sequences) of a `product`, `combinations` or `permutations`.

    The first tuple that the iterator refers to has the pool or pools. A second one, the last result, exists once it has
    begun.

    Args:
        value: the iterator.
        stopped_word: number of the word in its memory that is 1 when it has ended.

    Returns:
        The pools, whether the iterator has begun, and whether it has ended.
    """
    tuples: list[Any] = [each for each in find_referents(value) if type(each) is tuple]
    flag = read_words(value, stopped_word, 1)[0] & 0xFFFFFFFF
    if flag not in (0, 1):
        raise CannotSave(f"an itertools.{type(value).__name__} that is not read as expected; loop over list(...) of it")
    return tuples[0] if tuples else (), len(tuples) > 1, bool(flag)


def _make_product(pools: tuple[Any, ...], place: int) -> Any:
    return _skip_items(itertools.product(*pools), place)


def _reduce_selection(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of a `combinations`, `combinations_with_replacement` or `permutations`."""
    name = type(value).__name__
    is_permutations = name == "permutations"
    pool, is_begun, stopped = _read_pools(value, 5 if is_permutations else 4)
    size = read_words(value, 4 if is_permutations else 3, 1)[0]
    if stopped:
        return _reduce_finished(name)
    if not 0 <= size <= max(len(pool), 64):
        raise CannotSave(f"an itertools.{name} that is not read as expected; loop over list(...) of it")
    place = _rank_selection(name, read_indices(value, 1, size), len(pool), size) + 1 if is_begun else 0
    return _make_selection, (name, pool, size, place)


def _rank_selection(name: str, indices: list[int], size: int, chosen_count: int) -> int:
    """Return how many selections come before the selection with the given indices.

    Args:
        name: name of the function of itertools.
        indices: indices of the chosen items.
        size: number of items to choose from.
        chosen_count: number of items that are chosen.
    """
    if name == "permutations":
        free, place = list(range(size)), 0
        for i, index in enumerate(indices):
            place += free.index(index) * math.perm(size - i - 1, chosen_count - i - 1)
            free.remove(index)
        return place
    if name == "combinations":
        place, first = 0, 0
        for i, index in enumerate(indices):
            place += sum(math.comb(size - each - 1, chosen_count - i - 1) for each in range(first, index))
            first = index + 1
        return place
    place, first = 0, 0
    for i, index in enumerate(indices):
        left = chosen_count - i - 1
        place += sum(math.comb(size - each + left - 1, left) for each in range(first, index))
        first = index
    return place


def _make_selection(name: str, pool: tuple[Any, ...], size: int, place: int) -> Any:
    return _skip_items(getattr(itertools, name)(pool, size), place)


_REDUCERS: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "count": _reduce_count,
    "repeat": _reduce_repeat,
    "cycle": _reduce_cycle,
    "chain": _reduce_chain,
    "islice": _reduce_islice,
    "pairwise": _reduce_pairwise,
    "starmap": _make_pair_reducer(itertools.starmap),
    "filterfalse": _make_pair_reducer(itertools.filterfalse),
    "dropwhile": _make_while_reducer(itertools.dropwhile),
    "takewhile": _make_while_reducer(itertools.takewhile),
    "compress": _reduce_compress,
    "accumulate": _reduce_accumulate,
    "zip_longest": _reduce_zip_longest,
    "product": _reduce_product,
    "combinations": _reduce_selection,
    "combinations_with_replacement": _reduce_selection,
    "permutations": _reduce_selection,
}
