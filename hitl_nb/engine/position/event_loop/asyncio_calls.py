"""Coroutines of asyncio itself that wait (in `sleep`, `wait_for`, `wait`, or for a lock, event or queue), as data.

After a resume, each coroutine is called again with its arguments. Exception: the event that it waits for had happened
before the save. So the timeouts of `wait_for` and `wait` start again; `sleep` keeps the time that was left.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable
from typing import Any, cast

from hitl_nb.engine.position.event_loop.completions import (
    ITERATOR_TYPE,
    WAIT_FOR_ONE_CODE,
    find_as_completed,
    wait_for_one,
)
from hitl_nb.engine.position.event_loop.queues import QueueForWaiter, ReleasedCondition
from hitl_nb.engine.position.event_loop.waiters import WAITER_QUEUES, asyncio_waits, is_granted
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.lookup import frame_of

ReducedForm = tuple[Any, ...]
"""A tuple as `object.__reduce__` returns it."""


_QUEUE: Any = asyncio.Queue

# -- coroutines of asyncio that wait


def is_asyncio_coroutine(value: object) -> bool:
    """Return whether a value is a coroutine of asyncio that can be saved, for example of `asyncio.sleep`."""
    return isinstance(value, types.CoroutineType) and value.cr_code in _COROUTINE_REDUCERS


def reduce_coroutine(coroutine: object) -> ReducedForm | None:
    """Return the pickle form of a coroutine of asyncio: a tuple as `object.__reduce__` returns it.

    None: the value is no coroutine of asyncio, or the engine cannot save coroutines of this function.

    Raises:
        CannotSave: The coroutine runs now, because it has called code of the notebook.
    """
    if not is_asyncio_coroutine(coroutine):
        return None
    value: Any = coroutine
    frame = value.cr_frame
    if frame is None:
        return make_finished_coroutine, ()
    if not (value.cr_suspended or value.cr_running):
        asyncio_waits.unstarted_coroutines.append(value)
    call = _COROUTINE_REDUCERS[value.cr_code]
    if value.cr_running and call is not _reduce_wait_for:  # it has called code of the notebook
        raise CannotSave(f"{value.__qualname__} is being asked by other code")
    names = dict(frame.f_locals)
    if value.cr_code is _ENTER_CODE and value.cr_suspended:
        return _finish_enter, (value.cr_await,)
    awaited: Any = value.cr_await
    if call in (_reduce_condition_wait, _reduce_condition_wait_for) and frame_of(awaited) is not None:
        names["inner"] = awaited
    if value.cr_code in (_return_future_result_later.__code__, _split_done_later.__code__) and not value.cr_suspended:
        later = (
            _return_future_result_later if value.cr_code is _return_future_result_later.__code__ else _split_done_later
        )
        return later, tuple(names.values())
    if call is _reduce_wait and value.cr_suspended:
        names["waiter"] = awaited.cr_frame.f_locals.get("waiter")
    if call is _reduce_sleep and value.cr_suspended and names["delay"] <= 0 and not _is_cancel_pending(value):
        return _return_result, (names["result"],)  # the other tasks have had their turn
    if call in _SIMPLE_WAITS and _is_cancel_pending(value):
        return _wait_for_cancel, ()
    return call(names)


def _is_cancel_pending(coroutine: Any) -> bool:
    """Return whether the task that awaits a coroutine was cancelled, and has not received the CancelledError yet."""
    return id(find_innermost_coroutine(coroutine)) in asyncio_waits.cancelled_waiters


def find_innermost_coroutine(coroutine: Any) -> Any:
    """Return the innermost coroutine of a chain of coroutines that await each other.

    Args:
        coroutine: the outermost coroutine. It is returned itself if it awaits no other coroutine.
    """
    while isinstance(getattr(coroutine, "cr_await", None), types.CoroutineType):
        coroutine = coroutine.cr_await
    return coroutine


async def _wait_for_cancel() -> None:
    """Wait until the current task is cancelled."""
    await asyncio.get_running_loop().create_future()


def close_unstarted_coroutines() -> None:
    """Close saved coroutines that have not started in this process, so that Python does not warn about them.

    The warning would be that they were never awaited. They continue in another process.
    """
    for coroutine in asyncio_waits.unstarted_coroutines:
        coroutine.close()
    asyncio_waits.unstarted_coroutines = []


def make_finished_coroutine() -> Any:
    """Return a coroutine that has ended."""
    coroutine = _return_result(None)
    coroutine.close()
    return coroutine


async def _return_result(result: Any) -> Any:
    await _await_pending_cancel()
    return result


async def _await_pending_cancel() -> None:
    """Wait until CancelledError is raised, if the current task is restored and was cancelled; else return at once."""
    if asyncio_waits.must_notice_cancel:
        await asyncio.get_running_loop().create_future()


def make_call(function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Call a function with the given arguments, and return its result. Pickle forms name this function."""
    return function(*args, **keywords)


