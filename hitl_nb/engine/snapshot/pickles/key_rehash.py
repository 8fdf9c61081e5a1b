"""Dicts and sets that were loaded before the class of their keys was complete: their keys are put in again.

A class that is saved by value gets its methods last. One of these may lead to a dict (by a closure, a class attribute)
whose keys are of that class. Then the keys are put in before the class has its `__hash__`, and none would be found
again. Until then the class has `hash_early`, which notices that.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any

_early: ContextVar[set[type] | None] = ContextVar("hitl_nb_early", default=None)


def hash_early(self: object) -> int:
    """Compute the hash of an object whose class does not have its own `__hash__` yet."""
    early = _early.get()
    if early is not None:
        early.add(type(self))
    return object.__hash__(self)


@contextlib.contextmanager
def rehash_keys_at_end() -> Generator[None]:
    """Dicts and sets that are loaded inside have their keys in their places at the end."""
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
