"""Libraries that read bytecode: a function that is passed to one, decorated or not, gets its native code back for good.

A function with a decorator of such a library is left native from the start (see `compile.native_functions`). A
function can also be passed to the library later, by a call (`numba.njit(function)`, `torch.compile(function)`).
Therefore the libraries are patched to ask for native code as soon as they are imported.
"""

from __future__ import annotations

import functools
import importlib.machinery
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, cast

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.instrument.counterparts import get_counterparts


def restore_native(function: object) -> None:
    """Give a function its native code back, if it is instrumented."""
    if not isinstance(function, types.FunctionType):
        return
    known = find_code(function.__code__)
    native = None if known is None else get_counterparts(known.unit).find_native(function.__code__)
    if native is not None:
        function.__code__ = native


def watch_readers() -> None:
    """Tell the libraries that read bytecode, now or when they are imported."""
    for name in _HOOKS.keys() & sys.modules.keys():
        _HOOKS[name](sys.modules[name])
    missing = _HOOKS.keys() - sys.modules.keys()
    if missing and not any(isinstance(finder, _HookingFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _HookingFinder())


def _hook_numba(module: Any) -> None:
    kind: Any = module.FunctionIdentity
    original: Callable[..., Any] = kind.from_function.__func__
    if getattr(original, "asks_for_native", False):
        return

    def from_function(cls: Any, function: Any) -> Any:
        restore_native(getattr(function, "py_func", function))
        return original(cls, function)

    from_function.asks_for_native = True  # type: ignore[attr-defined]
    kind.from_function = classmethod(from_function)


def _make_hook(*names: str) -> Callable[[Any], None]:
    """Make a hook for functions of a module that read the bytecode of functions, methods or modules of layers."""

    def hook_module(module: Any) -> None:
        for name in names:
            original: Any = getattr(module, name, None)
            if original is None or isinstance(original, type) or getattr(original, "asks_for_native", False):
                continue
            setattr(module, name, _wrap_reader(original))

    return hook_module


def _wrap_reader(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def read_native(*args: Any, **kwargs: Any) -> Any:
        for given in (*args, *kwargs.values()):
            restore_native(getattr(given, "__func__", given))
            restore_native(getattr(cast("Any", type(given)), "forward", None))
        return original(*args, **kwargs)

    cast("Any", read_native).asks_for_native = True
    return read_native


_HOOKS: dict[str, Callable[[Any], None]] = {
    "numba.core.bytecode": _hook_numba,
    "torch": _make_hook("compile"),
    "torch.jit": _make_hook("script"),
    "triton": _make_hook("jit"),
}
"""By module, the hook to run after its import. jax runs the functions that are passed to it; joblib sends them."""


class _HookingFinder:
    """Finds modules where Python finds them, and runs the hook of each after its import."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _HOOKS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        loader: Any = spec.loader
        execute: Callable[[types.ModuleType], None] = loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            del loader.exec_module
            execute(module)
            _HOOKS[fullname](module)

        loader.exec_module = exec_module
        return spec
