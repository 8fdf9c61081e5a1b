"""The stack of a run before its first statement has run, as data."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.frames import SavedFrame, SavedStack


def read_initial_stack(entry_point: Callable[[], Any]) -> SavedStack:
    """Return a saved stack of one frame, which has not begun. When this stack is continued, `entry_point` is called.

    Args:
        entry_point: a function of instrumented code, or a `functools.partial` of one. Its arguments are saved in the
            frame.

    Raises:
        CannotSave: The function is not instrumented code.
    """
    function, args, named = _unwrap_partial(entry_point)
    known = find_code(function.__code__) if isinstance(function, types.FunctionType) else None
    if known is None:
        raise CannotSave("its beginning: it is not of instrumented code")
    bound = inspect.signature(function, follow_wrapped=False).bind(*args, **named)
    bound.apply_defaults()
    values = dict(bound.arguments)
    code, closure = function.__code__, function.__closure__ or ()
    cells: dict[str, types.CellType] = dict(zip(code.co_freevars, closure, strict=True))
    for name in code.co_cellvars:
        cells[name] = types.CellType(values.pop(name)) if name in values else types.CellType()
    frame = SavedFrame(known.unit.key, known.function.number, 0, "start", values, cells, function.__globals__)
    return SavedStack([frame], False, {}, [frame])


def _unwrap_partial(call: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Return the function that a `partial` calls, and its positional and keyword arguments.

    A function that is no `partial` is returned without arguments.
    """
    return (call.func, call.args, call.keywords) if isinstance(call, functools.partial) else (call, (), {})
