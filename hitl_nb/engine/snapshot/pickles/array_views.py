"""Pickle numpy arrays so that arrays that share memory share it again after loading.

A *view* is an array that shows memory of another array, its *base*. A view is pickled as its base, with its offset in
the base. A small view of a large base is pickled without the base, if no other value needs the base. If another value
turns out to have that base too, the whole pickle is made again with the base. An array of a subclass (recarray, matrix,
masked arrays, the user's own) is pickled as a view of a plain array, with its attributes. An array over a `bytearray`
or `array.array` shows that object again.

An array in a file (`numpy.memmap`) is opened again (`engine/reopening/mappedfiles.py`). Its views are always pickled as
views of it, because a copy would not write to the file. Other arrays in mapped memory are refused.
"""

from __future__ import annotations

import pickle
import sys
from array import array
from collections.abc import Callable, Container
from typing import Any, cast

from hitl_nb.engine.refusals import NotSavedError, type_of
from hitl_nb.engine.reopening.mappedfiles import is_mapped_array, lies_in_mapping

SMALL = 1 << 20
"""Maximum size in bytes of a base that is saved with every view of it."""
SHARE = 8
"""A larger base is saved with a view if the view has at least 1/8 of the bytes of the base."""


_COPY = "copy it with numpy.array(...) before the checkpoint, or map it after the checkpoint"
_SHARED = "copy it with numpy.array(...) before the checkpoint, so that it has memory of its own"
_BUFFERS = (bytearray, array)
"""Types (other than arrays) whose memory an array can show."""


class ArrayViews:
    """Decides for the numpy arrays of one pickle how each is pickled, so that arrays that share memory share it again.

    Args:
        kept: Ids of bases (arrays that own memory) that are saved with every view of them.
    """

    def __init__(self, kept: frozenset[int] = frozenset()) -> None:
        numpy = sys.modules.get("numpy")
        self._type: Any = getattr(numpy, "ndarray", None)
        self._types: Any = (self._type, getattr(numpy, "memmap", None))
        self._void: Any = getattr(numpy, "void", None)
        self._kept = kept
        self._whole: dict[int, Any] = {}
        self._apart: dict[int, Any] = {}
        self._shared = set[int]()
        self._plain: dict[int, Any] = {}
        self._plain_ids = set[int]()
        self._copied: dict[int, tuple[Any, list[Any]]] = {}

    def reduce(self, obj: Any) -> Any:
        """Return how to pickle a numpy array: a tuple as of `__reduce__`, by which memory stays shared after loading.

        The same is done for an element of a structured array that is a view.

        Returns:
            The tuple. NotImplemented for other objects, and for arrays that pickle saves correctly by itself.
        """
        if self._type is None:
            return NotImplemented
        if isinstance(obj, self._type):
            return self._reduce_array(obj)
        if isinstance(obj, self._void) and isinstance(obj.base, self._type) and obj.dtype.names:
            owner, _ = _find_owner(obj, self._type)
            if not obj.dtype.hasobject and _is_one_block(owner, self._type):
                return (_element, (self._find_base(owner), find_address(obj) - find_address(owner), obj.dtype))
            self._remember_copy(owner, obj)
        return NotImplemented

    def _reduce_array(self, array: Any) -> Any:
        if id(array) in self._plain_ids:
            _refuse_mapped(array)
            return NotImplemented
        cls: Any = type_of(array)
        if cls not in self._types:
            if not _is_pickled_by_numpy(cls, self._type):
                self._remember_copy(_find_owner(array, self._type)[0], array)
                return NotImplemented
            if type_of(_find_owner(array, self._type)[0]) not in self._types:
                _refuse_mapped(array)
            plain = self._find_base(array) if array.base is None else self._type.view(array, self._type)
            return (_of_class, (plain, cls), dict(array.__dict__), None, None, _set_attributes)
        owner, memory = _find_owner(array, self._type)
        if owner is array or not self._is_describable_view(owner, array):
            _refuse_mapped(array)
            self._whole[id(array)] = array
            if array.size and memory is not None and array.flags.writeable:
                self._remember_copy(memory, array)
            elif array.size and owner is not array:
                self._remember_copy(owner, array)
            return _reduce_read_only(array)
        number, is_mapped = id(owner), is_mapped_array(owner)
        is_large = isinstance(owner, self._type) and owner.nbytes > max(SMALL, SHARE * array.nbytes)
        if is_large and not is_mapped and number not in self._kept:
            if number in self._apart:
                self._shared.add(number)
            self._apart[number] = owner
            return NotImplemented
        self._whole[number] = owner
        offset = find_address(array) - find_address(owner)
        made = (self._find_base(owner), offset, array.shape, array.strides, array.dtype, array.flags.writeable)
        return (_view, (*made, cls is not self._type))

    def find_torn_bases(self) -> frozenset[int]:
        """Return the ids of arrays that must be pickled whole, because several views or other values need them.

        So far, their views were pickled as copies. The pickle has to be made again with these ids in `kept`.
        """
        return frozenset(self._shared | (self._apart.keys() & self._whole.keys()))

    def check_copies(self, memo: Callable[[], Container[int]]) -> None:
        """Refuse arrays that were copied although another object in the pickle shares their memory.

        Args:
            memo: Returns the ids of all objects in the pickle.

        Raises:
            NotSavedError: There is such an array; the error names it.
        """
        if not self._copied:
            return
        saved = memo()
        for number, (owner, copies) in self._copied.items():
            is_shared = len(copies) > 1 and (isinstance(owner, self._type) or hasattr(owner, "_b_base_"))  # of ctypes
            if is_shared or (copies[0] is not owner and (number in saved or number in self._whole)):
                raise NotSavedError(
                    "it shares its memory with another object in a way that is lost", _SHARED, about=copies[0]
                )

    def _find_base(self, owner: Any) -> Any:
        """Return the object to pickle a view with: the owner of the memory.

        If the owner is an array of a subclass, a plain array with the same memory is returned instead.
        """
        if not isinstance(owner, self._type) or type(owner) in self._types:
            return owner
        if id(owner) not in self._plain:
            self._plain[id(owner)] = self._type.view(owner, self._type)
            self._plain_ids.add(id(self._plain[id(owner)]))
        return self._plain[id(owner)]

    def _remember_copy(self, owner: Any, array: Any) -> None:
        copies = self._copied.setdefault(id(owner), (owner, []))[1]
        if not any(array is one for one in copies):
            copies.append(array)

    def _is_describable_view(self, owner: Any, array: Any) -> bool:
        """Return True if `array` can be saved as offset, shape and strides in the memory of `owner`."""
        if not array.size or not _is_one_block(owner, self._type):
            return False
        if type(array) is not self._type and not is_mapped_array(owner):
            return False
        return not array.dtype.hasobject or (array.dtype == getattr(owner, "dtype", None) and owner.dtype.kind == "O")


