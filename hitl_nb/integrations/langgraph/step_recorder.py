"""`StepRecorder`: middleware for LangChain's agents that makes each request to the model and each tool call a step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langgraph.errors import GraphInterrupt

import hitl_nb as hitl
from hitl_nb.integrations.langgraph.graph_tasks import find_task
from hitl_nb.integrations.recorded_calls import (
    record_async_model_request,
    record_async_tool_call,
    record_model_request,
    record_tool_call,
)


class StepRecorder(AgentMiddleware[Any, Any, Any]):
    """Middleware for `create_agent(middleware=[...])`: requests to the model and calls of tools are steps of the run.

    In `review`, calls that ended before a crash are not made again. People are asked whether the tool call that the
    crash interrupted happened. Outside of a run, nothing is changed. Put it last in the list, nearest to the
    tools.

    Args:
        skip: Names of tools that are not recorded: those that call `interrupt()` themselves, since they are called
            again from their beginning.
    """

    def __init__(self, *, skip: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.skip = frozenset(skip)

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Make a request to the model as a step."""
        task = find_task()
        return record_model_request("model", lambda: handler(request)) if task else handler(request)

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Make a request to the model as a step."""
        task = find_task()
        return await (record_async_model_request("model", lambda: handler(request)) if task else handler(request))

    def wrap_tool_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Call a tool as a step."""
        call = request.tool_call
        if call["name"] in self.skip:
            return handler(request)

        def call_tool() -> Any:
            try:
                return handler(request)
            except GraphInterrupt as error:
                raise _explain_interrupt(call["name"]) from error

        return record_tool_call(call["name"], call["id"], call["args"], call_tool)

    async def awrap_tool_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Call a tool as a step."""
        call = request.tool_call
        if call["name"] in self.skip:
            return await handler(request)

        async def call_tool() -> Any:
            try:
                return await handler(request)
            except GraphInterrupt as error:
                raise _explain_interrupt(call["name"]) from error

        return await record_async_tool_call(call["name"], call["id"], call["args"], call_tool)


def _explain_interrupt(tool: str) -> hitl.HitlError:
    return hitl.HitlError(
        f"the tool {tool!r} called interrupt() inside a step; it would be called again from its beginning after the "
        f'decision. Do not record it: StepRecorder(skip=("{tool}",))'
    )