def _reduce_call(function: Any, *args: Any, **keywords: Any) -> ReducedForm:
    return make_call, (function, args, keywords)


def _reduce_sleep(names: dict[str, Any]) -> ReducedForm:
    delay, future, timer = names["delay"], names.get("future"), names.get("h")
    if future is not None and future.done() and not future.cancelled():
        return _return_result, (names["result"],)
    if timer is not None:
        delay = max(timer.when() - names["loop"].time(), 0)
        return _reduce_call(asyncio.sleep, delay or 1e-9, names["result"])
    return _reduce_call(asyncio.sleep, delay, names["result"])


def _reduce_wait_for(names: dict[str, Any]) -> ReducedForm:
    future, waiter = names["fut"], names.get("waiter")
    if asyncio.isfuture(future) and future.done():
        if waiter is None or waiter.done():
            return _return_future_result, (future,)
        if id(waiter) in asyncio_waits.notified_waiters:
            return _return_future_result_later, (future,)
    return _reduce_call(asyncio.wait_for, names["fut"], names["timeout"])


async def _return_future_result(future: Any) -> Any:
    await _await_pending_cancel()
    return future.result()


async def _return_future_result_later(future: Any) -> Any:
    await asyncio.sleep(0)
    return future.result()


def _reduce_wait(names: dict[str, Any]) -> ReducedForm:
    waiter = names.get("waiter")
    if waiter is not None and waiter.done() and not waiter.cancelled():
        return _split_done, (names["fs"],)
    if id(waiter) in asyncio_waits.notified_waiters:
        return _split_done_later, (names["fs"],)
    return _reduce_call(asyncio.wait, names["fs"], timeout=names["timeout"], return_when=names["return_when"])


async def _split_done(futures: Any) -> Any:
    await _await_pending_cancel()
    done = {future for future in futures if future.done()}
    return done, futures - done


async def _split_done_later(futures: Any) -> Any:
    await asyncio.sleep(0)
    return await _split_done(futures)


def _reduce_event_wait(names: dict[str, Any]) -> ReducedForm:
    return _reduce_woken(names) or _reduce_call(asyncio.Event.wait, names["self"])


def _reduce_lock_acquire(names: dict[str, Any]) -> ReducedForm:
    return _reduce_woken_acquire(names) or _reduce_call(asyncio.Lock.acquire, names["self"])


def _reduce_semaphore_acquire(names: dict[str, Any]) -> ReducedForm:
    return _reduce_woken_acquire(names) or _reduce_call(asyncio.Semaphore.acquire, names["self"])


def _reduce_condition_wait(names: dict[str, Any]) -> ReducedForm:
    condition = names["self"]
    if "cancelled" not in names and "fut" not in names and not isinstance(condition, ReleasedCondition):
        return _reduce_call(asyncio.Condition.wait, condition)
    plain = condition.condition if isinstance(condition, ReleasedCondition) else condition
    if "inner" in names:
        return _finish_condition_wait, (names["inner"],)
    return (_reacquire_condition, (plain,)) if is_granted(names.get("fut")) else (_resume_condition_wait, (plain,))


