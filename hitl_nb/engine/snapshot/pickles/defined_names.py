"""Names of functions and classes: those under which the notebook, or a module, defines them."""

from __future__ import annotations

import inspect
import sys
from types import FunctionType
from typing import Any

from hitl_nb.engine.refusals import type_of
from hitl_nb.engine.snapshot.pickles.function_caches import is_cached


def find_notebook_name(obj: Any, ns: dict[str, Any]) -> str | None:
    """Find the name under which the notebook itself defines `obj`, a function or class, if it does."""
    name = find_defined_name(obj, ns)
    return name if name is not None and resolve_name(name, ns) is obj else None


def find_defined_name(obj: Any, ns: dict[str, Any]) -> str | None:
    """Find the name with which a function or class was defined in the notebook; it may mean something else by now.

    `_` is no name: functions that are registered somewhere share it.
    """
    name = (
        getattr(obj, "__qualname__", None)
        if isinstance(obj, (FunctionType, type)) or is_cached(obj) or is_definition(obj)
        else None
    )
    if not isinstance(name, str) or getattr(obj, "__module__", None) not in (ns.get("__name__"), "__main__"):
        return None
    return name if name.split(".")[0] != "_" else None


def is_definition(obj: Any) -> bool:
    """Tell whether an object is what one of hitl_nb's decorators makes of a function."""
    return getattr(type_of(obj), "__hitl_definition__", False) is True


def resolve_name(name: str, ns: dict[str, Any]) -> Any:
    """Find the object that `name`, perhaps dotted, names in `ns` now; None if there is none."""
    root, *rest = name.split(".")
    found: Any = ns.get(root)
    for part in rest:
        found = found.__dict__.get(part) if inspect.isclass(found) else None
    return found


def find_importable_name(obj: Any) -> str | None:
    """Find the qualified name of `obj` if importing its module gives this very object."""
    module, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    if not module or not name or module == "__main__" or module not in sys.modules:
        return None
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = found.__dict__.get(part) if hasattr(found, "__dict__") else None
    return name if found is obj else None
