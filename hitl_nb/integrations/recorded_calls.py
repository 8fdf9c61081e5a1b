"""Calls inside of a framework as steps of the run: bodies of tools, and requests to the model.

Each call has the identity that the framework gave it, because frameworks make calls side by side, in any order.
"""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
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

    def run_tool(**_: Any) -> T:
        return call()

    shown = _name_arguments(arguments)
    return _make_step(run_tool, name, call_id, shown)(**shown)


async def record_async_tool_call(
    name: str,
    call_id: str,
    arguments: Mapping[str, Any],
    call: Callable[[], Awaitable[T]],
    *,
    idempotent: bool = False,
) -> T:
    """Do the same as `record_tool_call` for an async tool.

    Args:
        name: Name of the tool, as people know it.
        call_id: Id of the call in the run.
        arguments: Arguments of the call, which people see.
        call: Calls the tool.
        idempotent: Whether the tool is called again after a crash in it, without a question.
    """

    async def run_tool(**_: Any) -> T:
        return await call()

    shown = _name_arguments(arguments)
    return await _make_step(run_tool, name, call_id, shown, idempotent=idempotent)(**shown)


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


async def record_async_model_request(
    request_id: str, call: Callable[[], Awaitable[T]], *, idempotent: bool = True
) -> T:
    """Do the same as `record_model_request` for an async request.

    Args:
        request_id: Id of the request in the run.
        call: Makes the request.
        idempotent: Whether it is made again after a crash. If not, people are asked whether it happened: the provider
            calls tools by itself, so the request may have an effect.
    """

    async def request_model() -> T:
        return await call()

    return await _make_step(request_model, "request to the model", request_id, idempotent=idempotent)()


def _make_step(
    function: Callable[..., Any], name: str, key: str, names: Iterable[str] = (), *, idempotent: bool = False
) -> Any:
    function.__name__ = function.__qualname__ = name
    # With it, people see each argument under its name, and no value of one that is named like a secret.
    parameters = [inspect.Parameter(one, inspect.Parameter.KEYWORD_ONLY) for one in names]
    function.__signature__ = inspect.Signature(parameters)
    return hitl.step(key=key, idempotent=idempotent)(function)


def _name_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments under names that parameters may have. Tools of MCP servers may have other names."""
    shown: dict[str, Any] = {}
    for name, value in arguments.items():
        clean = re.sub(r"\W|^(?=\d)", "_", name) or "_"
        while clean in shown or clean == "self" or keyword.iskeyword(clean):
            clean += "_"
        shown[clean] = value
    return shown
