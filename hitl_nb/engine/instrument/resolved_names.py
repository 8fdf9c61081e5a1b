"""Qualified names of the modules, functions and classes that the names of a namespace refer to."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any


def make_resolver(namespace: Mapping[str, Any]) -> Callable[[str], str | None]:
    """Make a function that returns the qualified name of the object that a name of this namespace refers to."""

    def resolve(name: str) -> str | None:
        try:
            value = namespace[name]
        except KeyError:
            return None
        return find_qualified_name(value)

    return resolve


def find_qualified_name(value: Any) -> str | None:
    """Return a qualified name, such as `numba.core.decorators.njit`, without running code of the value."""
    if isinstance(value, types.ModuleType):
        return vars(value).get("__name__")
    kind: Any = value if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) else type(value)  # pyright: ignore[reportUnknownVariableType]
    module, name = getattr(kind, "__module__", None), getattr(kind, "__qualname__", None)
    return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else None
