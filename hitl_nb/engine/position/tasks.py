"""Tasks and futures of asyncio, as data: a task that has ended keeps its result, another one its coroutine.

They are made again all at once when a state is loaded (`begin_again`), by a loop that runs: objects first, since they
may refer to one another, then each task's first step in the order in which they would have had their next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import types
from asyncio import tasks as asyncio_tasks
from collections.abc import Callable, Generator, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.position import asyncio_state
from hitl_nb.engine.position.frames import SavedFrame
from hitl_nb.engine.position.reading import CannotSave
from hitl_nb.engine.position.suspended import can_keep
from hitl_nb.errors import HitlError

_GATHERING: Any = vars(asyncio_tasks)["_GatheringFuture"]
_NOTHING: Mapping[int, SavedFrame] = MappingProxyType({})
_Ended = tuple[str, Any]

# -- saving


class Saving:
    """What is known of the tasks of the run that is being saved.

    Attributes:
        main: the task that awaits the run itself.
        ranks: of all, by identity: in which order they are continued.
        failed: those whose exceptions nobody has asked for.
    """

    def __init__(self, main: asyncio.Task[Any] | None, ranks: Mapping[int, int]) -> None:
        self.main, self.ranks = main, ranks
        self.failed: list[Any] = []


saving = Saving(None, {})


def prepare(main: asyncio.Task[Any], asking: asyncio.Task[Any] | None, unfinished: list[asyncio.Task[Any]]) -> None:
    """A stack is read: tasks that are saved until the next one belong to it.

    First come those that wait for something, as they did already: they wait again, in the order in which they would
    have it. Then comes the one at work, and those that are about to have their next step.
    """
    steps = [step_of(handle) for handle in getattr(main.get_loop(), "_ready", ())]
    ready = {id(task): task for task in (asking, *steps) if task is not None}
    waiting = sorted((t for t in (main, *unfinished) if id(t) not in ready), key=asyncio_state.place_in_queue)
    asyncio_state.waiting.unbegun = []
    asyncio_state.waiting.cancelled = {
        id(asyncio_state.innermost(task.get_coro())): getattr(task, "_fut_waiter", None)
        for task in (main, *unfinished)
        if is_cancelled(task)
    }
    saving.main, saving.failed = main, []
    saving.ranks = {id(task): rank for rank, task in enumerate((*waiting, *ready.values()))}


def rank_of(task: Any) -> int:
    """When the task has its next step, among others."""
    return saving.ranks.get(id(task), len(saving.ranks))


def step_of(handle: Any) -> Any:
    """The task whose step a loop's handle is; None: it is something else."""
    owner = getattr(getattr(handle, "_callback", None), "__self__", None)
    return owner if isinstance(owner, asyncio.Task) else None


def context_of(task: Any) -> contextvars.Context:
    """The context that a task runs in."""
    if hasattr(task, "get_context"):
        return task.get_context()
    own = gc.get_referents(task)  # before Python 3.12; those of its callbacks come first or last
    return next(each for each in own if isinstance(each, contextvars.Context))


def reduce_asyncio(value: Any) -> tuple[Any, ...] | None:
    """How pickle makes a task, a future, or what coroutines share (locks, queues) again; None: it is none of these.

    Raises:
        CannotSave: what it waits for lies outside of the run.
    """
    reduced = _reduce_future(value)
    return asyncio_state.reduce_shared(value) if reduced is None else reduced


def _reduce_future(value: Any) -> tuple[Any, ...] | None:
    if not isinstance(value, asyncio.Future):
        return None
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]
    if value is saving.main:
        return _main_task, ()
    if kind is asyncio.Task:
        return _new, (asyncio.Task,), _task_state(value), None, None, _fill
    if kind is _GATHERING:
        state = _ended(value) or ("gather", (value._children, _returns_exceptions(value), value._cancel_requested))
        return _new, (_GATHERING,), state, None, None, _fill
    if kind is asyncio.Future:
        state = _ended(value) or _shield_state(value)
        if state is not None:
            return _new, (asyncio.Future,), state, None, None, _fill
    raise CannotSave(
        f"a {kind.__module__.strip('_')}.{kind.__qualname__} waits for something outside of the run; await it before, "
        "or use an asyncio.Event or asyncio.Queue"
    )


