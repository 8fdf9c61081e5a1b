"""Ends the tasks of a paused run in this process. Their state is saved, so none of the notebook's code may run in them.

The coroutine of each task is ended by the exception `Unwind`, which instrumented code does not catch. Then the task is
woken, and finds its coroutine ended. The task calls no callbacks. Objects that wait for it in this process (a `gather`,
a group) are dropped, too. asyncio prints no message about it.
"""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections.abc import Iterable
from typing import Any

from hitl_nb.engine.compile.runtime.runtime import Unwind

_MAX_CLEANUP_STEPS = 20
"""Number of times that a coroutine of a library may await while it is being ended."""


def end_tasks(tasks: Iterable[Any], main_task: asyncio.Task[Any], main_coroutine: Any) -> None:
    """End all tasks of a paused run, and wake the task that awaits the run.

    The task that runs now is not ended: the caller must leave it by raising `Unwind`.

    Args:
        tasks: the tasks of the run.
        main_task: the task that awaits the run itself.
        main_coroutine: the coroutine of the run, which `main_task` awaits.
    """
    running = _find_running_task()
    others = [task for task in tasks if task is not main_task]
    for task in others:
        if task is not running:
            end_coroutine(task.get_coro())
    if running is not main_task:
        end_coroutine(main_coroutine)
    for task in others:
        _detach_task(task, must_wake=task is not running)
    if running is not main_task:
        _wake_task(main_task)


def end_coroutine(coroutine: Any) -> None:
    """End a coroutine that waits. Code of libraries may clean up in up to 20 steps; its errors are ignored.

    A coroutine that runs now or has ended is left as it is.
    """
    if isinstance(coroutine, types.CoroutineType) and (coroutine.cr_running or coroutine.cr_frame is None):
        return
    with contextlib.suppress(BaseException):  # errors of its clean-up have no meaning: it is only paused
        for _ in range(_MAX_CLEANUP_STEPS):
            coroutine.throw(Unwind())
        coroutine.close()


def _find_running_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # another thread of the run, without an event loop
        return None


def _detach_task(task: Any, *, must_wake: bool) -> None:
    task._log_destroy_pending = False
    told: list[Any] = list(task._callbacks or ())
    for callback, _ in told:
        if not isinstance(getattr(callback, "__self__", None), asyncio.Task):  # a task that awaits it must be woken
            task.remove_done_callback(callback)
    task.add_done_callback(_retrieve_exception)
    if must_wake:
        _wake_task(task)


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _wake_task(task: Any) -> None:
    """Make a task take its next step. In this step the task finds that its coroutine has ended, so the task ends, too.

    The future that the task waits for is not changed.
    """
    waiter = task._fut_waiter
    if waiter is None or waiter.done():  # its next step is scheduled already
        return
    wakes = [(c, context) for c, context in getattr(waiter, "_callbacks", None) or () if _is_step_of(c, task)]
    if not wakes:
        task.cancel()
        return
    loop = task.get_loop()
    ended = loop.create_future()
    ended.set_exception(Unwind())
    ended.exception()
    for callback, context in wakes:
        waiter.remove_done_callback(callback)
        loop.call_soon(callback, ended, context=context)


def _is_step_of(callback: Any, task: Any) -> bool:
    return getattr(callback, "__self__", None) is task
