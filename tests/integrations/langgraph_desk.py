"""A program with agents of LangChain and LangGraph, which tests run in a new process for each stretch.

`langgraph_desk.py AGENT THREAD KEY` prints the status, the result and the open proposals as JSON. Each request to the
model and each effect is one line of the file $LOG. With $KILL, the process kills itself in the payment of this order.
"""

from __future__ import annotations

import asyncio
import json
import operator
import os
import signal
import sys
from typing import Annotated, Any, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

import hitl_nb as hitl
from hitl_nb.integrations.langgraph import HitlSaver, review


def log(*what: Any) -> None:
    with open(os.environ["LOG"], "a", encoding="utf-8") as file:  # noqa: PTH123 - one write
        file.write(json.dumps(what) + "\n")


@hitl.step(key=lambda order, amount: order)
def pay(order: str, amount: float) -> str:
    log("pay", order, amount)
    if os.environ.get("KILL") == order:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"paid {order} {amount}"


def refund(order: str, amount: float) -> str:
    """Refund an order."""
    return pay(order, amount)


class Model(GenericFakeChatModel):
    """Asks for two refunds, and then repeats what the tools said."""

    def bind_tools(self, tools: Any, **more: Any) -> Any:
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> ChatResult:
        log("model", len(messages))
        said = [str(one.content) for one in messages if isinstance(one, ToolMessage)]
        calls = [("A", 10.0), ("B", 20.0)]
        made = [{"name": "refund", "args": {"order": o, "amount": a}, "id": f"call-{o}"} for o, a in calls]
        answer = AIMessage(content=" | ".join(said)) if said else AIMessage(content="", tool_calls=made)
        return ChatResult(generations=[ChatGeneration(message=answer)])


def make_agent(mode: Any) -> Any:
    middleware: Any = HumanInTheLoopMiddleware({"refund": True}, interrupt_mode=mode)
    return create_agent(Model(messages=iter([])), tools=[refund], middleware=[middleware], checkpointer=HitlSaver())


class Log(TypedDict):
    log: Annotated[list[Any], operator.add]


def ask(one: Any) -> Any:
    first = interrupt(f"Really {one['n']}?")
    second = interrupt({"again": one["n"]}) if one["n"] == 1 else None
    return {"log": [[one["n"], first, second]]}


batched, per_call = make_agent("batched"), make_agent("per_call")
builder = StateGraph(Log)
builder.add_node("ask", ask)
builder.add_conditional_edges(START, lambda state: [Send("ask", {"n": n}) for n in range(3)])
plain = builder.compile(checkpointer=HitlSaver())


@hitl.agent
async def desk(name: str, thread: str) -> Any:
    graph = {"batched": batched, "per_call": per_call, "plain": plain}[name]
    given: Any = {"log": []} if name == "plain" else {"messages": [("user", "refund A and B")]}
    out = await review(graph, given, thread=thread)
    return out["log"] if name == "plain" else out["messages"][-1].content


if __name__ == "__main__":
    run = asyncio.run(desk.run(*sys.argv[1:3], key=sys.argv[3]))
    print(json.dumps([run.status, run.result, [p.title for p in run.open]]))
