"""Finds code that runs because a value ends. The interpreter catches all its exceptions, so a pause cannot leave it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence

from hitl_nb.engine.position.frames.lookup import FrameView

_SUSPENDABLE_FLAGS = inspect.CO_GENERATOR | inspect.CO_COROUTINE


def find_finalizer_frame(inner_views: Sequence[FrameView]) -> FrameView | None:
    """Find the frame of a `__del__`, or of a generator being closed, among frames that no call of the user leads to."""
    is_closing = _is_generator_closing()
    for view in inner_views:
        if view.code.co_name == "__del__" or (is_closing and view.code.co_flags & _SUSPENDABLE_FLAGS):
            return view
    return None


def _is_generator_closing() -> bool:
    """Return whether GeneratorExit is being handled."""
    exception = sys.exception()
    seen: set[int] = set()
    while exception is not None and id(exception) not in seen:
        if isinstance(exception, GeneratorExit):
            return True
        seen.add(id(exception))
        exception = exception.__context__
    return False
