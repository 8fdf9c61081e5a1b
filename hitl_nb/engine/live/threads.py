"""Threads that an agent starts belong to its run: their steps are recorded, and their questions are asked.

`asyncio.to_thread` passes the context variables on; `loop.run_in_executor`, `ThreadPoolExecutor` and `Thread` do not. A
step in such a thread would be called without a record, and again after a crash. So the context variables of a run, and
no others, are passed on to threads and submitted calls that code of a run starts. Code outside of a run is not
affected.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, ContextVar
from threading import Thread
from typing import Any, cast

from hitl_nb.engine.call_keys.call_keys import started_in
from hitl_nb.engine.live.background import is_from_library

_inherited_variables: list[ContextVar[Any]] = []


def share_with_threads(*variables: ContextVar[Any]) -> None:
    """Make threads and submitted calls inherit these context variables from the code that starts them, from now on.

    `Thread.start` and `ThreadPoolExecutor.submit` are patched for this at the first call.

    Args:
        variables: The variables. The first one has the session of the running code; nothing is inherited if it is None.
    """
    if not _inherited_variables:
        ThreadPoolExecutor.submit = _wrap_submit(ThreadPoolExecutor.submit)
        Thread.start = _wrap_start(Thread.start)
    _inherited_variables[:] = variables


def _wrap_submit(submit: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(submit)
    def submit_with_run(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        called: Any = fn
        with_run: Any
        if _is_call_in_context(called):  # as `asyncio.to_thread` submits it
            of_context = called
            called, *rest = of_context.args
            with_run = functools.partial(of_context.func, _bind_run(called), *rest, **of_context.keywords)
        else:
            with_run = _bind_run(called)
        future = submit(self, with_run, *args, **kwargs)
        if _inherited_variables[0].get() is not None:
            _inherited_variables[0].get().background.add_started(future, called)
        return future

    return submit_with_run


def _is_call_in_context(function: Any) -> bool:
    return isinstance(function, functools.partial) and isinstance(
        getattr(cast("Any", function).func, "__self__", None), Context
    )


def _wrap_start(start: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(start)
    def start_with_run(self: Thread) -> None:
        target: Any = getattr(self, "_target", None)
        if (
            getattr(target, "__module__", None) != "concurrent.futures.thread"
        ):  # a worker thread of an executor also serves other code
            run = _bind_run(self.run)
            if run != self.run:
                function = self.run if target is None else target
                if not is_from_library(function):
                    _inherited_variables[0].get().background.add_started(self, function)
                self.run = run
        start(self)

    return start_with_run


def _bind_run(function: Callable[..., Any]) -> Callable[..., Any]:
    values = [(variable, variable.get()) for variable in _inherited_variables]
    session = values[0][1]
    if session is None:
        return function
    values.append((started_in, session.live.begin_thread()))

    @functools.wraps(function, updated=())
    def call_with_run(*args: Any, **kwargs: Any) -> Any:
        tokens = [(variable, variable.set(value)) for variable, value in values]
        try:
            return function(*args, **kwargs)
        finally:
            for variable, token in tokens:
                variable.reset(token)

    return call_with_run
