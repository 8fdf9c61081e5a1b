"""Read fields of C objects of CPython: the objects that they refer to, and C integers in their memory.

A *word* is a field of the size of a C `Py_ssize_t`. The words after the object's head are numbered from 0. The caller
checks that the layout of the object is the expected one.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Any

from hitl_nb.engine.position.frames.errors import CannotSave

_WORD_BYTES = ctypes.sizeof(ctypes.c_ssize_t)
_HEAD_BYTES = object.__basicsize__


def find_referents(value: Any) -> list[Any]:
    """List the objects that an object refers to, without its type."""
    return [each for each in gc.get_referents(value) if each is not type(value)]


def read_words(value: Any, first: int, count: int) -> list[int]:
    """Read `count` C integers from the memory of an object, beginning with the word `first` after the object's head."""
    words = (ctypes.c_ssize_t * count).from_address(id(value) + _HEAD_BYTES + first * _WORD_BYTES)
    return list(words)


def read_objects(value: Any, count: int) -> list[Any]:
    """Read the first `count` fields of an object, which refer to other objects; None for a field that is not set.

    Raises:
        CannotSave: A field does not refer to an object that the garbage collector lists.
    """
    held = {id(each): each for each in find_referents(value)}
    words = read_words(value, 0, count)
    if any(word and word not in held for word in words):
        raise CannotSave(
            f"an iterator itertools.{type(value).__name__} that is not read as expected in this Python; loop over "
            "list(...) of it"
        )
    return [held[word] if word else None for word in words]


def read_indices(value: Any, word: int, count: int) -> list[int]:
    """Read an array of `count` C integers, whose address is in the word `word` after the object's head."""
    address = read_words(value, word, 1)[0]
    return list((ctypes.c_ssize_t * count).from_address(address)) if count else []
