"""The order in which the tasks of a run take their next steps. A continued run uses the same order.

A *turn* is a position in this order. First come tasks that already wait for something: they wait again, in the order in
which they were waiting. Then comes the task that runs now. After it come the calls that the event loop is about to
make: steps of tasks, and *notices*. A notice is a call that informs an object, such as a `gather`, that a future is
done.
"""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import functools
import gc
import types
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.position.event_loop import asyncio_calls, completions
from hitl_nb.engine.position.event_loop.origins import origin_of
from hitl_nb.engine.position.event_loop.waiters import asyncio_waits


class LoopCall(NamedTuple):
    """A call of a function of the notebook that is scheduled on the event loop, for example by `call_later`.

    Attributes:
        turn: position of the call in the order of the event loop's next calls.
        delay: seconds until the call; None: the function is called at its position in the order, without a delay.
        callback: the function.
        args: its arguments.
    """

    turn: int
    delay: float | None
    callback: Any
    args: tuple[Any, ...]


class TurnOrder:
    """The order of the next steps in the run that was read last. A *turn* is a position in this order.

    Attributes:
        main_task: the task that awaits the run itself.
        asking_task: the task that was running when the order was read.
        task_turns: `id` of a task -> its turn.
        notice_turns: (`id` of a future, `id` of an object) -> turn of a notice. A notice is the call that informs the
            object, such as a `gather`, that the future is done.
        failed_futures: futures whose exceptions have not been retrieved.
        loop_calls: calls of functions of the notebook that are scheduled on the event loop.
        handles: handles of calls that the event loop would still make for the run in this process.
        shared_objects: the saved locks, events, queues and other shared objects of asyncio.
        has_step_tasks: whether tasks of steps (recorded calls) are active. They continue to their end.
    """

    def __init__(self) -> None:
        self.main_task: Any = None
        self.asking_task: Any = None
        self.task_turns: dict[int, int] = {}
        self.notice_turns: dict[tuple[int, int], int] = {}
        self.failed_futures: list[Any] = []
        self.loop_calls: list[LoopCall] = []
        self.handles: list[Any] = []
        self.shared_objects: list[Any] = []
        self.has_step_tasks = False

    def turn_of(self, task: Any) -> int:
        """Return the position of a task in the order of the next steps. An unknown task is after all others."""
        return self.task_turns.get(id(task), len(self.task_turns))

    def notice_turn_of(self, future: Any, owner: Any) -> int:
        """Return the position, in the order of next steps, of the call that informs `owner` that `future` is done.

        -1 if no such call is scheduled.
        """
        return self.notice_turns.get((id(future), id(owner)), -1)


turn_order = TurnOrder()


def read_turn_order(
    main_task: Any, asking_task: Any, unfinished_tasks: list[Any], is_own_context: Callable[[contextvars.Context], bool]
) -> None:
    """Read the order of the next steps of a run, and keep it in `turn_order` until the next read.

    Objects of the run that are saved before the next read are saved with this order.

    Args:
        main_task: the task that awaits the run itself.
        asking_task: the task that runs now.
        unfinished_tasks: the other tasks of the run that have not ended.
        is_own_context: returns whether a context belongs to the run.
    """
    loop = main_task.get_loop()
    ready = list(getattr(loop, "_ready", ()))
    waiting = asyncio_waits
    waiting.unstarted_coroutines, waiting.notified_waiters = [], {}
    waiting.cancelled_waiters = {
        id(asyncio_calls.find_innermost_coroutine(task.get_coro())): getattr(task, "_fut_waiter", None)
        for task in (main_task, *unfinished_tasks)
        if is_cancel_pending(task)
    }
    completions.forget_iterators()
    turn_order.main_task, turn_order.asking_task = main_task, asking_task
    turn_order.failed_futures, turn_order.notice_turns, turn_order.loop_calls, turn_order.handles = [], {}, [], []
    turn_order.shared_objects = []
    steps = (
        task for task in asyncio.all_tasks(loop) if is_own_context(context_of(task)) and origin_of(task).is_outside
    )
    turn_order.has_step_tasks = any(steps)
    first = len(unfinished_tasks) + 1
    found: dict[int, int] = {id(asking_task): first}
    told: Counter[int] = Counter()
    for place, handle in enumerate(ready, first + 1):
        task = find_handle_task(handle)
        if task is not None:
            found.setdefault(id(task), place)
        elif is_own_context(handle._context) and not handle._cancelled:
            _read_handle(handle, place, None)
            _read_notice(handle, place, told)
    for handle in getattr(loop, "_scheduled", ()):
        if is_own_context(handle._context) and not handle._cancelled:
            _read_handle(handle, 0, max(handle._when - loop.time(), 0))
    others = [task for task in (main_task, *unfinished_tasks) if id(task) not in found]
    for task in others:
        notice = waiting.notified_waiters.get(id(getattr(task, "_fut_waiter", None)))
        if notice is not None:
            found[id(task)] = notice[1]
    others = sorted((task for task in others if id(task) not in found), key=asyncio_calls.find_queue_position)
    turn_order.task_turns = {**found, **{id(task): place for place, task in enumerate(others)}}


