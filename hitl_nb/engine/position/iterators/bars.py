"""Progress bars of tqdm as data. A restored bar is drawn with its old position and the time that it had counted."""

from __future__ import annotations

import sys
import time
from typing import Any

from hitl_nb.engine.position.frames.errors import CannotSave

_KEPT_OPTIONS = (
    *("desc", "total", "leave", "ncols", "nrows", "mininterval", "maxinterval", "ascii", "unit", "unit_scale"),
    *("dynamic_ncols", "smoothing", "bar_format", "initial", "unit_divisor", "colour", "delay"),
)


def reduce_bar(value: Any) -> tuple[Any, ...]:
    """Return the pickle form of a progress bar of tqdm: a tuple as `object.__reduce__` returns it.

    Raises:
        CannotSave: The bar is drawn into a file.
    """
    known: dict[str, Any] = value.__dict__
    options = {name: known[name] for name in _KEPT_OPTIONS if name in known}
    if not known.get("dynamic_miniters", True):
        options["miniters"] = value.miniters
    if value.disable:
        state = {name: known.get(name) for name in ("iterable", "n", "postfix", "last_print_n", "last_print_t")}
        return make_bar, (type(value), {**options, "disable": True}, None), state, None, None, fill_bar
    state = {
        "iterable": value.iterable,
        "n": value.n,
        "postfix": value.postfix,
        "elapsed": value._time() - value.start_t,
    }
    state["delay"] = options["delay"]
    options["delay"] = _HIDDEN_DELAY_SECONDS
    return make_bar, (type(value), options, _describe_stream(value)), state, None, None, fill_bar


_HIDDEN_DELAY_SECONDS = 1e-9
"""Delay given to a new bar, so that tqdm does not draw the bar before its position is set."""


def _describe_stream(bar: Any) -> Any:
    """Describe the stream on which a bar is drawn.

    Returns:
        "stdout" or "stderr" for a stream of the process; another stream itself.

    Raises:
        CannotSave: The stream is a file.
    """
    stream: Any = getattr(bar.fp, "_wrapped", bar.fp)
    stream = getattr(stream, "_wrapped", stream)
    for name in ("stderr", "stdout"):
        if stream in (getattr(sys, name), getattr(sys, f"__{name}__")):
            return name
    if type(stream).__module__ not in ("_io", "io") or (hasattr(stream, "fileno") and _is_open_file(stream)):
        raise CannotSave(
            "a bar of tqdm that is drawn into a file; draw it on the screen, or make it after the checkpoint"
        )
    return stream


def _is_open_file(stream: Any) -> bool:
    try:
        stream.fileno()
    except (OSError, ValueError):
        return False
    return True


def make_bar(kind: Any, options: dict[str, Any], stream: Any) -> Any:
    """Make a bar of tqdm from its pickled data. It is not drawn before `fill_bar` has set its position.

    Args:
        kind: class of the bar.
        options: keyword arguments of the class.
        stream: the stream to draw on, or its name in `sys`. None: the default of tqdm.
    """
    options = {name: value for name, value in options.items() if name != "ncols" or not options.get("dynamic_ncols")}
    if stream is not None:
        options["file"] = getattr(sys, stream) if isinstance(stream, str) else stream
    return kind(**options)


def fill_bar(bar: Any, state: dict[str, Any]) -> None:
    """Set the state of a restored bar. The elapsed time continues from the saved number of seconds."""
    elapsed, delay = state.pop("elapsed", None), state.pop("delay", 0)
    for name, value in state.items():
        if value is not None or name in ("iterable", "postfix"):
            setattr(bar, name, value)
    if elapsed is not None:
        now = time.time()
        bar.start_t, bar.last_print_t, bar.last_print_n = now - elapsed, now, bar.n
        bar.refresh()
        bar.delay = delay
