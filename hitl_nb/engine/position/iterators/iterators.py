"""Iterators of Python and of libraries as data: their source and their position.

Pickle itself saves iterators of lists, tuples, texts, ranges and sets, `enumerate`, `zip`, `map`, `filter` and
`reversed`, and before Python 3.14 those of itertools. This module saves others, by their exact type. Generators of
libraries are read from their frames (`library_generators`).

Saving does not advance an iterator. Making it again has no effect: its source is in the snapshot, or is a file, which
is opened again.
"""

from __future__ import annotations

import builtins
import functools
import gc
import importlib
import itertools
import types
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.iterators import directories, matches
from hitl_nb.engine.position.iterators.library_generators import reduce_library_generator

ReducedForm = tuple[Any, ...]
"""A tuple as `object.__reduce__` returns it."""
Reducer = Callable[[Any], "ReducedForm | None"]
"""Takes an object, and returns its pickle form; None: pickle itself can save the object."""

_NO_FRAMES: Mapping[int, SavedFrame] = MappingProxyType({})


def reduce_iterator(value: Any, running_frames: Mapping[int, SavedFrame] = _NO_FRAMES) -> ReducedForm | None:
    """Return the pickle form of an iterator: how to make an iterator of the same source at the same position.

    Args:
        value: any object.
        running_frames: `id` of a live frame -> its saved frame, for the generators on the stack that is saved at the
            same time.

    Returns:
        A tuple as `object.__reduce__` returns it; None: this module does not know the type, or pickle itself can save
        it.

    Raises:
        CannotSave: The iterator cannot be saved at its present position.
    """
    kind = _kind_of(value)
    if kind is types.GeneratorType:
        return reduce_library_generator(value, dict(running_frames))
    reducer = find_reducer(kind)
    return None if reducer is None else reducer(value)


@functools.lru_cache(maxsize=4096)
def find_reducer(kind: type) -> Reducer | None:
    """Return the function that makes the pickle form of objects of exactly this type; None if there is none."""
    module: Any = kind.__module__
    if not isinstance(module, str):  # a class may set `__module__` to any value
        return None
    module = "cython" if module.startswith("_cython_") else module
    home = _REDUCERS.get((module, kind.__qualname__))
    if home is None:
        return None
    if callable(home):
        return home
    module, name = home.split(":")
    return getattr(importlib.import_module(f".{module}", __package__), name)


def _kind_of(value: Any) -> Any:
    return cast("Any", type(value))


# -- dicts


_DICT: Any = dict
_DICT_VIEWS: dict[str, Callable[[Any], Any]] = {
    "dict_keyiterator": _DICT.keys,
    "dict_valueiterator": _DICT.values,
    "dict_itemiterator": _DICT.items,
}


def _reduce_dict_iterator(value: Any) -> ReducedForm | None:
    """Return the pickle form of an iterator of a dict: the dict itself and the number of items that were given.

    So the restored loop sees its own changes of the dict, as in a normal run.

    Raises:
        CannotSave: Keys were added to the dict or removed during the loop.
    """
    kind = _kind_of(value).__name__
    source: Any = next(filter(_is_dict, _find_referents(value)), None)
    if source is None:
        return make_finished_dict_iterator, (kind,)
    try:
        rest: list[Any] = value.__reduce__()[1][0]
    except RuntimeError:
        if value.__length_hint__():
            raise CannotSave("a loop over a dict whose keys were changed; loop over list(...) of it") from None
        return make_broken_dict_iterator, (kind,)
    taken = len(source) - len(rest)
    left: list[Any] = list(itertools.islice(_DICT_VIEWS[kind](source), taken, None)) if taken >= 0 else []
    if taken < 0 or not _are_same(kind, left, rest):
        raise CannotSave("a loop over a dict whose keys were changed; loop over list(...) of it")
    return make_dict_iterator, (kind, source, taken, len(source))


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _find_referents(value: Any) -> list[Any]:
    return gc.get_referents(value)


def _are_same(kind: str, left_items: list[Any], rest_items: list[Any]) -> bool:
    if len(left_items) != len(rest_items):
        return False
    if kind == "dict_itemiterator":
        return all(a[0] is b[0] and a[1] is b[1] for a, b in zip(left_items, rest_items, strict=True))
    return all(a is b for a, b in zip(left_items, rest_items, strict=True))


