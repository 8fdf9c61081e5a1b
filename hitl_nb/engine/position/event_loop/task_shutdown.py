"""Ends the tasks of a paused run, at once and without messages: their state is saved, so none of their code runs.

The coroutine of each task is ended by `Unwind`, which instrumented code does not catch. Then the task is woken, and
finds its coroutine ended. It calls no callbacks: objects that wait for it in this process (a `gather`, a group) are
dropped, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import types
from collections.abc import Iterable
from typing import Any

from hitl_nb.engine.compile.runtime.runtime import Unwind

_MAX_CLEANUP_STEPS = 20
"""How often a coroutine of a library may await while it is ended."""


def end_tasks(tasks: Iterable[Any], main_task: asyncio.Task[Any], main_coroutine: Any) -> None:
    """End all tasks of a run, and wake the one that awaits it; the one that is running ends by itself, with `Unwind`.

    Args:
        main_task: the task that awaits the run.
        main_coroutine: of the run, which `main` awaits.
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
    """End a coroutine that waits. It may clean up, as far as the clean-up needs no other coroutine."""
    if isinstance(coroutine, types.CoroutineType) and (coroutine.cr_running or coroutine.cr_frame is None):
        return
    with contextlib.suppress(BaseException):  # what its clean-up raises is nobody's: it is only paused
        for _ in range(_MAX_CLEANUP_STEPS):
            coroutine.throw(Unwind())
        coroutine.close()


def _find_running_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # a thread of the run
        return None


def _detach_task(task: Any, *, must_wake: bool) -> None:
    task._log_destroy_pending = False
    told: list[Any] = list(task._callbacks or ())
    for callback, _ in told:
        if not isinstance(getattr(callback, "__self__", None), asyncio.Task):  # a task that waits for it is woken
            task.remove_done_callback(callback)
    task.add_done_callback(_retrieve_exception)
    if must_wake:
        _wake_task(task)


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _wake_task(task: Any) -> None:
    """Make a task notice that its coroutine has ended. The future that the task waits for is not changed."""
    waiter = task._fut_waiter
    if waiter is None or waiter.done():  # its next step is due anyway
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
