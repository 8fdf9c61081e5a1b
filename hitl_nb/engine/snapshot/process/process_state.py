"""Save and restore the changes that a run made to state that Python keeps outside variables.

This state has the random generators, the decimal context, context variables of the user's modules, the working
directory and `sys.path`. It also has warnings filters, pandas' and matplotlib's options, pyplot's open figures and the
settings of `library_settings.py`. The *baseline* is the state when this process began to work on the run. A save puts
the differences from the baseline into the snapshot. State that an earlier save of the run held (*carried* state) stays
in the snapshot. A library is examined only if something imported it already.
"""

from __future__ import annotations

import decimal
import os
import random
import sys
import warnings
from collections.abc import Iterable
from typing import Any, cast

from hitl_nb.engine.position.event_loop import context_values as contextvalues
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.position.managers.effects import base_context, set_base_context
from hitl_nb.engine.reopening import figures
from hitl_nb.engine.snapshot.process.library_settings import SETTINGS
from hitl_nb.engine.snapshot.process.process_kinds import MISSING, ContextValues, OptionValues, ProcessStateKind
from hitl_nb.engine.snapshot.process.surroundings import (
    NoticedState,
    Surroundings,
    describe_missing,
    describe_noticed,
    read_context,
)
from hitl_nb.errors import HitlError


class SearchPath(ProcessStateKind):
    """The list `sys.path`. The entries that the run added are saved."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Return the run's additions to `sys.path`: those in front of the old entries, and the others, as two lists.

        None if there are no additions.

        Args:
            before: `sys.path` when this process began to work on the run.
            now: The current `sys.path`.
            carried: The additions in the run's last snapshot, or None.
        """
        if carried is None and now == before:
            return None
        old = [p for p in before if p not in _list_additions(carried)]
        first = next((i for i, p in enumerate(now) if p in old), len(now))
        added = [p for p in now[:first] if p not in old], [p for p in now[first:] if p not in old]
        return added if any(added) else None


class WarningFilters(ProcessStateKind):
    """The warnings filters (`warnings.filters`). Saved are all filters, and those that the run removed."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Return all current filters and the list of removed filters; None if the run changed none.

        Args:
            before: The filters when this process began to work on the run.
            now: The current filters.
            carried: The result of this method in the run's last snapshot, or None.
        """
        if carried is None and now == before:
            return None
        return now, [f for f in [*before, *(carried or ((), ()))[1]] if f not in now]


class FigureState(ProcessStateKind):
    """The open figures of pyplot. All are saved, because changes in a figure cannot be found cheaply."""

    def find_change(self, before: Any, now: Any, carried: Any) -> Any:
        """Return the figures that are open now (`now`).

        None if no figure is open, and the run's last snapshot has none either (`carried` is None).
        """
        return now if now.numbered or carried is not None else None


def _list_additions(carried: Any) -> list[Any]:
    return [p for part in carried or () for p in part]


# -- capturing and restoring


def _read_numpy_random() -> Any:
    state: dict[str, Any] = sys.modules["numpy"].random.get_state(legacy=False)
    inner = {k: v.tobytes() if hasattr(v, "tobytes") else v for k, v in state["state"].items()}
    return {**state, "state": inner}


def _restore_numpy_random(saved: Any) -> None:
    numpy: Any = sys.modules["numpy"]
    now = numpy.random.get_state(legacy=False)
    if now["bit_generator"] != saved["bit_generator"]:
        numpy.random.set_bit_generator(getattr(numpy.random, saved["bit_generator"])())
        now = numpy.random.get_state(legacy=False)
    inner = {
        k: numpy.frombuffer(v, dtype=now["state"][k].dtype) if isinstance(v, bytes) else v
        for k, v in saved["state"].items()
    }
    numpy.random.set_state({**saved, "state": inner})


def _read_torch_random() -> bytes:
    state: bytes = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return state


def _restore_torch_random(saved: bytes) -> None:
    torch: Any = sys.modules["torch"]
    torch.set_rng_state(torch.frombuffer(bytearray(saved), dtype=torch.uint8))


_DECIMAL = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


def _read_decimal_context() -> Any:
    """Read two decimal contexts: the one that the run began with, and the current one.

    The second is None if it is the same context. It differs inside a `with decimal.localcontext()` block.
    """
    context, base = decimal.getcontext(), base_context()
    return _read_decimal_values(base), None if context is base else _read_decimal_values(context)


