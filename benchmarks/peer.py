"""LangGraph as its documentation uses it: a compiled graph over a SqliteSaver on a file, one thread for each run."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict):
    letter: str
    answer: str


class Thread:
    """One run of a graph, to its pause and on."""

    _numbers = itertools.count()

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.config = {"configurable": {"thread_id": str(next(self._numbers))}}

    def start(self, value: Any) -> None:
        """Run to the pause; when it returns, the saver has committed."""
        made = self.graph.invoke(value, self.config)
        assert "__interrupt__" in made, made

    def resume(self, answer: str) -> None:
        self.graph.invoke(Command(resume=answer), self.config)


def saver(file: Path) -> SqliteSaver:
    return SqliteSaver(sqlite3.connect(file, check_same_thread=False))


def synchronous(kept: SqliteSaver) -> str:
    """SQLite's setting that the saver leaves as it finds it: whether a commit waits for the disk."""
    value = kept.conn.execute("PRAGMA synchronous").fetchone()[0]
    return {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}[value]


def reviewing(kept: SqliteSaver, before: Callable[[], None], behind: Callable[[], None]) -> Any:
    """A graph of one node that asks once."""

    def review(state: State) -> dict[str, str]:
        before()
        answer = interrupt({"title": "Refund order 5678", "value": state["letter"]})
        behind()
        return {"answer": answer}

    builder = StateGraph(State)
    builder.add_node("review", review)
    builder.add_edge(START, "review")
    builder.add_edge("review", END)
    return builder.compile(checkpointer=kept)


def working(kept: SqliteSaver, behind: Callable[[], None]) -> Any:
    """A workflow of the functional API: `n` tasks, then it asks again and again."""

    @task
    def one(i: int) -> int:
        return i

    @entrypoint(checkpointer=kept)
    def work(n: int) -> int:
        total = 0
        for i in range(n):
            total += one(i).result()
        while interrupt({"title": "Refund order 5678", "value": total}) == "again":
            behind()
        return total

    return work
