"""Insert keys of dicts and sets again that were loaded before the class of the keys had its `__hash__`.

A class that is saved by value gets its methods last. One of these methods may refer to a dict (through a closure or a
class attribute) whose keys are objects of that class. Then the keys are inserted before the class has its `__hash__`,
and no lookup would find them. Until then the class has `hash_early` as its `__hash__`, which records that this
happened.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any

_early: ContextVar[set[type] | None] = ContextVar("hitl_nb_early", default=None)


def hash_early(self: object) -> int:
    """Return a hash for an object whose class does not have its own `__hash__` yet, and record the class.

    `rehash_keys_at_end` reads the record.
    """
    early = _early.get()
    if early is not None:
        early.add(type(self))
    return object.__hash__(self)


@contextlib.contextmanager
def rehash_keys_at_end() -> Generator[None]:
    """Insert keys of dicts and sets again, at the end of the `with` block, so that lookups find them.

    This is done for keys that were inserted in the block before their class had its `__hash__`.
    """
    early = set[type]()
    token = _early.set(early)
    try:
        yield
    finally:
        _early.reset(token)
    if early:
        _reinsert_keys(early)


def _reinsert_keys(classes: set[type]) -> None:
    keys = [one for one in gc.get_referrers(*classes) if type(one) in classes]
    for holder in [one for one in gc.get_referrers(*keys) if type(one) in (dict, set)]:
        _refill_holder(holder, classes)


def _refill_holder(holder: Any, classes: set[type]) -> None:
    if any(type(key) in classes for key in holder):
        items = list(getattr(holder, "items", holder.copy)())
        holder.clear()
        holder.update(items)