def _is_kept(value: Any) -> bool:
    """Whether an awaited object is saved as it is."""
    if getattr(type(value), "__hitl_call__", False) or asyncio_state.is_known(value):
        return True
    kind: Any = type(value)
    if kind is asyncio.Task:
        return value.done() or _is_known(value.get_coro())
    if kind is _GATHERING:
        return True
    return kind is asyncio.Future and (value.done() or _shield_state(value) is not None)


can_keep.append(_is_kept)


def _is_known(coroutine: Any) -> bool:
    if isinstance(coroutine, types.CoroutineType) and find_code(coroutine.cr_code) is not None:
        return True
    return getattr(type(coroutine), "__hitl_call__", False) or asyncio_state.is_known(coroutine)


def _task_state(task: Any) -> _Ended:
    ended = _ended(task)
    if ended is not None:
        return "ended", (ended, task.get_name())
    coroutine = task.get_coro()
    if not _is_known(coroutine):
        raise CannotSave(
            f"the task {task.get_name()} runs {getattr(coroutine, '__qualname__', coroutine)}(), which is not code of "
            "the notebook; await it before, or cancel() it and await that"
        )
    return "task", (coroutine, task.get_name(), rank_of(task), is_cancelled(task), task._log_destroy_pending)


def is_cancelled(task: Any) -> bool:
    """Whether a task was cancelled, and has not noticed: it does where it waits, or where it will wait next."""
    waiter = getattr(task, "_fut_waiter", None)
    if task._must_cancel or waiter is None:
        return task._must_cancel
    coroutine = asyncio_state.innermost(task.get_coro())
    code = getattr(coroutine, "cr_code", None)
    return waiter.cancelled() and (code is None or find_code(code) is None)  # else it awaits what is cancelled again


def _ended(future: Any) -> _Ended | None:
    if not future.done():
        return None
    if future.cancelled():
        return "cancelled", future._cancel_message
    error = future._exception
    if error is not None:
        if future._log_traceback:
            saving.failed.append(future)
        return "failed", (error, not future._log_traceback)
    return "result", future.result()


def _returns_exceptions(outer: Any) -> bool:
    callback = _callback_about(outer, outer._children, "gather.<locals>._done_callback")
    assert callback is not None
    return _free(callback)["return_exceptions"]


def _callback_about(outer: Any, futures: Any, name: str) -> Any:
    """The function of asyncio's that is called when one of `futures` is done, and tells `outer`."""
    found = [callback for future in futures for callback, _ in future._callbacks or ()]
    found += [handle._callback for handle in getattr(outer.get_loop(), "_ready", ())]
    for callback in found:
        if getattr(callback, "__qualname__", "") == name and _free(callback).get("outer", outer) is outer:
            return callback
    return None


def _free(function: Any) -> dict[str, Any]:
    names = function.__code__.co_freevars
    cells = function.__closure__ or ()
    return {name: cell.cell_contents for name, cell in zip(names, cells, strict=True) if _is_set(cell)}


