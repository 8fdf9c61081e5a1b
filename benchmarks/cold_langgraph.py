"""The same script with LangGraph: `start N FILE`, `resume K FILE`. See `cold.py`."""

import sqlite3
import sys
from typing import TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict):
    order: int


def refund(state: State) -> State:
    action = interrupt({"title": "Refund", "value": f"Dear Ann, your refund for order {state['order']} is on its way."})
    print("went on with", action, flush=True)
    return state


builder = StateGraph(State)
builder.add_node("refund", refund)
builder.add_edge(START, "refund")
builder.add_edge("refund", END)
graph = builder.compile(checkpointer=SqliteSaver(sqlite3.connect(sys.argv[3], check_same_thread=False)))

command, number = sys.argv[1], int(sys.argv[2])
for order in range(number) if command == "start" else [number]:
    given = {"order": order} if command == "start" else Command(resume="approve")
    graph.invoke(given, {"configurable": {"thread_id": str(order)}})
