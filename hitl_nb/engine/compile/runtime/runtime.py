"""The runtime that instrumented code calls: one object, among the constants of each instrumented code object.

No name refers to it, so it adds nothing to a namespace, and no definition of the user can hide it. Pickled for another
process (joblib, `multiprocessing`, Ray), it becomes a plain class of builtins: a worker does not need hitl_nb.
"""

from __future__ import annotations

import builtins
import itertools
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

from hitl_nb.engine.compile.runtime.runtime_elsewhere import PORTABLE_RUNTIME
from hitl_nb.engine.compile.runtime.with_methods import async_with_methods, awaitable, kind_of, with_methods
from hitl_nb.errors import Paused as Unwind


class PlainIterator:
    """An iterator whose `__iter__` must not be called again: it may begin from the start."""

    __slots__ = ("iterator",)

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __iter__(self) -> PlainIterator:
        return self

    def __next__(self) -> Any:
        return next(self.iterator)


class PlainAsyncIterator:
    """The same for `async for`."""

    __slots__ = ("iterator",)

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __aiter__(self) -> PlainAsyncIterator:
        return self

    def __anext__(self) -> Any:
        kind = kind_of(self.iterator)
        return kind.__anext__(self.iterator)


class HeldIterator:
    """The delegate of a restored `yield from`: its first step only brings the generator to its place."""

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
        """Return `send`, `throw` or `close` of the iterator; `yield from` works without those that it does not have."""
        return getattr(self.iterator, name)


class ContinuedGenerator:
    """A generator that is continued inside a call of its manager: the first step of that call is over.

    `contextlib` asks it once more, and this request brings it to its saved place.
    """

    def __init__(self, generator: Any) -> None:
        self.generator = generator
        self.is_fresh = True

    def __next__(self) -> Any:
        self.is_fresh = False
        return next(self.generator)

    def throw(self, *args: Any) -> Any:
        """Throw an error into the generator; the first call only brings the generator to its place."""
        if self.is_fresh:
            return next(self)
        return self.generator.throw(*args)

    def close(self) -> None:
        """Close the generator."""
        self.generator.close()


class ContinuedAwait:
    """The awaitable of a restored coroutine whose `await` has begun: gives the iterator that `__await__` returned."""

    __slots__ = ("awaited",)

    def __init__(self, awaited: Any) -> None:
        self.awaited = awaited

    def __await__(self) -> Any:
        return self.awaited.__await__() if kind_of(self.awaited) is types.CoroutineType else self.awaited


class HeldAwait(ContinuedAwait):
    """The same for a coroutine that is brought to its place by its first step."""

    __slots__ = ()

    def __await__(self) -> Any:
        return HeldIterator(self.awaited)


def iterate_async(value: Any) -> Any:
    """Do `aiter(value)` as `async for` does it, with its messages."""
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


def visible(function: Any, found: Any) -> Any:
    """Return the result of `locals()`, `vars()` or `dir()` without the engine's names.

    The name `.0` is kept: it is the comprehension's own.
    """
    if function is builtins.locals or function is builtins.vars:
        return {name: value for name, value in found.items() if not name.startswith(".") or name == ".0"}
    return [name for name in found if not name.startswith(".") or name == ".0"] if function is builtins.dir else found


def visible_inlined(function: Any, found: Any, namespace: dict[str, Any] | None) -> Any:
    """Do the same as `visible` in a comprehension that natively has no frame.

    Args:
        function: the function called, such as `locals`.
        found: its result in the comprehension's frame.
        namespace: the other variables that are visible there; None: there are none.
    """
    seen = visible(function, found)
    if function is builtins.dir:
        return sorted({*(namespace or ()), *(name for name in seen if name != ".0")})
    if function is builtins.locals or function is builtins.vars:
        return {**(namespace or {}), **{name: value for name, value in seen.items() if name != ".0"}}
    return seen


def namespace_view(function: Any, args: tuple[Any, ...], namespace: dict[str, Any]) -> Any:
    """Call `locals`, `vars`, `dir`, `eval` or `exec` at the top of a cell: its local names are the namespace's."""
    if function is builtins.locals or function is builtins.vars:
        return namespace
    if function is builtins.dir:
        return sorted(namespace)
    if function is builtins.eval or function is builtins.exec:
        return function(*args, namespace)
    return function(*args)


def expand(mapping: Any) -> dict[str, Any]:
    """Expand `**mapping` of a call, before later arguments are evaluated."""
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
    """Do `super()` in a continued frame."""
    return cast("Any", super(kind, instance)) if function is super else function()


