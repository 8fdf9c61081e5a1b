"""Asyncio tasks that end because of a pause or a refused question, and that nobody awaits."""

from __future__ import annotations

import asyncio
import contextlib


def read_outcome_of_task() -> None:
    """Mark the error of the current asyncio task as read, so that asyncio does not log "exception was never retrieved".

    The task ends because of a pause or a refused question, so its error is known. The log message also formats the
    traceback in the task's finalizer. CPython before 3.11.8 and 3.12.2 then breaks a compilation that is running
    (gh-106905).
    """
    with contextlib.suppress(RuntimeError):  # no loop runs in this thread
        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
