"""Finds code that Python runs because an object is destroyed, for example a `__del__`.

Python prints an exception that leaves such code, and ignores it. The engine pauses a run by an exception, so it cannot
pause there.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence

from hitl_nb.engine.position.frames.lookup import FrameView

_SUSPENDABLE_FLAGS = inspect.CO_GENERATOR | inspect.CO_COROUTINE


def find_finalizer_frame(inner_views: Sequence[FrameView]) -> FrameView | None:
    """Find the first frame of a `__del__`, or of a generator that is being closed because it is destroyed.

    Args:
        inner_views: the frames to search, outermost first.

    Returns:
        The frame, or None if none of the frames is of this kind.
    """
    is_closing = _is_generator_closing()
    for view in inner_views:
        if view.code.co_name == "__del__" or (is_closing and view.code.co_flags & _SUSPENDABLE_FLAGS):
            return view
    return None


def _is_generator_closing() -> bool:
    """Return whether a GeneratorExit is being handled, perhaps as the `__context__` of another error."""
    exception = sys.exception()
    seen: set[int] = set()
    while exception is not None and id(exception) not in seen:
        if isinstance(exception, GeneratorExit):
            return True
        seen.add(id(exception))
        exception = exception.__context__
    return False
