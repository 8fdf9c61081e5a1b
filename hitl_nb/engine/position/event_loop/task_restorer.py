"""Makes tasks and futures of asyncio again, all at once when a state was loaded, in a loop that runs.

First there are the objects, since they may refer to one another. `begin_again` then has the loop call the first step of
each task, and the notices that something is done, in their turn.
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

from hitl_nb.engine.position.event_loop import asyncio_calls
from hitl_nb.engine.position.event_loop.context_values import Values, set_values
from hitl_nb.engine.position.event_loop.origins import Origin, origin_of, set_origin
from hitl_nb.engine.position.event_loop.turns import Call
from hitl_nb.errors import HitlError

_GATHERING: Any = vars(asyncio_tasks)["_GatheringFuture"]
_TASK: Any = asyncio.Task
State = tuple[str, Any]


@dataclass(frozen=True)
class Step:
    """What the loop is to call in its turn."""

    turn: int
    callback: Callable[..., Any]
    args: tuple[Any, ...]
    context: contextvars.Context


_loaded: list[tuple[Any, State]] = []
joining: list[Callable[[asyncio.AbstractEventLoop], list[Step]]] = []
"""What is left to do for other objects that were loaded, when their tasks are there again."""
_reduced: dict[int, tuple[Any, tuple[Any, ...]]] = {}
"""By identity: what was loaded and has not begun again, and how pickle makes it: it can be asked nothing until then."""


def make_new(kind: Any) -> Any:
    return kind.__new__(kind)


def fill_future(future: Any, state: State) -> None:
    _loaded.append((future, state))
    note_loaded(future, (make_new, (type(future),), state, None, None, fill_future))


def note_loaded(value: Any, reduced: tuple[Any, ...]) -> None:
    """`value` was loaded, and until it begins again, pickle makes it as it did now."""
    _reduced[id(value)] = value, reduced


def find_main() -> Any:
    """The task that awaits the run."""
    task = asyncio.current_task()
    if task is None:
        raise HitlError("a state with tasks of asyncio is loaded by the task that runs it")
    note_loaded(task, (find_main, ()))
    return task


def reduce_loaded(value: Any) -> tuple[Any, ...] | None:
    """How pickle makes again what was loaded and has not begun again; None: it was not, or has."""
    found = _reduced.get(id(value))
    return None if found is None else found[1]


def forget_loaded() -> None:
    """A state is loaded, or another one begins: one that was only looked at, or saved again, does not count."""
    _loaded.clear()
    joining.clear()
    release_loaded()
    asyncio_calls.waiting.__init__()


def release_loaded() -> None:
    """The code of the run is about to run: what was loaded is saved as it is from now on."""
    _reduced.clear()


def begin_again(calls: list[Call]) -> list[tuple[int, asyncio.Handle]]:
    """Begin the tasks of the state that was loaded last, in this context. Until then none of them may be used.

    Returns what the loop calls for them, and when in turn.
    """
    loaded, others = list(_loaded), list(joining)
    forget_loaded()
    if not loaded and not others and not calls:
        return []
    loop = asyncio.get_running_loop()
    steps: list[Step] = []
    for future, (kind, state) in loaded:
        if kind == "task":
            steps.append(_begin_task(loop, future, state))
        elif kind == "ended":
            ended, name = state
            _end_as_before(loop, future, *ended)
            future.set_name(name)
        elif kind not in ("gather", "shield"):
            _end_as_before(loop, future, kind, state)
    steps += _join_again(loop, loaded)
    for join in others:
        steps += join(loop)
    for call in calls:
        if call.delay is None:
            steps.append(Step(call.turn, call.callback, call.args, contextvars.copy_context()))
        else:
            loop.call_later(call.delay, call.callback, *call.args)
    steps.sort(key=lambda step: step.turn)
    return [(step.turn, loop.call_soon(step.callback, *step.args, context=step.context)) for step in steps]


# -- tasks


class TaskState(NamedTuple):
    """A task that has not ended.

    Attributes:
        turn: when it has its next step.
        is_cancelled: whether it was cancelled, and has not noticed.
        is_new: whether its coroutine had not begun.
        is_at_work: whether it is the one that asks.
        warns: whether asyncio warns if it is dropped.
        key, line, started: of its origin.
        told: whom of the notebook it tells that it is done.
        values: what context variables of the user's modules hold in it, and not in the run's own context.
    """

    coroutine: Any
    name: str
    turn: int
    is_cancelled: bool
    is_new: bool
    is_at_work: bool
    warns: bool
    key: str
    line: int
    started: int
    told: list[Any]
    values: Values


def _begin_task(loop: Any, task: Any, state: TaskState) -> Step:
    context = contextvars.copy_context()
    context.run(set_values, state.values)
    with held_back(loop) as held:
        _TASK.__init__(task, state.coroutine, loop=loop, name=state.name, context=context)
    task._log_destroy_pending = state.warns
    set_origin(task, Origin(state.key, state.line, state.started, is_cancelled=state.is_cancelled))
    for callback in state.told:
        task.add_done_callback(callback)
    (first,) = held
    return Step(state.turn, _FirstStep(task, first.callback, state), (), first.context)


class _FirstStep:
    """The first step of a task that is continued: to where it was, and then it is cancelled, if that was due."""

    def __init__(self, task: Any, first: Callable[[], None], state: TaskState) -> None:
        self.__self__ = task  # as a step of asyncio's has it
        self.first = first
        self.is_new, self.is_at_work = state.is_new, state.is_at_work

    def __call__(self) -> None:
        task, origin = self.__self__, origin_of(self.__self__)
        is_cancelled, origin.is_cancelled = origin.is_cancelled, False
        if self.is_new and is_cancelled:
            task.cancel()
        elif task._must_cancel and not self.is_new:  # since: it notices where it was, not at its beginning
            is_cancelled = True
            self._take_back()
        asyncio_calls.waiting.is_noticing = is_cancelled and not self.is_at_work
        try:
            self.first()
        finally:
            asyncio_calls.waiting.is_noticing = False
        if is_cancelled and self.is_at_work:
            task.cancel()
        elif is_cancelled:
            self._cancel_now()

    def _cancel_now(self) -> None:
        """Have the task notice that it is cancelled in this very step."""
        task = self.__self__
        loop = task.get_loop()
        with held_back(loop) as held:
            task.cancel()
        for step in held:
            if getattr(step.callback, "__self__", None) is task:
                step.callback(*step.args)
            else:
                loop.call_soon(step.callback, *step.args, context=step.context)

    def _take_back(self) -> None:
        """Have the task as it was before it was cancelled."""
        task = self.__self__
        told: list[Any] = list(task._callbacks or ())
        logs = task._log_destroy_pending
        with held_back(task.get_loop()) as held:
            _TASK.__init__(task, task.get_coro(), loop=task.get_loop(), name=task.get_name())
        task._log_destroy_pending = logs
        self.first = held[0].callback
        for callback, context in told:
            task.add_done_callback(callback, context=context)


@contextlib.contextmanager
def held_back(loop: Any) -> Generator[list[Step]]:
    """What is to be called soon is not, and handed over."""
    held: list[Step] = []

    def call_soon(callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        held.append(Step(-1, callback, args, context))
        return asyncio.Handle(callback, args, loop, context)

    loop.call_soon = call_soon
    try:
        yield held
    finally:
        del loop.call_soon


def _end_as_before(loop: Any, future: Any, kind: str, state: Any) -> None:
    if isinstance(future, asyncio.Task):
        coroutine = _nothing()
        coroutine.close()
        with held_back(loop):
            cast("Any", future).__init__(coroutine, loop=loop)
    elif isinstance(future, _GATHERING):
        future.__init__([], loop=loop)
    else:
        future.__init__(loop=loop)
    base: Any = asyncio.Future  # a task refuses to be told its result
    if kind == "cancelled":
        base.cancel(future, state)
    elif kind == "failed":
        error, is_read = state
        base.set_exception(future, error)
        if is_read:
            future.exception()
    else:
        base.set_result(future, state)


async def _nothing() -> None: ...


# -- futures that wait for others


def _join_again(loop: Any, loaded: list[tuple[Any, State]]) -> list[Step]:
    """Inner ones first."""
    open_ = {id(future): (future, state) for future, state in loaded if state[0] in ("gather", "shield")}
    steps: list[Step] = []

    def join(future: Any, state: State) -> None:
        kind, about = state
        for inner in about[0] if kind == "gather" else about[:1]:
            found = open_.pop(id(inner), None)
            if found is not None:
                join(*found)
        with held_back(loop) as held:
            if kind == "gather":
                inner, places, returns_exceptions, future_cancels = about
                _gather_into(future, inner, returns_exceptions=returns_exceptions)
                future._cancel_requested = future_cancels
            else:
                inner, places = about[:1], about[1:]
                _shield_into(loop, future, about[0])
        steps.extend(in_turn(held, inner, places))

    while open_:
        join(*open_.popitem()[1])
    return steps


def in_turn(held: list[Step], futures: Any, places: Any) -> list[Step]:
    """Notices that futures are done, each in its turn."""
    turns = {id(future): place for future, place in zip(futures, places, strict=True)}
    return [Step(turns[id(step.args[0])], step.callback, step.args, step.context) for step in held]


def _gather_into(outer: Any, children: list[Any], *, returns_exceptions: bool) -> None:
    def make(children: list[Any], *, loop: Any) -> Any:
        outer.__init__(children, loop=loop)
        return outer

    seen = {id(child): Seen(child) for child in children}
    gather = _with_names(asyncio.gather, _GatheringFuture=make, ensure_future=_itself, _ensure_future=_itself)
    gather(*[seen[id(child)] for child in children], return_exceptions=returns_exceptions)
    outer._children[:] = children  # the list that `gather` itself reads, too


def _shield_into(loop: Any, outer: Any, inner: Any) -> None:
    def create_future() -> Any:
        outer.__init__(loop=loop)
        return outer

    futures: Any = vars(asyncio_tasks)["futures"]
    space = SimpleNamespace(**vars(futures))
    space._get_loop = lambda future: SimpleNamespace(create_future=create_future)  # pyright: ignore[reportUnknownLambdaType]
    space.future_add_to_awaited_by = lambda *futures: None  # pyright: ignore[reportUnknownLambdaType]
    _with_names(asyncio.shield, futures=space, ensure_future=_itself, _ensure_future=_itself)(Seen(inner))


class Seen:
    """A future as `gather` and `shield` see it: of one that has ended they are only told in its turn."""

    def __init__(self, future: Any) -> None:
        self.future = future
        self.is_told = False

    def get_loop(self) -> Any:
        return self.future.get_loop()

    def done(self) -> bool:
        return self.is_told and self.future.done()

    def add_done_callback(self, callback: Any) -> None:
        self.is_told = True
        self.future.add_done_callback(callback)

    def remove_done_callback(self, callback: Any) -> None:
        self.future.remove_done_callback(callback)


def _itself(value: Any, *, loop: Any = None) -> Any:
    return value


def _with_names(function: Any, **names: Any) -> Any:
    """A function of asyncio's that finds something else under some of its module's names."""
    space = {**function.__globals__, **names}
    made = types.FunctionType(function.__code__, space, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made
