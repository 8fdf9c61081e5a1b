"""Classes whose objects belong to the engine alone: no user code refers to these objects or their attribute dicts.

Therefore the pickler skips the checks that it makes for the user's objects: whether they are named, opened again or
shared. Every state contains about twelve of these objects.
"""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T", bound=type)

_own: set[type] = set()


def mark_own(cls: T) -> T:
    """Mark a class whose objects belong to the engine alone and which is found by its name. Subclasses are excluded."""
    _own.add(cls)
    return cls


def is_own(obj: Any) -> bool:
    """Return whether an object is such a class or an instance of one. Python's own pickling is used for it."""
    cls: type = type(obj)  # pyright: ignore[reportUnknownVariableType]  # asked for every object: no call
    return cls in _own or (cls is type and obj in _own)
