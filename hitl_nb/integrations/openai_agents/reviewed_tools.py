"""Tools of an agent as the SDK sees them in a stretch: they ask, their calls are recorded, and edits are applied."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

from agents import (
    ApplyPatchTool,
    ComputerTool,
    CustomTool,
    FunctionTool,
    LocalShellTool,
    ShellTool,
    ToolInputGuardrail,
)
from agents.tool_context import ToolContext
from agents.tool_guardrails import ToolGuardrailFunctionOutput, ToolInputGuardrailData

import hitl_nb as hitl
from hitl_nb.integrations.openai_agents.stretches import Stretch, inside_call
from hitl_nb.integrations.recorded_calls import record_async_tool_call

LOCAL_TOOLS = (ApplyPatchTool, ComputerTool, CustomTool, LocalShellTool, ShellTool)
"""Tools that the SDK executes in this process, and whose calls cannot be recorded."""


def make_reviewed(tool: Any, stretch: Stretch) -> Any:
    """Return a tool as the SDK sees it in a stretch.

    Raises:
        HitlError: The tool takes effect in this process, and its calls cannot be recorded.
    """
    if isinstance(tool, LOCAL_TOOLS):
        raise hitl.HitlError(
            f"reviewed() cannot record the calls of {tool.name}, which take effect in this process; "
            "put what it does into a function tool"
        )
    if not isinstance(tool, FunctionTool):
        return tool  # the provider of the model executes it, as a part of a request
    known = stretch.tools.get(id(tool))
    if known is None:
        known = stretch.tools[id(tool)] = (_copy_tool(tool, stretch), tool)
    return known[0]


def read_arguments(text: str | None) -> dict[str, Any] | None:
    """Return the arguments of a call by name. None if the text of the model is no JSON object."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]


def _copy_tool(tool: FunctionTool, stretch: Stretch) -> FunctionTool:
    async def invoke(context: ToolContext[Any], text: str) -> Any:
        edited = stretch.find_edited(context.tool_call_id)
        if edited is not None:
            text = json.dumps(edited)
            context = _replace_arguments(context, text)
        if tool._is_agent_tool:  # pyright: ignore[reportPrivateUsage]  # the SDK has no public name for it
            return await _call_agent(tool, context, text)
        stretch.check_call(tool.qualified_name, context.tool_call_id)
        arguments = read_arguments(text)
        shown = {"arguments": text} if arguments is None else arguments
        name, key = tool.qualified_name, context.tool_call_id
        # The function of the tool may be a step that says so.
        idempotent = bool(getattr(getattr(tool, "__wrapped__", None), "idempotent", False))
        call = lambda: tool.on_invoke_tool(context, text)  # noqa: E731
        return await record_async_tool_call(name, key, shown, call, idempotent=idempotent)

    reviewed = copy.copy(tool)
    reviewed.on_invoke_tool = invoke
    reviewed.needs_approval = stretch.asks(tool) or _inspect_arguments(tool)
    guardrails = tool.tool_input_guardrails
    reviewed.tool_input_guardrails = guardrails and [_guard_edited(one, stretch) for one in guardrails]
    return reviewed


async def _call_agent(tool: FunctionTool, context: ToolContext[Any], text: str) -> Any:
    """Run an agent that is used as a tool. This is not recorded: the calls inside it are, and they may ask."""
    token = inside_call.set(f"{inside_call.get()}/{context.tool_call_id}")
    try:
        return await tool.on_invoke_tool(context, text)
    finally:
        inside_call.reset(token)


def _replace_arguments(context: ToolContext[Any], text: str) -> ToolContext[Any]:
    edited = copy.copy(context)
    edited.tool_arguments = text
    return edited


def _guard_edited(guardrail: ToolInputGuardrail[Any], stretch: Stretch) -> ToolInputGuardrail[Any]:
    """Return a guardrail that sees the arguments with which the tool is called: the edited ones."""

    async def guard(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        edited = stretch.find_edited(data.context.tool_call_id)
        if edited is not None:
            data = dataclasses.replace(data, context=_replace_arguments(data.context, json.dumps(edited)))
        return await guardrail.run(data)

    return dataclasses.replace(guardrail, guardrail_function=guard, name=guardrail.get_name())


def _inspect_arguments(tool: FunctionTool) -> Any:
    """Return the tool's own `needs_approval`.

    If it is a function, the SDK calls it only for arguments that the tool takes unchanged. It finds out with the tool's
    `on_invoke_tool`, which is replaced here. So the same is done here.
    """
    own, prepare = tool.needs_approval, getattr(tool.on_invoke_tool, "prepare_arguments", None)
    if prepare is None or not callable(own):
        return own

    async def needs_approval(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
        prepared: Any = prepare(json.dumps(arguments), tool.name)
        if prepared is not None and not prepared.unchanged:
            return True
        return await own(context, arguments, call_id)

    return needs_approval