def _resume_condition_wait(condition: Any) -> Any:
    return asyncio.Condition.wait(cast("Any", ReleasedCondition(condition)))


def _reacquire_condition(condition: Any) -> Any:
    return _finish_condition_wait(condition.acquire())


async def _finish_condition_wait(acquiring: Any) -> bool:
    await acquiring
    return True


def _reduce_condition_wait_for(names: dict[str, Any]) -> ReducedForm:
    if "inner" not in names:
        return _reduce_call(asyncio.Condition.wait_for, names["self"], names["predicate"])
    return _continue_wait_for, (names["self"], names["predicate"], names["inner"])


async def _continue_wait_for(condition: Any, predicate: Any, waiting: Any) -> Any:
    await waiting
    return await condition.wait_for(predicate)


def _reduce_continued_wait_for(names: dict[str, Any]) -> ReducedForm:
    return _continue_wait_for, (names["condition"], names["predicate"], names["waiting"])


def _reduce_join(names: dict[str, Any]) -> ReducedForm:
    return _reduce_call(_QUEUE.join, names["self"])


def _reduce_put(names: dict[str, Any]) -> ReducedForm:
    waits, queue = _read_queue_wait(names, "putter")
    return (_resume_put, (queue, names["item"])) if waits else _reduce_call(_QUEUE.put, queue, names["item"])


def _reduce_get(names: dict[str, Any]) -> ReducedForm:
    waits, queue = _read_queue_wait(names, "getter")
    return (_resume_get, (queue,)) if waits else _reduce_call(_QUEUE.get, queue)


def _read_queue_wait(names: dict[str, Any], waiter_name: str) -> tuple[bool, Any]:
    queue, future = names["self"], names.get(waiter_name)
    if isinstance(queue, QueueForWaiter):
        return not is_granted(future), queue.queue
    return future is not None and not is_granted(future), queue


def _resume_put(queue: Any, item: Any) -> Any:
    return _QUEUE.put(QueueForWaiter(queue), item)


def _resume_get(queue: Any) -> Any:
    return _QUEUE.get(QueueForWaiter(queue))


def _reduce_woken(names: dict[str, Any]) -> ReducedForm | None:
    """Return the pickle form of a wait that is over: a coroutine that returns True. None: the wait is not over.

    The result stays True even if the awaited object has changed its state since.

    Args:
        names: the local variables of the waiting coroutine.
    """
    return (_return_result, (True,)) if is_granted(names.get("fut")) else None


def _reduce_woken_acquire(names: dict[str, Any]) -> ReducedForm | None:
    return (_finish_acquire, (names["self"], names["fut"])) if is_granted(names.get("fut")) else None


async def _finish_acquire(shared: Any, waiter: Any) -> bool:
    """Run the rest of `acquire`, for a task that had received its lock or semaphore before the save.

    Args:
        shared: the lock or semaphore.
        waiter: the future on which the task was waiting.
    """
    is_lock = issubclass(_kind_of(shared), asyncio.Lock)
    try:
        await _await_pending_cancel()
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


async def _finish_enter(acquiring: Any) -> None:
    await acquiring


def _reduce_wait_for_one(names: dict[str, Any]) -> ReducedForm:
    return _reduce_call(ITERATOR_TYPE._wait_for_one, names["self"], resolve=names["resolve"])


def _reduce_group_exit(names: dict[str, Any]) -> ReducedForm:
    kind, error, traceback = names["et"], names["exc"], names["tb"]
    cancelled = names.get("propagate_cancellation_error")
    if kind is None and cancelled is not None:
        kind, error = asyncio.CancelledError, cancelled
    return _reduce_call(asyncio.TaskGroup.__aexit__, names["self"], kind, error, traceback)


def _make_method_reducer(function: Any) -> Callable[[dict[str, Any]], ReducedForm]:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return lambda held: _reduce_call(function, *[held[name] for name in names])


