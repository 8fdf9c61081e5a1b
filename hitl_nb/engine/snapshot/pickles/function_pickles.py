"""Pickle functions by value. Loading makes them again with the same globals and closure cells."""

from __future__ import annotations

import functools
import importlib
import sys
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

from hitl_nb.engine.snapshot.pickles.function_caches import fill_cache, make_empty, make_filled, read_cache

_cloudpickle: Any = importlib.import_module("cloudpickle.cloudpickle")


def make_function(code: CodeType, globals_: dict[str, Any], closure: tuple[CellType, ...] | None) -> FunctionType:
    """Make a function from its code, globals and closure cells. `set_function` sets its name and defaults later."""
    return FunctionType(code, globals_, None, None, closure)


def read_function_state(function: FunctionType) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the state of a function: (its own attributes, its special attributes such as `__defaults__`).

    `set_function` restores this state. Texts that other objects may share are copied. cloudpickle's own function
    returns the same form, but is not used here. It also searches all of `sys.modules` for submodules, which are not
    needed.
    """
    slots = {
        "__name__": "".join(function.__name__),
        "__qualname__": "".join(function.__qualname__),
        "__annotations__": function.__annotations__,
        "__kwdefaults__": function.__kwdefaults__,
        "__defaults__": function.__defaults__,
        "__module__": function.__module__,
        "__doc__": function.__doc__,
    }
    slots |= read_type_parameters(function)
    return {"".join(name): value for name, value in function.__dict__.items()}, slots


def read_type_parameters(function: FunctionType) -> dict[str, Any]:
    """Return `{"__type_params__": ...}` for a function with type parameters (Python 3.12), else an empty dict."""
    parameters: Any = getattr(function, "__type_params__", ())
    return {"__type_params__": parameters} if parameters else {}


def set_function(function: FunctionType, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Set the attributes of a function from its saved state, as `read_function_state` returned it."""
    attributes, slots = state
    function.__dict__.update(attributes)
    for name, value in slots.items():
        setattr(function, name, value)


def _set_cell(cell: CellType, state: tuple[Any]) -> None:
    cell.cell_contents = state[0]


def set_module(module: ModuleType, variables: dict[str, Any]) -> None:
    """Set the variables of a module that was saved by value."""
    vars(module).update(variables)


def module_globals(name: str) -> dict[str, Any]:
    """Return the globals of a module (its `__dict__`). The module is imported if necessary."""
    __import__(name)
    return sys.modules[name].__dict__


class ModuleGlobals:
    """A placeholder that is pickled in place of the globals of an importable module."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return (module_globals, (self.name,))


class ModuleVariables:
    """A placeholder that is pickled in place of the globals of a module that is saved by value."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def __reduce__(self) -> tuple[Any, ...]:
        return (vars, (self.module,))


def reduce_cached(function: Any, *, is_filled: bool) -> Any:
    """Return the `__reduce__` tuple of a cached function, with the function that it wraps.

    NotImplemented if the function can be imported from a module, so that pickle saves its name.

    Args:
        function: A function of `functools.cache` or `lru_cache`.
        is_filled: True: include the remembered results.
    """
    if _cloudpickle._lookup_module_and_qualname(function) is not None:
        return NotImplemented  # the function is found in its module
    attributes = {k: v for k, v in function.__dict__.items() if k not in ("__wrapped__", "cache_parameters")}
    about = function.cache_parameters()
    made = (function.__wrapped__, about["maxsize"], about["typed"], attributes)
    contents = read_cache(function) if is_filled else None
    is_used = contents is not None and (contents.calls or contents.misses)
    return (make_filled, made, contents, None, None, fill_cache) if is_used else (make_empty, made)


_DISPATCH: Any = vars(functools)["singledispatch"](print).__code__


def is_dispatching(function: Any) -> bool:
    """Return True if a function was made by `functools.singledispatch`."""
    return isinstance(function, FunctionType) and function.__code__ is _DISPATCH


def make_dispatching(function: Any, registry: dict[type, Any]) -> Any:
    """Make a function of `functools.singledispatch` with its registered implementations.

    Args:
        function: The implementation for `object`.
        registry: Class -> implementation.
    """
    made: Any = functools.singledispatch(function)
    for cls, implementation in registry.items():
        if cls is not object:
            made.register(cls, implementation)
    return made


def read_cell_state(cell: CellType) -> tuple[Any, ...]:
    """Return the items that follow the constructor and its arguments in the `__reduce__` tuple of a closure cell.

    They restore the content of the cell. The result is empty for an empty cell.
    """
    try:
        return ((cell.cell_contents,), None, None, _set_cell)
    except ValueError:
        return ()
