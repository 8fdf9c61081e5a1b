"""Effects of context managers of Python, numpy, pandas and polars on the process: saved, undone, and done again.

An *effect* is a change outside of the manager itself, for example another target of `print`.
"""

from __future__ import annotations

import contextlib
import contextvars
import decimal
import inspect
import io
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from hitl_nb.engine.compile.runtime.runtime import ContinuedGenerator
from hitl_nb.engine.position.frames.errors import CannotSave
from hitl_nb.engine.position.frames.links import generator_of
from hitl_nb.engine.position.frames.lookup import frame_of


@dataclass(frozen=True)
class ManagerEffect:
    """The functions that save, undo and repeat the effect of one kind of context manager on the process.

    Attributes:
        capture_state: takes the manager, and returns the data that `reenter` needs.
        reenter: takes the restored manager and these data. It does again the changes that were made by entering the
            manager and by the block until the pause.
        reduce: takes the manager, and returns how to make it again: a function, its arguments, and (attributes, data
            for `reenter`). None: the manager is saved with its generator.
        revert: takes the manager, and restores the state that the process had before it was entered.
        is_entered: takes a manager of no block on the stack, and returns whether it is entered at the moment.
        is_per_task: whether it changes context variables, so that each task has its own state.
    """

    capture_state: Callable[[Any], Any]
    reenter: Callable[[Any, Any], None]
    reduce: Callable[[Any], tuple[Any, tuple[Any, ...], Any]] | None
    revert: Callable[[Any], Any] = lambda manager: manager.__exit__(None, None, None)
    is_entered: Callable[[Any], bool] = lambda manager: False
    is_per_task: bool = False


def make_plain(kind: Any) -> Any:
    """Make an instance of a class without calling its `__init__`."""
    return object.__new__(kind)


# -- warnings


def _capture_warnings(manager: Any) -> Any:
    module: Any = warnings
    return list(module.filters), module.showwarning, module._showwarnmsg_impl


def _reduce_warnings(manager: Any) -> tuple[Any, tuple[Any, ...], Any]:
    state: dict[str, Any] = dict(manager.__dict__)
    if state.pop("_module") is not warnings:
        raise CannotSave("warnings.catch_warnings of another module; move the checkpoint out of the with block")
    return make_catch_warnings, (), (state, _capture_warnings(manager))


def make_catch_warnings() -> Any:
    """Make a `warnings.catch_warnings` that is not entered."""
    return warnings.catch_warnings()


def _reenter_warnings(manager: Any, captured_state: Any) -> None:
    module: Any = warnings
    filters, module.showwarning, module._showwarnmsg_impl = captured_state
    module.filters = list(filters)
    shown = module.showwarning, module._showwarnmsg_impl
    with warnings.catch_warnings():
        pass  # leaving it makes Python drop its cached decisions, which were made with the old filters
    module.showwarning, module._showwarnmsg_impl = shown


# -- streams


_STREAMS = {"redirect_stdout": "stdout", "redirect_stderr": "stderr"}
_PROCESS_STREAM = "process"


def _reduce_redirect(manager: Any) -> tuple[Any, tuple[Any, ...], Any]:
    if not manager._old_targets:  # it is not entered: only its target is saved
        kind, target = _describe_target(manager)
        name, target = (target, None) if kind == _PROCESS_STREAM else ("", target)
        attributes = {} if name else {"_new_target": target}
        return make_redirect, (manager.__class__, name), (attributes, None)
    old = [_describe_stream(manager, each, is_old=True) for each in manager._old_targets]
    return (
        make_plain,
        (manager.__class__,),
        ({"_new_target": None, "_old_targets": []}, (old, _describe_target(manager))),
    )


def make_redirect(kind: Any, name: str) -> Any:
    """Make a `redirect_stdout` or `redirect_stderr` (`kind`) that is not entered.

    It redirects to the stream `name` of the process, for example "stderr". "": the target is set later.
    """
    made = make_plain(kind)
    made._new_target, made._old_targets = getattr(sys, name) if name else None, []
    return made


def _describe_target(manager: Any) -> Any:
    return _describe_stream(manager, manager._new_target, is_old=False)


def _describe_stream(manager: Any, stream: Any, *, is_old: bool) -> Any:
    """Describe a stream as data: ("object", stream) for text in memory, ("process", name) for a stream of the process.

    Raises:
        CannotSave: The stream is neither of the two.
    """
    if stream is None or type(stream) is io.StringIO:
        return "object", stream
    for name in ("stdout", "stderr"):
        if stream is getattr(sys, f"__{name}__") or (not is_old and stream is getattr(sys, name)):
            return _PROCESS_STREAM, name
    if is_old:
        return _PROCESS_STREAM, manager._stream
    raise CannotSave(
        f"contextlib.redirect_{manager._stream} into a {type(stream).__name__}; redirect it into an io.StringIO(), or "
        "move the checkpoint out of the with block"
    )


