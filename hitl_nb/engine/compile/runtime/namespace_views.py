"""Functions with which `locals`, `vars`, `dir`, `eval`, `exec` and `from module import *` work as in plain Python.

The engine compiles a cell to a function and adds local variables. So without these functions, user code would see the
engine's names, and not the namespace of the notebook. They are attributes of the object `RUNTIME`. No pickle names
them.
"""

from __future__ import annotations

import builtins
from typing import Any


def visible(function: Any, found: Any) -> Any:
    """Return a result of `locals()`, `vars()` or `dir()` without the engine's names, which begin with a dot.

    The name `.0` is kept: Python itself gives it to the argument of a comprehension.

    Args:
        function: The function that was called.
        found: Its result. It is returned unchanged if `function` is another function.
    """
    if function is builtins.locals or function is builtins.vars:
        return {name: value for name, value in found.items() if not name.startswith(".") or name == ".0"}
    return [name for name in found if not name.startswith(".") or name == ".0"] if function is builtins.dir else found


def visible_inlined(function: Any, found: Any, namespace: dict[str, Any] | None) -> Any:
    """Return a result of `locals()`, `vars()` or `dir()` in a comprehension, without the engine's names.

    Since Python 3.12, `locals()` in a list comprehension also shows the variables around it (PEP 709). The engine makes
    a function of the comprehension, so those variables are added here.

    Args:
        function: The function that was called; the result of another function is returned unchanged.
        found: The result of the function in the comprehension's frame.
        namespace: The variables around the comprehension; None: there are none.
    """
    seen = visible(function, found)
    if function is builtins.dir:
        return sorted({*(namespace or ()), *(name for name in seen if name != ".0")})
    if function is builtins.locals or function is builtins.vars:
        return {**(namespace or {}), **{name: value for name, value in seen.items() if name != ".0"}}
    return seen


def namespace_view(function: Any, args: tuple[Any, ...], namespace: dict[str, Any]) -> Any:
    """Call `locals`, `vars`, `dir`, `eval` or `exec` (`function`) with the namespace of the notebook.

    The engine compiles a cell to a function, so at the top level `locals()` would return variables of that function.
    """
    if function is builtins.locals or function is builtins.vars:
        return namespace
    if function is builtins.dir:
        return sorted(namespace)
    if function is builtins.eval or function is builtins.exec:
        return function(*args, namespace)
    return function(*args)


def import_all(module: str | None, level: int, namespace: dict[str, Any]) -> None:
    """Execute `from module import *` in a namespace."""
    exec(f"from {'.' * level}{module or ''} import *", namespace)


def begin_annotations(namespace: dict[str, Any]) -> None:
    """Add an empty `__annotations__` to a namespace that has none."""
    namespace.setdefault("__annotations__", {})
