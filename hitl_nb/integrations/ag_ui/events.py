"""`events()`: one request of AG-UI to an agent, as the events of the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from importlib import import_module
from typing import Any

import hitl_nb as hitl
from hitl_nb.integrations.ag_ui.interrupts import describe_interrupt
from hitl_nb.integrations.ag_ui.requests import RefusedRequest, RunRequest, check_ids
from hitl_nb.integrations.ag_ui.threads import ThreadOutcome, continue_thread

REFUSED = "hitl_nb:refused"
"""Name of the event for answers that were refused."""

_working: set[asyncio.Task[ThreadOutcome]] = set()
"""Requests that are worked on. A task needs a reference, or it may be collected before it ends."""


async def events(agent: Any, request: RunRequest, *, user: str) -> AsyncGenerator[Any]:
    """Run an agent for a request, and yield the events of AG-UI.

    The first request of a thread begins a run: the agent's function gets the request as JSON data. If people must
    decide, the last event has the outcome "interrupt" with the open proposals. A request with `resume` stores the
    decisions of `user` and continues the run. Any other request also continues a run that has not finished.

    If the client closes the connection, the agent works on until its next question or its end.

    Args:
        agent: An `@hitl.agent` function with one parameter.
        request: The request (`RunAgentInput`). It comes from the client, so nothing in it says who the person is.
        user: Name of the person who sent the request, as your server knows it. Your server also has to check that this
            person may use the thread.

    Yields:
        Events of the package `ag_ui.core`.

    Raises:
        TypeError: `agent` is no `@hitl.agent` function.
        ValueError: `user` is empty.
        Exception: The agent raised it. The client has got `RUN_ERROR` before, without the text of the exception.
    """
    if not hasattr(agent, "run") or not hasattr(agent, "function"):
        raise TypeError(f"agent must be an @hitl.agent function, not {type(agent).__name__}")
    if not isinstance(user, str) or not user.strip():  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise ValueError(f"user must be the name of the person who sent the request, not {user!r}")
    core: Any = import_module("ag_ui.core")  # imported here, so that only a server of the protocol needs the package
    ids = {"thread_id": request.thread_id, "run_id": request.run_id}
    yield core.RunStartedEvent(**ids, protocol_version=core.PROTOCOL_VERSION)
    try:
        check_ids(request)
        outcome = await _work(agent, request, user.strip())
    except RefusedRequest as refusal:
        yield core.RunErrorEvent(message=str(refusal), code=type(refusal).__name__)
        return
    except hitl.RunClaimed:
        yield core.RunErrorEvent(message="another request continues this thread now; try again", code="RunClaimed")
        return
    except Exception as error:
        yield core.RunErrorEvent(message="the agent failed", code=type(error).__name__)
        raise
    for event in _make_events(core, ids, outcome):
        yield event


async def _work(agent: Any, request: RunRequest, user: str) -> ThreadOutcome:
    """Call `continue_thread`. It continues if the caller is cancelled, so that no call of a tool is torn apart."""
    task = asyncio.ensure_future(continue_thread(agent, request, user))
    _working.add(task)
    task.add_done_callback(_working.discard)
    return await asyncio.shield(task)


def _make_events(core: Any, ids: dict[str, str], outcome: ThreadOutcome) -> list[Any]:
    """Return the last events of a request."""
    made: list[Any] = []
    if outcome.refused:
        made.append(core.CustomEvent(name=REFUSED, value=outcome.refused))
    run = outcome.run
    if run.status != "finished" and not run.open:  # decided by somebody else, since the run was looked at
        return [*made, core.RunErrorEvent(message="the question was decided just now; try again", code="Decided")]
    if run.status != "finished":
        interrupts = [core.Interrupt(**describe_interrupt(proposal)) for proposal in run.open]
        return [*made, core.RunFinishedEvent(**ids, outcome=core.RunFinishedInterruptOutcome(interrupts=interrupts))]
    if isinstance(run.result, str) and run.result:
        message = {"message_id": run.id}
        made.append(core.TextMessageStartEvent(**message, role="assistant"))
        made.append(core.TextMessageContentEvent(**message, delta=run.result))
        made.append(core.TextMessageEndEvent(**message))
    result = import_module("pydantic_core").to_jsonable_python(run.result)
    return [*made, core.RunFinishedEvent(**ids, result=result, outcome=core.RunFinishedSuccessOutcome())]
