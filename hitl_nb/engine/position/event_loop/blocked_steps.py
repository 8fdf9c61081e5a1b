"""Finds tasks of steps that wait for tasks of the run itself.

A step is a recorded call of the user (`@hitl.step`), which must run to its end before a pause. A pause ends the tasks
of the run. So a step that waits for such a task would never end.
"""

from __future__ import annotations

import asyncio
from asyncio import tasks as asyncio_tasks
from typing import Any

from hitl_nb.engine.position.event_loop.asyncio_calls import find_innermost_coroutine, is_asyncio_coroutine
from hitl_nb.engine.position.event_loop.origins import origin_of
from hitl_nb.engine.position.event_loop.turns import turn_order

_GATHERING_FUTURE: Any = vars(asyncio_tasks)["_GatheringFuture"]
_WAIT_CODE: Any = vars(asyncio_tasks)["_wait"].__code__


def waits_for_run(task: Any) -> bool:
    """Return whether a task of a step (a recorded call) waits for a task of the run, or for a saved lock or queue.

    A lock that another step holds counts, too, so the caller must check that no other step can continue. A wait with a
    timeout counts: the timeout would end it only because the run does not continue. Events and other shared objects of
    asyncio count like locks.
    """
    return _is_blocked(task, set())


def _is_blocked(task: Any, seen_ids: set[int]) -> bool:
    waiter = task._fut_waiter
    if waiter is None or waiter.done() or id(task) in seen_ids:
        return False
    seen_ids.add(id(task))
    coroutine = find_innermost_coroutine(task.get_coro())
    is_asyncios = is_asyncio_coroutine(coroutine) or _code_of(coroutine) is _WAIT_CODE
    names: dict[str, Any] = coroutine.cr_frame.f_locals if is_asyncios and coroutine.cr_frame else {}
    if any(names.get("self") is shared for shared in turn_order.shared_objects):
        return True
    if _code_of(coroutine) is _WAIT_CODE and names:
        held = [_depends_on_run(future, seen_ids) for future in names["fs"] if not future.done()]
        return any(held) if names["return_when"] == asyncio.ALL_COMPLETED else bool(held) and all(held)
    if _code_of(coroutine) is asyncio.wait_for.__code__ and asyncio.isfuture(names.get("fut")):
        return _depends_on_run(names["fut"], seen_ids)
    return _depends_on_run(waiter, seen_ids)


def _code_of(coroutine: Any) -> Any:
    return getattr(coroutine, "cr_code", None)


def _depends_on_run(future: Any, seen_ids: set[int]) -> bool:
    if isinstance(future, _GATHERING_FUTURE):
        children: list[Any] = future._children
        return any(_depends_on_run(child, seen_ids) for child in children if not child.done())
    if not isinstance(future, asyncio.Task):
        return False
    origin = origin_of(future)
    is_steps = origin.is_outside or origin.awaiting_task is not None
    return _is_blocked(future, seen_ids) if is_steps else not future.done()


__all__ = ["waits_for_run"]
