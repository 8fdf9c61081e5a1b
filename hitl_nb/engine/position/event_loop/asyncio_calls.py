"""Coroutines of asyncio's own that wait (`sleep`, `wait_for`, `wait`, of locks, events and queues), as data.

Each is called again with its arguments, unless what it waits for has come already. So the deadlines of `wait_for` and
`wait` start over; `sleep` keeps the time that was left.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable
from typing import Any, cast

from hitl_nb.engine.position.event_loop.completions import ITERATOR, WAIT_FOR_ONE, find_completing, wait_for_one
from hitl_nb.engine.position.event_loop.queues import InQueue, Released
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.lookup import frame_of

Reduced = tuple[Any, ...]


class Waiting:
    """What is known of those that wait in the run that is being saved.

    Attributes:
        cancelled: waiters of tasks that have been cancelled and have not noticed yet, by identity.
        notified: what those wait for who are about to be told that they need not wait: with the turn of that notice.
        is_noticing: whether the task that is continued right now is to notice that it was cancelled.
        unbegun: coroutines of asyncio's that were made, and are not awaited yet in this process.
    """

    def __init__(self) -> None:
        self.cancelled: dict[int, Any] = {}
        self.notified: dict[int, tuple[Any, int]] = {}
        self.unbegun: list[Any] = []
        self.is_noticing = False


waiting = Waiting()

_QUEUE: Any = asyncio.Queue

# -- coroutines of asyncio's that wait


def is_known(value: object) -> bool:
    """Whether a value is a coroutine of asyncio's that can be saved."""
    return isinstance(value, types.CoroutineType) and value.cr_code in _CALLS


def reduce_coroutine(coroutine: object) -> Reduced | None:
    """How pickle makes a coroutine of asyncio's again; None: it is another one."""
    if not is_known(coroutine):
        return None
    value: Any = coroutine
    frame = value.cr_frame
    if frame is None:
        return make_ended, ()
    if not (value.cr_suspended or value.cr_running):
        waiting.unbegun.append(value)
    call = _CALLS[value.cr_code]
    if value.cr_running and call is not _wait_for:  # it asks code of the notebook
        raise CannotSave(f"{value.__qualname__} is being asked by other code")
    names = dict(frame.f_locals)
    if value.cr_code is _ENTER and value.cr_suspended:
        return _enter, (value.cr_await,)
    awaited: Any = value.cr_await
    if call in (_condition_wait, _condition_wait_for) and frame_of(awaited) is not None:
        names["inner"] = awaited
    if value.cr_code in (_result_later.__code__, _parts_later.__code__) and not value.cr_suspended:
        later = _result_later if value.cr_code is _result_later.__code__ else _parts_later
        return later, tuple(names.values())
    if call is _wait and value.cr_suspended:
        names["waiter"] = awaited.cr_frame.f_locals.get("waiter")
    if call is _sleep and value.cr_suspended and names["delay"] <= 0 and not _is_cancelled(value):
        return _returned, (names["result"],)  # it has given way to the others
    if call in _SIMPLE and _is_cancelled(value):
        return _never, ()
    return call(names)


def _is_cancelled(coroutine: Any) -> bool:
    """Whether the task that awaits a coroutine was cancelled there."""
    return id(innermost(coroutine)) in waiting.cancelled


def innermost(coroutine: Any) -> Any:
    """The coroutine that really waits, where one awaits the other."""
    while isinstance(getattr(coroutine, "cr_await", None), types.CoroutineType):
        coroutine = coroutine.cr_await
    return coroutine


async def _never() -> None:
    """Waits until its task is cancelled."""
    await asyncio.get_running_loop().create_future()


def leave() -> None:
    """The state that was saved last continues elsewhere: what is not awaited here is not missed."""
    for coroutine in waiting.unbegun:
        coroutine.close()
    waiting.unbegun = []


def make_ended() -> Any:
    coroutine = _returned(None)
    coroutine.close()
    return coroutine


async def _returned(result: Any) -> Any:
    await _notice()
    return result


async def _notice() -> None:
    """Where a coroutine is continued whose task was cancelled meanwhile: it waits for that to come."""
    if waiting.is_noticing:
        await asyncio.get_running_loop().create_future()


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
    future, waiter = names["fut"], names.get("waiter")
    if asyncio.isfuture(future) and future.done():
        if waiter is None or waiter.done():
            return _result_of, (future,)
        if id(waiter) in waiting.notified:
            return _result_later, (future,)
    return _call(asyncio.wait_for, names["fut"], names["timeout"])


