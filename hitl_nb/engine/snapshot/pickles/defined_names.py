"""Find the name under which the notebook, or a module, defines a function or class."""

from __future__ import annotations

import inspect
import sys
from types import FunctionType
from typing import Any

from hitl_nb.engine.refusals import type_of
from hitl_nb.engine.snapshot.pickles.function_caches import is_cached


def find_notebook_name(obj: Any, ns: dict[str, Any]) -> str | None:
    """Return the name under which the notebook defines the function or class `obj` now; None if it does not."""
    name = find_defined_name(obj, ns)
    return name if name is not None and resolve_name(name, ns) is obj else None


def find_defined_name(obj: Any, ns: dict[str, Any]) -> str | None:
    """Return the qualified name with which the notebook defined a function or class; None for other objects.

    The name may belong to another object now. The name `_` does not count, because registered functions share it.
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
    """Return True if an object was made by one of hitl_nb's decorators (`@agent`, `@gate`, `@step` ...)."""
    return getattr(type_of(obj), "__hitl_definition__", False) is True


def resolve_name(name: str, ns: dict[str, Any]) -> Any:
    """Return the object that a name has in `ns` now; None if there is none.

    Args:
        name: A name, or a dotted name of an attribute of a class, such as `A.method`.
        ns: Namespace of the notebook.
    """
    root, *rest = name.split(".")
    found: Any = ns.get(root)
    for part in rest:
        found = found.__dict__.get(part) if inspect.isclass(found) else None
    return found


def find_importable_name(obj: Any) -> str | None:
    """Return the qualified name of `obj` if its module has this same object under the name; otherwise None."""
    module, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    if not module or not name or module == "__main__" or module not in sys.modules:
        return None
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = found.__dict__.get(part) if hasattr(found, "__dict__") else None
    return name if found is obj else None
