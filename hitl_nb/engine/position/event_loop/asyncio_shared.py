"""What coroutines share in asyncio (locks, events, conditions, queues, groups, timeouts), as data.

Those that wait for a lock or a queue are not saved with it: their coroutines are, and wait again. A timeout keeps the
time that was left.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

from hitl_nb.engine.position.event_loop import completions
from hitl_nb.engine.position.event_loop.asyncio_calls import QUEUES, Reduced, has_come, is_left
from hitl_nb.engine.position.event_loop.completions import Completing
from hitl_nb.engine.position.event_loop.task_restorer import Step, held_back, in_turn, joining, note_loaded
from hitl_nb.engine.position.event_loop.turns import turns
from hitl_nb.engine.position.frames.errors import CannotSave


def reduce_shared(shared: object) -> Reduced | None:
    """How pickle makes a lock, event, semaphore or queue of asyncio again: without those that wait. None: no such."""
    value: Any = shared
    kind: Any = type(shared)
    if kind is asyncio.TaskGroup:
        members = list(value._tasks)
        state: dict[str, Any] = {**value.__dict__, "_on_completed_fut": None, "_loop": None, "_tasks": members}
        places = [turns.of_notice(task, value) for task in members]
        return _new, (kind,), (state, places), None, None, _fill_group
    if kind is asyncio.Timeout:
        return _new, (kind,), _timeout_state(value), None, None, _fill_timeout
    if isinstance(shared, Completing):
        members = list(shared.todo)
        told = [max(turns.of_notice(task, shared), turns.of_notice(task, shared.done)) for task in members]
        return _new, (Completing,), (shared.done, members, shared.left, told), None, None, _fill_completing
    if completions.ITERATOR is not None and kind is completions.ITERATOR:
        return _new, (kind,), _iterator_state(value), None, None, _fill_iterator
    if isinstance(shared, asyncio.Barrier) and cast("Any", shared)._count:  # also those that leave it
        raise CannotSave("tasks wait at an asyncio.Barrier, which is not kept; use an asyncio.Condition or gather")
    if kind.__module__.startswith("asyncio.") and isinstance(shared, _SHARED):
        turns.shared.append(shared)
        return _new, (kind,), _state_of(value), None, None, _fill
    return None


_SHARED = (asyncio.Lock, asyncio.Event, asyncio.Semaphore, asyncio.Queue, asyncio.Condition)


def _state_of(value: Any) -> dict[str, Any]:
    state: dict[str, Any] = dict(value.__dict__)
    waiters = state.get("_waiters") or ()
    if isinstance(value, asyncio.Semaphore):  # what was given to one that left meanwhile
        state["_value"] += sum(waiter.done() and not waiter.cancelled() and is_left(waiter) for waiter in waiters)
    for name in QUEUES:
        if state.get(name) is not None:
            state[name] = deque[Any]()
    if isinstance(value, asyncio.Lock | asyncio.Semaphore) and waiters:  # whoever was woken and has not run since
        state["_waiters"] = deque(waiter for waiter in waiters if has_come(waiter))
    state["_loop"] = None
    return state


def _new(kind: Any) -> Any:
    return kind.__new__(kind)


def _fill(value: Any, state: dict[str, Any]) -> None:
    value.__dict__.update(state)
    _note(value, state, _fill)


def _note(value: Any, state: Any, fill: Any) -> None:
    note_loaded(value, (_new, (type(value),), state, None, None, fill))


def _fill_group(group: Any, state: tuple[dict[str, Any], list[int]]) -> None:
    _note(group, state, _fill_group)
    attributes, places = state
    group.__dict__.update(attributes)
    members = attributes["_tasks"]

    def join(loop: Any) -> list[Step]:
        group._loop = loop
        group._tasks = set(members)
        with held_back(loop) as held:
            for task in members:
                task.add_done_callback(group._on_task_done)
        return in_turn(held, members, places)

    joining.append(join)


def _fill_completing(made: Completing, state: tuple[Any, list[Any], int, list[int]]) -> None:
    _note(made, state, _fill_completing)
    made.done, members, made.left, places = state
    made.todo = set(members)

    def join(loop: Any) -> list[Step]:
        with held_back(loop) as held:
            for task in members:
                task.add_done_callback(made.complete)
        return in_turn(held, members, places)

    joining.append(join)


def _iterator_state(value: Any) -> tuple[dict[str, Any], list[Any], list[int]]:
    if value._timeout_handle is not None:
        raise CannotSave("asyncio.as_completed with a timeout is not kept; use asyncio.wait(..., timeout=)")
    members = list(value._todo)
    return value.__dict__, members, [turns.of_notice(task, value) for task in members]


def _fill_iterator(made: Any, state: tuple[dict[str, Any], list[Any], list[int]]) -> None:
    _note(made, state, _fill_iterator)
    attributes, members, places = state
    made.__dict__.update(attributes)

    def join(loop: Any) -> list[Step]:
        with held_back(loop) as held:
            for task in members:
                task.add_done_callback(made._handle_completion)
        return in_turn(held, members, places)

    joining.append(join)


def _timeout_state(timeout: Any) -> tuple[dict[str, Any], float | None]:
    """The state, and how many seconds are left."""
    state: dict[str, Any] = {**timeout.__dict__, "_timeout_handler": None}
    handler = timeout._timeout_handler
    return state, None if handler is None else handler._loop.time()


def _fill_timeout(timeout: Any, state: tuple[dict[str, Any], float | None]) -> None:
    _note(timeout, state, _fill_timeout)
    attributes, now = state
    timeout.__dict__.update(attributes)
    if attributes["_when"] is None:
        return

    def begin(loop: Any) -> list[Step]:
        if now is not None:  # the clocks of two processes have nothing in common
            timeout._when = loop.time() + max(timeout._when - now, 0)
            timeout._timeout_handler = loop.call_at(timeout._when, timeout._on_timeout)
        return []

    joining.append(begin)


__all__ = ["reduce_shared"]
