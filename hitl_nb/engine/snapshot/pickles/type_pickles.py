"""Pickle parts of annotations by value: new types (`NewType`), type parameters, and type aliases.

Standard pickle saves them as a name in their module. In a new kernel, that name does not exist until its cells were
executed.
"""

from __future__ import annotations

import functools
import importlib
import sys
import typing
from collections.abc import Callable
from typing import Any

_cloudpickle: Any = importlib.import_module("cloudpickle.cloudpickle")

_BY_SYNTAX = "typing"
"""The module of a type parameter that was made by syntax, as in `def f[T](): ...`."""

_VALUE = "\0value"


def type_reducers() -> dict[Any, Callable[[Any], Any]]:
    """Return functions that make `__reduce__` tuples, by type: for new types, type parameters and type aliases.

    Types that this version of Python lacks are left out.
    """
    found: dict[Any, Callable[[Any], Any]] = {typing.NewType: _reduce_new_type}
    for kind in ("TypeVar", "ParamSpec", "TypeVarTuple"):
        found[getattr(typing, kind)] = _reduce_parameter
    alias: Any = getattr(typing, "TypeAliasType", None)  # since Python 3.12
    if alias is not None:
        found[alias] = _reduce_alias
    return found


def _is_importable(value: Any) -> bool:
    module = sys.modules.get(value.__module__ or "")
    return module is not None and value.__module__ != "__main__" and vars(module).get(value.__name__) is value


def _reduce_new_type(value: Any) -> Any:
    if _is_importable(value):
        return value.__reduce__()
    about = (value.__name__, value.__qualname__, value.__module__, value.__supertype__)
    return (_make_new_type, (_number_of(value), *about))


def _number_of(value: Any) -> str:
    """Return an id for a type, which is saved with it. Copies of the type in several pickles then become one object."""
    return _cloudpickle._get_or_create_tracker_id(value)


def _one(number: str, made: Any) -> Any:
    return _cloudpickle._lookup_class_or_track(number, made)


def _make_new_type(number: str, name: str, qualname: str, module: str, supertype: Any) -> Any:
    make: Any = typing.NewType
    made: Any = make(name, supertype)
    made.__qualname__, made.__module__ = qualname, module
    return _one(number, made)


def _reduce_parameter(value: Any) -> Any:
    if _is_importable(value):
        return value.__name__
    given = {name: f"__{name}__" for name in ("bound", "covariant", "contravariant", "infer_variance")}
    options = {name: getattr(value, attribute) for name, attribute in given.items() if hasattr(value, attribute)}
    has_default: Any = getattr(value, "has_default", None)  # since Python 3.13
    if has_default is not None and has_default():
        options["default"] = value.__default__
    kind, is_syntax = type(value).__name__, value.__module__ == _BY_SYNTAX
    if kind == "TypeVarTuple":
        options = {name: option for name, option in options.items() if name == "default"}
    if is_syntax:
        options = {name: option for name, option in options.items() if name in ("bound", "default")}
    return (
        _make_by_syntax if is_syntax else _make_parameter,
        (_number_of(value), (kind, value.__name__), value.__module__, getattr(value, "__constraints__", ()), options),
    )


def _make_parameter(
    number: str, named: tuple[str, str], module: str, constraints: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    kind, name = named
    made: Any = getattr(typing, kind)(name, *constraints, **options)
    made.__module__ = module
    return _one(number, made)


_STARS = {"TypeVar": "", "ParamSpec": "**", "TypeVarTuple": "*"}


def _make_by_syntax(
    number: str, named: tuple[str, str], _: str, constraints: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    kind, name = named
    text = f"{_STARS[kind]}{name}"
    if constraints:
        text += ": (*constraints,)"
    elif options.get("bound") is not None:
        text += ": bound"
    if "default" in options:
        text += " = default"
    space: dict[str, Any] = {"constraints": constraints, **options}
    exec(f"def made[{text}](): ...", space)
    made: Any = space["made"].__type_params__[0]
    # Evaluate these attributes now: Python keeps the result, so names are not looked up later.
    for attribute in ("__bound__", "__constraints__", "__default__"):
        getattr(made, attribute, None)
    return _one(number, made)


def _reduce_alias(value: Any) -> Any:
    if _is_importable(value):
        return value.__name__
    if value.__type_params__:
        return (_make_generic_alias, (value.__name__, value.__module__, value.__value__, value.__type_params__))
    held: dict[str, Any] = {}  # filled after the alias was made, because its value may refer to the alias
    return (_make_alias, (value.__name__, value.__module__, held), (held, value.__value__), None, None, _set_alias)


def _make_generic_alias(name: str, module: str, value: Any, parameters: tuple[Any, ...]) -> Any:
    space: dict[str, Any] = {"__name__": module, "make": functools.partial(_alias_type(), name, value)}
    return eval("make(type_params=parameters)", {**space, "parameters": parameters})


def _alias_type() -> Any:
    return getattr(typing, "TypeAliasType")  # noqa: B009 - Python 3.11 does not have it


def _make_alias(name: str, module: str, held: dict[str, Any]) -> Any:
    space: dict[str, Any] = {"__name__": module, "value_of": lambda: held[_VALUE]}
    exec(f"type {name} = value_of()", space)
    return space[name]


def _set_alias(alias: Any, state: tuple[dict[str, Any], Any]) -> None:
    held, value = state
    held[_VALUE] = value