def _is_set(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - whether it has a value
    except ValueError:
        return False
    return True


def _shield_state(outer: Any) -> _Ended | None:
    callback = next((c for c, _ in outer._callbacks or () if getattr(c, "__qualname__", "") == _OF_SHIELD), None)
    return None if callback is None else ("shield", _free(callback)["inner"])


_OF_SHIELD = "shield.<locals>._outer_done_callback"

# -- loading

_loaded: list[tuple[Any, _Ended]] = []


def _new(kind: Any) -> Any:
    return kind.__new__(kind)


def _fill(future: Any, state: _Ended) -> None:
    _loaded.append((future, state))


def _main_task() -> Any:
    task = asyncio.current_task()
    if task is None:
        raise HitlError("a state with tasks of asyncio is loaded by the task that runs it")
    return task


def forget_loaded() -> None:
    """Before a state is loaded: another one that was only looked at does not count."""
    _loaded.clear()
    asyncio_state.loaded.clear()


def has_loaded() -> bool:
    """Whether `begin_again` has something to do; it needs a loop that runs."""
    return bool(_loaded or asyncio_state.loaded)


def leave() -> None:
    """The state that was saved last continues elsewhere: errors in it are not reported here as lost."""
    for future in saving.failed:
        future._log_traceback = False
    saving.failed = []
    for coroutine in asyncio_state.waiting.unbegun:
        coroutine.close()
    asyncio_state.waiting.unbegun = []


def begin_again() -> list[tuple[int, asyncio.Handle]]:
    """Begin the tasks of the state that was loaded last, in this context. Until then none of them may be used.

    Returns their first steps, in turn, and when each had its next one.
    """
    loaded, calls = list(_loaded), list(asyncio_state.loaded)
    forget_loaded()
    if not loaded and not calls:
        return []
    loop = asyncio.get_running_loop()
    steps: list[tuple[int, Callable[[], None], contextvars.Context]] = []
    for future, (kind, state) in loaded:
        if kind == "task":
            steps.append(_begin_task(loop, future, *state))
        elif kind == "ended":
            ended, name = state
            _end_as_before(loop, future, *ended)
            future.set_name(name)
        elif kind not in ("gather", "shield"):
            _end_as_before(loop, future, kind, state)
    _join_again(loop, loaded)
    for call in calls:
        call()
    steps.sort(key=lambda each: each[0])
    return [(rank, loop.call_soon(step, context=context)) for rank, step, context in steps]


def _begin_task(
    loop: Any, task: Any, coroutine: Any, name: str, rank: int, is_cancelled: bool, logs: bool
) -> tuple[int, Callable[[], None], contextvars.Context]:
    """Returns the task's first step, to be taken in its turn."""
    context = contextvars.copy_context()
    with _held_back(loop) as held:
        asyncio.Task.__init__(task, coroutine, loop=loop, name=name, context=context)
    task._log_destroy_pending = logs
    (first,) = held

    return rank, _FirstStep(task, first, is_cancelled=is_cancelled), context


class _FirstStep:
    """The first step of a task that is continued: to where it was, and then it is cancelled, if that was due."""

    def __init__(self, task: Any, first: Callable[[], None], *, is_cancelled: bool) -> None:
        self.__self__ = task  # as a step of asyncio's has it
        self.first, self.is_cancelled = first, is_cancelled

    def __call__(self) -> None:
        self.first()
        if self.is_cancelled:
            self.__self__.cancel()


@contextlib.contextmanager
def _held_back(loop: Any) -> Generator[list[Callable[[], None]]]:
    """What is to be called soon is not, and handed over."""
    held: list[Callable[[], None]] = []

    def call_soon(callback: Callable[..., None], *args: Any, context: Any = None) -> Any:
        held.append(callback)
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
        with _held_back(loop):
            cast("Any", future).__init__(coroutine, loop=loop)
    elif isinstance(future, _GATHERING):
        cast("Any", future).__init__([], loop=loop)
    else:
        cast("Any", future).__init__(loop=loop)
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


def _join_again(loop: Any, loaded: list[tuple[Any, _Ended]]) -> None:
    """Futures that wait for others: inner ones first."""
    open_ = {id(future): (future, state) for future, state in loaded if state[0] in ("gather", "shield")}

    def join(future: Any, state: _Ended) -> None:
        kind, about = state
        for inner in about[0] if kind == "gather" else [about]:
            found = open_.pop(id(inner), None)
            if found is not None:
                join(*found)
        if kind == "gather":
            children, returns_exceptions, is_cancelled = about
            _gather_into(future, children, returns_exceptions=returns_exceptions)
            future._cancel_requested = is_cancelled
        else:
            _shield_into(loop, future, about)

    while open_:
        join(*open_.popitem()[1])


def _gather_into(outer: Any, children: list[Any], *, returns_exceptions: bool) -> None:
    def make(children: list[Any], *, loop: Any) -> Any:
        outer.__init__(children, loop=loop)
        return outer

    _with_names(asyncio.gather, _GatheringFuture=make)(*children, return_exceptions=returns_exceptions)


def _shield_into(loop: Any, outer: Any, inner: Any) -> None:
    def create_future() -> Any:
        outer.__init__(loop=loop)
        return outer

    futures: Any = vars(asyncio_tasks)["futures"]
    own = SimpleNamespace(create_future=create_future)
    others = {name: value for name, value in vars(futures).items() if name != "_get_loop"}
    made = _with_names(asyncio.shield, futures=SimpleNamespace(**others, _get_loop=lambda future: own))(inner)
    if made is not outer:  # it has ended meanwhile
        _end_as_before(loop, outer, *cast("_Ended", _ended(made)))


def _with_names(function: Any, **names: Any) -> Any:
    """A function of asyncio's that finds something else under some of its module's names."""
    space = {**function.__globals__, **names}
    made = types.FunctionType(function.__code__, space, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


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
    "begin_again",
    "context_of",
    "forget_loaded",
    "has_loaded",
    "is_cancelled",
    "leave",
    "prepare",
    "rank_of",
    "reduce_asyncio",
    "step_of",
    "take_turn",
]