def make_dict_iterator(kind: str, source: dict[Any, Any], taken_count: int, size: int) -> Any:
    """Make an iterator of a dict that has given `taken_count` items.

    Args:
        kind: name of the iterator's type, for example "dict_keyiterator".
        source: the dict. It may be incomplete, if it contains its own iterator.
        taken_count: number of items that were given.
        size: number of items of the complete dict.
    """
    if len(source) != size:  # the dict is not completely loaded: it contains its own iterator
        return LateDictIterator(kind, source, taken_count)
    return skip_items(iter(_DICT_VIEWS[kind](source)), taken_count)


class LateDictIterator:
    """An iterator of a dict that was not completely loaded when the iterator was made.

    It reads the dict for the first time when its first item is requested.

    Args:
        kind: name of the iterator's type.
        source: the dict.
        taken_count: number of items that were given.
    """

    def __init__(self, kind: str, source: dict[Any, Any], taken_count: int) -> None:
        self.kind, self.source, self.taken_count = kind, source, taken_count
        self._iterator: Any = None

    def __iter__(self) -> LateDictIterator:
        return self

    def __next__(self) -> Any:
        if self._iterator is None:
            self._iterator = skip_items(iter(_DICT_VIEWS[self.kind](self.source)), self.taken_count)
        return next(self._iterator)

    def __reduce__(self) -> ReducedForm:
        if self._iterator is not None:
            return _return_unchanged, (self._iterator,)
        return LateDictIterator, (self.kind, self.source, self.taken_count)


def _return_unchanged(iterator: Any) -> Any:
    return iterator


def make_finished_dict_iterator(kind: str) -> Any:
    """Make an iterator of a dict that has ended."""
    return skip_items(iter(_DICT_VIEWS[kind]({})), 1)


def make_broken_dict_iterator(kind: str) -> Any:
    """Make an iterator of a dict whose size has changed during the loop: its next item raises RuntimeError."""
    source: dict[Any, Any] = {0: 0}
    made = iter(_DICT_VIEWS[kind](source))
    source[1] = 1
    return made


def skip_items(iterator: Any, count: int) -> Any:
    """Read and drop the next `count` items of `iterator`, and return the iterator."""
    deque[Any](itertools.islice(iterator, count), maxlen=0)
    return iterator


# -- csv

_DIALECT_OPTIONS = (
    "delimiter",
    "doublequote",
    "escapechar",
    "lineterminator",
    "quotechar",
    "quoting",
    "skipinitialspace",
    "strict",
)


class ContinuedCsvLines:
    """The lines for a restored csv reader.

    First come empty lines, as many as were read before, so that `line_num` of the reader continues; then the lines of
    `iterator`.

    Args:
        iterator: gives the lines that were not read yet.
        empty_count: number of lines that were read before.
    """

    def __init__(self, iterator: Any, empty_count: int) -> None:
        self.iterator, self.empty_count = iterator, empty_count

    def __iter__(self) -> ContinuedCsvLines:
        return self

    def __next__(self) -> str:
        if self.empty_count:
            self.empty_count -= 1
            return ""
        return next(self.iterator)


def _reduce_csv_reader(value: Any) -> ReducedForm:
    kinds: list[Any] = [value.dialect, _kind_of(value)]
    sources: list[Any] = [
        each for each in gc.get_referents(value) if not any(each is k for k in kinds) and type(each) is not list
    ]
    if len(sources) != 1:
        raise CannotSave("a csv.reader that is not read as in this Python; loop over list(...) of it")
    source: Any = sources[0].iterator if type(sources[0]) is ContinuedCsvLines else sources[0]
    return make_csv_reader, (source, {name: getattr(value.dialect, name) for name in _DIALECT_OPTIONS}, value.line_num)


def make_csv_reader(source: Any, dialect: dict[str, Any], count: int) -> Any:
    """Make a csv reader that has read `count` lines.

    Args:
        source: iterator of the other lines.
        dialect: options of the reader.
        count: number of lines that were read.
    """
    import csv

    return skip_items(csv.reader(ContinuedCsvLines(source, count), **dialect), count)


# -- numpy


def _reduce_flat(value: Any) -> ReducedForm:
    return make_flat, (value.base, value.index)


def make_flat(array: Any, index: int) -> Any:
    """Return the flat iterator of a numpy array, after it has given `index` items."""
    return skip_items(array.flat, index)


def _reduce_broadcast(value: Any) -> ReducedForm:
    return make_broadcast, (tuple(each.base for each in value.iters), value.index)


def make_broadcast(arrays: tuple[Any, ...], index: int) -> Any:
    """Make a `numpy.broadcast` of arrays that has given `index` items."""
    import numpy as np

    return skip_items(np.broadcast(*arrays), index)


_NDITER_REFUSAL = "an np.nditer with options that it does not tell; loop over np.ndenumerate(...) or a list of indices"


