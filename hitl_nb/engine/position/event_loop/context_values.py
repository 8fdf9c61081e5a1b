"""Values of context variables of the user's modules: in the run's own context, and in those of its tasks.

A module is imported again in another process, and its `ContextVar` has no value there. Values that the run has set,
through functions of the module, are saved by the names of module and variable. They are set again where the run
continues.
"""

from __future__ import annotations

import contextvars
import importlib
import sys
from collections.abc import Callable
from typing import Any

from hitl_nb.errors import HitlError

Values = dict[tuple[str, ...], Any]
"""Values by name: of the module, of the class in it if the variable is a class attribute, and of the variable."""

users: list[Callable[[object], bool]] = []
"""Functions that return whether a module is the user's own; registered by `usermodules`."""

_names: dict[contextvars.ContextVar[Any], tuple[str, ...] | None] = {}
_MOST_NAMED = 1000


def values_in(context: contextvars.Context) -> Values:
    """Return the values of the variables of the user's modules in a context."""
    found: Values = {}
    for variable, value in context.items():
        name = _name_of(variable)
        if name is not None:
            found[name] = value
    return found


def values_apart(context: contextvars.Context, common: contextvars.Context) -> Values:
    """Return the values that are in `context` and missing or different in `common`."""
    known = values_in(common)
    return {name: value for name, value in values_in(context).items() if name not in known or known[name] is not value}


def set_values(values: Values) -> None:
    """Set the values in the current context.

    Raises:
        HitlError: A module cannot be imported, or it no longer has the variable.
    """
    for (module, *path), value in values.items():
        found: Any
        try:
            found = importlib.import_module(module)
            for attribute in path:
                found = getattr(found, attribute)
            found.set(value)
        except (ImportError, AttributeError) as error:
            raise HitlError(
                f"the agent has set the context variable {'.'.join((module, *path))}, and it is not here ({error}); "
                "have the module as it was, or begin the run again with --restart"
            ) from error


def _name_of(variable: contextvars.ContextVar[Any]) -> tuple[str, ...] | None:
    if variable not in _names:
        if len(_names) >= _MOST_NAMED:
            _names.clear()
        _names[variable] = _find(variable)
    return _names[variable]


def _find(variable: contextvars.ContextVar[Any]) -> tuple[str, ...] | None:
    for name, module in list(sys.modules.items()):
        if not any(is_users(module) for is_users in users):
            continue
        for attribute, value in list(vars(module).items()):
            if value is variable:
                return name, attribute
            if isinstance(value, type) and value.__module__ == name:
                for inner, held in list(vars(value).items()):
                    if held is variable:
                        return name, attribute, inner
    return None
