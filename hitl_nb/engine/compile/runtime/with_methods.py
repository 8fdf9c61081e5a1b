"""Look-up of the two methods that instrumented `with` and `async with` call, with the interpreter's error messages."""

from __future__ import annotations

import inspect
import types
from typing import Any, cast

from hitl_nb.engine.compile.runtime.raised_errors import make_raiser


def kind_of(value: Any) -> Any:
    """Return the type of a value, typed as `Any` for the type checker."""
    return cast("Any", type(value))


def awaitable(value: Any, method: str) -> Any:
    """Check that `async with` can await a value, and return the value.

    Args:
        value: The result of `__aenter__` or `__aexit__`.
        method: Name of that method, for the message.

    Raises:
        TypeError: The value cannot be awaited. The message is the interpreter's.
    """
    kind = kind_of(value)
    is_marked = kind is types.GeneratorType and value.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE
    if kind is not types.CoroutineType and not is_marked and not hasattr(kind, "__await__"):
        raise TypeError(
            f"'async with' received an object from {method} that does not implement __await__: {kind.__name__}"
        )
    return value


def with_methods(manager: Any) -> tuple[Any, Any]:
    """Return the functions that `with` calls: (enter, exit). Each takes the manager as its first argument.

    If the manager lacks one of the methods, the first function raises Python's `TypeError`, and the second item is
    None.
    """
    kind: Any = type(manager)  # pyright: ignore[reportUnknownVariableType]  # `cast` is a call, and this is called often
    known = _plain_managers.get(id(kind))
    try:
        if known is not None and kind.__enter__ is known[0] and kind.__exit__ is known[1]:
            return known
    except AttributeError:
        pass
    try:
        found = _find_two_methods(manager, "__enter__", "__exit__", "the context manager protocol")
    except TypeError as error:
        return make_raiser(error), None
    if type(found[0]) is types.FunctionType and type(found[1]) is types.FunctionType:
        if len(_plain_managers) > _MAX_PLAIN_MANAGERS:
            _plain_managers.clear()
        _plain_managers[id(kind)] = found
    return found


_plain_managers: dict[int, tuple[Any, Any]] = {}
"""Maps the `id` of a class to its two methods, if both are plain functions. A cache: it may be cleared at any time."""
_MAX_PLAIN_MANAGERS = 200


def async_with_methods(manager: Any) -> tuple[Any, Any]:
    """Return the functions that `async with` calls: (enter, exit). Each takes the manager as its first argument.

    If the manager lacks one of the methods, the first function raises Python's `TypeError`, and the second item is
    None.
    """
    try:
        return _find_two_methods(manager, "__aenter__", "__aexit__", "the asynchronous context manager protocol")
    except TypeError as error:
        return make_raiser(error), None


def _find_two_methods(manager: Any, enter: str, leave: str, protocol: str) -> tuple[Any, Any]:
    name = type(manager).__name__
    first = _find_special_method(manager, enter)
    if first is None:
        raise TypeError(f"'{name}' object does not support {protocol}")
    second = _find_special_method(manager, leave)
    if second is None:
        raise TypeError(f"'{name}' object does not support {protocol} (missed {leave} method)")
    return first, second


def _find_special_method(value: Any, name: str) -> Any:
    """Find a special method on the type of `value`, as the interpreter does.

    Returns:
        A function that takes the object as first argument; None if there is no such method.
    """
    for kind in kind_of(value).__mro__:
        if name in kind.__dict__:
            method: Any = kind.__dict__[name]
            if type(method) is types.FunctionType:
                return method
            bind: Any = getattr(kind_of(method), "__get__", None)
            return BoundMethod(method if bind is None else bind(method, value, kind_of(value)))
    return None


class BoundMethod:
    """Wrapper of a special method, such as `__enter__`, that is already bound to its object.

    It is called with the object as first argument, as a plain function is, and ignores that argument.
    """

    __slots__ = ("method",)

    def __init__(self, method: Any) -> None:
        self.method = method

    def __call__(self, manager: Any, *args: Any) -> Any:
        """Call the bound method with `args`. `manager`, the object of the method, is ignored."""
        return self.method(*args)
