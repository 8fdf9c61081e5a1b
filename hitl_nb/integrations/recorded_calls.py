"""Calls inside of a framework as steps of the run: bodies of tools, and requests to the model.

Each call has the identity that the framework gave it, because frameworks make calls side by side, in any order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import hitl_nb as hitl

T = TypeVar("T")


def record_tool_call(name: str, call_id: str, arguments: Mapping[str, Any], call: Callable[[], T]) -> T:
    """Call the body of a tool as a step. After a crash in it, people are asked whether it happened.

    Args:
        name: Name of the tool, as people know it.
        call_id: Id of the call in the run.
        arguments: Arguments of the call, which people see.
        call: Calls the tool.
    """

    def run_tool(**arguments: Any) -> T:
        return call()

    return _make_step(run_tool, name, call_id)(**arguments)


async def record_async_tool_call(
    name: str, call_id: str, arguments: Mapping[str, Any], call: Callable[[], Awaitable[T]]
) -> T:
    """Do the same as `record_tool_call` for an async tool."""

    async def run_tool(**arguments: Any) -> T:
        return await call()

    return await _make_step(run_tool, name, call_id)(**arguments)


def record_model_request(request_id: str, call: Callable[[], T]) -> T:
    """Make a request to the model as a step.

    A request that was interrupted by a crash is made again without a question. It has no effect but its cost, and
    nobody can type its result.

    Args:
        request_id: Id of the request in the run.
        call: Makes the request.
    """

    def request_model() -> T:
        return call()

    return _make_step(request_model, "request to the model", request_id, idempotent=True)()


async def record_async_model_request(request_id: str, call: Callable[[], Awaitable[T]]) -> T:
    """Do the same as `record_model_request` for an async request."""

    async def request_model() -> T:
        return await call()

    return await _make_step(request_model, "request to the model", request_id, idempotent=True)()


def _make_step(function: Callable[..., Any], name: str, key: str, *, idempotent: bool = False) -> Any:
    function.__name__ = function.__qualname__ = name
    return hitl.step(key=key, idempotent=idempotent)(function)
