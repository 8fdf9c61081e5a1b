"""In which order the tasks of a run have their next steps: so they have them when it is continued.

First come those that wait for something, as they did already: they wait again, in the order in which they will have it.
Then comes the task at work, and behind it what asyncio's loop is about to call: steps of tasks, and notices that
something is done.
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


class Call(NamedTuple):
    """What the loop is to call: in its turn, or after so many seconds."""

    turn: int
    delay: float | None
    callback: Any
    args: tuple[Any, ...]


class Turns:
    """The order in the run that was read last.

    Attributes:
        main: the task that awaits the run itself.
        asking: the one at work.
        tasks: the turn of each, by identity.
        notices: when something (a `gather`, a group) is told that a future is done, by identity of both.
        failed: futures whose exceptions nobody has asked for.
        calls: what the loop is to call of the notebook's own functions.
        handles: what the loop would still call for the run in this process.
        shared: the locks, events, queues ... of asyncio's that were saved.
        has_steps: whether tasks of steps are at work, which go on to their end.
    """

    def __init__(self) -> None:
        self.main: Any = None
        self.asking: Any = None
        self.tasks: dict[int, int] = {}
        self.notices: dict[tuple[int, int], int] = {}
        self.failed: list[Any] = []
        self.calls: list[Call] = []
        self.handles: list[Any] = []
        self.shared: list[Any] = []
        self.has_steps = False

    def of(self, task: Any) -> int:
        return self.tasks.get(id(task), len(self.tasks))

    def of_notice(self, future: Any, owner: Any) -> int:
        """-1: it is told at once, or was told."""
        return self.notices.get((id(future), id(owner)), -1)


turns = Turns()


def prepare(main: Any, asking: Any, unfinished: list[Any], is_mine: Callable[[contextvars.Context], bool]) -> None:
    """A stack is read: what is saved until the next one belongs to it.

    Args:
        is_mine: whether a context is the run's.
    """
    loop = main.get_loop()
    ready = list(getattr(loop, "_ready", ()))
    waiting = asyncio_calls.waiting
    waiting.unbegun, waiting.notified = [], {}
    waiting.cancelled = {
        id(asyncio_calls.innermost(task.get_coro())): getattr(task, "_fut_waiter", None)
        for task in (main, *unfinished)
        if is_cancelled(task)
    }
    completions.forget()
    turns.main, turns.asking = main, asking
    turns.failed, turns.notices, turns.calls, turns.handles = [], {}, [], []
    turns.shared = []
    steps = (task for task in asyncio.all_tasks(loop) if is_mine(context_of(task)) and origin_of(task).is_outside)
    turns.has_steps = any(steps)
    first = len(unfinished) + 1
    found: dict[int, int] = {id(asking): first}
    told: Counter[int] = Counter()
    for place, handle in enumerate(ready, first + 1):
        task = step_of(handle)
        if task is not None:
            found.setdefault(id(task), place)
        elif is_mine(handle._context) and not handle._cancelled:
            _read_handle(handle, place, None)
            _read_notice(handle, place, told)
    for handle in getattr(loop, "_scheduled", ()):
        if is_mine(handle._context) and not handle._cancelled:
            _read_handle(handle, 0, max(handle._when - loop.time(), 0))
    others = [task for task in (main, *unfinished) if id(task) not in found]
    for task in others:
        notice = waiting.notified.get(id(getattr(task, "_fut_waiter", None)))
        if notice is not None:
            found[id(task)] = notice[1]
    others = sorted((task for task in others if id(task) not in found), key=asyncio_calls.place_in_queue)
    turns.tasks = {**found, **{id(task): place for place, task in enumerate(others)}}


def _read_handle(handle: Any, turn: int, delay: float | None) -> None:
    callback = handle._callback
    if is_asyncios(callback):
        # A step that is still at work may wait for this: a plain function of asyncio's wakes who sleeps.
        if not turns.has_steps or getattr(callback, "__self__", None) is not None:
            turns.handles.append(handle)
    elif is_users(callback):
        turns.handles.append(handle)
        turns.calls.append(Call(turn, delay, callback, tuple(handle._args or ())))


def is_asyncios(callback: Any) -> bool:
    """Whether asyncio itself is told by this that something is done, or late."""
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.TaskGroup | asyncio.Timeout | asyncio.Task) or completions.is_completing(owner):
        return callback.__name__ != "cancel"
    plain: Any = callback.func if isinstance(callback, functools.partial) else callback
    return str(getattr(plain, "__module__", "")).startswith("asyncio.")


def is_users(callback: Any) -> bool:
    """Whether a callback is the notebook's own: a function of it, a builtin, or a method of data."""
    if isinstance(getattr(callback, "__self__", None), _HOLDERS):
        return True
    while isinstance(callback, functools.partial | types.MethodType):
        callback = callback.func if isinstance(callback, functools.partial) else callback.__func__
    if isinstance(callback, types.BuiltinMethodType):
        return callback.__self__ is builtins
    return isinstance(callback, types.FunctionType) and find_code(callback.__code__) is not None


