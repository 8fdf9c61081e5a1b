"""Restores tasks and futures of asyncio, all together, after a state was loaded and while an event loop runs.

First all objects are made, since they may refer to one another. Then `restart_loaded_tasks` schedules calls on the
event loop, in the saved order. These are the first step of each task, and *notices*: calls that inform an object, such
as a `gather`, that a future is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import types
from asyncio import tasks as asyncio_tasks
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from hitl_nb.engine.position.event_loop.context_values import Values, set_values
from hitl_nb.engine.position.event_loop.origins import Origin, origin_of, set_origin
from hitl_nb.engine.position.event_loop.turns import LoopCall
from hitl_nb.engine.position.event_loop.waiters import asyncio_waits
from hitl_nb.errors import HitlError

_GATHERING_FUTURE: Any = vars(asyncio_tasks)["_GatheringFuture"]
_TASK: Any = asyncio.Task
FutureState = tuple[str, Any]


@dataclass(frozen=True)
class LoopStep:
    """A callback to schedule on the event loop.

    Attributes:
        turn: position of the call in the saved order of calls.
        callback: the callback.
        args: its arguments.
        context: the context in which the callback is called.
    """

    turn: int
    callback: Callable[..., Any]
    args: tuple[Any, ...]
    context: contextvars.Context


_loaded_futures: list[tuple[Any, FutureState]] = []
"""Tasks and futures of the state that is being loaded, each with its state."""
deferred_joins: list[Callable[[asyncio.AbstractEventLoop], list[LoopStep]]] = []
"""Functions that connect other loaded objects (groups, timeouts) with their tasks. Each is called when the tasks exist.

It takes the event loop, and returns callbacks to schedule.
"""
_reduced_forms: dict[int, tuple[Any, tuple[Any, ...]]] = {}
"""By `id`: loaded objects that have not started again, and so cannot be read yet, each with its pickle form."""


def make_new(kind: Any) -> Any:
    """Make an empty instance of a type, without calling `__init__`. Pickled objects are made with this function."""
    return kind.__new__(kind)


def fill_future(future: Any, state: FutureState) -> None:
    """Keep the saved state of a loaded future or task until `restart_loaded_tasks` sets it."""
    _loaded_futures.append((future, state))
    remember_loaded_object(future, (make_new, (type(future),), state, None, None, fill_future))


def remember_loaded_object(value: Any, reduced_form: tuple[Any, ...]) -> None:
    """Keep the pickle form of a restored object, as `object.__reduce__` returns it, until the object starts again.

    Until then the object is pickled in this form.
    """
    _reduced_forms[id(value)] = value, reduced_form


def find_main_task() -> Any:
    """Return the running task, which awaits the run. A saved reference to the main task is loaded by this function.

    Raises:
        HitlError: No task is running.
    """
    task = asyncio.current_task()
    if task is None:
        raise HitlError("a state with tasks of asyncio is loaded by the task that runs it")
    remember_loaded_object(task, (find_main_task, ()))
    return task


def reduce_loaded_object(value: Any) -> tuple[Any, ...] | None:
    """Return the pickle form (as of `object.__reduce__`) of an object that was restored and has not started again.

    None for other objects: they are pickled in the usual way.
    """
    found = _reduced_forms.get(id(value))
    return None if found is None else found[1]


def forget_loaded_objects() -> None:
    """Forget the objects that were loaded and not started, such as those of a state that was only inspected.

    Call this before another state is loaded or a run begins.
    """
    _loaded_futures.clear()
    deferred_joins.clear()
    release_loaded_objects()
    asyncio_waits.__init__()


def release_loaded_objects() -> None:
    """Forget the pickle forms of loaded objects. The run's code starts now, and the objects are pickled as usual."""
    _reduced_forms.clear()


def restart_loaded_tasks(loop_calls: list[LoopCall]) -> list[tuple[int, asyncio.Handle]]:
    """Start the tasks that were loaded from a snapshot, in the current context. Before this call no task may be used.

    Args:
        loop_calls: saved calls of functions of the notebook, to schedule again.

    Returns:
        The scheduled calls, in order: for each its turn (position in the saved order) and its handle.
    """
    loaded, others = list(_loaded_futures), list(deferred_joins)
    forget_loaded_objects()
    if not loaded and not others and not loop_calls:
        return []
    loop = asyncio.get_running_loop()
    steps: list[LoopStep] = []
    for future, (kind, state) in loaded:
        if kind == "task":
            steps.append(_restart_task(loop, future, state))
        elif kind == "ended":
            ended, name = state
            _restore_finished_future(loop, future, *ended)
            future.set_name(name)
        elif kind not in ("gather", "shield"):
            _restore_finished_future(loop, future, kind, state)
    steps += _rejoin_futures(loop, loaded)
    for join in others:
        steps += join(loop)
    for call in loop_calls:
        if call.delay is None:
            steps.append(LoopStep(call.turn, call.callback, call.args, contextvars.copy_context()))
        else:
            loop.call_later(call.delay, call.callback, *call.args)
    steps.sort(key=lambda step: step.turn)
    return [(step.turn, loop.call_soon(step.callback, *step.args, context=step.context)) for step in steps]