def import_all(module: str | None, level: int, namespace: dict[str, Any]) -> None:
    """Do `from module import *` into a namespace."""
    exec(f"from {'.' * level}{module or ''} import *", namespace)


def begin_annotations(namespace: dict[str, Any]) -> None:
    """Make `__annotations__` in a namespace, if it has none."""
    namespace.setdefault("__annotations__", {})


_thrown_states: dict[int, tuple[Any, dict[int, tuple[BaseException, Any]]]] = {}


def throw(exception: BaseException) -> None:
    """Raise an exception again in a restored frame; `settle` then puts back what raising it changed.

    Raising can also break a cycle in the contexts of the exceptions that are handled there already.
    """
    contexts: dict[int, tuple[BaseException, Any]] = {id(exception): (exception, exception.__context__)}
    handled = sys.exception()
    while handled is not None and id(handled) not in contexts:
        contexts[id(handled)] = handled, handled.__context__
        handled = handled.__context__
    _thrown_states[id(exception)] = exception.__traceback__, contexts
    raise exception


def settle(exception: BaseException) -> None:
    """Put back the traceback and the contexts that an exception had before it was raised again."""
    traceback, contexts = _thrown_states.pop(id(exception))
    for one, context in contexts.values():
        if one.__context__ is not context:
            one.__context__ = context
    exception.__traceback__ = traceback


def resume_iterator(iterator: Any) -> Iterator[Any]:
    """Make the loop's next turn the one that was begun: its item is recorded already."""
    return itertools.chain((None,), _hide_iter(iterator))


def _hide_iter(iterator: Any) -> Any:
    """Wrap the iterator so that `iter` may be called on it: an `__iter__` of the user may begin from the start."""
    method = getattr(kind_of(iterator), "__iter__", None)
    return PlainIterator(iterator) if method is None or isinstance(method, types.FunctionType) else iterator


def open_iterator(iterator: Any) -> Any:
    """Return the object that a loop reads in place of an iterator that does not report its position."""
    return openers[kind_of(iterator)](iterator)


def keep_iterator(iterator: Any) -> Any:
    """Return the iterator of a loop that an exception leaves; None: it holds a generator of the user, to end now."""
    kind = kind_of(iterator)
    if kind in (enumerate, zip, map, filter):
        return iterator if all(keep_iterator(part) is not None for part in iterator.__reduce__()[1]) else None
    if kind is types.GeneratorType:
        return None if _is_instrumented(iterator.gi_code) else iterator
    return iterator


def _is_instrumented(code: types.CodeType) -> bool:
    mark: Any = code.co_consts[-1] if code.co_consts else None
    return type(mark) is tuple and cast("tuple[Any, ...]", mark)[:1] == (FUNCTION_MARK,)


FUNCTION_MARK = "\0hitl_nb function"  # the first item of the constant that says which function a code object is

openers: dict[type, Callable[[Any], Any]] = {}
"""Types of iterators that do not report their position, each with a function that makes one that does."""


def drive(generator: Any) -> Any:
    """Run the rest of `generator.send(...)` or `generator.throw(...)`, which was left while it ran."""
    return generator.send(None)


def finish_closing(generator: Any) -> Any:
    """Run the rest of `generator.close()`, which was left while the generator or coroutine ran."""
    try:
        drive(generator)
    except GeneratorExit:
        return None
    except StopIteration as stop:
        return stop.value if sys.version_info >= (3, 13) else None
    raise RuntimeError("generator ignored GeneratorExit")


def continue_iterator(pending: Any, iterator: Any) -> Iterator[Any]:
    """Continue a loop that waits for its next item: the pending call gives the item, or reports that there is none."""
    try:
        item = pending()
    except StopIteration:
        return
    yield item
    yield from _hide_iter(iterator)


async def continue_async_iterator(awaitable: Any, iterator: Any) -> AsyncIterator[Any]:
    """Continue a loop that waits for its next item: the awaitable gives the item, or reports that there is none."""
    try:
        item = await awaitable
    except StopAsyncIteration:
        return
    yield item
    async for item in PlainAsyncIterator(iterator):
        yield item


async def resume_async_iterator(iterator: Any) -> AsyncIterator[Any]:
    """Do the same as `resume_iterator` for an asynchronous loop."""
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
    """The functions above as attributes, and `due`: whether the next poll has something to do."""

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
