"""A list of classes whose objects only the engine uses. No user code refers to these objects or their attribute dicts.

The pickler does not check for these objects whether they have a name in the notebook, are opened again, or are shared.
Every saved state contains about twelve of these objects.
"""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T", bound=type)

_own: set[type] = set()


def mark_own(cls: T) -> T:
    """Mark a class whose objects only the engine uses, and return it. It must be importable by name.

    Subclasses are not marked.
    """
    _own.add(cls)
    return cls


def is_own(obj: Any) -> bool:
    """Return True if an object is a class marked with `mark_own`, or an instance of one.

    Such an object is pickled by Python's own rules.
    """
    cls: type = type(obj)  # pyright: ignore[reportUnknownVariableType]  # no helper function: this runs for every object
    return cls in _own or (cls is type and obj in _own)