def _reduce_nditer(value: Any) -> ReducedForm:
    """Return the pickle form of a `numpy.nditer`.

    Only some of its options can be read. It is saved if a new `nditer` with these options has the same shape.

    Raises:
        CannotSave: The new `nditer` has another shape, or cannot be made.
    """
    if value.has_index or value.has_delayed_bufalloc:
        raise CannotSave(_NDITER_REFUSAL)
    flags = ("multi_index",) if value.has_multi_index else ()
    operands = tuple(value.operands)
    if value.finished:
        return make_nditer, (operands, flags, tuple(["readonly"] for _ in operands), value.itersize + 1)
    access = tuple(["readwrite"] if each.flags.writeable else ["readonly"] for each in value.itviews)
    try:
        other = make_nditer(operands, flags, access, 0)
    except (TypeError, ValueError):
        raise CannotSave(_NDITER_REFUSAL) from None
    if _shape_of(other) != _shape_of(value):
        raise CannotSave(_NDITER_REFUSAL)
    return make_nditer, (operands, flags, access, _count_taken(value))


def _count_taken(value: Any) -> int:
    """Return the number of items that an `nditer` has given.

    Its index is the index of the last item. Before the first item the index is 0, too. So a copy is advanced to find
    out whether the `nditer` has begun.
    """
    other = value.copy()
    next(other, None)
    is_begun = other.finished or other.iterindex != value.iterindex
    return value.iterindex + is_begun


def _shape_of(value: Any) -> Any:
    views = [(view.shape, view.strides) for view in value.itviews]
    return value.itershape if hasattr(value, "itershape") else value.shape, value.itersize, value.nop, views


def make_nditer(operands: Any, flags: Any, access: Any, index: int) -> Any:
    """Make a `numpy.nditer` that has given `index` items.

    Args:
        operands: the arrays.
        flags: `flags` of the `nditer`.
        access: `op_flags` of the `nditer`, for each array.
        index: number of items; more than the size: it has ended.
    """
    import numpy as np

    made: Any = np.nditer(operands, flags=list(flags), op_flags=list(access))
    if index > made.itersize:
        return skip_items(made, index)
    if index:
        made.iterindex = index - 1
        next(made)
    return made


def _reduce_pyseries(value: Any) -> ReducedForm:
    import polars as pl

    return getattr, (pl.Series._from_pyseries(value), "_s")  # pyright: ignore[reportPrivateUsage]  # no public way


def _reduce_pydataframe(value: Any) -> ReducedForm:
    import polars as pl

    return getattr, (pl.DataFrame._from_pydf(value), "_df")  # pyright: ignore[reportPrivateUsage]  # no public way


_REDUCERS: dict[tuple[str, str], Reducer | str] = {
    **{(builtins.__name__, name): _reduce_dict_iterator for name in _DICT_VIEWS},
    ("_csv", "reader"): _reduce_csv_reader,
    ("numpy", "flatiter"): _reduce_flat,
    ("numpy", "nditer"): _reduce_nditer,
    ("numpy", "broadcast"): _reduce_broadcast,
    ("builtins", "callable_iterator"): matches.reduce_callable_iterator,
    ("re", "Match"): matches.reduce_match,
    ("posix", "ScandirIterator"): directories.reduce_scandir,
    ("nt", "ScandirIterator"): directories.reduce_scandir,
    ("posix", "DirEntry"): directories.reduce_entry,
    ("nt", "DirEntry"): directories.reduce_entry,
    ("pandas.io.parsers.readers", "TextFileReader"): "readers:reduce_text_file_reader",
    ("builtins", "PySeries"): _reduce_pyseries,
    ("builtins", "PyDataFrame"): _reduce_pydataframe,
    ("cython", "generator"): "arrow:reduce_arrow_generator",
    ("tqdm.std", "tqdm"): "bars:reduce_bar",
    ("tqdm.asyncio", "tqdm_asyncio"): "bars:reduce_bar",
    ("tqdm.auto", "tqdm"): "bars:reduce_bar",
    ("tqdm.notebook", "tqdm_notebook"): "bars:reduce_bar",
    **{
        ("itertools", name): "itertools_state:reduce_itertools"
        for name in (
            *("accumulate", "batched", "chain", "combinations", "combinations_with_replacement", "compress", "count"),
            *("cycle", "dropwhile", "filterfalse", "groupby", "_grouper", "islice", "pairwise", "permutations"),
            *("product", "repeat", "starmap", "takewhile", "zip_longest", "_tee", "_tee_dataobject"),
        )
    },
}
"""By module and name of a type: the function that reduces its objects, or "module:function" in this package."""
