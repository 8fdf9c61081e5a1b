"""Hashes of plain data, to find out whether the data was changed. No code of the user runs, and large data has no hash.

Plain data are numbers, text, times, paths, and containers of Python's own. Functions and classes are plain; their names
are hashed. Small arrays and data frames are plain. Objects of classes without pickle hooks are plain; their attributes
are hashed.
"""

from __future__ import annotations

import collections
import enum
import hashlib
import pickle
import sys
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType
from typing import Any

from hitl_nb.engine.refusals import type_of

MAX_ITEMS = 5000
"""Maximum number of items that are hashed. Data with more items has no hash."""
MAX_BYTES = 1 << 20
"""Maximum number of bytes of a text or an array that is hashed."""

_ATOMS = (int, float, complex, bool, type(None), type(...), range, slice)
_LISTS = (list, tuple, collections.deque)
_MAPPINGS = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
_BASES: tuple[Any, ...] = (dict, list, set, tuple)
_PICKLED = frozenset(
    {"datetime", "decimal", "fractions", "uuid", "pathlib", "zoneinfo", "re", "numpy", "pandas", "array"}
)
_HOOKS = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getattribute__")


class NotPlainError(Exception):
    """The data contains an object that has no hash, because it is large or not plain."""


def hash_plain_data(value: Any) -> str | None:
    """Return a hash of plain data: numbers, text, containers, small arrays, and simple objects.

    None for other objects and for large data.
    """
    try:
        shape = _DataShape().describe_value(value)
    except NotPlainError:
        return None
    return hashlib.sha256(repr(shape).encode("utf-8", "replace")).hexdigest()


class _DataShape:
    def __init__(self) -> None:
        self.left = MAX_ITEMS
        self.seen: dict[int, int] = {}

    def describe_value(self, value: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise NotPlainError
        kind: Any = type_of(value)
        if kind in _ATOMS:
            return kind.__name__, value
        if kind in (str, bytes, bytearray):
            return kind.__name__, value if len(value) < 1000 else _digest_value(value)
        if isinstance(value, (FunctionType, BuiltinFunctionType, type)):
            return "code", value.__module__, value.__qualname__
        if isinstance(value, enum.Enum):
            return "enum", kind.__module__, kind.__qualname__, value._name_
        if id(value) in self.seen:
            return "again", self.seen[id(value)]
        self.seen[id(value)] = len(self.seen)
        return (kind.__module__, kind.__qualname__, self._describe_contents(kind, value))

    def _describe_contents(self, kind: Any, value: Any) -> Any:
        if kind in _LISTS:
            return [self.describe_value(one) for one in list(value)]
        if kind in _MAPPINGS:
            more = self.describe_value(value.default_factory) if kind is collections.defaultdict else None
            return more, [(self.describe_value(k), self.describe_value(v)) for k, v in list(value.items())]
        if kind in (set, frozenset):
            return sorted(repr(self.describe_value(one)) for one in list(value))
        if kind.__module__.partition(".")[0] in _PICKLED:
            return _digest_pickle(value)
        return self._describe_object(kind, value)

    def _describe_object(self, kind: Any, value: Any) -> Any:
        if kind.__module__.partition(".")[0] in sys.stdlib_module_names - {"__main__"} or any(
            getattr(kind, name, None) is not getattr(object, name, None) for name in _HOOKS
        ):
            raise NotPlainError
        held: Any = next((self._describe_items(base, value) for base in _BASES if isinstance(value, base)), None)
        if held is None and kind.__new__ is not object.__new__ and isinstance(value, (str, int, float, bytes)):
            raise NotPlainError
        return held, [(name, self.describe_value(one)) for name, one in _list_attributes(kind, value)]

    def _describe_items(self, base: Any, value: Any) -> list[Any]:
        items: list[Any] = list(dict[Any, Any].items(value)) if base is dict else list(base.__iter__(value))
        return [self.describe_value(one) for one in items]


def _list_attributes(kind: Any, value: Any) -> list[tuple[str, Any]]:
    """List an object's attributes and slots as pairs (name, value), without running code of its class.

    Raises:
        NotPlainError: The object has neither attributes nor slots.
    """
    found: dict[str, Any] = {}
    for cls in kind.__mro__:
        members: dict[str, Any] = dict(cls.__dict__) if "__slots__" in cls.__dict__ else {}
        for name, member in members.items():
            if isinstance(member, MemberDescriptorType):
                try:
                    found[name] = member.__get__(value)
                except AttributeError:
                    continue
    try:
        found |= object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        if not found:
            raise NotPlainError from None
    return list(found.items())


def _digest_value(value: Any) -> str:
    if len(value) > MAX_BYTES:
        raise NotPlainError
    return hashlib.sha256(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value).hexdigest()


def _digest_pickle(value: Any) -> str:
    size = getattr(value, "nbytes", 0)
    if not isinstance(size, int) or size > MAX_BYTES or getattr(value, "size", 0) > MAX_BYTES:
        raise NotPlainError
    try:
        return _digest_value(pickle.dumps(value, protocol=5))
    except Exception as error:  # pickling may raise anything: the object has no hash
        raise NotPlainError from error