async def _result_of(future: Any) -> Any:
    await _notice()
    return future.result()


async def _result_later(future: Any) -> Any:
    await asyncio.sleep(0)
    return future.result()


def _wait(names: dict[str, Any]) -> Reduced:
    waiter = names.get("waiter")
    if waiter is not None and waiter.done() and not waiter.cancelled():
        return _parts_of, (names["fs"],)
    if id(waiter) in waiting.notified:
        return _parts_later, (names["fs"],)
    return _call(asyncio.wait, names["fs"], timeout=names["timeout"], return_when=names["return_when"])


async def _parts_of(futures: Any) -> Any:
    await _notice()
    done = {future for future in futures if future.done()}
    return done, futures - done


async def _parts_later(futures: Any) -> Any:
    await asyncio.sleep(0)
    return await _parts_of(futures)


def _event_wait(names: dict[str, Any]) -> Reduced:
    return _woken(names) or _call(asyncio.Event.wait, names["self"])


def _lock_acquire(names: dict[str, Any]) -> Reduced:
    return _acquiring(names) or _call(asyncio.Lock.acquire, names["self"])


def _semaphore_acquire(names: dict[str, Any]) -> Reduced:
    return _acquiring(names) or _call(asyncio.Semaphore.acquire, names["self"])


def _condition_wait(names: dict[str, Any]) -> Reduced:
    condition = names["self"]
    if "cancelled" not in names and "fut" not in names and not isinstance(condition, Released):
        return _call(asyncio.Condition.wait, condition)
    plain = condition.condition if isinstance(condition, Released) else condition
    if "inner" in names:
        return _acquire, (names["inner"],)
    return (_acquire_again, (plain,)) if has_come(names.get("fut")) else (_wait_again, (plain,))


def _wait_again(condition: Any) -> Any:
    return asyncio.Condition.wait(cast("Any", Released(condition)))


def _acquire_again(condition: Any) -> Any:
    return _acquire(condition.acquire())


async def _acquire(acquiring: Any) -> bool:
    await acquiring
    return True


def _condition_wait_for(names: dict[str, Any]) -> Reduced:
    if "inner" not in names:
        return _call(asyncio.Condition.wait_for, names["self"], names["predicate"])
    return _wait_on, (names["self"], names["predicate"], names["inner"])


async def _wait_on(condition: Any, predicate: Any, waiting: Any) -> Any:
    await waiting
    return await condition.wait_for(predicate)


def _waited_on(names: dict[str, Any]) -> Reduced:
    return _wait_on, (names["condition"], names["predicate"], names["waiting"])


def _join(names: dict[str, Any]) -> Reduced:
    return _call(_QUEUE.join, names["self"])


def _put(names: dict[str, Any]) -> Reduced:
    waits, queue = _is_waiting(names, "putter")
    return (_put_again, (queue, names["item"])) if waits else _call(_QUEUE.put, queue, names["item"])


def _get(names: dict[str, Any]) -> Reduced:
    waits, queue = _is_waiting(names, "getter")
    return (_get_again, (queue,)) if waits else _call(_QUEUE.get, queue)


def _is_waiting(names: dict[str, Any], waiter: str) -> tuple[bool, Any]:
    queue, future = names["self"], names.get(waiter)
    if isinstance(queue, InQueue):
        return not has_come(future), queue.queue
    return future is not None and not has_come(future), queue


def _put_again(queue: Any, item: Any) -> Any:
    return _QUEUE.put(InQueue(queue), item)


def _get_again(queue: Any) -> Any:
    return _QUEUE.get(InQueue(queue))


def _woken(names: dict[str, Any]) -> Reduced | None:
    """What it waits for has come, even if it were gone again by now."""
    return (_returned, (True,)) if has_come(names.get("fut")) else None


def _acquiring(names: dict[str, Any]) -> Reduced | None:
    return (_acquired, (names["self"], names["fut"])) if has_come(names.get("fut")) else None


async def _acquired(shared: Any, waiter: Any) -> bool:
    """The rest of `acquire`, for one that was woken."""
    is_lock = issubclass(_kind_of(shared), asyncio.Lock)
    try:
        await _notice()
    except asyncio.CancelledError:
        shared._waiters.remove(waiter)
        if not is_lock:
            shared._value += 1
            shared._wake_up_next()
        elif not shared.locked():
            shared._wake_up_first()
        raise
    shared._waiters.remove(waiter)
    if is_lock:
        shared._locked = True
    elif shared._value > 0:
        shared._wake_up_next()
    return True


