"""Hooks for libraries that read the bytecode of functions, such as numba, torch and triton.

Such a library cannot read instrumented code. A function with a decorator of such a library stays native from the start
(see `compile.native_functions`). A function can also be passed to the library later, by a call (`numba.njit(function)`,
`torch.compile(function)`). Therefore the libraries are patched when they are imported: they give the function its
native code back, for good, before they read it.
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
    """Replace the code of an instrumented function by the code that Python compiles without instrumentation.

    An object that is not an instrumented function is not changed.
    """
    if not isinstance(function, types.FunctionType):
        return
    known = find_code(function.__code__)
    native = None if known is None else get_counterparts(known.unit).find_native(function.__code__)
    if native is not None:
        function.__code__ = native


def watch_readers() -> None:
    """Patch the libraries that read bytecode, such as numba: now if they are imported, otherwise after their import."""
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

    from_function.asks_for_native = True  # type: ignore[attr-defined]  # a mark on the function
    kind.from_function = classmethod(from_function)


def _make_hook(*names: str) -> Callable[[Any], None]:
    """Make a hook that patches functions of a module which read bytecode: they then get code without instrumentation.

    Args:
        names: Names of these functions in the module, for example `compile` in `torch`.

    Returns:
        A function that takes the module and patches it.
    """

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
"""Name of a module -> the hook that is called with the module after its import.

jax and joblib need no hook: jax runs the functions that it gets, and joblib sends them to other processes.
"""


class _HookingFinder:
    """Import finder for the modules in `_HOOKS` (libraries that read bytecode).

    It finds a module as Python does, and calls the module's hook after the import.
    """

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