def _refuse_mapped(array: Any) -> None:
    if array.size and lies_in_mapping(array):
        raise NotSavedError("it lies in memory that is mapped from a file or shared", _COPY, about=array)


def _find_owner(array: Any, kind: Any) -> tuple[Any, Any]:
    """Find the object that owns an array's memory.

    The owner is the array at the end of the chain of bases, or the `bytearray` or `array.array` whose memory the array
    shows. The chain may contain a `DummyArray`, an object that numpy's stride tricks insert.

    Args:
        array: The array, or a structured element that is a view.
        kind: `numpy.ndarray`.

    Returns:
        The owner, and the object outside numpy that holds the memory (None if numpy itself holds it).
    """
    owner, base = array, array.base
    while base is not None:
        if isinstance(base, memoryview):
            base = cast(Any, base.obj)
            continue
        if isinstance(base, kind):
            owner = base
        elif type(base) in _BUFFERS:
            return base, base
        elif type(base).__name__ != "DummyArray":
            return owner, base
        base = base.base
    return owner, None


def _is_one_block(owner: Any, kind: Any) -> bool:
    if isinstance(owner, kind):
        return owner.flags.c_contiguous or owner.flags.f_contiguous
    return type(owner) in _BUFFERS


def _is_pickled_by_numpy(cls: Any, kind: Any) -> bool:
    """Return True if objects of a subclass are pickled by numpy's own code.

    Args:
        cls: The subclass of `ndarray`. False if it defines a pickle hook such as `__reduce__` itself.
        kind: `numpy.ndarray`.
    """
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", kind)
    base = masked if issubclass(cls, masked) else kind
    names = ("__reduce__", "__reduce_ex__", "__setstate__")
    return all(getattr(cls, name) is getattr(base, name) for name in names) and hasattr(cls, "__dict__")


def find_address(obj: Any) -> int:
    """Return the address of the first byte of an array, an element or a buffer."""
    numpy: Any = sys.modules["numpy"]
    shown = obj if hasattr(obj, "__array_interface__") else numpy.frombuffer(obj, "u1")
    return shown.__array_interface__["data"][0]


def _reduce_read_only(array: Any) -> Any:
    """Return how to pickle a read-only array that owns its memory: a tuple as of `__reduce__`.

    Without this tuple, an array of objects, or a large array, would be writeable after loading. NotImplemented if the
    array can be written.
    """
    if array.flags.writeable:
        return NotImplemented
    make, arguments, *state = array.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    return (make, arguments, state, None, None, _set_read_only)


def _set_read_only(array: Any, state: list[Any]) -> None:
    for one in state:
        array.__setstate__(one)
    array.flags.writeable = False


def _of_class(plain: Any, cls: Any) -> Any:
    return plain.view(cls)


def _set_attributes(array: Any, attributes: dict[str, Any]) -> None:
    array.__dict__.update(attributes)


def _element(base: Any, offset: int, dtype: Any) -> Any:
    return _view(base, offset, (), (), dtype, True)[()]


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
    if isinstance(base, numpy.ndarray):
        flat = (base if base.flags.c_contiguous else base.T).reshape(-1)
        buffer = flat if dtype.hasobject else flat.view(numpy.uint8)
    else:
        buffer = base
    if is_memmap:
        made = numpy.ndarray.__new__(numpy.memmap, shape, dtype, buffer, offset, strides)
        made.__dict__.update(base.__dict__)
    else:
        made = numpy.ndarray(shape, dtype, buffer, offset, strides)
    if not is_writeable:
        made.flags.writeable = False
    return made
