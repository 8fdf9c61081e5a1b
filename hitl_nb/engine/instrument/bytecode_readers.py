"""numba reads bytecode: a function that it is given, decorated or not, gets its native code back, and keeps it.

Where a decorator says so, a function is left native from the start (see `compile.left_native`). A function is also
given to numba later, by a call (`numba.njit(function)`); so numba is told to ask for native code, as soon as it
is there.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.instrument.counterparts import counterparts_of

_MODULE = "numba.core.bytecode"


def restore_native(function: object) -> None:
    """Give a function its native code back, if it is instrumented."""
    if not isinstance(function, types.FunctionType):
        return
    known = find_code(function.__code__)
    native = None if known is None else counterparts_of(known.unit).native_of(function.__code__)
    if native is not None:
        function.__code__ = native


def watch_numba() -> None:
    """Tell numba, now or when it is imported."""
    module = sys.modules.get(_MODULE)
    if module is not None:
        _tell(module)
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _tell(module: Any) -> None:
    kind: Any = module.FunctionIdentity
    original: Callable[..., Any] = kind.from_function.__func__
    if getattr(original, "asks_for_native", False):
        return

    def from_function(cls: Any, function: Any) -> Any:
        restore_native(getattr(function, "py_func", function))
        return original(cls, function)

    from_function.asks_for_native = True  # type: ignore[attr-defined]
    kind.from_function = classmethod(from_function)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module where Python finds it, and tells it something behind its import."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        loader: Any = spec.loader
        execute: Callable[[types.ModuleType], None] = loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            del loader.exec_module
            execute(module)
            _tell(module)

        loader.exec_module = exec_module
        return spec
