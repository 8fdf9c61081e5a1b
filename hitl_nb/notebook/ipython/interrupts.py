"""Interruption of an agent: Ctrl-C raises KeyboardInterrupt in the agent's own code, as in any cell.

IPython awaits an agent cell. For awaited cells, ipykernel only asks asyncio to cancel the task. Code that blocks, such
as a model call or `time.sleep`, would not be interrupted. When an agent continues after a decision, ipykernel does not
even know that a cell runs.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


async def await_interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` so that it can be interrupted, and return its result.

    SIGINT raises KeyboardInterrupt in code that runs, and cancels the task if the code waits.
    """
    if threading.current_thread() is not threading.main_thread():
        return await work  # only the main thread receives signals
    before = signal.getsignal(signal.SIGINT)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt(number: int, frame: FrameType | None) -> None:
        """Handle SIGINT (Ctrl-C).

        Raise KeyboardInterrupt if `work` is executing now, which means that its frame is in the interrupted stack.
        Otherwise `work` waits: cancel its task.
        """
        caller = frame
        while caller is not None:
            if caller.f_code is await_interruptible.__code__:
                raise KeyboardInterrupt
            caller = caller.f_back
        if callable(before) and before is not signal.default_int_handler:
            before(number, frame)
            loop.call_soon_threadsafe(int)  # wake the loop: ipykernel asks it to cancel, but does not wake it
        elif task is not None:
            loop.call_soon_threadsafe(task.cancel)

    signal.signal(signal.SIGINT, interrupt)
    try:
        return await work
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, before)
