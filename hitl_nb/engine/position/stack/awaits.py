"""Coroutines that wait in the notebook's own code: in an `__await__`, or in a generator of `types.coroutine`."""

from __future__ import annotations

import gc
import types
from typing import Any, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.runtime.runtime import ContinuedAwait, HeldIterator

_PLAIN: Any = (type(iter(())), type(iter([0])), type(iter("")), type(iter(b"")), type(iter(range(0))))


def held_await(coroutine: Any) -> ContinuedAwait | None:
    """What a coroutine awaits in place of an object whose `await` has begun.

    None: it waits for other code than the notebook's, and the call that made the object is made again.
    """
    awaited = waits_for(coroutine)
    return ContinuedAwait(awaited) if _is_notebooks(awaited) else None


def is_driven(coroutine: Any) -> bool:
    """Whether a coroutine waits in a generator of the notebook: by hand, values are sent and errors thrown there.

    One that waits for the event loop awaits a future, and awaits it again.
    """
    awaited = waits_for(coroutine)
    while _kind(awaited) in _RUN and _is_notebooks(awaited):
        inner = waits_for(awaited)
        if inner is None:
            return _kind(awaited) is types.GeneratorType and awaited.gi_suspended
        awaited = inner
    return False


def waits_for(value: Any) -> Any:
    """What a generator or coroutine delegates to now: the coroutine or iterator itself; None: nothing."""
    awaited: Any = getattr(value, "gi_yieldfrom" if _kind(value) is types.GeneratorType else "cr_await")
    while True:
        if _kind(awaited) is HeldIterator:
            awaited = awaited.iterator
        elif _kind(awaited).__name__ == "coroutine_wrapper":  # of `self.work().__await__()`
            found: list[Any] = [part for part in gc.get_referents(awaited) if _kind(part) is types.CoroutineType]
            return found[0] if found else None
        else:
            return awaited


def _is_notebooks(iterator: Any) -> bool:
    kind = _kind(iterator)
    if kind is types.CoroutineType:
        return find_code(iterator.cr_code) is not None
    if kind is types.GeneratorType:
        inner = waits_for(iterator)
        return find_code(iterator.gi_code) is not None and (inner is None or _is_notebooks(inner))
    method = getattr(kind, "__next__", None)
    return kind in _PLAIN or (isinstance(method, types.FunctionType) and find_code(method.__code__) is not None)


_RUN = (types.CoroutineType, types.GeneratorType)


def _kind(value: Any) -> Any:
    return cast("Any", type(value))
