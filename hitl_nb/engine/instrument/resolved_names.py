"""What a name of a namespace stands for: the qualified name of a module, function or class."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any


def make_resolver(namespace: Mapping[str, Any]) -> Callable[[str], str | None]:
    """A function from names of this namespace to what they stand for."""

    def resolve(name: str) -> str | None:
        try:
            value = namespace[name]
        except KeyError:
            return None
        return find_qualified_name(value)

    return resolve


def find_qualified_name(value: Any) -> str | None:
    """`numba.core.decorators.njit`, say. Runs no code of the value's."""
    if isinstance(value, types.ModuleType):
        return vars(value).get("__name__")
    kind: Any = value if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) else type(value)  # pyright: ignore[reportUnknownVariableType]
    module, name = getattr(kind, "__module__", None), getattr(kind, "__qualname__", None)
    return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else None
