"""The engine's own objects in a run's state: nobody else has them, or the dicts of their attributes.

So the pickler asks of them none of what it asks of the user's: whether they are named, opened again or shared. A dozen
of them are in every state.
"""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T", bound=type)

_own: set[type] = set()


def mark_own(cls: T) -> T:
    """A class whose objects are the engine's alone, found by its name. A subclass is not meant."""
    _own.add(cls)
    return cls


def is_own(obj: Any) -> bool:
    """Whether an object is one of these classes, or of one: it is pickled as Python does it."""
    cls: type = type(obj)  # pyright: ignore[reportUnknownVariableType]  # asked for every object: no call
    return cls in _own or (cls is type and obj in _own)
