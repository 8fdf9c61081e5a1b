"""The runtime: an object whose attributes are the functions that instrumented code calls.

Each instrumented code object has the runtime among its constants. No name refers to it, so it adds nothing to a
namespace, and no definition of the user can hide it. Pickled for another process (joblib, `multiprocessing`, Ray), it
becomes a plain class of builtins: a worker does not need hitl_nb. A frame is *rebuilt* if a resume has made it again
from saved data.
"""

from __future__ import annotations

import itertools
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

from hitl_nb.engine.compile.runtime.namespace_views import (
    begin_annotations,
    import_all,
    namespace_view,
    visible,
    visible_inlined,
)
from hitl_nb.engine.compile.runtime.rethrown_errors import settle, throw
from hitl_nb.engine.compile.runtime.runtime_elsewhere import PORTABLE_RUNTIME
from hitl_nb.engine.compile.runtime.with_methods import async_with_methods, awaitable, kind_of, with_methods
from hitl_nb.errors import Paused as Unwind


class PlainIterator:
    """Wrapper of an iterator whose own `__iter__` must not be called again, because that may begin from the start."""

    __slots__ = ("iterator",)

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __iter__(self) -> PlainIterator:
        return self

    def __next__(self) -> Any:
        return next(self.iterator)


class PlainAsyncIterator:
    """Wrapper of an asynchronous iterator whose own `__aiter__` must not be called again."""

    __slots__ = ("iterator",)

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __aiter__(self) -> PlainAsyncIterator:
        return self

    def __anext__(self) -> Any:
        kind = kind_of(self.iterator)
        return kind.__anext__(self.iterator)


class HeldIterator:
    """Iterator for a generator that a resume has rebuilt inside a `yield from`; it wraps that statement's iterator.

    The first step yields None and does nothing else: the resume uses it to bring the generator to its `yield from`.
    """

    def __init__(self, iterator: Any) -> None:
        self.iterator: Any = iterator.__await__() if kind_of(iterator) is types.CoroutineType else iterator
        self.is_fresh = True

    def __iter__(self) -> HeldIterator:
        return self

    def __next__(self) -> Any:
        if self.is_fresh:
            self.is_fresh = False
            return None
        return next(self.iterator)

    def __getattr__(self, name: str) -> Any:
        """Return `send`, `throw` or `close` of the wrapped iterator. `yield from` accepts an iterator without them."""
        return getattr(self.iterator, name)


class ContinuedGenerator:
    """Generator of a `@contextmanager` function that a resume has rebuilt, when the run paused inside the generator.

    The pause interrupted a call of `next` or `throw` by `contextlib`, which is made again after the resume. That first
    call only brings the generator to its saved position.
    """

    def __init__(self, generator: Any) -> None:
        self.generator = generator
        self.is_fresh = True

    def __next__(self) -> Any:
        self.is_fresh = False
        return next(self.generator)

    def throw(self, *args: Any) -> Any:
        """Throw an error into the generator; the first call ignores it and brings the generator to its saved place."""
        if self.is_fresh:
            return next(self)
        return self.generator.throw(*args)

    def close(self) -> None:
        """Close the generator."""
        self.generator.close()


class ContinuedAwait:
    """Awaitable for a coroutine that a resume has rebuilt inside an `await`.

    Its `__await__` returns the iterator that the first `__await__` had returned before the save.
    """

    __slots__ = ("awaited",)

    def __init__(self, awaited: Any) -> None:
        self.awaited = awaited

    def __await__(self) -> Any:
        return self.awaited.__await__() if kind_of(self.awaited) is types.CoroutineType else self.awaited


class HeldAwait(ContinuedAwait):
    """Awaitable for a coroutine that a resume has rebuilt inside an `await`.

    Its first step yields None, to bring the coroutine to its `await`. The awaited object takes the other steps.
    """

    __slots__ = ()

    def __await__(self) -> Any:
        return HeldIterator(self.awaited)