def _reenter_redirect(manager: Any, captured_state: Any) -> None:
    old, new = captured_state
    manager._old_targets = [_resolve_stream(each) for each in old]
    manager._new_target = _resolve_stream(new)
    setattr(sys, manager._stream, manager._new_target)


def _resolve_stream(stream: tuple[str, Any]) -> Any:
    return getattr(sys, stream[1]) if stream[0] == _PROCESS_STREAM else stream[1]


# -- the directory


def _reduce_directory(manager: Any) -> tuple[Any, tuple[Any, ...], Any]:
    return make_plain, (manager.__class__,), (dict(manager.__dict__), os.getcwd())  # noqa: PTH109 - as contextlib keeps it


# -- decimal


_base_context_variable: contextvars.ContextVar[decimal.Context] = contextvars.ContextVar("hitl_nb_decimal_base")


def set_base_context() -> None:
    """Keep the current decimal context as the process's own. Call this when no `with` block of the run is entered."""
    _base_context_variable.set(decimal.getcontext())


def base_context() -> decimal.Context:
    """Return the decimal context of the process, outside of the managers that the run has entered."""
    return _base_context_variable.get(None) or decimal.getcontext()


class DecimalScope:
    """The restored manager of a `with decimal.localcontext()` that the run is inside of.

    Attributes:
        context: the decimal context inside the block.
        outer: the decimal context to set when the block is left; None: the context of the process.
    """

    def __init__(self) -> None:
        self.context = decimal.getcontext()
        self.outer: decimal.Context | None = None

    def __enter__(self) -> decimal.Context:
        return self.context

    def __exit__(self, *args: object) -> None:
        decimal.setcontext(self.outer or base_context())


def _reduce_decimal(manager: Any) -> tuple[Any, tuple[Any, ...], Any]:
    if type(manager) is DecimalScope:
        state = {"context": manager.context, "outer": manager.outer}
    else:
        state = contextvars.copy_context().run(_capture_decimal_contexts, manager)
    if state["outer"] is base_context():
        state["outer"] = None
    return DecimalScope, (), (state, decimal.getcontext())


def _capture_decimal_contexts(manager: Any) -> dict[str, Any]:
    """Return the decimal contexts inside and outside the block of a manager, which is left to find the outer one.

    Call this in a copy of the context, so that the block is not affected.
    """
    manager.__exit__(None, None, None)
    outer = decimal.getcontext()
    context = _read_entered_context(manager)
    return {"context": context, "outer": outer}


def _read_entered_context(manager: Any) -> Any:
    found = manager.__enter__()
    manager.__exit__(None, None, None)
    return found


def _reenter_decimal(manager: Any, captured_state: Any) -> None:
    decimal.setcontext(captured_state)


# -- numpy


_ERRSTATE_OPTIONS = ("all", "divide", "over", "under", "invalid")


def _reduce_errstate(manager: Any) -> tuple[Any, tuple[Any, ...], Any]:
    import numpy as np

    given = {name: getattr(manager, f"_{name}") for name in _ERRSTATE_OPTIONS}
    given = {name: value for name, value in given.items() if value is not None}
    unset = cast("Any", np.errstate())._call
    if manager._call is not unset:
        given["call"] = manager._call
    if manager._token is None:
        return make_errstate, (given,), ({}, None)
    outer = contextvars.copy_context().run(_read_outer_errors, manager._token)
    return make_errstate, (given,), ({}, (outer, (np.geterr(), np.geterrcall())))


def _read_outer_errors(token: Any) -> Any:
    import numpy as np

    if token.old_value is contextvars.Token.MISSING:
        return contextvars.Context().run(lambda: (np.geterr(), np.geterrcall()))
    token.var.set(token.old_value)
    return np.geterr(), np.geterrcall()


def make_errstate(options: dict[str, Any]) -> Any:
    """Make a `numpy.errstate` with these options."""
    import numpy as np

    return np.errstate(**options)


def _reenter_errstate(manager: Any, captured_state: Any) -> None:
    import numpy as np

    if captured_state is None:
        return
    outer, now = captured_state
    np.seterr(**outer[0])
    np.seterrcall(outer[1])
    manager.__enter__()
    np.seterr(**now[0])
    np.seterrcall(now[1])


def _exit_manager_quietly(manager: Any) -> None:
    with contextlib.suppress(ValueError):  # in another context the manager has changed nothing
        manager.__exit__(None, None, None)