def _read_decimal_values(context: decimal.Context) -> Any:
    *values, flags, traps = cast("Any", context).__reduce__()[1]  # reading each attribute takes ten times as long
    return tuple(values), tuple(flags), tuple(traps)


def _restore_decimal_context(saved: Any) -> None:
    base, inside = saved
    _set_decimal_values(base_context(), base)
    if inside is not None:
        context = decimal.Context()
        _set_decimal_values(context, inside)
        decimal.setcontext(context)


def _set_decimal_values(context: decimal.Context, saved: Any) -> None:
    values, flags, traps = saved
    for name, value in zip(_DECIMAL, values, strict=True):
        setattr(context, name, value)
    for kept, signals in ((context.flags, flags), (context.traps, traps)):
        for signal in kept:
            kept[signal] = signal in signals


def _read_directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - runs at every save, and a Path takes three times as long
    except FileNotFoundError:  # the directory was removed
        return None


def _restore_directory(saved: str) -> None:
    try:
        os.chdir(saved)
    except OSError as error:
        raise HitlError(
            f"the run changed the working directory to {saved}, and that cannot be entered here ({error.strerror}); "
            "make the directory and run the agent again, or start the run over with --restart"
        ) from error


def _restore_search_path(saved: tuple[list[str], list[str]]) -> None:
    front, back = ([p for p in part if p not in sys.path] for part in saved)
    sys.path[:0] = front
    sys.path.extend(back)


def _restore_filters(saved: Any) -> None:
    now, removed = saved
    others = [f for f in warnings.filters if f not in now and f not in removed]
    with warnings.catch_warnings():
        pass  # entering and leaving the block clears Python's cache of decisions with the old filters
    kept: Any = warnings.filters
    kept[:] = [*now, *others]
    with warnings.catch_warnings():
        pass


def _read_pandas_options() -> dict[str, Any]:
    options: dict[str, Any] = sys.modules["pandas"].options.d
    return dict(_flatten_options("", options))


