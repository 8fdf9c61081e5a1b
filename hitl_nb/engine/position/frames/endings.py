"""Finds code that runs because a value ends: the interpreter lets no exception out of it, so no pause can leave it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence

from hitl_nb.engine.position.frames.lookup import FrameView

_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE


def find_ending(inside: Sequence[FrameView]) -> FrameView | None:
    """The frame of a `__del__`, or of a generator that is closed, among frames that no call of the user's leads to."""
    is_closing = _is_closing()
    for view in inside:
        if view.code.co_name == "__del__" or (is_closing and view.code.co_flags & _SUSPENDS):
            return view
    return None


def _is_closing() -> bool:
    """Whether GeneratorExit is being handled."""
    exception = sys.exception()
    seen: set[int] = set()
    while exception is not None and id(exception) not in seen:
        if isinstance(exception, GeneratorExit):
            return True
        seen.add(id(exception))
        exception = exception.__context__
    return False
