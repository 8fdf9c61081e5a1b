"""Arrays that share memory share it again.

A view is pickled as its base, with where it lies in it. A small view of a large base that nothing else needs is
pickled by itself; if it turns out that something else has that base too, the pickle is made once more with it.

An array in a file (`numpy.memmap`) is opened again (`mappedfiles.py`), and its views are always views of it: a copy
would not write to the file. Other arrays in mapped memory are refused.
"""

from __future__ import annotations

import sys
from typing import Any

from .mappedfiles import is_mapped_array, lies_in_mapping
from .refusals import NotSaved

SMALL = 1 << 20
"""Bytes of a base that are saved for the sake of any view."""
SHARE = 8
"""A larger base is saved for a view that has at least one part in this many of its bytes."""


_COPY = "copy it with numpy.array(...) before the checkpoint, or map it after the checkpoint"


class Views:
    """The arrays of one pickle.

    Args:
        kept: ids of bases that are saved for every view of them.
    """

    def __init__(self, kept: frozenset[int] = frozenset()) -> None:
        numpy = sys.modules.get("numpy")
        self._type: Any = getattr(numpy, "ndarray", None)
        self._types: Any = (self._type, getattr(numpy, "memmap", None))
        self._kept = kept
        self._whole: dict[int, Any] = {}
        self._apart: dict[int, Any] = {}
        self._shared = set[int]()

    def reduce(self, array: Any) -> Any:
        """How a view is pickled; NotImplemented for what is none."""
        if self._type is None or not isinstance(array, self._type):
            return NotImplemented
        is_plain = type(array) in self._types
        base = _owner(array, self._types)
        if not (is_plain and self._has(base, array)):
            if array.size and lies_in_mapping(array):
                raise NotSaved("it lies in memory that is mapped from a file or shared", _COPY, about=array)
            self._whole[id(array)] = array
            return NotImplemented
        number, is_mapped = id(base), is_mapped_array(base)
        if not is_mapped and base.nbytes > max(SMALL, SHARE * array.nbytes) and number not in self._kept:
            if number in self._apart:
                self._shared.add(number)
            self._apart[number] = base
            return NotImplemented
        self._whole[number] = base
        offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        made = (base, offset, array.shape, array.strides, array.dtype, array.flags.writeable)
        return (_view, (*made, type(array) is not self._type))

    def torn(self) -> frozenset[int]:
        """Ids of bases that have views which were pickled apart from them, or from one another."""
        return frozenset(self._shared | (self._apart.keys() & self._whole.keys()))

    def _has(self, base: Any, array: Any) -> bool:
        """Whether `array` is a view that can be described by its place in `base`."""
        if not array.size or (type(base) is not self._type and not is_mapped_array(base)):
            return False
        if type(array) is not self._type and not is_mapped_array(base):
            return False
        if not (base.flags.c_contiguous or base.flags.f_contiguous):
            return False
        return not array.dtype.hasobject or (array.dtype == base.dtype and base.dtype.kind == "O")


def _owner(array: Any, kinds: tuple[Any, ...]) -> Any:
    """The array at the end of the chain of bases; numpy's stride tricks put an object of their own between."""
    base = array.base
    while True:
        inner = getattr(base, "base", None)
        if type(inner) not in kinds or not (type(base) in kinds or type(base).__name__ == "DummyArray"):
            return base
        base = inner


def _view(
    base: Any,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    dtype: Any,
    is_writeable: bool,
    is_memmap: bool = False,
) -> Any:
    numpy: Any = sys.modules["numpy"]
    flat = (base if base.flags.c_contiguous else base.T).reshape(-1)
    buffer = flat if dtype.hasobject else flat.view(numpy.uint8)
    if is_memmap:
        made = numpy.ndarray.__new__(numpy.memmap, shape, dtype, buffer, offset, strides)
        made.__dict__.update(base.__dict__)
    else:
        made = numpy.ndarray(shape, dtype, buffer, offset, strides)
    if not is_writeable:
        made.flags.writeable = False
    return made