# -- tasks


class TaskState(NamedTuple):
    """The data of a task that has not ended.

    Attributes:
        coroutine: the coroutine of the task.
        name: the name of the task.
        turn: position of the task's next step in the order of the event loop's steps.
        is_cancelled: whether it was cancelled, and has not received the CancelledError yet.
        is_unstarted: whether its coroutine had not begun.
        is_asking: whether it was the task that was running when the run was saved.
        warns_if_dropped: whether asyncio warns if the unfinished task is garbage-collected.
        key: key of its origin (the code that started it).
        line: line of the code that started it.
        started_count: number of tasks that it has started.
        done_callbacks: callbacks of the notebook that are called when it is done.
        values: values of context variables that differ from the run's own context.
    """

    coroutine: Any
    name: str
    turn: int
    is_cancelled: bool
    is_unstarted: bool
    is_asking: bool
    warns_if_dropped: bool
    key: str
    line: int
    started_count: int
    done_callbacks: list[Any]
    values: Values


def _restart_task(loop: Any, task: Any, state: TaskState) -> LoopStep:
    context = contextvars.copy_context()
    context.run(set_values, state.values)
    with intercept_call_soon(loop) as held:
        _TASK.__init__(task, state.coroutine, loop=loop, name=state.name, context=context)
    task._log_destroy_pending = state.warns_if_dropped
    set_origin(task, Origin(state.key, state.line, state.started_count, is_cancelled=state.is_cancelled))
    for callback in state.done_callbacks:
        task.add_done_callback(callback)
    (first,) = held
    return LoopStep(state.turn, _FirstStep(task, first.callback, state), (), first.context)


class _FirstStep:
    """The first step of a restored task. It brings the task to its saved position, and then cancels it if needed.

    It calls `first`, which is the step as asyncio has scheduled it.
    """

    def __init__(self, task: Any, first: Callable[[], None], state: TaskState) -> None:
        self.__self__ = task  # asyncio's own steps have this attribute, too
        self.first = first
        self.is_unstarted, self.is_asking = state.is_unstarted, state.is_asking

    def __call__(self) -> None:
        task, origin = self.__self__, origin_of(self.__self__)
        is_cancelled, origin.is_cancelled = origin.is_cancelled, False
        if self.is_unstarted and is_cancelled:
            task.cancel()
        elif task._must_cancel and not self.is_unstarted:  # cancelled after the resume: raised at its saved place
            is_cancelled = True
            self._revoke_cancellation()
        asyncio_waits.must_notice_cancel = is_cancelled and not self.is_asking
        try:
            self.first()
        finally:
            asyncio_waits.must_notice_cancel = False
        if is_cancelled and self.is_asking:
            task.cancel()
        elif is_cancelled:
            self._cancel_now()

    def _cancel_now(self) -> None:
        """Cancel the task, and run the step in which it receives the CancelledError now."""
        task = self.__self__
        loop = task.get_loop()
        with intercept_call_soon(loop) as held:
            task.cancel()
        for step in held:
            if getattr(step.callback, "__self__", None) is task:
                step.callback(*step.args)
            else:
                loop.call_soon(step.callback, *step.args, context=step.context)

    def _revoke_cancellation(self) -> None:
        """Undo a cancellation of the task that was requested after the resume, before the task's first step."""
        task = self.__self__
        told: list[Any] = list(task._callbacks or ())
        logs = task._log_destroy_pending
        with intercept_call_soon(task.get_loop()) as held:
            _TASK.__init__(task, task.get_coro(), loop=task.get_loop(), name=task.get_name())
        task._log_destroy_pending = logs
        self.first = held[0].callback
        for callback, context in told:
            task.add_done_callback(callback, context=context)


