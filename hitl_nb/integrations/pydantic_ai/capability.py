"""Recorded calls of an agent: each request to its model, and each call of a tool, is a step of the run.

`ReviewCapability` is a *capability* of Pydantic AI for one run of an agent. It wraps the agent's model and tools. The
agent itself is not changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from pydantic_ai import RunContext
from pydantic_ai.capabilities import AbstractCapability, WrapOutputProcessHandler
from pydantic_ai.exceptions import ApprovalRequired
from pydantic_ai.messages import ToolReturn
from pydantic_ai.models import Model
from pydantic_ai.output import OutputContext
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, FunctionToolset, ToolsetTool, WrapperToolset

from hitl_nb.integrations.pydantic_ai.recorded_model import RecordedModel
from hitl_nb.integrations.pydantic_ai.refusals import Refusal, catch_refusal
from hitl_nb.integrations.recorded_calls import record_async_tool_call
from hitl_nb.integrations.token_printer import TokenPrinter
from hitl_nb.integrations.tool_calls import ToolCall, select_asked


@dataclass
class ReviewCapability(AbstractCapability[Any]):
    """Makes an agent ask before it calls tools, and records what it does.

    Args:
        ask: Names of the tools that ask. None: all.
        approved: The calls that people have approved, by id: None, or a text for the model about edited arguments.
        printer: Shows the text of the model.

    Attributes:
        tools: The definitions of the agent's tools by name, as of the last turn of the model.
        asking: Names of those that ask.
    """

    ask: Collection[str] | None
    approved: dict[str, str | None]
    printer: TokenPrinter
    tools: dict[str, ToolDefinition] = field(default_factory=dict[str, ToolDefinition])
    asking: set[str] = field(default_factory=set[str])

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        """Return the agent's tools as tools that ask and are recorded."""
        return ReviewedToolset(toolset, self)

    def get_wrapper_model(self, model: Model) -> Model:
        """Return the agent's model as one whose requests are recorded."""
        return RecordedModel(model, self.printer)

    async def wrap_output_process(
        self, ctx: RunContext[Any], *, output_context: OutputContext, output: Any, handler: WrapOutputProcessHandler
    ) -> Any:
        """Call a function of the output, which is the last act of an agent, as a step of the run."""
        if not output_context.has_function or ctx.partial_output:
            return await handler(output)
        call = output_context.tool_call
        name = output_context.function_name or (call.tool_name if call is not None else "output")
        key = call.tool_call_id if call is not None else "output"
        return await _record_call(lambda: handler(output), name, {"output": output}, ctx, key)


@dataclass
class ReviewedToolset(WrapperToolset[Any]):
    """The tools of an agent: those that ask need an approval, and each call is a step.

    Args:
        wrapped: The tools.
        review: The review that they belong to.
    """

    review: ReviewCapability

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """Return the tools by name. Those that ask need an approval.

        Raises:
            ValueError: `ask` names a tool that does not exist. Its calls would be made without a question.
        """
        tools = await self.wrapped.get_tools(ctx)
        asked = {call.name for call in select_asked([ToolCall("", name, {}) for name in tools], self.review.ask)}
        missing = sorted(set(self.review.ask or ()) - asked)
        if missing:
            has = ", ".join(sorted(tools)) or "none"
            raise ValueError(f"ask names a tool that the agent does not have: {missing[0]!r}. It has {has}")
        self.review.asking = asked
        self.review.tools = {name: tool.tool_def for name, tool in tools.items()}
        return {name: _make_asking(tool) if name in asked else tool for name, tool in tools.items()}

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """Call a tool as a step of the run, and tell the model if somebody edited the arguments.

        Raises:
            ApprovalRequired: The tool asks, and people have not approved the call. Perhaps another capability of the
                agent has, such as `HandleDeferredToolCalls`.
        """
        call_id = ctx.tool_call_id or ""
        if name in self.review.asking and call_id not in self.review.approved:
            raise ApprovalRequired
        note = self.review.approved.pop(call_id, None)
        told = None if note is None else f"About the call {call_id} of {name}: {note}"
        call = partial(self.wrapped.call_tool, name, tool_args, ctx, tool)
        result = await _record_call(call, name, tool_args, ctx, call_id, note=told, idempotent=_is_idempotent(tool))
        return result if told is None else _add_note(result, told)


async def _record_call(
    call: Callable[[], Awaitable[Any]],
    name: str,
    arguments: Mapping[str, Any],
    ctx: RunContext[Any],
    call_id: str,
    *,
    note: str | None = None,
    idempotent: bool = False,
) -> Any:
    """Call a tool as a step of the run, or return its recorded result.

    Args:
        call: Calls the tool.
        name: Name of the tool.
        arguments: Its arguments, for people.
        ctx: Context of the call.
        call_id: Id of the call. Some models give the same id in several turns.
        note: A text for the model, if the tool refuses the call.
        idempotent: Whether the tool is called again after a crash in it, without a question.

    Raises:
        ModelRetry: The tool raised it; likewise ToolFailed, ApprovalRequired and CallDeferred.
    """
    key = f"{ctx.run_step}/{call_id}"
    result = await record_async_tool_call(name, key, arguments, lambda: catch_refusal(call), idempotent=idempotent)
    if isinstance(result, Refusal):
        raise result.make_error(note)
    return result


def _is_idempotent(tool: ToolsetTool[Any]) -> bool:
    """Return whether the function of a tool is a step that is marked as idempotent."""
    if not isinstance(tool.toolset, FunctionToolset):
        return False
    found = tool.toolset.tools.get(getattr(tool, "original_name", None) or tool.tool_def.name)
    return found is not None and bool(getattr(found.function, "idempotent", False))


def _make_asking(tool: ToolsetTool[Any]) -> ToolsetTool[Any]:
    if tool.tool_def.kind != "function":
        return tool
    return replace(tool, tool_def=replace(tool.tool_def, kind="unapproved"))


def _add_note(result: Any, note: str) -> ToolReturn[Any]:
    """Return the result of a tool with a text that the model reads after it."""
    if not isinstance(result, ToolReturn):
        return ToolReturn(result, content=note)
    given: ToolReturn[Any] = cast("ToolReturn[Any]", result)
    parts = [given.content] if isinstance(given.content, str) else [*(given.content or ())]
    return replace(given, content=[*parts, note])