_ENTER_CODE: Any = cast("Any", asyncio.Lock.__aenter__).__code__  # of semaphores and conditions, too

_COROUTINE_REDUCERS: dict[types.CodeType, Callable[[dict[str, Any]], ReducedForm]] = {
    asyncio.Condition.wait.__code__: _reduce_condition_wait,
    asyncio.Condition.wait_for.__code__: _reduce_condition_wait_for,
    _finish_condition_wait.__code__: lambda names: (_finish_condition_wait, (names["acquiring"],)),
    _continue_wait_for.__code__: _reduce_continued_wait_for,
    _ENTER_CODE: _make_method_reducer(asyncio.Lock.__aenter__),
    _finish_enter.__code__: lambda names: (_finish_enter, (names["acquiring"],)),
    _return_future_result.__code__: lambda names: (_return_future_result, (names["future"],)),
    _return_future_result_later.__code__: lambda names: (_return_future_result, (names["future"],)),
    _split_done.__code__: lambda names: (_split_done, (names["futures"],)),
    _split_done_later.__code__: lambda names: (_split_done, (names["futures"],)),
    _wait_for_cancel.__code__: lambda names: (_wait_for_cancel, ()),
    wait_for_one.__code__: lambda names: (wait_for_one, (names["completing"],)),
    **(
        {WAIT_FOR_ONE_CODE: lambda names: (wait_for_one, (find_as_completed(names),))}
        if WAIT_FOR_ONE_CODE is not None
        else {}
    ),
    **({ITERATOR_TYPE._wait_for_one.__code__: _reduce_wait_for_one} if ITERATOR_TYPE is not None else {}),
    _finish_acquire.__code__: lambda names: (_finish_acquire, (names["shared"], names["waiter"])),
    _await_pending_cancel.__code__: lambda names: (_wait_for_cancel, ()),
    _return_result.__code__: lambda names: (_return_result, (names["result"],)),
    asyncio.sleep.__code__: _reduce_sleep,
    asyncio.wait_for.__code__: _reduce_wait_for,
    asyncio.wait.__code__: _reduce_wait,
    asyncio.Event.wait.__code__: _reduce_event_wait,
    _QUEUE.get.__code__: _reduce_get,
    asyncio.Lock.acquire.__code__: _reduce_lock_acquire,
    asyncio.Semaphore.acquire.__code__: _reduce_semaphore_acquire,
    _QUEUE.put.__code__: _reduce_put,
    _QUEUE.join.__code__: _reduce_join,
    asyncio.TaskGroup.__aenter__.__code__: _make_method_reducer(asyncio.TaskGroup.__aenter__),
    asyncio.TaskGroup.__aexit__.__code__: _reduce_group_exit,
    asyncio.Timeout.__aenter__.__code__: _make_method_reducer(asyncio.Timeout.__aenter__),
    asyncio.Timeout.__aexit__.__code__: _make_method_reducer(asyncio.Timeout.__aexit__),
}
_SIMPLE_WAITS = (
    _reduce_sleep,
    _reduce_event_wait,
    _reduce_lock_acquire,
    _reduce_semaphore_acquire,
    _reduce_get,
    _reduce_put,
    _reduce_join,
)
"""Reducers of coroutines that, when they are cancelled, do nothing but leave the queue of waiters."""


def find_queue_position(task: Any) -> int:
    """Return the number of tasks that wait for the same object (lock, event, queue) and are before `task` in its queue.

    0 if the task waits for something else.
    """
    coroutine = find_innermost_coroutine(task.get_coro())
    held = (
        coroutine.cr_frame.f_locals.get("self")
        if is_asyncio_coroutine(coroutine) and coroutine.cr_frame is not None
        else None
    )
    for name in WAITER_QUEUES:
        for place, future in enumerate(getattr(held, name, None) or ()):
            if future is task._fut_waiter:
                return place
    return 0
