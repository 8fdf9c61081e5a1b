"""Coroutines that wait in code of the notebook that is no coroutine itself.

Such code is a method `__await__`, or a generator function with the decorator `types.coroutine`.
"""

from __future__ import annotations

import gc
import types
from typing import Any, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.runtime.runtime import ContinuedAwait, HeldIterator

_BUILTIN_ITERATORS: Any = (type(iter(())), type(iter([0])), type(iter("")), type(iter(b"")), type(iter(range(0))))


def continue_await(coroutine: Any) -> ContinuedAwait | None:
    """Make an awaitable that continues the object which a coroutine awaits.

    Args:
        coroutine: the waiting coroutine.

    Returns:
        The awaitable. None: the coroutine waits in code that is not the notebook's; a resume must then execute the call
        that made the awaited object again.
    """
    awaited = find_delegate(coroutine)
    return ContinuedAwait(awaited) if _is_notebook_iterator(awaited) else None


def is_driven(coroutine: Any) -> bool:
    """Return whether a coroutine waits in a generator of the notebook that other code runs, with `send` and `throw`.

    False for a coroutine that waits for the event loop. Such a coroutine awaits a future, and can await it again.
    """
    awaited = find_delegate(coroutine)
    while _kind_of(awaited) in _DELEGATING_TYPES and _is_notebook_iterator(awaited):
        inner = find_delegate(awaited)
        if inner is None:
            return _kind_of(awaited) is types.GeneratorType and awaited.gi_suspended
        awaited = inner
    return False


def find_delegate(value: Any) -> Any:
    """Return the coroutine or iterator for which a generator or coroutine now waits, by `yield from` or `await`.

    None: it does not wait for another object.
    """
    awaited: Any = getattr(value, "gi_yieldfrom" if _kind_of(value) is types.GeneratorType else "cr_await")
    while True:
        if _kind_of(awaited) is HeldIterator:
            awaited = awaited.iterator
        elif _kind_of(awaited).__name__ == "coroutine_wrapper":  # the result of `self.work().__await__()`
            found: list[Any] = [part for part in gc.get_referents(awaited) if _kind_of(part) is types.CoroutineType]
            return found[0] if found else None
        else:
            return awaited


def _is_notebook_iterator(iterator: Any) -> bool:
    kind = _kind_of(iterator)
    if kind is types.CoroutineType:
        return find_code(iterator.cr_code) is not None
    if kind is types.GeneratorType:
        inner = find_delegate(iterator)
        return find_code(iterator.gi_code) is not None and (inner is None or _is_notebook_iterator(inner))
    method = getattr(kind, "__next__", None)
    return kind in _BUILTIN_ITERATORS or (
        isinstance(method, types.FunctionType) and find_code(method.__code__) is not None
    )


_DELEGATING_TYPES = (types.CoroutineType, types.GeneratorType)


def _kind_of(value: Any) -> Any:
    return cast("Any", type(value))
