"""Arrays that share memory share it again.

A view is pickled as its base, with where it lies in it. A small view of a large base that nothing else needs is
pickled by itself; if it turns out that something else has that base too, the pickle is made once more with it.
"""

from __future__ import annotations

import sys
from typing import Any

SMALL = 1 << 20
"""Bytes of a base that are saved for the sake of any view."""
SHARE = 8
"""A larger base is saved for a view that has at least one part in this many of its bytes."""


class Views:
    """The arrays of one pickle.

    Args:
        kept: ids of bases that are saved for every view of them.
    """

    def __init__(self, kept: frozenset[int] = frozenset()) -> None:
        self._type: Any = getattr(sys.modules.get("numpy"), "ndarray", None)
        self._kept = kept
        self._whole: dict[int, Any] = {}
        self._apart: dict[int, Any] = {}
        self._shared = set[int]()

    def reduce(self, array: Any) -> Any:
        """How a view is pickled; NotImplemented for what is none."""
        if self._type is None or type(array) is not self._type:
            return NotImplemented
        base = _owner(array, self._type)
        if not self._has(base, array):
            self._whole[id(array)] = array
            return NotImplemented
        number = id(base)
        if base.nbytes > max(SMALL, SHARE * array.nbytes) and number not in self._kept:
            if number in self._apart:
                self._shared.add(number)
            self._apart[number] = base
            return NotImplemented
        self._whole[number] = base
        offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        return (_view, (base, offset, array.shape, array.strides, array.dtype, array.flags.writeable))

    def torn(self) -> frozenset[int]:
        """Ids of bases that have views which were pickled apart from them, or from one another."""
        return frozenset(self._shared | (self._apart.keys() & self._whole.keys()))

    def _has(self, base: Any, array: Any) -> bool:
        """Whether `array` is a view that can be described by its place in `base`."""
        if type(base) is not self._type or not array.size or not (base.flags.c_contiguous or base.flags.f_contiguous):
            return False
        return not array.dtype.hasobject or (array.dtype == base.dtype and base.dtype.kind == "O")


def _owner(array: Any, kind: Any) -> Any:
    """The array at the end of the chain of bases; numpy's stride tricks put an object of their own between."""
    base = array.base
    while True:
        inner = getattr(base, "base", None)
        if type(inner) is not kind or not (type(base) is kind or type(base).__name__ == "DummyArray"):
            return base
        base = inner


def _view(
    base: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any, is_writeable: bool
) -> Any:
    numpy: Any = sys.modules["numpy"]
    flat = (base if base.flags.c_contiguous else base.T).reshape(-1)
    made = numpy.ndarray(shape, dtype, flat if dtype.hasobject else flat.view(numpy.uint8), offset, strides)
    if not is_writeable:
        made.flags.writeable = False
    return made