def iterate_async(value: Any) -> Any:
    """Return `aiter(value)` as `async for` computes it, with the error messages of `async for`.

    Raises:
        TypeError: `value` has no `__aiter__`, or its result has no `__anext__`.
    """
    kind = kind_of(value)
    try:
        method = kind.__aiter__
    except AttributeError:
        raise TypeError(f"'async for' requires an object with __aiter__ method, got {kind.__name__}") from None
    iterator: Any = method(value)
    if not hasattr(kind_of(iterator), "__anext__"):
        raise TypeError(
            "'async for' received an object from __aiter__ that does not implement __anext__: "
            + kind_of(iterator).__name__
        )
    return iterator


def expand(mapping: Any) -> dict[str, Any]:
    """Return a copy of the mapping of a call `f(**mapping)`, made before later arguments can change the mapping.

    Raises:
        TypeError: `mapping` is no mapping, or has a key twice. The messages are Python's.
    """
    given: dict[str, Any] = {}
    try:
        names = list(mapping.keys())
    except AttributeError:
        raise TypeError(f"argument after ** must be a mapping, not {type(mapping).__name__}") from None
    for name in names:
        if name in given:
            raise TypeError(f"got multiple values for keyword argument '{name}'")
        given[name] = mapping[name]
    return given


def super_of(function: Any, kind: Any, instance: Any) -> Any:
    """Return the value of `super()` in a frame that a resume has rebuilt, where `super()` itself does not work.

    Args:
        function: Object that the name `super` refers to. If it is not the builtin, it is called without arguments.
        kind: The class whose method the frame runs.
        instance: The first argument of the method.
    """
    return cast("Any", super(kind, instance)) if function is super else function()


def resume_iterator(iterator: Any) -> Iterator[Any]:
    """Return an iterator for a `for` loop that a resume has rebuilt in the middle of a turn.

    It yields None for that turn, whose item is in a local variable. Then it yields the remaining items of `iterator`.
    """
    return itertools.chain((None,), _hide_iter(iterator))


def _hide_iter(iterator: Any) -> Any:
    """Wrap an iterator if its `__iter__` is a method of the user, because calling it may begin from the start."""
    method = getattr(kind_of(iterator), "__iter__", None)
    return PlainIterator(iterator) if method is None or isinstance(method, types.FunctionType) else iterator


def open_iterator(iterator: Any) -> Any:
    """Return an iterator for a loop to read: `iterator` itself, or an equal one whose position can be saved.

    Replacements are registered by type in `openers`.
    """
    return openers[kind_of(iterator)](iterator)


def keep_iterator(iterator: Any) -> Any:
    """Return the iterator of a loop that an exception leaves, so that a failed run can continue the loop later.

    None if it contains a generator of the user's code, because such a generator must be closed now.
    """
    kind = kind_of(iterator)
    if kind in (enumerate, zip, map, filter):
        return iterator if all(keep_iterator(part) is not None for part in iterator.__reduce__()[1]) else None
    if kind is types.GeneratorType:
        return None if _is_instrumented(iterator.gi_code) else iterator
    return iterator


def _is_instrumented(code: types.CodeType) -> bool:
    mark: Any = code.co_consts[-1] if code.co_consts else None
    return type(mark) is tuple and cast("tuple[Any, ...]", mark)[:1] == (FUNCTION_MARK,)


FUNCTION_MARK = "\0hitl_nb function"  # first item of a constant: (FUNCTION_MARK, key of the unit, function number)

openers: dict[type, Callable[[Any], Any]] = {}
"""Maps each type of iterator that does not report its position to a function that makes one that does."""


def drive(generator: Any) -> Any:
    """Continue a generator that was running inside a `send` or `throw` call at the pause. Returns the next value."""
    return generator.send(None)


def finish_closing(generator: Any) -> Any:
    """Continue a generator or coroutine that was running inside its `close()` call when the run was saved.

    Returns the generator's return value (Python 3.13 and later); before 3.13, None.

    Raises:
        RuntimeError: The generator yielded instead of ending.
    """
    try:
        drive(generator)
    except GeneratorExit:
        return None
    except StopIteration as stop:
        return stop.value if sys.version_info >= (3, 13) else None
    raise RuntimeError("generator ignored GeneratorExit")