@contextlib.contextmanager
def intercept_call_soon(loop: Any) -> Generator[list[LoopStep]]:
    """Collect the callbacks given to `loop.call_soon` in the list that `with ... as` gives. They are not scheduled."""
    held: list[LoopStep] = []

    def call_soon(callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        held.append(LoopStep(-1, callback, args, context))
        return asyncio.Handle(callback, args, loop, context)

    loop.call_soon = call_soon
    try:
        yield held
    finally:
        del loop.call_soon


def _restore_finished_future(loop: Any, future: Any, kind: str, state: Any) -> None:
    if isinstance(future, asyncio.Task):
        coroutine = _do_nothing()
        coroutine.close()
        with intercept_call_soon(loop):
            cast("Any", future).__init__(coroutine, loop=loop)
    elif isinstance(future, _GATHERING_FUTURE):
        future.__init__([], loop=loop)
    else:
        future.__init__(loop=loop)
    base: Any = asyncio.Future  # a task does not let anybody set its result
    if kind == "cancelled":
        base.cancel(future, state)
    elif kind == "failed":
        error, is_read = state
        base.set_exception(future, error)
        if is_read:
            future.exception()
    else:
        base.set_result(future, state)


async def _do_nothing() -> None: ...


# -- futures that wait for others


def _rejoin_futures(loop: Any, loaded_futures: list[tuple[Any, FutureState]]) -> list[LoopStep]:
    """Connect each restored `gather` and `shield` with the futures that it waits for, inner ones first.

    Returns the notices: calls that inform a `gather` or `shield` that a future is done.
    """
    open_ = {id(future): (future, state) for future, state in loaded_futures if state[0] in ("gather", "shield")}
    steps: list[LoopStep] = []

    def rejoin_future(future: Any, state: FutureState) -> None:
        kind, about = state
        for inner in about[0] if kind == "gather" else about[:1]:
            found = open_.pop(id(inner), None)
            if found is not None:
                rejoin_future(*found)
        with intercept_call_soon(loop) as held:
            if kind == "gather":
                inner, places, returns_exceptions, future_cancels = about
                _gather_into(future, inner, returns_exceptions=returns_exceptions)
                future._cancel_requested = future_cancels
            else:
                inner, places = about[:1], about[1:]
                _shield_into(loop, future, about[0])
        steps.extend(make_turn_steps(held, inner, places))

    while open_:
        rejoin_future(*open_.popitem()[1])
    return steps


def make_turn_steps(intercepted_steps: list[LoopStep], futures: Any, notice_turns: Any) -> list[LoopStep]:
    """Give each notice (a call that reports a finished future) its position in the saved order of calls.

    `notice_turns` has the position for each future in `futures`. The first argument of a notice is its future.
    """
    turns = {id(future): place for future, place in zip(futures, notice_turns, strict=True)}
    return [LoopStep(turns[id(step.args[0])], step.callback, step.args, step.context) for step in intercepted_steps]


def _gather_into(outer: Any, children: list[Any], *, returns_exceptions: bool) -> None:
    def make_outer(children: list[Any], *, loop: Any) -> Any:
        outer.__init__(children, loop=loop)
        return outer

    seen = {id(child): DeferredFuture(child) for child in children}
    gather = _rebind_globals(
        asyncio.gather, _GatheringFuture=make_outer, ensure_future=_return_unchanged, _ensure_future=_return_unchanged
    )
    gather(*[seen[id(child)] for child in children], return_exceptions=returns_exceptions)
    outer._children[:] = children  # the list that `gather` itself reads, too


def _shield_into(loop: Any, outer: Any, inner: Any) -> None:
    def create_future() -> Any:
        outer.__init__(loop=loop)
        return outer

    futures: Any = vars(asyncio_tasks)["futures"]
    space = SimpleNamespace(**vars(futures))
    space._get_loop = lambda future: SimpleNamespace(create_future=create_future)  # pyright: ignore[reportUnknownLambdaType]  # untyped space
    space.future_add_to_awaited_by = lambda *futures: None  # pyright: ignore[reportUnknownLambdaType]  # untyped space
    _rebind_globals(asyncio.shield, futures=space, ensure_future=_return_unchanged, _ensure_future=_return_unchanged)(
        DeferredFuture(inner)
    )


class DeferredFuture:
    """A stand-in for a future in `gather` and `shield`: it is not done until a callback was added.

    Otherwise they would handle a finished future at once, and not at its position in the saved order of calls.
    """

    def __init__(self, future: Any) -> None:
        self.future = future
        self.has_callback = False

    def get_loop(self) -> Any:
        """Return the loop of the future."""
        return self.future.get_loop()

    def done(self) -> bool:
        """Return False until a callback is added; then whether the future is done."""
        return self.has_callback and self.future.done()

    def add_done_callback(self, callback: Any) -> None:
        """Add a callback to the future."""
        self.has_callback = True
        self.future.add_done_callback(callback)

    def remove_done_callback(self, callback: Any) -> None:
        """Remove a callback from the future."""
        self.future.remove_done_callback(callback)


def _return_unchanged(value: Any, *, loop: Any = None) -> Any:
    return value


def _rebind_globals(function: Any, **names: Any) -> Any:
    """Return a copy of a function of asyncio in which some global names refer to the given objects."""
    space = {**function.__globals__, **names}
    made = types.FunctionType(function.__code__, space, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made
