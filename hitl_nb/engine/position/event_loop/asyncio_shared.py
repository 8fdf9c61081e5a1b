"""Objects of asyncio that several coroutines share (locks, events, conditions, queues, groups, timeouts), as data.

The waiters of a lock or a queue are not saved with it: their coroutines are saved, and wait again after a resume. A
timeout keeps the time that was left.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

from hitl_nb.engine.position.event_loop import completions
from hitl_nb.engine.position.event_loop.asyncio_calls import ReducedForm
from hitl_nb.engine.position.event_loop.completions import AsCompletedIterator
from hitl_nb.engine.position.event_loop.task_restorer import (
    LoopStep,
    deferred_joins,
    intercept_call_soon,
    make_turn_steps,
    remember_loaded_object,
)
from hitl_nb.engine.position.event_loop.turns import turn_order
from hitl_nb.engine.position.event_loop.waiters import WAITER_QUEUES, is_abandoned, is_granted
from hitl_nb.engine.position.frames.errors import CannotSave


def reduce_shared(shared_object: object) -> ReducedForm | None:
    """Return the pickle form of an object of asyncio that several coroutines share, without the tasks that wait for it.

    Args:
        shared_object: any object. Shared objects are locks, events, conditions, semaphores, queues, task groups,
            timeouts and the results of `as_completed`.

    Returns:
        A tuple as `object.__reduce__` returns it, with a state setter. None: the object is no shared object of asyncio.

    Raises:
        CannotSave: Tasks wait at a Barrier, or `as_completed` has a timeout.
    """
    value: Any = shared_object
    kind: Any = type(shared_object)
    if kind is asyncio.TaskGroup:
        members = list(value._tasks)
        state: dict[str, Any] = {**value.__dict__, "_on_completed_fut": None, "_loop": None, "_tasks": members}
        places = [turn_order.notice_turn_of(task, value) for task in members]
        return _make_new, (kind,), (state, places), None, None, _fill_group
    if kind is asyncio.Timeout:
        return _make_new, (kind,), _read_timeout_state(value), None, None, _fill_timeout
    if isinstance(shared_object, AsCompletedIterator):
        members = list(shared_object.unfinished_futures)
        told = [
            max(
                turn_order.notice_turn_of(task, shared_object),
                turn_order.notice_turn_of(task, shared_object.done_queue),
            )
            for task in members
        ]
        return (
            _make_new,
            (AsCompletedIterator,),
            (shared_object.done_queue, members, shared_object.left_count, told),
            None,
            None,
            _fill_as_completed,
        )
    if completions.ITERATOR_TYPE is not None and kind is completions.ITERATOR_TYPE:
        return _make_new, (kind,), _read_iterator_state(value), None, None, _fill_iterator
    if isinstance(shared_object, asyncio.Barrier) and cast("Any", shared_object)._count:  # or tasks just leave it
        raise CannotSave("tasks wait at an asyncio.Barrier, which is not kept; use an asyncio.Condition or gather")
    if kind.__module__.startswith("asyncio.") and isinstance(shared_object, _SHARED_TYPES):
        turn_order.shared_objects.append(shared_object)
        return _make_new, (kind,), _read_shared_state(value), None, None, _fill_shared
    return None


_SHARED_TYPES = (asyncio.Lock, asyncio.Event, asyncio.Semaphore, asyncio.Queue, asyncio.Condition)


def _read_shared_state(value: Any) -> dict[str, Any]:
    state: dict[str, Any] = dict(value.__dict__)
    waiters = state.get("_waiters") or ()
    if isinstance(value, asyncio.Semaphore):  # permits given to waiters that were cancelled since
        state["_value"] += sum(waiter.done() and not waiter.cancelled() and is_abandoned(waiter) for waiter in waiters)
    for name in WAITER_QUEUES:
        if state.get(name) is not None:
            state[name] = deque[Any]()
    if isinstance(value, asyncio.Lock | asyncio.Semaphore) and waiters:  # keep waiters that were woken, not yet run
        state["_waiters"] = deque(waiter for waiter in waiters if is_granted(waiter))
    state["_loop"] = None
    return state


def _make_new(kind: Any) -> Any:
    return kind.__new__(kind)


def _fill_shared(value: Any, state: dict[str, Any]) -> None:
    value.__dict__.update(state)
    _remember_loaded(value, state, _fill_shared)


def _remember_loaded(value: Any, state: Any, fill: Any) -> None:
    remember_loaded_object(value, (_make_new, (type(value),), state, None, None, fill))


def _fill_group(group: Any, state: tuple[dict[str, Any], list[int]]) -> None:
    _remember_loaded(group, state, _fill_group)
    attributes, places = state
    group.__dict__.update(attributes)
    members = attributes["_tasks"]

    def join_members(loop: Any) -> list[LoopStep]:
        group._loop = loop
        group._tasks = set(members)
        with intercept_call_soon(loop) as held:
            for task in members:
                task.add_done_callback(group._on_task_done)
        return make_turn_steps(held, members, places)

    deferred_joins.append(join_members)


def _fill_as_completed(iterator: AsCompletedIterator, state: tuple[Any, list[Any], int, list[int]]) -> None:
    _remember_loaded(iterator, state, _fill_as_completed)
    iterator.done_queue, members, iterator.left_count, places = state
    iterator.unfinished_futures = set(members)

    def join_members(loop: Any) -> list[LoopStep]:
        with intercept_call_soon(loop) as held:
            for task in members:
                task.add_done_callback(iterator.complete_future)
        return make_turn_steps(held, members, places)

    deferred_joins.append(join_members)


def _read_iterator_state(value: Any) -> tuple[dict[str, Any], list[Any], list[int]]:
    if value._timeout_handle is not None:
        raise CannotSave("asyncio.as_completed with a timeout is not kept; use asyncio.wait(..., timeout=)")
    members = list(value._todo)
    return value.__dict__, members, [turn_order.notice_turn_of(task, value) for task in members]


def _fill_iterator(iterator: Any, state: tuple[dict[str, Any], list[Any], list[int]]) -> None:
    _remember_loaded(iterator, state, _fill_iterator)
    attributes, members, places = state
    iterator.__dict__.update(attributes)

    def join_members(loop: Any) -> list[LoopStep]:
        with intercept_call_soon(loop) as held:
            for task in members:
                task.add_done_callback(iterator._handle_completion)
        return make_turn_steps(held, members, places)

    deferred_joins.append(join_members)


def _read_timeout_state(timeout: Any) -> tuple[dict[str, Any], float | None]:
    """Return the attributes of an `asyncio.Timeout`, and the present time of the event loop's clock in seconds.

    The time is None if the timeout has no timer, for example because it has expired.
    """
    state: dict[str, Any] = {**timeout.__dict__, "_timeout_handler": None}
    handler = timeout._timeout_handler
    return state, None if handler is None else handler._loop.time()


def _fill_timeout(timeout: Any, state: tuple[dict[str, Any], float | None]) -> None:
    _remember_loaded(timeout, state, _fill_timeout)
    attributes, now = state
    timeout.__dict__.update(attributes)
    if attributes["_when"] is None:
        return

    def start_timeout(loop: Any) -> list[LoopStep]:
        if now is not None:  # only the time left is kept: the clocks of two processes differ
            timeout._when = loop.time() + max(timeout._when - now, 0)
            timeout._timeout_handler = loop.call_at(timeout._when, timeout._on_timeout)
        return []

    deferred_joins.append(start_timeout)


__all__ = ["reduce_shared"]