def _capture_print_options(manager: Any) -> Any:
    """Return the print options of numpy, as two dicts: outside the `with` block of a manager, and now.

    A new manager is entered on resume: this one's generator holds a `contextvars.Token`, which cannot be saved.

    Raises:
        CannotSave: The generator cannot be read as expected.
    """
    import numpy as np

    frame = frame_of(manager.gen)
    token: Any = frame.f_locals["token"] if frame is not None else None
    if token is None:
        raise CannotSave("np.printoptions, which is not read as expected; move the checkpoint out of the with block")
    outer = contextvars.copy_context().run(_read_outer_print_options, token)
    return outer, np.get_printoptions()


def _read_outer_print_options(token: Any) -> Any:
    import numpy as np

    if token.old_value is contextvars.Token.MISSING:
        return contextvars.Context().run(np.get_printoptions)
    token.var.set(token.old_value)
    return np.get_printoptions()


def _reduce_print_options(manager: Any) -> tuple[Any, tuple[Any, ...], Any]:
    return make_plain, (manager.__class__,), ({}, _capture_print_options(manager))


def _reenter_print_options(manager: Any, captured_state: Any) -> None:
    import numpy as np

    outer, now = captured_state
    np.set_printoptions(**outer)
    new_manager: Any = np.printoptions(**now)
    new_manager.__enter__()
    manager.__dict__.update(new_manager.__dict__)


# -- polars


def _reduce_polars_config(manager: Any) -> tuple[Any, tuple[Any, ...], Any]:
    return make_plain, (manager.__class__,), (dict(manager.__dict__), manager.save())


def _reenter_polars_config(manager: Any, captured_state: Any) -> None:
    manager.load(captured_state)


# -- pandas


def _capture_pandas_options(manager: Any) -> dict[str, Any]:
    pd: Any = sys.modules["pandas"]

    generator = manager.gen.generator if type(manager.gen) is ContinuedGenerator else manager.gen
    frame = frame_of(generator)
    undone: Any = frame.f_locals.get("undo", ()) if frame is not None else ()
    return {name: pd.get_option(name) for name, _ in undone}


def _reenter_pandas_options(manager: Any, captured_state: dict[str, Any]) -> None:
    pd: Any = sys.modules["pandas"]

    for name, value in captured_state.items():
        pd.set_option(name, value)


def _capture_nothing(manager: Any) -> None:
    return None


def _is_generator_started(manager: Any) -> bool:
    return inspect.getgeneratorstate(generator_of(manager)) not in (inspect.GEN_CREATED, inspect.GEN_CLOSED)


EFFECTS: dict[tuple[str, str], ManagerEffect] = {
    ("warnings", "catch_warnings"): ManagerEffect(
        _capture_warnings, _reenter_warnings, _reduce_warnings, is_entered=lambda manager: manager._entered
    ),
    ("contextlib", "redirect_stdout"): ManagerEffect(
        _capture_nothing, _reenter_redirect, _reduce_redirect, is_entered=lambda manager: bool(manager._old_targets)
    ),
    ("contextlib", "redirect_stderr"): ManagerEffect(
        _capture_nothing, _reenter_redirect, _reduce_redirect, is_entered=lambda manager: bool(manager._old_targets)
    ),
    ("contextlib", "chdir"): ManagerEffect(
        _capture_nothing,
        lambda manager, inside: os.chdir(inside),
        _reduce_directory,
        is_entered=lambda manager: bool(manager._old_cwd),
    ),
    ("decimal", "ContextManager"): ManagerEffect(_capture_nothing, _reenter_decimal, _reduce_decimal, is_per_task=True),
    (DecimalScope.__module__, "DecimalScope"): ManagerEffect(
        _capture_nothing, _reenter_decimal, _reduce_decimal, is_per_task=True
    ),
    ("numpy", "errstate"): ManagerEffect(
        _capture_nothing,
        _reenter_errstate,
        _reduce_errstate,
        _exit_manager_quietly,
        is_entered=lambda manager: manager._token is not None,
        is_per_task=True,
    ),
    ("numpy._core.arrayprint", "printoptions"): ManagerEffect(
        _capture_print_options,
        _reenter_print_options,
        _reduce_print_options,
        _exit_manager_quietly,
        is_entered=_is_generator_started,
        is_per_task=True,
    ),
    ("polars.config", "Config"): ManagerEffect(_capture_nothing, _reenter_polars_config, _reduce_polars_config),
    ("pandas._config.config", "option_context"): ManagerEffect(
        _capture_pandas_options, _reenter_pandas_options, None, is_entered=_is_generator_started
    ),
}
"""The known effects, by module and name of the manager's class, or of the generator function that makes the manager."""
