"""Origins of the tasks of a run: which code started each task. They are recorded when asyncio makes a task.

There are three kinds of tasks:

- A task that the notebook's own code started is saved.
- A task that started inside a call of a library that has not returned is not saved. It starts again, because the call
  is executed again.
- A task that a library started for itself, or that a step (a recorded call) started, does not belong to the run.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary, ref

from hitl_nb.engine.compile import find_code
from hitl_nb.engine.position.event_loop import asyncio_calls
from hitl_nb.engine.position.frames.lookup import frame_of

_ASYNCIO = str(Path(asyncio.__file__).parent)


@dataclass
class Origin:
    """The origin of an asyncio task: which code started it.

    Attributes:
        key: name of the task in the run, for example "2.1": the key of the task that started it, and a number.
        line: line of the code that started the task.
        started_count: number of tasks that the task has started itself.
        library_call: weak reference to the coroutine of a library in which the task was started; None: there is none.
        is_outside: whether the task does not belong to the run.
        awaiting_task: the task that awaits this task, if this task only executes one call (such as a step) for it.
        is_cancelled: whether the restored task is to be cancelled as soon as it has reached its saved position.
    """

    key: str = ""
    line: int = 0
    started_count: int = 0
    library_call: ref[Any] | None = None
    is_outside: bool = False
    awaiting_task: Any = None
    is_cancelled: bool = False

    @property
    def is_reevaluated(self) -> bool:
        """Whether the task starts again after a resume, because the library call that started it is executed again."""
        call = self.library_call() if self.library_call is not None else None
        return call is not None and call.cr_frame is not None


_origins: WeakKeyDictionary[Any, Origin] = WeakKeyDictionary()


def origin_of(task: Any) -> Origin:
    """Return the origin of a task (which code started it). A task without a recorded origin gets a new one.

    The key of a new origin is the name of the task.
    """
    found = _origins.get(task)
    if found is None:
        found = _origins[task] = Origin(task.get_name())
    return found


def set_origin(task: Any, origin: Origin) -> None:
    """Set the origin of a task."""
    _origins[task] = origin


def record_task_origins(is_in_run: Callable[[], bool]) -> None:
    """Record for each task that asyncio makes from now on, in all event loops, which code started it.

    Args:
        is_in_run: returns whether the code that runs now belongs to a run. Tasks of other code are not recorded.
    """
    create: Any = asyncio.BaseEventLoop.create_task
    if getattr(create, "__hitl_origins__", False):
        return

    @functools.wraps(create)
    def create_task(self: asyncio.BaseEventLoop, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task = create(self, coro, **kwargs)
        if is_in_run():
            _origins[task] = _find_origin(coro, sys._getframe(1))  # pyright: ignore[reportPrivateUsage]  # documented, in CPython
        return task

    cast("Any", create_task).__hitl_origins__ = True
    asyncio.BaseEventLoop.create_task = create_task


def _find_origin(coroutine: Any, frame: types.FrameType | None) -> Origin:
    try:
        parent_task = asyncio.current_task()
    except RuntimeError:  # the loop does not run yet: `asyncio.run`, `run_until_complete`
        parent_task = None
    parent = origin_of(parent_task) if parent_task is not None else Origin()
    if parent.awaiting_task is not None:  # the work of a step, or of a gated call
        return Origin(parent.key, parent.line, 0, parent.library_call, True, parent_task)
    between: types.FrameType | None = None
    while frame is not None and find_code(frame.f_code) is None:
        if not frame.f_code.co_filename.startswith(_ASYNCIO):
            between = frame
        if frame.f_code is _HANDLE_RUN_CODE:
            frame = None
            break
        frame = frame.f_back
    if frame is None:  # a library's task starts another one
        return Origin(
            parent.key, parent.line, 0, parent.library_call, parent.is_outside or not _is_savable_coroutine(coroutine)
        )
    if between is None:
        return _make_own_origin(parent, frame.f_lineno)
    call = next((v for v in frame.f_locals.values() if frame_of(v) is between), None)
    if call is not None and asyncio_calls.is_asyncio_coroutine(call):
        return _make_own_origin(parent, frame.f_lineno)
    if call is None and _is_savable_coroutine(coroutine):
        return _make_own_origin(parent, frame.f_lineno)
    return Origin(parent.key, frame.f_lineno, 0, _make_ref(call), not _is_savable_coroutine(coroutine))


def _make_ref(value: Any) -> ref[Any] | None:
    return None if value is None else ref(value)


_HANDLE_RUN_CODE: Any = asyncio.Handle._run.__code__


def _make_own_origin(parent: Origin, line: int) -> Origin:
    if parent.library_call is not None or parent.is_outside:
        return Origin(parent.key, line, 0, parent.library_call, parent.is_outside)
    parent.started_count += 1
    return Origin(f"{parent.key}.{parent.started_count}" if parent.key else str(parent.started_count), line)


def _is_savable_coroutine(coroutine: Any) -> bool:
    """Return whether a task of this coroutine can be saved.

    That is so if its code is the notebook's, or if the coroutine has a pickle form.
    """
    code = getattr(coroutine, "cr_code", None)
    is_notebooks = isinstance(code, types.CodeType) and find_code(code) is not None
    return is_notebooks or is_gated_call(coroutine) or asyncio_calls.is_asyncio_coroutine(coroutine)


def is_gated_call(value: object) -> bool:
    """Return whether a value is a call of an agent or of a tool with `@hitl.gate` that was not awaited yet.

    Such a call has not begun, so it can be saved as data.
    """
    return getattr(type(value), "__hitl_call__", False)


__all__ = ["Origin", "is_gated_call", "origin_of", "record_task_origins", "set_origin"]
