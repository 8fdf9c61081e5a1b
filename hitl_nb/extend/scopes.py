"""Scopes: how the calls of steps in a framework's work are told apart after a resume."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from hitl_nb.engine.call_keys.call_scopes import open_scopes
from hitl_nb.engine.current_session import current_session


@contextmanager
def scope_calls(find_part: Callable[[], tuple[str, object] | None]) -> Generator[None]:
    """Tell steps and questions apart by the part of a framework's work that calls them, inside the `with` block.

    Use it around a call into a framework that saves its own progress, and so does not execute finished parts again.
    Calls in a part are then numbered from its beginning, each time it is executed. So a part that is executed again
    finds the records of its own calls. Outside of a run, nothing is done.

    Args:
        find_part: Function that returns the part to which the current code belongs, as (name, object). The name is the
            same when the part is executed again, in another process, too. The object is another one each time. None:
            the code belongs to no part.
    """
    session = current_session()
    with open_scopes(find_part, session.live.begin_thread() if session is not None else None):
        yield
