"""An error in an agent cell is shown as in any cell: the user's own lines, and only those.

On its way to IPython the exception goes through the call of the magic and through this package. What is worth
showing is noted on the exception where it leaves the run, and `showtraceback` is given that.
"""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar, cast

from IPython.core.error import UsageError

from ..engine.missing import explain_missing
from ..engine.tracebacks import trimmed
from ..errors import HitlError, Paused

T = TypeVar("T")

_NOTED = "__hitl_traceback__"


def noted(error: BaseException) -> BaseException:
    """Remember the user's part of the traceback of `error`; none for an error that hitl_nb itself reports."""
    if hasattr(error, _NOTED):
        return error
    setattr(error, _NOTED, trimmed(error).__traceback__)
    if isinstance(error, HitlError):
        error.__cause__, error.__suppress_context__ = None, True  # its sentence says it all
    return error


async def noting(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; what it raises is noted. A pause is no error, and a usage error is a sentence."""
    try:
        return await work
    except (Paused, UsageError):
        raise
    except BaseException as error:  # noqa: BLE001  # raised again, whatever the user's code raised
        raise noted(error) from error.__cause__


class ShownTracebacks:
    """Gives a shell's `showtraceback` what was noted. `remove` undoes it."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._original = shell.showtraceback
        shell.showtraceback = self._show

    def remove(self) -> None:
        own = cast("dict[str, Any]", vars(self._shell))
        if own.get("showtraceback") == self._show:
            del self._shell.showtraceback

    def _show(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        etype, value, _ = exc_tuple or sys.exc_info()
        if value is not None:
            explain_missing(value, self._shell.user_ns)
        if value is None or not hasattr(value, _NOTED):
            self._original(exc_tuple, *args, **kwargs)
            return
        user: TracebackType | None = getattr(value, _NOTED)
        value.__traceback__ = user
        if isinstance(value, SyntaxError) and user is None:
            self._shell.showsyntaxerror(value.filename)
            return
        kwargs.update(tb_offset=0, exception_only=user is None)
        kwargs.pop("running_compiled_code", None)
        self._original((etype, value, user), *args, **kwargs)
