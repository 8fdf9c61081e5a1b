"""Tasks and futures of asyncio as data. A finished task is saved with its result, another task with its coroutine."""

from __future__ import annotations

import asyncio
import types
from asyncio import tasks as asyncio_tasks
from typing import Any

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.position.event_loop import asyncio_calls, asyncio_shared
from hitl_nb.engine.position.event_loop.context_values import values_apart
from hitl_nb.engine.position.event_loop.origins import is_gated_call, origin_of
from hitl_nb.engine.position.event_loop.task_restorer import (
    DeferredFuture,
    FutureState,
    TaskState,
    fill_future,
    find_main_task,
    make_new,
    reduce_loaded_object,
)
from hitl_nb.engine.position.event_loop.turns import (
    context_of,
    is_asyncio_callback,
    is_cancel_pending,
    read_free_variables,
    turn_order,
)
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import BOX
from hitl_nb.engine.position.frames.lookup import frame_of
from hitl_nb.engine.position.stack.suspended_frames import savable_awaitable_tests

_GATHERING_FUTURE: Any = vars(asyncio_tasks)["_GatheringFuture"]


def reduce_asyncio(value: Any) -> tuple[Any, ...] | None:
    """Return the pickle form of a task, a future or a shared object (lock, queue) of asyncio.

    Returns:
        A tuple as `object.__reduce__` returns it; None: `value` is no object of these kinds.

    Raises:
        CannotSave: The object waits for something outside of the run.
    """
    reduced = reduce_loaded_object(value) or _reduce_future(value)
    return asyncio_shared.reduce_shared(value) if reduced is None else reduced


def _reduce_future(future: object) -> tuple[Any, ...] | None:
    if not asyncio.isfuture(future):
        return None
    value: Any = future
    kind: Any = _kind_of(value)
    if value is turn_order.main_task:
        return find_main_task, ()
    state: FutureState | None = None
    if kind is asyncio.Task:
        state = _read_task_state(value)
    elif kind is _GATHERING_FUTURE:
        state = _read_outcome(value) or _read_gather_state(value)
    elif kind is asyncio.Future:
        state = _read_outcome(value) or _read_shield_state(value)
    if state is None:
        raise CannotSave(
            f"an unfinished {kind.__module__.strip('_')}.{kind.__qualname__} waits for something outside of the run, "
            "and would wait forever in another process. Await it before the question, or use an asyncio.Event or "
            "asyncio.Queue"
        )
    return make_new, (kind,), state, None, None, fill_future


def _kind_of(value: object) -> Any:
    return type(value)


def _is_savable_awaitable(value: Any) -> bool:
    """Return whether an object of asyncio can be saved as it is, to be awaited again."""
    if is_gated_call(value) or asyncio_calls.is_asyncio_coroutine(value):
        return True
    kind = _kind_of(value)
    if kind is asyncio.Task:
        return value.done() or _is_savable_coroutine(value.get_coro())
    if kind is _GATHERING_FUTURE:
        return True
    return kind is asyncio.Future and (value.done() or _read_shield_state(value) is not None)


savable_awaitable_tests.append(_is_savable_awaitable)


def _is_savable_coroutine(coroutine: Any) -> bool:
    code: Any = getattr(coroutine, "cr_code", None)
    if isinstance(code, types.CodeType) and find_code(code) is not None:
        return True
    return is_gated_call(coroutine) or asyncio_calls.is_asyncio_coroutine(coroutine)


def _read_task_state(task: Any) -> FutureState:
    ended = _read_outcome(task)
    if ended is not None:
        return "ended", (ended, task.get_name())
    coroutine = task.get_coro()
    if not _is_savable_coroutine(coroutine):
        name = getattr(coroutine, "__qualname__", coroutine)
        raise CannotSave(
            f"the task {name}(), started at line {origin_of(task).line}, is no code of the notebook, and would be lost "
            "with this process; await it before, or cancel() it and await that"
        )
    origin = origin_of(task)
    if origin.is_reevaluated:
        raise CannotSave(
            f"the task {task.get_name()} began at line {origin.line} inside a call that is made again, and is used "
            "elsewhere; start it with asyncio.create_task"
        )
    return "task", TaskState(
        coroutine,
        task.get_name(),
        turn_order.turn_of(task),
        is_cancel_pending(task),
        _is_unstarted(coroutine),
        task is turn_order.asking_task,
        task._log_destroy_pending,
        origin.key,
        origin.line,
        origin.started_count,
        [callback for callback, _ in task._callbacks or () if not is_asyncio_callback(callback)],
        values_apart(context_of(task), context_of(turn_order.main_task)),
    )


def _is_unstarted(coroutine: Any) -> bool:
    """Return whether a coroutine has not started in any process. If its task is cancelled, it never starts."""
    frame = frame_of(coroutine)
    if frame is None or coroutine.cr_suspended or coroutine.cr_running or find_code(frame.f_code) is None:
        return False
    box = frame.f_locals.get(BOX)
    return box is None or (box.saved_frame is not None and box.saved_frame.mode == "start")


def _read_outcome(future: Any) -> FutureState | None:
    if not future.done():
        return None
    if future.cancelled():
        return "cancelled", future._cancel_message
    error = future._exception
    if error is None:
        return "result", future.result()
    if future._log_traceback:
        turn_order.failed_futures.append(future)
    return "failed", (error, not future._log_traceback)


def _read_gather_state(outer: Any) -> FutureState:
    places = [turn_order.notice_turn_of(child, outer) for child in outer._children]
    return "gather", (outer._children, places, _returns_exceptions(outer), outer._cancel_requested)


def _returns_exceptions(outer: Any) -> bool:
    """Return the argument `return_exceptions` of a `gather`. It is read from the callback of the awaited futures."""
    found = [callback for child in outer._children for callback, _ in child._callbacks or ()]
    found += [handle._callback for handle in getattr(outer.get_loop(), "_ready", ())]
    about = (
        read_free_variables(callback) for callback in found if getattr(callback, "__qualname__", "") == _GATHER_CALLBACK
    )
    return next(free["return_exceptions"] for free in about if free["outer"] is outer)


def _read_shield_state(outer: Any) -> FutureState | None:
    callback = next((c for c, _ in outer._callbacks or () if getattr(c, "__qualname__", "") == _SHIELD_CALLBACK), None)
    if callback is None:
        return None
    inner = read_free_variables(callback)["inner"]
    inner = inner.future if isinstance(inner, DeferredFuture) else inner
    return "shield", (inner, turn_order.notice_turn_of(inner, outer))


_GATHER_CALLBACK = "gather.<locals>._done_callback"
_SHIELD_CALLBACK = "shield.<locals>._outer_done_callback"


def discard_leftovers() -> None:
    """Discard objects that remain in this process after a save, so that Python logs no warnings about them.

    The saved objects continue in another process.
    """
    for future in turn_order.failed_futures:
        future._log_traceback = False
    for handle in turn_order.handles:
        handle.cancel()
    turn_order.failed_futures, turn_order.handles = [], []
    asyncio_calls.close_unstarted_coroutines()


__all__ = ["discard_leftovers", "reduce_asyncio"]
