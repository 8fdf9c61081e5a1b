"""What coroutines share and wait for in asyncio (locks, events, queues, `sleep`, `wait_for`, groups, timeouts), as data.

A coroutine of asyncio's own that waits is called again with its arguments, unless what it waits for has come already.
So those that wait are not saved with a lock or a queue: they wait again. Deadlines of `wait_for` and `wait` start over;
`sleep` and `asyncio.timeout` keep the time that was left.
"""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from hitl_nb.engine.position.reading import CannotSave

Reduced = tuple[Any, ...]

loaded: list[Callable[[], None]] = []
"""What is left to do for objects that were loaded, when their tasks are there again."""


# -- coroutines of asyncio's that wait


def is_known(value: Any) -> bool:
    """Whether a value is a coroutine of asyncio's that can be saved."""
    return isinstance(value, types.CoroutineType) and value.cr_code in _CALLS


def reduce_coroutine(value: Any) -> Reduced | None:
    """How pickle makes a coroutine of asyncio's again; None: it is another one."""
    if not is_known(value):
        return None
    frame = value.cr_frame
    if frame is None:
        return make_ended, ()
    call = _CALLS[value.cr_code]
    if value.cr_running and call is not _wait_for:  # it asks code of the notebook
        raise CannotSave(f"{value.__qualname__} is being asked by other code")
    names = dict(frame.f_locals)
    if value.cr_code is _ENTER:
        return (_enter, (value.cr_await,)) if value.cr_suspended else _call(type(names["self"]).__aenter__, names["self"])
    if call is _sleep and value.cr_suspended and names["delay"] <= 0:  # it has given way to the others
        return _returned, (names["result"],)
    return call(names)


def make_ended() -> Any:
    coroutine = _returned(None)
    coroutine.close()
    return coroutine


async def _returned(result: Any) -> Any:
    return result


def make_call(function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return function(*args, **keywords)


def _call(function: Any, *args: Any, **keywords: Any) -> Reduced:
    return make_call, (function, args, keywords)


def _sleep(names: dict[str, Any]) -> Reduced:
    delay, future, timer = names["delay"], names.get("future"), names.get("h")
    if future is not None and future.done() and not future.cancelled():
        return _returned, (names["result"],)
    if timer is not None:
        delay = max(timer.when() - names["loop"].time(), 0)
        return _call(asyncio.sleep, delay or 1e-9, names["result"])
    return _call(asyncio.sleep, delay, names["result"])


def _wait_for(names: dict[str, Any]) -> Reduced:
    return _call(asyncio.wait_for, names["fut"], names["timeout"])


def _wait(names: dict[str, Any]) -> Reduced:
    return _call(asyncio.wait, names["fs"], timeout=names["timeout"], return_when=names["return_when"])


def _event_wait(names: dict[str, Any]) -> Reduced:
    return _woken(names) or _call(asyncio.Event.wait, names["self"])


def _lock_acquire(names: dict[str, Any]) -> Reduced:
    return _woken(names) or _call(asyncio.Lock.acquire, names["self"])


def _semaphore_acquire(names: dict[str, Any]) -> Reduced:
    return _woken(names) or _call(asyncio.Semaphore.acquire, names["self"])


def _woken(names: dict[str, Any]) -> Reduced | None:
    """What it waits for has come, even if it were gone again by now."""
    return (_returned, (True,)) if _has_come(names.get("fut")) else None


async def _enter(acquiring: Any) -> None:
    await acquiring


def _has_come(future: Any) -> bool:
    return future is not None and future.done() and not future.cancelled()


def _method(function: Any) -> Callable[[dict[str, Any]], Reduced]:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return lambda held: _call(function, *[held[name] for name in names])


def _queue_get(names: dict[str, Any]) -> Reduced:
    return _call(asyncio.Queue.get, names["self"])


_ENTER: Any = cast("Any", asyncio.Lock.__aenter__).__code__  # of semaphores and conditions, too

_CALLS: dict[types.CodeType, Callable[[dict[str, Any]], Reduced]] = {
    _ENTER: _method(asyncio.Lock.__aenter__),
    _enter.__code__: lambda names: (_enter, (names["acquiring"],)),
    _returned.__code__: lambda names: (_returned, (names["result"],)),
    asyncio.sleep.__code__: _sleep,
    asyncio.wait_for.__code__: _wait_for,
    asyncio.wait.__code__: _wait,
    asyncio.Event.wait.__code__: _event_wait,
    asyncio.Queue.get.__code__: _queue_get,
    asyncio.Lock.acquire.__code__: _lock_acquire,
    asyncio.Semaphore.acquire.__code__: _semaphore_acquire,
    **{
        function.__code__: _method(function)
        for function in cast(
            "list[Any]",
            [
                asyncio.Queue.put,
                asyncio.Queue.join,
            ],
        )
    },
}


def place_in_queue(task: Any) -> int:
    """How many wait for the same before a task that waits."""
    coroutine: Any = task.get_coro()
    while isinstance(getattr(coroutine, "cr_await", None), types.CoroutineType):
        coroutine = coroutine.cr_await
    held = coroutine.cr_frame.f_locals.get("self") if is_known(coroutine) and coroutine.cr_frame is not None else None
    for name in _QUEUES:
        for place, future in enumerate(getattr(held, name, None) or ()):
            if future is task._fut_waiter:
                return place
    return 0


_QUEUES = ("_waiters", "_getters", "_putters")


# -- objects that coroutines share


def reduce_shared(value: Any) -> Reduced | None:
    """How pickle makes a lock, event, semaphore or queue of asyncio again: without those that wait. None: no such."""
    kind: Any = type(value)
    if kind.__module__.startswith("asyncio.") and isinstance(value, _SHARED):
        return _new, (kind,), _state_of(value), None, None, _fill
    return None


_SHARED = (asyncio.Lock, asyncio.Event, asyncio.Semaphore, asyncio.Queue)


def _state_of(value: Any) -> dict[str, Any]:
    state: dict[str, Any] = dict(vars(value))
    if isinstance(value, asyncio.Lock):  # whoever was woken has it
        state["_locked"] |= any(map(_has_come, state["_waiters"] or ()))
    for name in _QUEUES:
        if state.get(name) is not None:
            state[name] = deque[Any]()
    state["_loop"] = None
    return state


def _new(kind: Any) -> Any:
    return kind.__new__(kind)


def _fill(value: Any, state: dict[str, Any]) -> None:
    vars(value).update(state)


__all__ = ["is_known", "loaded", "make_ended", "reduce_coroutine", "reduce_shared"]
