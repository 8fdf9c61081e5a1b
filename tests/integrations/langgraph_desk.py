"""Agents of LangChain and LangGraph, which tests run in a new process for each stretch.

Each request to the model and each effect is one line of the file $LOG. With $KILL, the process kills itself in the
effect or request whose name it is; with $FAIL, the effect of that name raises an error.
"""

from __future__ import annotations

import asyncio
import json
import operator
import os
import signal
from typing import Annotated, Any, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

import hitl_nb as hitl
from hitl_nb.integrations.langgraph import HitlSaver, StepRecorder, review


def log(*what: Any) -> None:
    with open(os.environ["LOG"], "a", encoding="utf-8") as file:  # noqa: PTH123 - one write
        file.write(json.dumps(what) + "\n")


def break_at(name: str) -> None:
    if os.environ.get("KILL") == name:
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("FAIL") == name:
        raise ValueError(f"no {name}")


@hitl.step
def pay(order: str, amount: float) -> str:
    log("pay", order, amount)
    break_at(order)
    return f"paid {order} {amount}"


@hitl.step
async def ship(order: str) -> str:
    log("ship", order)
    break_at(order)
    return f"shipped {order}"


def refund(order: str, amount: float) -> str:
    """Refund an order."""
    return pay(order, amount)


async def send_back(order: str, amount: float) -> str:
    """Refund an order by a tool that is no step."""
    log("pay", order, amount)
    break_at(order)
    return f"paid {order} {amount}"


class Model(GenericFakeChatModel):
    """A fake model: it asks for two refunds, and then repeats what the tools said."""

    tool: str = "refund"

    def bind_tools(self, tools: Any, **more: Any) -> Any:
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **more: Any) -> ChatResult:
        log("model", len(messages))
        break_at(f"model {len(messages)}")
        said = [str(one.content) for one in messages if isinstance(one, ToolMessage)]
        calls = [("A", 10.0), ("B", 20.0)]
        made = [{"name": self.tool, "args": {"order": o, "amount": a}, "id": f"call-{o}"} for o, a in calls]
        answer = AIMessage(content=" | ".join(said)) if said else AIMessage(content="", tool_calls=made)
        return ChatResult(generations=[ChatGeneration(message=answer)])


def make_agent(mode: Any, tool: Any = refund, *more: Any) -> Any:
    middleware: Any = [HumanInTheLoopMiddleware({tool.__name__: True}, interrupt_mode=mode), *more]
    model = Model(messages=iter([]), tool=tool.__name__)
    return create_agent(model, tools=[tool], middleware=middleware, checkpointer=HitlSaver())


class Log(TypedDict):
    log: Annotated[list[Any], operator.add]


def ask(one: Any) -> Any:
    first = interrupt(f"Really {one['n']}?")
    second = interrupt({"again": one["n"]}) if one["n"] == 1 else None
    return {"log": [[one["n"], first, second]]}


def pay_and_ask(state: Any) -> Any:
    """Pay before the question: the node begins again when it is answered, and the payment must not."""
    return {"log": [pay("A", 1.0), interrupt("Ship?")["type"]]}


async def ship_twice(state: Any) -> Any:
    return {"log": [await ship("A"), await ship("B")]}


def make_graph(*nodes: Any) -> Any:
    made = StateGraph(Log)
    made.add_sequence([(f"{n} {node.__name__}", node) for n, node in enumerate(nodes)])
    made.add_edge(START, f"0 {nodes[0].__name__}")
    return made.compile(checkpointer=HitlSaver())


batched, per_call = make_agent("batched"), make_agent("per_call")
recorded = make_agent("batched", send_back, StepRecorder())
steps = make_graph(ship_twice, pay_and_ask, ship_twice)
builder = StateGraph(Log)
builder.add_node("ask", ask)
builder.add_conditional_edges(START, lambda state: [Send("ask", {"n": n}) for n in range(3)])
plain = builder.compile(checkpointer=HitlSaver())
GRAPHS = {"batched": batched, "per_call": per_call, "recorded": recorded}


@hitl.agent
async def desk(name: str, thread: str) -> Any:
    if name in GRAPHS:
        out = await review(GRAPHS[name], {"messages": [("user", "refund A and B")]}, thread=thread)
        return out["messages"][-1].content
    out = await review(plain if name == "plain" else steps, {"log": []}, thread=thread)
    return out["log"]


def run_desk(env: dict[str, str], agent: str, thread: str, key: str) -> list[Any]:
    """Return the status, the result and the titles of the open proposals."""
    os.environ.update(env)
    run = asyncio.run(desk.run(agent, thread, key=key))
    return [run.status, run.result, [p.title for p in run.open]]


def resume_directly(env: dict[str, str], thread: str) -> None:
    """Continue the graph `steps` without `review`, as another program may do."""
    os.environ.update(env)
    config: Any = {"configurable": {"thread_id": thread}}
    asyncio.run(steps.ainvoke(Command(resume={"type": "approve"}), config))
