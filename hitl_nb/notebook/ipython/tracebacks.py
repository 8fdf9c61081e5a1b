"""An error in an agent cell is shown as in any cell: the user's own lines, and only those.

On its way to IPython the exception goes through the call of the magic and through this package. What is worth
showing is noted on the exception where it leaves the run, and `showtraceback` is given that.
"""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from types import SimpleNamespace, TracebackType
from typing import Any, TypeVar, cast

from IPython.core.error import UsageError

from hitl_nb.engine.compile import find_code, find_unit
from hitl_nb.engine.missing_names import explain_missing
from hitl_nb.engine.tracebacks import trim_traceback
from hitl_nb.errors import HitlError, Paused

T = TypeVar("T")

_KEPT_ATTRIBUTE = "__hitl_traceback__"


def keep_user_traceback(error: BaseException) -> BaseException:
    """Remember the user's part of the traceback of `error`; none for an error that hitl_nb itself reports."""
    if hasattr(error, _KEPT_ATTRIBUTE):
        return error
    setattr(error, _KEPT_ATTRIBUTE, trim_traceback(error).__traceback__)
    if isinstance(error, HitlError):
        error.__cause__, error.__suppress_context__ = None, True  # its sentence says it all
    return error


async def keeping_user_traceback(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; what it raises is noted. A pause is no error, and a usage error is a sentence."""
    try:
        return await work
    except (Paused, UsageError):
        raise
    except BaseException as error:  # noqa: BLE001  # raised again, whatever the user's code raised
        raise keep_user_traceback(error) from error.__cause__


class ShownTracebacks:
    """Gives a shell's `showtraceback` what was noted, and its formatter the lines. `remove` undoes it."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._original = shell.showtraceback
        shell.showtraceback = self._show_traceback
        self._formatter: Any = shell.InteractiveTB
        self._get_original_records = self._formatter.get_records
        self._formatter.get_records = self._get_records

    def remove(self) -> None:
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
        if user is None:  # nothing that `%tb` could show: IPython would point to it
            lines = self._formatter.get_exception_only(etype, value)
            self._shell._showtraceback(etype, value, lines)
            return
        kwargs.update(tb_offset=0)
        kwargs.pop("running_compiled_code", None)
        self._original((etype, value, user), *args, **kwargs)


def correct_records(records: list[Any], entry: TracebackType | None) -> list[Any]:
    """The records that IPython shows of a traceback, each with the line that failed and the arguments of the user.

    In a kernel IPython takes the line where the frame was left. That is not the one that failed if a `finally` ran
    behind it, as one does behind each loop of instrumented code. And a frame that was continued has other arguments.
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
