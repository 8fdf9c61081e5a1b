"""Errors that instrumented code (compiled by hitl_nb) finds in the user's code. They look like Python's own errors."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any, cast


def make_raiser(error: Exception) -> Callable[[Any], Any]:
    """Make a function of one argument (which it ignores) that raises `error`.

    The traceback gets no line for the function. So if the user's frame calls it, the error looks as if Python itself
    had raised it there.
    """
    failed = asyncio.Future[None](loop=cast("Any", _NoLoop))
    failed.set_exception(error.with_traceback(None))
    error.__context__ = None
    return functools.partial(next, iter(failed.result, make_raiser))


class _NoLoop:
    """Replacement for an event loop. It has the one method that a future calls if no task waits for the future."""

    @staticmethod
    def get_debug() -> bool:
        return False
