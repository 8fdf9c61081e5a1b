"""Saved exceptions that a rebuilt frame raises again, so that its `except` block continues with them."""

from __future__ import annotations

import sys
from typing import Any

_thrown_states: dict[int, tuple[Any, dict[int, tuple[BaseException, Any]]]] = {}


def throw(exception: BaseException) -> None:
    """Raise a saved exception again, in a frame that a resume has rebuilt inside an `except` block.

    Raising changes the traceback and the contexts of the exception; the block calls `settle` first, which restores
    them. Raising can also break a cycle in the contexts of exceptions that are being handled.
    """
    contexts: dict[int, tuple[BaseException, Any]] = {id(exception): (exception, exception.__context__)}
    handled = sys.exception()
    while handled is not None and id(handled) not in contexts:
        contexts[id(handled)] = handled, handled.__context__
        handled = handled.__context__
    _thrown_states[id(exception)] = exception.__traceback__, contexts
    raise exception


def settle(exception: BaseException) -> None:
    """Restore the traceback and the contexts of an exception, which `throw` has changed."""
    traceback, contexts = _thrown_states.pop(id(exception))
    for one, context in contexts.values():
        if one.__context__ is not context:
            one.__context__ = context
    exception.__traceback__ = traceback
