"""Values of context variables that belong to modules: in the run's own context, and in the contexts of its tasks.

Another process imports the module again, and its `ContextVar` has no value there. Values that the run has set, through
functions of the module, are saved by the names of module and variable. They are set again when the run continues. For
modules of the user all values are saved. For installed packages only plain data is saved, because other values are
often handles of this process (an event loop, an open span); `list_unsaved_variables` lists these.
"""

from __future__ import annotations

import contextvars
import datetime as dt
import importlib
import sys
import uuid
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from hitl_nb.errors import HitlError

AllValues = Mapping[contextvars.ContextVar[Any], Any]
"""Values by variable: a context, or a copy of it."""

Values = dict[tuple[str, ...], Any]
"""Values by name. The name is a tuple: the module, a class in it if the variable is its attribute, and the variable."""

users: list[Callable[[object], bool]] = []
"""Functions that return whether a module is the user's own. `user_modules` registers one."""

_names: dict[contextvars.ContextVar[Any], tuple[str, ...] | None] = {}
_package_names: dict[contextvars.ContextVar[Any], tuple[str, ...] | None] = {}
_MOST_NAMED = 1000

_NOT_OF_THE_RUN = frozenset(
    (
        *("hitl_nb", "IPython", "ipykernel", "jupyter_core", "jupyter_server", "prompt_toolkit", "tornado", "zmq"),
        *("asyncio", "anyio", "sniffio"),
        *("decimal", "_pydecimal", "numpy"),  # other parts of the snapshot save these
    )
)
"""Packages whose context variables the front end, the event loop or another part of the snapshot takes care of."""
_OWN_PREFIX = "hitl_nb"
_DECIMAL_CONTEXT = "decimal_context"  # the variable of the C module, which has no attribute for it
_MISSING: Any = object()


def values_apart(context: contextvars.Context, common: contextvars.Context) -> Values:
    """Return the values of context variables that one context has and another context lacks or has with another value.

    Values that cannot be saved are left out.

    Args:
        context: a context, for example of a task.
        common: the other context, for example of the run itself.

    Returns:
        Name -> value. A name is (module, class if there is one, variable).
    """
    return find_new_values(context, common)


def find_new_values(now: AllValues, before: AllValues) -> Values:
    """Find the values of context variables that are new or different since the run began, and that can be saved.

    Args:
        now: all values of the context now.
        before: all values that the context had before the run.

    Returns:
        Name -> value. A name is (module, class if there is one, variable).
    """
    found: Values = {}
    for variable, value in now.items():
        if before.get(variable, _MISSING) is not value:
            name = _find_saved_name(variable, value)
            if name is not None:
                found[name] = value
    return found


def list_unsaved_variables(now: AllValues, before: AllValues) -> list[str]:
    """List the context variables whose new value is not saved, as text for a message: `NAME of PACKAGE`.

    Args:
        now: all values of the context now.
        before: all values that the context had before the run.
    """
    return sorted(
        _describe_variable(variable)
        for variable, value in now.items()
        if before.get(variable, _MISSING) is not value
        and _is_of_the_run(variable)
        and _find_saved_name(variable, value) is None
    )


def _find_saved_name(variable: contextvars.ContextVar[Any], value: Any) -> tuple[str, ...] | None:
    name = _find_user_name(variable)
    if name is None and _is_of_the_run(variable) and _is_plain_data(value):
        name = _find_package_name(variable)
    return name


def _is_of_the_run(variable: contextvars.ContextVar[Any]) -> bool:
    """Return whether the run may have set a context variable, and no other part of the snapshot saves the variable."""
    if variable.name == _DECIMAL_CONTEXT or variable.name.startswith(_OWN_PREFIX):
        return False
    name = _find_user_name(variable) or _find_package_name(variable)
    return name is None or name[0].partition(".")[0] not in _NOT_OF_THE_RUN


def _describe_variable(variable: contextvars.ContextVar[Any]) -> str:
    name = _find_package_name(variable)
    return variable.name if name is None else f"{variable.name} of {name[0].partition('.')[0]}"


def _kind_of(value: object) -> Any:
    return type(value)


def _is_plain_data(value: Any, depth: int = 8) -> bool:
    kind = _kind_of(value)
    if kind in _ATOMS:
        return True
    if not depth or kind not in (list, tuple, set, frozenset, dict) or len(value) > 1000:
        return False
    parts = [*value.keys(), *value.values()] if kind is dict else value
    return all(_is_plain_data(part, depth - 1) for part in parts)


_ATOMS = frozenset(
    (
        *(int, float, complex, bool, str, bytes, type(None)),
        *(dt.datetime, dt.date, dt.time, dt.timedelta, uuid.UUID),
    )
)


def set_values(values: Values) -> None:
    """Set saved values of context variables in the current context. The modules of the variables are imported.

    Args:
        values: name -> value. A name is (module, class if there is one, variable).

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


def _find_user_name(variable: contextvars.ContextVar[Any]) -> tuple[str, ...] | None:
    """Find the name (module, class if there is one, variable) of a variable of the user's modules; None for others."""
    if variable not in _names:
        if len(_names) >= _MOST_NAMED:
            _names.clear()
        _names[variable] = _search_modules(variable, lambda module: any(is_users(module) for is_users in users))
    return _names[variable]


def _find_package_name(variable: contextvars.ContextVar[Any]) -> tuple[str, ...] | None:
    """Find the name (module, class if there is one, variable) of a context variable, in all imported modules.

    None: no module has the variable, because it was made at run time.
    """
    if _package_names.get(variable) is None:  # a module may have been imported since
        if len(_package_names) >= _MOST_NAMED:
            _package_names.clear()
        _package_names[variable] = _search_modules(variable, lambda module: isinstance(module, ModuleType))
    return _package_names[variable]


def _search_modules(
    variable: contextvars.ContextVar[Any], is_searched: Callable[[object], bool]
) -> tuple[str, ...] | None:
    for name, module in list(sys.modules.items()):
        if name == "__main__" or not is_searched(module):
            continue
        for attribute, value in list(vars(module).items()):
            if value is variable:
                return name, attribute
            if isinstance(value, type) and value.__module__ == name:
                for inner, held in list(vars(value).items()):
                    if held is variable:
                        return name, attribute, inner
    return None
