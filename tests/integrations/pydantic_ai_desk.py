"""A program with agents of Pydantic AI, of which tests run each stretch in a new process.

The model says what its script says: the prompt is a JSON list of turns, and a turn is a list of calls, each with name,
arguments and id. After the last turn the model repeats what the tools said. Each request to the model and each effect
is one line of the file `$LOG`. `$KILL` names a point at which the process kills itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from typing import Any

import pydantic_ai
from pydantic import BaseModel
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ModelRetry, RunContext, ToolOutput
from pydantic_ai.capabilities import HandleDeferredToolCalls, NativeTool
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ToolFailed
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel
from pydantic_ai.native_tools import WebSearchTool
from pydantic_ai.tools import Tool, ToolDefinition
from pydantic_ai.toolsets import ExternalToolset
from pydantic_ai.usage import UsageLimits

import hitl_nb as hitl
from hitl_nb.integrations.pydantic_ai import reviewed


def log(*what: Any) -> None:
    with open(os.environ["LOG"], "a", encoding="utf-8") as file:  # noqa: PTH123 - one write
        file.write(json.dumps(what) + "\n")


def die_at(point: str) -> None:
    if os.environ.get("KILL") == point:
        os.kill(os.getpid(), signal.SIGKILL)


def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """What the model says: the next turn of its script, or at the end what the tools said."""
    number = sum(isinstance(one, ModelResponse) for one in messages)
    log("model", number)
    die_at(f"model {number}")
    turns = json.loads(str(messages[0].parts[-1].content))  # type: ignore[union-attr]
    if number < len(turns):
        return ModelResponse(parts=[ToolCallPart(name, arguments, key) for name, arguments, key in turns[number]])
    texts = [part.content for one in messages[1:] for part in one.parts if part.part_kind != "tool-call"]  # type: ignore[union-attr]
    return ModelResponse(parts=[TextPart(" | ".join(map(str, texts)))])


async def stream_answer(messages: list[ModelMessage], info: AgentInfo) -> Any:
    """The same in pieces."""
    for index, part in enumerate(answer(messages, info).parts):
        if isinstance(part, ToolCallPart):
            yield {index: DeltaToolCall(part.tool_name, part.args_as_json_str(), tool_call_id=part.tool_call_id)}
        else:
            for word in part.content.split():  # type: ignore[union-attr]
                yield f"{word} "


model = FunctionModel(answer, stream_function=stream_answer)


class Order(BaseModel):
    """An order of a customer."""

    id: str
    amount: float = 1.0


@dataclass
class Receipt:
    order: str
    amount: float


def check_arguments(ctx: RunContext[Any], **arguments: Any) -> None:
    die_at("before")


def refund(order: str, amount: float = 1.0) -> str:
    """Refund an order."""
    log("refund", order, amount)
    die_at(f"refund {order}")
    return f"paid {order} {amount}"


agent = Agent(model, tools=[Tool(refund, takes_ctx=False, args_validator=check_arguments)], retries=2)


@agent.tool_plain
async def note(text: str) -> str:
    """Write a note."""
    log("note", text)
    die_at(f"note {text}")
    await asyncio.sleep(0)
    return f"noted {text}"


@agent.tool_plain
@hitl.step(idempotent=True)
def find(order: str) -> str:
    """Find an order."""
    log("find", order, len(hitl.idempotency_key()))
    die_at("find")
    return f"found {order}"


@agent.tool_plain
async def ship(order: Order, express: bool = False) -> Receipt:
    """Ship an order."""
    log("ship", order.id, order.amount)
    return Receipt(order.id, order.amount)


@agent.tool(requires_approval=True)
def drop(ctx: RunContext[Any], table: str) -> str:
    """Drop a table."""
    log("drop", table, ctx.tool_call_approved)
    return f"dropped {table}"


@agent.tool
def transfer(ctx: RunContext[Any], amount: float) -> str:
    """Transfer money."""
    log("transfer", amount, ctx.tool_call_approved)
    if amount > 100 and not ctx.tool_call_approved:
        raise ApprovalRequired({"limit": 100})
    return f"moved {amount}"


@agent.tool_plain
def flaky(how: str) -> str:
    """Fail in the way that is asked for."""
    log("flaky", how)
    if how == "retry":
        raise ModelRetry("try gently")
    if how == "failed":
        raise ToolFailed("no such thing")
    if how == "question":
        raise CallDeferred(kind="question")
    if how == "error" and not os.environ.get("MENDED"):
        raise OSError("the disk is full")
    return "well"


@agent.tool_plain
async def delegate(order: str) -> str:
    """Let another agent refund an order."""
    script = json.dumps([[["refund", {"order": order}, "inner"]]])
    return (await Agent(model, tools=[refund]).run(script)).output


outside = Agent(
    model, toolsets=[ExternalToolset([ToolDefinition(name="measure", parameters_json_schema={"type": "object"})])]
)


def file_order(order: Order) -> str:
    """File an order, as the last act of the agent."""
    log("file", order.id)
    die_at(f"file {order.id}")
    return f"filed {order.id}"


filing = Agent(model, output_type=ToolOutput(file_order, name="file_order"), tools=[refund])
typed = Agent(model, output_type=ToolOutput(Order, name="order"), tools=[refund])
checked = Agent(model, tools=[refund])


@checked.output_validator
def check_output(output: str) -> str:
    return output


async def approve_all(ctx: RunContext[Any], requests: DeferredToolRequests) -> DeferredToolResults:
    return requests.build_results(approve_all=True)


lax = Agent(model, tools=[refund], capabilities=[HandleDeferredToolCalls(approve_all)])
searching = Agent(model, tools=[refund], capabilities=[NativeTool(WebSearchTool())])


async def watch(ctx: RunContext[Any], events: Any) -> None:
    async for event in events:
        if event.event_kind.startswith("function"):
            log(event.event_kind)


agents = {
    "agent": agent,
    "outside": outside,
    "filing": filing,
    "typed": typed,
    "checked": checked,
    "lax": lax,
    "searching": searching,
}


@hitl.agent
async def desk(name: str, script: str, options: dict[str, Any]) -> Any:
    if name == "limited":
        return await reviewed(agent, script, ask=["refund"], usage_limits=UsageLimits(request_limit=1), run_id="one")
    if name == "watched":
        return await reviewed(agent, script, ask=["refund"], event_stream_handler=watch)
    return await reviewed(agents[name], script, **options)


def play(environment: dict[str, str], name: str, turns: list[Any], options: dict[str, Any], key: str) -> Any:
    """Run the desk to its next pause: the status, the result and the open proposals."""
    os.environ.update(environment)
    pydantic_ai.__version__ = environment.get("VERSION", pydantic_ai.__version__)
    run = asyncio.run(desk.run(name, json.dumps(turns), options, key=key))
    return [run.status, run.result, [p.title for p in run.open]]
