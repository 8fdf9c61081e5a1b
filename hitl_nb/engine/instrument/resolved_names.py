"""Qualified names of the modules, functions and classes that the names in a namespace refer to."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any


def make_resolver(namespace: Mapping[str, Any]) -> Callable[[str], str | None]:
    """Make a function that returns the qualified name of the object that a name refers to in this namespace.

    The function returns None for a name that the namespace does not have.
    """

    def resolve(name: str) -> str | None:
        try:
            value = namespace[name]
        except KeyError:
            return None
        return find_qualified_name(value)

    return resolve


def find_qualified_name(value: Any) -> str | None:
    """Return the qualified name of a value, such as `numba.core.decorators.njit`, without running code of the value.

    For an object that is no module, class or function, it is the name of its class. None if there is no such name.
    """
    if isinstance(value, types.ModuleType):
        return vars(value).get("__name__")
    kind: Any = value if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) else type(value)
    module, name = getattr(kind, "__module__", None), getattr(kind, "__qualname__", None)
    return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else None
