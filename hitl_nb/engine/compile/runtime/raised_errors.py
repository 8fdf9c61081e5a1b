"""Errors in the user's code that instrumented code finds, raised as if Python itself had found them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any, cast


def make_raiser(error: Exception) -> Callable[[Any], Any]:
    """Make a function of one argument that raises `error` without a traceback line of its own.

    Called in the user's frame, it makes an error look as if Python itself had raised it there.
    """
    failed = asyncio.Future[None](loop=cast("Any", _NoLoop))
    failed.set_exception(error.with_traceback(None))
    error.__context__ = None
    return functools.partial(next, iter(failed.result, make_raiser))


class _NoLoop:
    """All that a future asks of a loop if nobody waits for it."""

    @staticmethod
    def get_debug() -> bool:
        return False
