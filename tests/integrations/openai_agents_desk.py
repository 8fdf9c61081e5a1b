"""Agents of the OpenAI Agents SDK, which tests run in a new process for each stretch.

The model is the SDK's own double. It asks for the calls of a script, one turn after the other, and then repeats what
the tools said. Each request to the model and each effect is one line of a log file. A process can be told to kill
itself before or in the effect for an order, in a request to the model, or when a run of the SDK has ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from datetime import date
from typing import Any

from agents import (
    Agent,
    CodeInterpreterTool,
    RunConfig,
    RunContextWrapper,
    ShellTool,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrailData,
    function_tool,
    handoff,
    set_tracing_disabled,
    tool_input_guardrail,
)
from agents.testing import ModelCall, ModelStep, ScriptedModel, assistant_message, function_call
from pydantic import BaseModel

import hitl_nb as hitl
from hitl_nb.integrations.openai_agents import model_requests, reviewed, sdk_states

set_tracing_disabled(True)
CODE: Any = {"type": "code_interpreter", "container": {"type": "auto"}}
Call = tuple[str, dict[str, Any], str]
"""A call of a tool: its name, its arguments and its id."""


def log(*what: Any) -> None:
    with open(os.environ["LOG"], "a", encoding="utf-8") as file:  # noqa: PTH123 - one write
        file.write(json.dumps(what) + "\n")


def die_at(moment: str) -> None:
    if os.environ.get("KILL") == moment:
        os.kill(os.getpid(), signal.SIGKILL)


def make_model(name: str, *script: list[Call]) -> ScriptedModel:
    """Return a model that asks for the calls of each turn in the script, and then repeats what the tools said."""

    def respond(call: ModelCall) -> Any:
        items: Any = [] if isinstance(call.input, str) else call.input
        said = {one["call_id"]: str(one["output"]) for one in items if one.get("type") == "function_call_output"}
        log("model", name, len(said))
        die_at(f"{name} {len(said)}")
        for turn in script:
            if not {key for _, _, key in turn} <= set(said):
                return [function_call(tool, given, call_id=key) for tool, given, key in turn]
        return [assistant_message(" | ".join(said.values()))]

    return ScriptedModel([ModelStep.respond(respond)] * 20)


@function_tool
async def refund(order: str, amount: float = 1.0) -> str:
    """Refund an order."""
    die_at(f"before {order}")
    await asyncio.sleep(0)
    log("pay", order, amount)
    die_at(f"in {order}")
    return f"paid {order} {amount}"


@function_tool
def look_up(order: str) -> str:
    """Look an order up."""
    log("look", order)
    return f"order {order} is late"


@function_tool
@hitl.step(idempotent=True)
def ping(order: str) -> str:
    """Ping an order. It may be repeated."""
    log("ping", order)
    die_at(f"in {order}")
    return f"pinged {order}"


class Address(BaseModel):
    city: str
    floor: int = 0


@function_tool
def send(order: str, to: Address) -> str:
    """Send an order."""
    log("send", order, to.city, to.floor)
    return f"sent {order} to {to.city}/{to.floor}"


@function_tool
def fail(order: str) -> str:
    """Fail."""
    log("fail", order)
    raise RuntimeError(f"no {order}")


@function_tool(failure_error_function=None)
def break_off(order: str) -> str:
    """End the run with an error."""
    log("break", order)
    raise RuntimeError(f"broken {order}")


@tool_input_guardrail
def limit(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
    """Refuse payments above 100."""
    amount = json.loads(data.context.tool_arguments)["amount"]
    return (
        ToolGuardrailFunctionOutput.reject_content(f"{amount} is too much")
        if amount > 100
        else ToolGuardrailFunctionOutput.allow()
    )


async def is_large(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
    return arguments["amount"] > 50


@function_tool(needs_approval=is_large, tool_input_guardrails=[limit])
def grant(amount: int) -> str:
    """Grant a discount."""
    log("grant", amount)
    return f"granted {amount}"


@function_tool(needs_approval=True)
def close(context: RunContextWrapper[dict[str, Any]]) -> str:
    """Close the desk."""
    log("close", context.context["who"], str(context.context["since"]))
    return "closed"


REFUNDS: list[Call] = [
    ("refund", {"order": "A", "amount": 10.0}, "call-A"),
    ("refund", {"order": "B", "amount": 20.0}, "call-B"),
    ("look_up", {"order": "A"}, "call-L"),
]
LAST: list[Call] = [("refund", {"order": "C", "amount": 30.0}, "call-C")]

shop = Agent("shop", model=make_model("shop", REFUNDS, LAST), tools=[refund, look_up])
twin = Agent(
    "twin",
    model=make_model("twin", [("refund", {"order": "A"}, "one"), ("refund", {"order": "A"}, "two")]),
    tools=[refund],
)
odd = Agent(
    "odd",
    model=make_model(
        "odd",
        [
            ("send", {"order": "A", "to": {"city": "Rome"}}, "s"),
            ("fail", {"order": "A"}, "f"),
            ("refund", {"order": "D"}, "d"),
            ("close", {}, "c"),
        ],
    ),
    tools=[send, fail, refund, close],
)
broken = Agent("broken", model=make_model("broken", [("break_off", {"order": "A"}, "b")]), tools=[break_off])
cashier = Agent("cashier", model=make_model("cashier", REFUNDS), tools=[refund, look_up], handoff_description="Pays.")
front = Agent(
    "front", model=make_model("front", [("transfer_to_cashier", {}, "t")]), handoffs=[handoff(cashier)], tools=[look_up]
)
clerk = Agent("clerk", model=make_model("clerk", REFUNDS), tools=[refund, look_up])
boss = Agent(
    "boss",
    model=make_model("boss", [("clerk", {"input": "pay"}, "n"), ("refund", {"order": "E", "amount": 5.0}, "call-E")]),
    tools=[clerk.as_tool("clerk", "Pays."), refund],
)
small: list[Call] = [("grant", {"amount": 5}, "g5"), ("grant", {"amount": 60}, "g60"), ("grant", {"amount": "7"}, "g7")]
limited = Agent("limited", model=make_model("limited", small), tools=[grant])
runs_shell = Agent("shell", model=make_model("shell"), tools=[ShellTool(executor=lambda request: "done")])
pinger = Agent("pinger", model=make_model("pinger", [("ping", {"order": "P"}, "p")]), tools=[ping])
coder = Agent("coder", model=make_model("coder"), tools=[CodeInterpreterTool(CODE)])
chief = Agent(
    "chief",
    model=make_model("chief", [("clerk", {"input": "pay"}, "n")]),
    tools=[clerk.as_tool("clerk", "Pays.", run_config=RunConfig())],
)
hidden = Agent("hidden", model=make_model("hidden", REFUNDS), tools=[refund])
sly = Agent("sly", model=make_model("sly", [("transfer_to_hidden", {}, "t")]), handoffs=[handoff(hidden)])
sly.handoffs[0]._agent_ref = None  # as a handoff that makes its agent when it is called

AGENTS = {
    one.name: hitl.live(one)
    for one in (shop, twin, odd, broken, front, boss, limited, chief, pinger, coder, runs_shell, sly)
}


@hitl.step(idempotent=True)
def finish_order() -> None:
    """Begin a step: this makes the results of earlier ones durable."""
    die_at("end")


@hitl.agent
async def desk(name: str, ask: list[str] | None, times: int) -> Any:
    outputs: list[Any] = []
    context = {"who": "Ann", "since": date(2026, 1, 1)}
    for n in range(times):
        outputs.append(await reviewed(AGENTS[name], f"order {n}", ask=ask, context=context))
        finish_order()
    return outputs[0] if times == 1 else outputs


def play(env: dict[str, str], name: str, ask: list[str] | None, key: str, times: int = 1) -> Any:
    """Run the desk until it ends or waits, and return the status, the result and the titles of the open proposals."""
    os.environ.update(env)
    if version := os.environ.get("AGENTS_VERSION"):
        sdk_states.__version__ = model_requests.__version__ = version
    run = asyncio.run(desk.run(name, ask, times, key=key))
    return [run.status, run.result, [p.title for p in run.open]]


if __name__ == "__main__":
    print(json.dumps(play({}, sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])))
