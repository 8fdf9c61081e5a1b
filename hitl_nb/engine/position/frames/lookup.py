"""Finds the object to which an expression refers in a frame, without running code of the user.

A *filed value* is an intermediate value that instrumented code keeps in a local variable, for example `.t0`.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import functools
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.compile.runtime import with_methods as withmethods
from hitl_nb.engine.compile.tree.nodes import is_engine_name

MISSING = object()
"""Returned by a lookup if the value cannot be known without running code of the user."""


class FrameView:
    """A frame of the live stack, with a copy of its local variables (each read of `f_locals` copies all of them).

    Args:
        frame: the frame.
        lasti: index of the instruction to look at, for a frame that an error has left. None: the frame's current one.

    Attributes:
        instrumented_code: data about the frame's code; None if the code is not instrumented.
    """

    __slots__ = ("code", "frame", "globals", "instrumented_code", "lasti", "locals")

    def __init__(self, frame: types.FrameType, lasti: int | None = None) -> None:
        self.frame = frame
        self.lasti = lasti  # None: the frame's current instruction
        self.code = frame.f_code
        self.instrumented_code = find_code(frame.f_code)
        self.locals = _copy_locals(frame)
        self.globals = frame.f_globals


def _copy_locals(frame: types.FrameType) -> dict[str, Any]:
    """Copy the locals of a frame. The copy does not keep a value alive after the frame has dropped it.

    Before Python 3.13 a frame keeps the dict of `f_locals` until `f_locals` is read again. That dict is emptied if no
    other object refers to it. It is not emptied while a tracer is set, because Python would then write the empty dict
    back to the frame.
    """
    found = frame.f_locals
    values = dict(found)
    is_copy = frame.f_code.co_flags & inspect.CO_OPTIMIZED and found is not frame.f_globals
    if is_copy and type(found) is dict and sys.gettrace() is None and sys.getrefcount(found) == _EXPECTED_REFERENCES:
        found.clear()
    return values


_EXPECTED_REFERENCES = 3
"""References to the dict of `f_locals`: by the frame, by the variable, and by the argument of `getrefcount`."""


def look_up(node: ast.AST, view: FrameView) -> Any:
    """Look up the value of an expression in a frame, without running code of the user.

    Args:
        node: an expression of names, attributes, `super()` and values that were kept in locals such as `.t0`.
        view: the frame.

    Returns:
        The value, or MISSING if the expression has other parts or the value is not found.
    """
    match node:
        case ast.NamedExpr(target=ast.Name(id=name)) if is_engine_name(name):
            return view.locals.get(name, MISSING)
        case ast.Name(id=name):
            for names in (view.locals, view.globals, builtins.__dict__):
                if name in names:
                    return names[name]
            return MISSING
        case ast.Attribute(value=value, attr=name):
            return _look_up_attribute(look_up(value, view), name, view)
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=index)) if is_engine_name(name):
            methods: Any = view.locals.get(name)  # of a `with`
            return cast("Any", methods)[index] if type(methods) is tuple else MISSING
        case ast.Call(func=ast.Name(id="super")):
            return _look_up_super(node, view)
        case _:
            return MISSING


def _look_up_super(node: ast.Call, view: FrameView) -> Any:
    if look_up(node.func, view) is not super:
        return MISSING
    known = view.instrumented_code
    if node.args or known is None:
        found: list[Any] = [look_up(arg, view) for arg in node.args]
    else:
        names = "__class__", known.function.first_parameter or ""
        found = [view.locals.get(name, MISSING) for name in names]
    if len(found) != 2 or any(value is MISSING for value in found):
        return MISSING
    kind, instance = found
    return cast("Any", super(kind, instance))


def _look_up_attribute(value: Any, name: str, view: FrameView) -> Any:
    if value is MISSING:
        return MISSING
    if isinstance(value, types.ModuleType):
        return vars(value).get(name, MISSING)
    if type(value) is super:
        return getattr(value, name, MISSING)
    for candidate in (name, *_find_mangled_names(name, view)):
        try:
            found = inspect.getattr_static(value, candidate)
        except AttributeError:
            continue
        return found.__func__ if isinstance(found, _METHOD_WRAPPERS) else found
    return MISSING


_METHOD_WRAPPERS: Any = (staticmethod, classmethod)


def _find_mangled_names(name: str, view: FrameView) -> list[str]:
    """Find the names to which Python may have changed a private name: for `__x` in class `C` this is `_C__x`."""
    if not name.startswith("__") or name.endswith("__"):
        return []
    return [other for other in view.code.co_names if other.endswith(name) and other != name]


def callee_of(value: Any) -> Any:
    """Return the function behind bound methods and `functools.partial` objects; other values unchanged."""
    while isinstance(value, types.MethodType | functools.partial):
        value = value.__func__ if isinstance(value, types.MethodType) else value.func
    return value


passthrough_codes: set[types.CodeType] = set()
"""Codes of functions that only call another function with their own arguments and return its result."""
_callable_openers: dict[type, Callable[[Any], Any]] = {}
"""By type: a function that returns the object which an instance of the type calls."""


def register_passthrough(kind: type, code: types.CodeType, opener: Callable[[Any], Any]) -> None:
    """Register a type whose instances only pass their call on to another object.

    Args:
        kind: the type.
        code: the code that runs when an instance is called. Frames of this code are left out of a saved stack.
        opener: takes an instance, and returns the object that the instance calls.
    """
    passthrough_codes.add(code)
    _callable_openers[kind] = opener


def find_called_function(value: Any, inner: types.FrameType) -> tuple[types.FunctionType | None, bool]:
    """Find the function that runs in the frame `inner` if `value` is called.

    Returns:
        (the function, whether it is the `__init__` of the class `value`). (None, False): the call of `value` does not
        run `inner` directly; other code runs between the call and `inner`.
    """
    value = callee_of(value)
    if isinstance(value, withmethods.BoundMethod):
        value = callee_of(value.method)
    opener = _callable_openers.get(_kind_of(value))
    if opener is not None:
        value = callee_of(opener(value))
    is_class, kind = isinstance(value, type), _kind_of(value)
    function: Any = value
    if is_class:
        function = value.__init__ if kind.__call__ is type.__call__ else None
    elif not isinstance(value, types.FunctionType):
        function = inspect.getattr_static(kind, "__call__", None)
    return (
        (function, is_class)
        if isinstance(function, types.FunctionType) and _is_code_of(function, inner)
        else (None, False)
    )


def _kind_of(value: Any) -> Any:
    return cast("Any", type(value))


def _is_code_of(function: types.FunctionType, inner: types.FrameType) -> bool:
    if function.__code__ is inner.f_code:
        return True
    mine, its = find_code(function.__code__), find_code(inner.f_code)
    return mine is not None and its is not None and mine.function is its.function


def frame_inside_wait_for(value: Any) -> types.FrameType | None:
    """Return the frame of a generator or coroutine.

    For a coroutine of `asyncio.wait_for`, it is the frame of the coroutine that `wait_for` awaits. None for other
    values, and for a generator or coroutine that has ended.
    """
    return frame_of(unwrap_wait_for(value))


def unwrap_wait_for(value: Any) -> Any:
    """Return the object that a coroutine of `asyncio.wait_for` awaits; other values are returned as they are.

    From Python 3.12 on, `wait_for` awaits a coroutine itself, without a task of its own.
    """
    found: Any = value
    while isinstance(found, types.CoroutineType) and found.cr_code is WAIT_FOR and found.cr_frame is not None:
        found = cast("Any", found.cr_frame.f_locals.get("fut"))
    return cast("Any", found)


WAIT_FOR = asyncio.wait_for.__code__


def frame_of(value: Any) -> types.FrameType | None:
    """Return the frame of a generator or coroutine; None for other values, and for one that has ended."""
    if isinstance(value, types.GeneratorType):
        return value.gi_frame
    return value.cr_frame if isinstance(value, types.CoroutineType) else None