def continue_iterator(pending: Any, iterator: Any) -> Iterator[Any]:
    """Return an iterator for a `for` loop that a resume has rebuilt while it waited for its next item.

    `pending` returns that item, or raises `StopIteration`. The items after it come from `iterator`.
    """
    try:
        item = pending()
    except StopIteration:
        return
    yield item
    yield from _hide_iter(iterator)


async def continue_async_iterator(awaitable: Any, iterator: Any) -> AsyncIterator[Any]:
    """Return an iterator for an `async for` loop that a resume has rebuilt while it waited for its next item.

    `awaitable` gives that item, or raises `StopAsyncIteration`. The items after it come from `iterator`.
    """
    try:
        item = await awaitable
    except StopAsyncIteration:
        return
    yield item
    async for item in PlainAsyncIterator(iterator):
        yield item


async def resume_async_iterator(iterator: Any) -> AsyncIterator[Any]:
    """Return an iterator for an `async for` loop that a resume has rebuilt in the middle of a turn.

    It yields None for that turn, whose item is in a local variable. Then it yields the remaining items of `iterator`.
    """
    yield None
    async for item in PlainAsyncIterator(iterator):
        yield item


def check_init_result(result: Any, instance: Any) -> Any:
    """Return the new instance of a class whose `__init__` returned `result`.

    Raises:
        TypeError: `result` is not None.
    """
    if result is not None:
        raise TypeError(f"__init__() should return None, not '{type(result).__name__}'")
    return instance


def _do_nothing(*args: Any) -> Any:
    return None


class Runtime:
    """The functions that instrumented code calls, as attributes of one object.

    Attributes:
        due: True if `poll` has something to do. Instrumented code tests it before it calls `poll`.
        poll: Called between statements and at each turn of a loop, to save the run or to check other work.
        pending: Returns a function for a rebuilt frame. It gives the value of the call that was running, or its error.
        end_cell: Called at the end of an agent cell. Records which branches of the cell have run.
        show: Displays the value of the last expression of a cell.
        Unwind: The exception of a pause. No code of the user runs while it leaves the frames.
        exception: Returns the current exception in a `finally` block, and reports it to the engine.
        leave_handler: Called at the end of an `except` block. Reports an exception that leaves the block to the engine.
        leave_with: Called with the exception that leaves the body of a `with`. Reports it and returns its type.
    """

    def __init__(self) -> None:
        self.due = False
        self.poll: Callable[[], None] = _do_nothing
        self.pending: Callable[[], Any] = _do_nothing
        self.end_cell: Callable[[], None] = _do_nothing
        self.show: Callable[[Any], None] = lambda value: sys.displayhook(value)
        self.Unwind = Unwind
        self.BaseException = BaseException
        self.AssertionError = AssertionError
        self.exception = self.current_exception = sys.exception
        self.leave_handler: Callable[[BaseException], None] = _do_nothing
        self.leave_with: Callable[[BaseException], type] = type
        self.type = type
        self.set = set
        self.globals = globals
        self.drive = drive
        self.iter = iter
        self.delegates = frozenset((types.GeneratorType, types.CoroutineType))
        self.openers = openers
        self.open_iterator = open_iterator
        self.keep_iterator = keep_iterator
        self.iterate_async = iterate_async
        self.awaitable = awaitable
        self.with_methods = with_methods
        self.async_with_methods = async_with_methods
        self.visible = visible
        self.visible_inlined = visible_inlined
        self.namespace_view = namespace_view
        self.expand = expand
        self.super_of = super_of
        self.import_all = import_all
        self.begin_annotations = begin_annotations
        self.throw = throw
        self.settle = settle
        self.continue_iterator = continue_iterator
        self.finish_closing = finish_closing
        self.resume_iterator = resume_iterator
        self.resume_async_iterator = resume_async_iterator
        self.continue_async_iterator = continue_async_iterator
        self.hold = HeldIterator
        self.constructed = check_init_result

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (PORTABLE_RUNTIME,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Runtime:
        return self

    def __copy__(self) -> Runtime:
        return self


RUNTIME = Runtime()