def _flatten_options(prefix: str, options: dict[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in options.items():
        if isinstance(value, dict):
            found += _flatten_options(f"{prefix}{key}.", cast("dict[str, Any]", value))
        else:
            found.append((prefix + key, value))
    return found


def _restore_pandas_options(saved: dict[str, Any]) -> None:
    pandas, now = sys.modules["pandas"], _read_pandas_options()
    for name, value in saved.items():
        if now.get(name, MISSING) != value:
            pandas.set_option(name, value)


_NOT_STYLE = ("backend", "backend_fallback", "interactive", "toolbar")
"""Parameters of matplotlib that the front end chooses for the process. They are not saved."""


def _read_matplotlib_parameters() -> dict[str, Any]:
    parameters: dict[str, Any] = sys.modules["matplotlib"].rcParams
    raw = dict[str, Any].items(parameters)  # not `parameters.items()`, which chooses a backend
    return {name: value for name, value in raw if name not in _NOT_STYLE}


def _restore_matplotlib_parameters(saved: dict[str, Any]) -> None:
    now = _read_matplotlib_parameters()
    for name, value in saved.items():
        if now.get(name, MISSING) != value:
            sys.modules["matplotlib"].rcParams[name] = value


_PLACES = (
    ProcessStateKind("directory", "the working directory", "os", _read_directory, _restore_directory),
    SearchPath("search path", "sys.path", "sys", lambda: list(sys.path), _restore_search_path),
)
"""State that decides which modules and files are found. It is restored before anything else is loaded."""

_KINDS = (
    ProcessStateKind("random", "the state of random", "random", random.getstate, random.setstate),
    ProcessStateKind("numpy.random", "the state of numpy.random", "numpy", _read_numpy_random, _restore_numpy_random),
    ProcessStateKind(
        "torch random", "the state of torch's CPU generator", "torch", _read_torch_random, _restore_torch_random
    ),
    ProcessStateKind("decimal", "the decimal context", "decimal", _read_decimal_context, _restore_decimal_context),
    WarningFilters("warnings", "the warnings filters", "warnings", lambda: list(warnings.filters), _restore_filters),
    ContextValues(
        "context variables",
        "what the agent has set of the context variables of modules",
        "contextvars",
        read_context,
        contextvalues.set_values,
    ),
    OptionValues("pandas options", "pandas' options", "pandas", _read_pandas_options, _restore_pandas_options),
    OptionValues(
        "matplotlib parameters",
        "matplotlib's rcParams",
        "matplotlib",
        _read_matplotlib_parameters,
        _restore_matplotlib_parameters,
    ),
    FigureState(
        "figures", "pyplot's open figures", "matplotlib.pyplot", figures.read_open_figures, figures.restore_figures
    ),
    *SETTINGS,
)


_SURROUNDINGS = "what is not saved"


class ProcessState:
    """Changes of one run to its process, compared with the state when this object was made.

    Make the object when this process begins to work on the run.

    Attributes:
        saved: Kind -> value that the last save found, or that was restored.
        must_restore: True: raise an error if a value cannot be restored. False: report it in `list_missing`.
    """

    def __init__(self) -> None:
        set_base_context()
        kinds = (*_PLACES, *_KINDS)
        self._before = {kind.name: kind.capture() for kind in kinds if kind.module in sys.modules}
        self._carried: dict[str, Any] = {}
        self.saved: dict[str, Any] = {}
        self.must_restore = True
        self._is_kept = True
        self._unrestored: list[str] = []
        self._surroundings = Surroundings()
        self._noticed = NoticedState()

    def record_unsaved_changes(self, values: Iterable[tuple[str, Any]], frames: Iterable[SavedFrame] = ()) -> list[str]:
        """Record changes of the run that cannot be saved, and return sentences about them for the reviewer.

        Args:
            values: The saved values at this pause, each with its name.
            frames: The frames with the run's code.
        """
        self._noticed = self._surroundings.notice(values, self._noticed, frames)
        return describe_noticed(self._noticed)

    def list_missing(self) -> list[str]:
        """Return sentences about state that existed at the pause and does not exist in this process."""
        return [*self._unrestored, *describe_missing(self._noticed)]

    def keep_nothing(self) -> None:
        """From now on, save no process state. Used after the run has ended, if some of its state cannot be saved."""
        self._is_kept = False

    def find_changes(self) -> dict[str, Any]:
        """Return the changes that the run has made to its process until now: name of the kind -> value to save.

        The result is also kept in `saved`.
        """
        found: dict[str, Any] = {}
        if not self._is_kept:
            self.saved = found
            return found
        for kind in (*_PLACES, *_KINDS):
            if kind.module in sys.modules:
                before, carried = self._before.get(kind.name, MISSING), self._carried.get(kind.name)
                changed = kind.find_change(before, kind.capture(), carried)
                if changed is not None:
                    found[kind.name] = changed
        if self._noticed:
            found[_SURROUNDINGS] = self._noticed
        self.saved = found
        return found

    def restore_places(self, saved: dict[str, Any]) -> None:
        """Restore the working directory and `sys.path`, which decide which modules and files are found.

        Args:
            saved: The saved values by kind.

        Raises:
            HitlError: A part of the state cannot be restored, and `must_restore` is True.
        """
        self._restore_kinds(_PLACES, saved)

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore all kinds of state, except those that `restore_places` restores.

        Args:
            saved: The saved values by kind.

        Raises:
            HitlError: A part of the state cannot be restored, and `must_restore` is True.
        """
        self._restore_kinds(_KINDS, saved)
        self._carried, self.saved = dict(saved), dict(saved)
        self._noticed = saved.get(_SURROUNDINGS, NoticedState())

    def _restore_kinds(self, kinds: tuple[ProcessStateKind, ...], saved: dict[str, Any]) -> None:
        for kind in kinds:
            if kind.name in saved:
                try:
                    __import__(kind.module)
                    kind.restore(saved[kind.name])
                except HitlError as error:
                    if self.must_restore:
                        raise
                    self._unrestored.append(str(error))


def describe_kind(name: str) -> str:
    """Return the name of a kind of state for a sentence. An unknown kind is returned unchanged."""
    return next((kind.description for kind in (*_PLACES, *_KINDS) if kind.name == name), name)


def describe_way_back(name: str) -> str:
    """Return advice for a message about a kind of state that cannot be saved: how the code can avoid the state."""
    if name == "figures":
        return "close the figures before the checkpoint (plt.close), or take off them what cannot be saved"
    return "set it back before the checkpoint, and again below it"
