"""Tracebacks of errors in an agent cell. They show the user's own lines only, as in any cell.

On its way to IPython, the exception passes through the magic's call and this package. The user's part of the traceback
is attached to the exception when the exception leaves the run, and `showtraceback` shows only that part.
"""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from types import SimpleNamespace, TracebackType
from typing import Any, TypeVar, cast

from IPython.core.error import UsageError

from hitl_nb.engine.compile import find_code, find_unit
from hitl_nb.engine.missing_names import explain_missing
from hitl_nb.engine.tracebacks import show_native_frames
from hitl_nb.errors import HitlError, Paused

T = TypeVar("T")

_KEPT_ATTRIBUTE = "__hitl_traceback__"


def keep_user_traceback(error: BaseException) -> BaseException:
    """Attach the user's part of the traceback to `error`, and return `error`.

    Errors of hitl_nb itself lose their cause, because their message is sufficient.
    """
    if hasattr(error, _KEPT_ATTRIBUTE):
        return error
    setattr(error, _KEPT_ATTRIBUTE, show_native_frames(error).__traceback__)
    if isinstance(error, HitlError):
        error.__cause__, error.__suppress_context__ = None, True  # the message is sufficient
    return error


async def keeping_user_traceback(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` and return its result. An error gets the user's traceback attached, except Paused and UsageError."""
    try:
        return await work
    except (Paused, UsageError):
        raise
    except BaseException as error:  # noqa: BLE001  # any exception of the user's code; it is raised again
        raise keep_user_traceback(error) from error.__cause__


class ShownTracebacks:
    """Replaces a shell's function `showtraceback` and the function that formats lines.

    `remove` restores the originals.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._original = shell.showtraceback
        shell.showtraceback = self._show_traceback
        self._formatter: Any = shell.InteractiveTB
        self._get_original_records = self._formatter.get_records
        self._formatter.get_records = self._get_records

    def remove(self) -> None:
        """Restore the shell's own functions."""
        own = cast("dict[str, Any]", vars(self._shell))
        if own.get("showtraceback") == self._show_traceback:
            del self._shell.showtraceback
        if cast("dict[str, Any]", vars(self._formatter)).get("get_records") == self._get_records:
            del self._formatter.get_records

    def _get_records(self, etb: TracebackType, *args: Any, **kwargs: Any) -> Any:
        return correct_records(self._get_original_records(etb, *args, **kwargs), etb)

    def _show_traceback(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        etype, value, _ = exc_tuple or sys.exc_info()
        if value is not None:
            explain_missing(value, self._shell.user_ns)
        if value is None or not hasattr(value, _KEPT_ATTRIBUTE):
            self._original(exc_tuple, *args, **kwargs)
            return
        user: TracebackType | None = getattr(value, _KEPT_ATTRIBUTE)
        value.__traceback__ = user
        if isinstance(value, SyntaxError) and user is None:
            self._shell.showsyntaxerror(value.filename)
            return
        if user is None:  # without a traceback, IPython would refer the user to `%tb`, which has nothing to show
            lines = self._formatter.get_exception_only(etype, value)
            self._shell._showtraceback(etype, value, lines)
            return
        kwargs.update(tb_offset=0)
        kwargs.pop("running_compiled_code", None)
        self._original((etype, value, user), *args, **kwargs)


def correct_records(records: list[Any], entry: TracebackType | None) -> list[Any]:
    """Correct IPython's records of a traceback: each gets the line that failed and the user's arguments.

    In a kernel, IPython uses the line at which the frame was left. If a `finally` block ran after the error, this is
    not the line that failed. Each loop of instrumented code has such a block. And a frame that was continued after a
    resume has other arguments than the user's function.

    Args:
        records: IPython's records, one for each frame.
        entry: The first entry of the traceback.

    Returns:
        The same list, with corrected records.
    """
    entries: list[TracebackType] = []
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    first = 0
    for record in records:
        at = next((i for i in range(first, len(entries)) if entries[i].tb_frame is record.frame), None)
        if at is None:
            continue
        first = at + 1
        record.lineno = entries[at].tb_lineno
        known = find_code(record.frame.f_code)
        unit = None if known is None else find_unit(known.unit.key)
        if known is not None and unit is not None and known.function.kind != "cell":
            original = unit.find_function_code(known.function.number)
            record.frame = SimpleNamespace(f_code=original, f_locals=record.frame.f_locals)
    return records