def _kind_of(value: object) -> type:
    return type(value)


async def _enter(acquiring: Any) -> None:
    await acquiring


def has_come(future: Any) -> bool:
    return future is not None and future.done() and not future.cancelled() and not is_left(future)


def is_left(future: Any) -> bool:
    """Whether whoever waits for it has been cancelled meanwhile."""
    return any(waiter is future for waiter in waiting.cancelled.values())


def _wait_for_one(names: dict[str, Any]) -> Reduced:
    return _call(ITERATOR._wait_for_one, names["self"], resolve=names["resolve"])


def _leave_group(names: dict[str, Any]) -> Reduced:
    kind, error, traceback = names["et"], names["exc"], names["tb"]
    cancelled = names.get("propagate_cancellation_error")
    if kind is None and cancelled is not None:
        kind, error = asyncio.CancelledError, cancelled
    return _call(asyncio.TaskGroup.__aexit__, names["self"], kind, error, traceback)


def _method(function: Any) -> Callable[[dict[str, Any]], Reduced]:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return lambda held: _call(function, *[held[name] for name in names])


_ENTER: Any = cast("Any", asyncio.Lock.__aenter__).__code__  # of semaphores and conditions, too

_CALLS: dict[types.CodeType, Callable[[dict[str, Any]], Reduced]] = {
    asyncio.Condition.wait.__code__: _condition_wait,
    asyncio.Condition.wait_for.__code__: _condition_wait_for,
    _acquire.__code__: lambda names: (_acquire, (names["acquiring"],)),
    _wait_on.__code__: _waited_on,
    _ENTER: _method(asyncio.Lock.__aenter__),
    _enter.__code__: lambda names: (_enter, (names["acquiring"],)),
    _result_of.__code__: lambda names: (_result_of, (names["future"],)),
    _result_later.__code__: lambda names: (_result_of, (names["future"],)),
    _parts_of.__code__: lambda names: (_parts_of, (names["futures"],)),
    _parts_later.__code__: lambda names: (_parts_of, (names["futures"],)),
    _never.__code__: lambda names: (_never, ()),
    wait_for_one.__code__: lambda names: (wait_for_one, (names["completing"],)),
    **({WAIT_FOR_ONE: lambda names: (wait_for_one, (find_completing(names),))} if WAIT_FOR_ONE is not None else {}),
    **({ITERATOR._wait_for_one.__code__: _wait_for_one} if ITERATOR is not None else {}),
    _acquired.__code__: lambda names: (_acquired, (names["shared"], names["waiter"])),
    _notice.__code__: lambda names: (_never, ()),
    _returned.__code__: lambda names: (_returned, (names["result"],)),
    asyncio.sleep.__code__: _sleep,
    asyncio.wait_for.__code__: _wait_for,
    asyncio.wait.__code__: _wait,
    asyncio.Event.wait.__code__: _event_wait,
    _QUEUE.get.__code__: _get,
    asyncio.Lock.acquire.__code__: _lock_acquire,
    asyncio.Semaphore.acquire.__code__: _semaphore_acquire,
    _QUEUE.put.__code__: _put,
    _QUEUE.join.__code__: _join,
    asyncio.TaskGroup.__aenter__.__code__: _method(asyncio.TaskGroup.__aenter__),
    asyncio.TaskGroup.__aexit__.__code__: _leave_group,
    asyncio.Timeout.__aenter__.__code__: _method(asyncio.Timeout.__aenter__),
    asyncio.Timeout.__aexit__.__code__: _method(asyncio.Timeout.__aexit__),
}
_SIMPLE = (_sleep, _event_wait, _lock_acquire, _semaphore_acquire, _get, _put, _join)
"""Those that do nothing when they are cancelled but leave the queue."""


def place_in_queue(task: Any) -> int:
    """How many wait for the same before a task that waits."""
    coroutine = innermost(task.get_coro())
    held = coroutine.cr_frame.f_locals.get("self") if is_known(coroutine) and coroutine.cr_frame is not None else None
    for name in QUEUES:
        for place, future in enumerate(getattr(held, name, None) or ()):
            if future is task._fut_waiter:
                return place
    return 0


QUEUES = ("_waiters", "_getters", "_putters")


__all__ = [
    "QUEUES",
    "has_come",
    "innermost",
    "is_known",
    "is_left",
    "leave",
    "place_in_queue",
    "reduce_coroutine",
    "waiting",
]