_HOLDERS = (list, set, dict, deque, asyncio.Future, asyncio.Event, asyncio.Lock, asyncio.Semaphore, asyncio.Queue)


def _read_notice(handle: Any, place: int, told: Counter[int]) -> None:
    callback: Any = handle._callback
    args: tuple[Any, ...] = handle._args or ()
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.TaskGroup) or completions.is_completing(owner):
        turns.notices[id(args[0]), id(owner)] = place
        return
    free = free_variables(callback)
    if "outer" in free:
        turns.notices[id(args[0]), id(free["outer"])] = place
    if "done" in free and "todo" in free:
        turns.notices[id(args[0]), id(free["done"])] = place
    waiter = free.get("waiter")
    if waiter is None:
        bound = getattr(callback, "args", ())
        waiter = bound[0] if bound and asyncio.isfuture(bound[0]) else None
    if waiter is not None:
        told[id(waiter)] += 1
        if free.get("counter", 1) <= told[id(waiter)] or free.get("return_when") != asyncio.ALL_COMPLETED:
            asyncio_calls.waiting.notified.setdefault(id(waiter), (waiter, place))  # then `asyncio.wait` is over


def step_of(handle: Any) -> Any:
    """The task whose step a loop's handle is; None: it is something else."""
    owner: Any = getattr(getattr(handle, "_callback", None), "__self__", None)
    is_task = isinstance(owner, asyncio.Task)
    return cast("Any", owner) if is_task else None


def free_variables(function: Any) -> dict[str, Any]:
    """The variables that a function has of those around it, as far as they have values."""
    return dict(_free(function)) if isinstance(function, types.FunctionType) else {}


def _free(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue


def is_cancelled(task: Any) -> bool:
    """Whether a task was cancelled, and has not noticed: it does where it waits, or where it will wait next."""
    waiter = getattr(task, "_fut_waiter", None)
    if task._must_cancel or origin_of(task).is_cancelled:
        return True
    if waiter is None:
        return False
    coroutine = asyncio_calls.innermost(task.get_coro())
    code = getattr(coroutine, "cr_code", None)
    return waiter.cancelled() and (code is None or find_code(code) is None)  # else it awaits what is cancelled again


def context_of(task: Any) -> contextvars.Context:
    """The context that a task runs in."""
    if hasattr(task, "get_context"):
        return task.get_context()
    own = gc.get_referents(task)  # before Python 3.12; those of its callbacks come first or last
    return next(each for each in own if isinstance(each, contextvars.Context))


async def take_turn(next_step: asyncio.Handle | None) -> None:
    """Let other tasks take their steps, those before `next_step` (None: all of them)."""
    ready: Any = getattr(asyncio.get_running_loop(), "_ready", None)
    if ready is not None and next_step is not None:
        loop = asyncio.get_running_loop()
        ready.appendleft(asyncio.Handle(_reorder, (ready, asyncio.current_task(), next_step), loop))
    await asyncio.sleep(0)


def _reorder(ready: Any, main: Any, next_step: asyncio.Handle) -> None:
    """Put the step of `main`, which has come last, in front of another one."""
    mine = next((handle for handle in ready if step_of(handle) is main), None)
    if mine is not None and next_step in ready:
        ready.remove(mine)
        ready.insert(ready.index(next_step), mine)


__all__ = [
    "Call",
    "context_of",
    "free_variables",
    "is_asyncios",
    "is_cancelled",
    "prepare",
    "step_of",
    "take_turn",
    "turns",
]
