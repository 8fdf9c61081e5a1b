"""Functions that are saved by value: made again over the same globals and cells, with what they hold."""

from __future__ import annotations

import functools
import importlib
import sys
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

from hitl_nb.engine.snapshot.pickles.function_caches import fill_cache, make_empty, make_filled, read_cache

_cloudpickle: Any = importlib.import_module("cloudpickle.cloudpickle")


def make_function(code: CodeType, globals_: dict[str, Any], closure: tuple[CellType, ...] | None) -> FunctionType:
    """Make a function without name and defaults: `set_function` sets them."""
    return FunctionType(code, globals_, None, None, closure)


def read_function_state(function: FunctionType) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the state that `set_function` gives a function again, in cloudpickle's form.

    Texts that others may share are copied. cloudpickle's own function also looks through all of `sys.modules` for
    submodules, which are not kept here.
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
    """Read the type parameters that a function may have since Python 3.12, by the attribute that has them."""
    parameters: Any = getattr(function, "__type_params__", ())
    return {"__type_params__": parameters} if parameters else {}


def set_function(function: FunctionType, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Set the attributes of a function from its saved state."""
    attributes, slots = state
    function.__dict__.update(attributes)
    for name, value in slots.items():
        setattr(function, name, value)


def _set_cell(cell: CellType, state: tuple[Any]) -> None:
    cell.cell_contents = state[0]


def set_module(module: ModuleType, variables: dict[str, Any]) -> None:
    """Set the variables of a module that is saved itself."""
    vars(module).update(variables)


def module_globals(name: str) -> dict[str, Any]:
    """Get the globals of a module, which is imported if it is not."""
    __import__(name)
    return sys.modules[name].__dict__


class ModuleGlobals:
    """A replacement for the globals of an importable module."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return (module_globals, (self.name,))


class ModuleVariables:
    """A replacement for the globals of a module that is saved itself."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def __reduce__(self) -> tuple[Any, ...]:
        return (vars, (self.module,))


def reduce_cached(function: Any, *, is_filled: bool) -> Any:
    """Reduce a function with a cache: made again around the function, with the results that it holds if `is_filled`."""
    if _cloudpickle._lookup_module_and_qualname(function) is not None:
        return NotImplemented  # of a module: found there
    attributes = {k: v for k, v in function.__dict__.items() if k not in ("__wrapped__", "cache_parameters")}
    about = function.cache_parameters()
    made = (function.__wrapped__, about["maxsize"], about["typed"], attributes)
    contents = read_cache(function) if is_filled else None
    is_used = contents is not None and (contents.calls or contents.misses)
    return (make_filled, made, contents, None, None, fill_cache) if is_used else (make_empty, made)


_DISPATCH: Any = vars(functools)["singledispatch"](print).__code__


def is_dispatching(function: Any) -> bool:
    """Tell whether a function was made by `functools.singledispatch`."""
    return isinstance(function, FunctionType) and function.__code__ is _DISPATCH


def make_dispatching(function: Any, registry: dict[type, Any]) -> Any:
    """Make a function of `functools.singledispatch` with its registered implementations."""
    made: Any = functools.singledispatch(function)
    for cls, implementation in registry.items():
        if cls is not object:
            made.register(cls, implementation)
    return made


def read_cell_state(cell: CellType) -> tuple[Any, ...]:
    """Reduce the content of a closure's cell for pickle; an empty tuple if the cell has no value."""
    try:
        return ((cell.cell_contents,), None, None, _set_cell)
    except ValueError:
        return ()
