"""Interruption of an agent: KeyboardInterrupt in its own code, as in any cell.

An agent cell is awaited. For awaited cells ipykernel only asks asyncio to cancel. Code that blocks, such as a model
call or `time.sleep`, would not be interrupted. After a decision the continued agent is not even a cell for ipykernel.
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
    """Await `work`, and raise its errors. SIGINT raises KeyboardInterrupt in running code, and cancels waiting code."""
    if threading.current_thread() is not threading.main_thread():
        return await work  # only the main thread receives signals
    before = signal.getsignal(signal.SIGINT)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupt(number: int, frame: FrameType | None) -> None:
        caller = frame
        while caller is not None:
            if caller.f_code is await_interruptible.__code__:
                raise KeyboardInterrupt
            caller = caller.f_back
        if callable(before) and before is not signal.default_int_handler:
            before(number, frame)
            loop.call_soon_threadsafe(int)  # ipykernel asks the loop to cancel, but does not wake it
        elif task is not None:
            loop.call_soon_threadsafe(task.cancel)

    signal.signal(signal.SIGINT, interrupt)
    try:
        return await work
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, before)