def _read_handle(handle: Any, turn: int, delay: float | None) -> None:
    callback = handle._callback
    if is_asyncio_callback(callback):
        # A recorded step that still runs may need this call: a plain function of asyncio ends a `sleep`.
        if not turn_order.has_step_tasks or getattr(callback, "__self__", None) is not None:
            turn_order.handles.append(handle)
    elif is_notebook_callback(callback):
        turn_order.handles.append(handle)
        turn_order.loop_calls.append(LoopCall(turn, delay, callback, tuple(handle._args or ())))


def is_asyncio_callback(callback: Any) -> bool:
    """Return whether a callback belongs to asyncio itself: it reports that a future is done or a time has passed."""
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.TaskGroup | asyncio.Timeout | asyncio.Task) or completions.is_as_completed(owner):
        return callback.__name__ != "cancel"
    plain: Any = callback.func if isinstance(callback, functools.partial) else callback
    return str(getattr(plain, "__module__", "")).startswith("asyncio.")


def is_notebook_callback(callback: Any) -> bool:
    """Return whether a callback is the notebook's own: a function of it, a builtin, or a method of a known object.

    Known objects are lists, sets, dicts, deques, and futures, events, locks, semaphores and queues of asyncio.
    """
    if isinstance(getattr(callback, "__self__", None), _METHOD_OWNERS):
        return True
    while isinstance(callback, functools.partial | types.MethodType):
        callback = callback.func if isinstance(callback, functools.partial) else callback.__func__
    if isinstance(callback, types.BuiltinMethodType):
        return callback.__self__ is builtins
    return isinstance(callback, types.FunctionType) and find_code(callback.__code__) is not None


_METHOD_OWNERS = (list, set, dict, deque, asyncio.Future, asyncio.Event, asyncio.Lock, asyncio.Semaphore, asyncio.Queue)


def _read_notice(handle: Any, turn: int, notice_counts: Counter[int]) -> None:
    callback: Any = handle._callback
    args: tuple[Any, ...] = handle._args or ()
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.TaskGroup) or completions.is_as_completed(owner):
        turn_order.notice_turns[id(args[0]), id(owner)] = turn
        return
    free = read_free_variables(callback)
    if "outer" in free:
        turn_order.notice_turns[id(args[0]), id(free["outer"])] = turn
    if "done" in free and "todo" in free:
        turn_order.notice_turns[id(args[0]), id(free["done"])] = turn
    waiter = free.get("waiter")
    if waiter is None:
        bound_args = getattr(callback, "args", ())
        waiter = bound_args[0] if bound_args and asyncio.isfuture(bound_args[0]) else None
    if waiter is not None:
        notice_counts[id(waiter)] += 1
        if free.get("counter", 1) <= notice_counts[id(waiter)] or free.get("return_when") != asyncio.ALL_COMPLETED:
            asyncio_waits.notified_waiters.setdefault(id(waiter), (waiter, turn))  # then `asyncio.wait` is over


def find_handle_task(handle: Any) -> Any:
    """Return the task whose next step a handle of the event loop runs; None: the handle runs another callback."""
    owner: Any = getattr(getattr(handle, "_callback", None), "__self__", None)
    is_task = isinstance(owner, asyncio.Task)
    return cast("Any", owner) if is_task else None


def read_free_variables(function: Any) -> dict[str, Any]:
    """Return the variables of enclosing functions that a function uses, by name, without those that have no value."""
    return dict(_iterate_free_variables(function)) if isinstance(function, types.FunctionType) else {}


def _iterate_free_variables(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue


def is_cancel_pending(task: Any) -> bool:
    """Return whether a task was cancelled, and has not received the CancelledError yet.

    It receives the error at the `await` where it waits, or at its next `await`.
    """
    waiter = getattr(task, "_fut_waiter", None)
    if task._must_cancel or origin_of(task).is_cancelled:
        return True
    if waiter is None:
        return False
    coroutine = asyncio_calls.find_innermost_coroutine(task.get_coro())
    code = getattr(coroutine, "cr_code", None)
    return waiter.cancelled() and (code is None or find_code(code) is None)  # else it awaits the cancelled object again


def context_of(task: Any) -> contextvars.Context:
    """Return the context in which a task runs."""
    if hasattr(task, "get_context"):
        return task.get_context()
    own = gc.get_referents(task)  # before Python 3.12; those of its callbacks come first or last
    return next(each for each in own if isinstance(each, contextvars.Context))


async def take_turn(next_step: asyncio.Handle | None) -> None:
    """Let other tasks of the event loop take their next steps.

    Args:
        next_step: the last of these steps is the one before `next_step`. None: all steps that are scheduled now are
            taken.
    """
    ready: Any = getattr(asyncio.get_running_loop(), "_ready", None)
    if ready is not None and next_step is not None:
        loop = asyncio.get_running_loop()
        ready.appendleft(asyncio.Handle(_move_step_before, (ready, asyncio.current_task(), next_step), loop))
    await asyncio.sleep(0)


def _move_step_before(ready: Any, main_task: Any, next_step: asyncio.Handle) -> None:
    """Move the next step of `main_task`, which is last in the event loop's queue, in front of `next_step`."""
    mine = next((handle for handle in ready if find_handle_task(handle) is main_task), None)
    if mine is not None and next_step in ready:
        ready.remove(mine)
        ready.insert(ready.index(next_step), mine)


__all__ = [
    "LoopCall",
    "context_of",
    "find_handle_task",
    "is_asyncio_callback",
    "is_cancel_pending",
    "read_free_variables",
    "read_turn_order",
    "take_turn",
    "turn_order",
]
