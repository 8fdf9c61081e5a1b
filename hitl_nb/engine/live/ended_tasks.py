"""Tasks that a pause or a refusal ends, and that nobody awaits."""

from __future__ import annotations

import asyncio
import contextlib


def read_outcome_of_task() -> None:
    """Keep asyncio from reporting a task that a pause or a refusal ends, and that nobody awaits: its error is known.

    The report is noise. It also formats the traceback in the task's finalizer. CPython before 3.11.8 and 3.12.2 then
    breaks a compilation that is under way (gh-106905).
    """
    with contextlib.suppress(RuntimeError):  # no loop runs in this thread
        task = asyncio.current_task()
        if task is not None:
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
