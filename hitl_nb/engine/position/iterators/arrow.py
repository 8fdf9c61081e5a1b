"""Iterators of Arrow's arrays (pandas uses them for a column of texts), as data: the rest of the array.

They are generators that Cython compiled. Each counts its items in a C integer; the place of this integer in memory is
found on samples.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
from typing import Any, cast

from hitl_nb.engine.position.frames.errors import CannotSave

_WORD_BYTES = ctypes.sizeof(ctypes.c_ssize_t)


def reduce_arrow_generator(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of an iterator of a pyarrow array: a tuple as `object.__reduce__` returns it.

    Args:
        value: a generator of compiled code.

    Raises:
        CannotSave: It is no generator of pyarrow, or its memory cannot be read as expected.
    """
    name = value.__qualname__
    if "pyarrow" in sys.modules and name in ("Array.__iter__", "ChunkedArray.__iter__", "ChunkedArray.iterchunks"):
        rest = _read_rest(value, name)
        if rest is not None:
            return (iter, (rest,)) if name != "ChunkedArray.iterchunks" else (make_chunks, (rest,))
    raise CannotSave(f"a generator {name} of compiled code; loop over list(...) of it")


def make_chunks(rest: Any) -> Any:
    """Return an iterator of the chunks of an Arrow `ChunkedArray` (`rest`, the chunks that were not read yet)."""
    return rest.iterchunks()


def _read_rest(value: Any, name: str) -> Any:
    pa: Any = sys.modules["pyarrow"]

    scope = _find_scope(value)
    if scope is None:
        return pa.array([]) if name == "Array.__iter__" else pa.chunked_array([[]])
    held = gc.get_referents(scope)
    if name == "Array.__iter__":
        [array] = [each for each in held if isinstance(each, pa.Array)]
        return array.slice(_count_taken(scope, "array"))
    [whole] = [each for each in held if isinstance(each, pa.ChunkedArray)]
    if name == "ChunkedArray.iterchunks":
        return pa.chunked_array(whole.chunks[_count_taken(scope, "chunks") :], whole.type)
    inner = {each.__qualname__: each for each in held if type(each).__module__.startswith("_cython_")}
    if not inner:
        return whole
    chunks, array = inner.get("ChunkedArray.iterchunks"), inner.get("Array.__iter__")
    chunks_scope = _find_scope(chunks) if chunks is not None else None
    if chunks_scope is None:
        return None
    begun = _count_taken(chunks_scope, "chunks")
    array_scope = _find_scope(array) if array is not None else None
    left: list[Any] = list(whole.chunks[begun:])
    if array_scope is not None:
        [current] = [each for each in gc.get_referents(array_scope) if isinstance(each, pa.Array)]
        left.insert(0, current.slice(_count_taken(array_scope, "array")))
    return pa.chunked_array(left, whole.type)


def _find_scope(generator: Any) -> Any:
    return next((each for each in gc.get_referents(generator) if "scope_struct" in type(each).__name__), None)


def _read_words(scope: Any) -> list[int]:
    count = cast("Any", type(scope)).__basicsize__ // _WORD_BYTES
    return list((ctypes.c_ssize_t * count).from_address(id(scope)))


def _count_taken(scope: Any, kind: str) -> int:
    """Return the number of items that a generator has given.

    Args:
        scope: the object in which Cython keeps the local variables of the generator.
        kind: "array" for a generator of items, "chunks" for a generator of chunks.
    """
    if kind == "chunks":
        numbers = [each for each in gc.get_referents(scope) if type(each) is int]
        return numbers[0] + 1 if numbers else 0
    index, length = _find_word_offsets()
    words = _read_words(scope)
    return words[index] + 1 if words[length] else 0


@functools.cache
def _find_word_offsets() -> tuple[int, int]:
    """Find two words in the memory of the scope object of an array's iterator, by trying the iterator of a sample.

    Returns:
        The positions of the word with the index of the last item, and of the word with the array's length.

    Raises:
        CannotSave: The words are not found.
    """
    pa: Any = sys.modules["pyarrow"]

    sample: Any = pa.array(range(6))
    generator = iter(sample)
    fresh = _read_words(_find_scope(generator))
    indices = lengths = set(range(2, len(fresh)))
    for index in range(5):
        next(generator)
        words = _read_words(_find_scope(generator))
        indices = {i for i in indices if words[i] == index}
        lengths = {i for i in lengths if words[i] == len(sample) and fresh[i] == 0}
    if not indices or not lengths:
        raise CannotSave(
            "a loop over an array of pyarrow, whose iterator is not read as expected; loop over .to_pylist()"
        )
    return min(indices), min(lengths)
