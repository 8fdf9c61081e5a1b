"""`HitlSaver` against LangGraph's own savers on a file, with `durability="sync"`; and a reviewed turn of a graph.

step     one graph of 20 steps, each of which changes a counter and a short log, in milliseconds a step. The state has
         little else, or a document of 200 kB that the steps do not change, or one that every step changes. Sync against
         `SqliteSaver`, async against `AsyncSqliteSaver` (both commit with synchronous=FULL, as ours).
bytes    size of the store's files after all runs with the document of 200 kB, against that of the peer's file.
turn     a graph that asks once: from the call to the pause, and from the decision to the end. Ours: `review()` in an
         agent, with its proposal, its claim and its audit log. Theirs: `ainvoke`, and `ainvoke(Command(resume=...))`.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any, TypedDict

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

import hitl_nb as hitl
from benchmarks import peer
from benchmarks.measuring import Line, at_most, interleaved, known
from hitl_nb.integrations.langgraph import HitlSaver, review
from hitl_nb.ledger.ledger import Ledger

STEPS = 20
DOCUMENT = "Dear Ann, your refund of 49.90 is on its way. " * 4400
"""About 200 kB."""
threads = map(str, itertools.count())


class State(TypedDict):
    count: int
    log: str
    document: str


def make_steps(saver: Any, *, changes: bool = False) -> Any:
    """A graph that takes `STEPS` steps; each may change the document, too."""

    def work(state: State) -> dict[str, Any]:
        more = {"document": state["document"][1:] + "x"} if changes else {}
        return {"count": state["count"] + 1, "log": f"step {state['count']}", **more}

    builder = StateGraph(State)
    builder.add_node("work", work)
    builder.add_edge(START, "work")
    builder.add_conditional_edges("work", lambda state: "work" if state["count"] < STEPS else "__end__")
    return builder.compile(checkpointer=saver)


def make_question(saver: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("ask", lambda state: {"log": str(interrupt("Refund order 5678?"))})
    builder.add_edge(START, "ask")
    return builder.compile(checkpointer=saver)


graph = make_question(HitlSaver())


@hitl.agent
async def desk(thread: str) -> str:
    return (await review(graph, {"count": 0, "log": "", "document": ""}, thread=thread))["log"]


def measure(folder: Path, rounds: int = 20) -> list[Line]:
    with asyncio.Runner() as runner:
        theirs, theirs_async = peer.saver(folder / "peer.db"), runner.run(_open_async(folder / "async.db"))
        assert peer.synchronous(theirs) == "FULL"
        ours, lines = HitlSaver(), list[Line]()
        for what, document, changes, most in (
            ("a small state", "", False, 1.0),
            ("200 kB", DOCUMENT, False, 0.7),
            ("200 kB, changed each step", DOCUMENT, True, None),
        ):
            sides = [make_steps(one, changes=changes) for one in (ours, theirs, ours, theirs_async)]

            def sync(side: Any, document: str = document) -> float:
                return _time_steps(lambda: side.invoke(*_begin(document), durability="sync"))

            def run_async(side: Any, document: str = document) -> float:
                return _time_steps(lambda: runner.run(side.ainvoke(*_begin(document), durability="sync")))

            a, b, c, d = interleaved(
                rounds,
                lambda sync=sync, sides=sides: sync(sides[0]),
                lambda sync=sync, sides=sides: sync(sides[1]),
                lambda go=run_async, sides=sides: go(sides[2]),
                lambda go=run_async, sides=sides: go(sides[3]),
                warm=2,
            )
            lines += [
                at_most(f"a step of a graph, {what}", a, b, "SqliteSaver", most),
                at_most(f"a step of a graph, async, {what}", c, d, "AsyncSqliteSaver", most),
            ]
        lines += _measure_turn(runner, make_question(theirs_async), rounds)
        runner.run(theirs_async.conn.close())
    return [*lines, *_measure_sizes(folder)]


async def _open_async(file: Path) -> AsyncSqliteSaver:
    return AsyncSqliteSaver(await aiosqlite.connect(file))


def _begin(document: str) -> tuple[Any, Any]:
    config = {"configurable": {"thread_id": next(threads)}, "recursion_limit": STEPS + 5}
    return {"count": 0, "log": "", "document": document}, config


def _time_steps(work: Any) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000 / STEPS


def _measure_turn(runner: asyncio.Runner, peer_graph: Any, rounds: int) -> list[Line]:
    ledger = Ledger(hitl.open_store())

    def ours() -> tuple[float, float]:
        key = next(threads)
        began = time.perf_counter()
        waiting = runner.run(desk.run(key, key=key))
        paused = time.perf_counter()
        ledger.proposals.decide(waiting.open[0].id, "approve", reviewer="ann")
        decided = time.perf_counter()
        assert runner.run(desk.run(key, key=key)).status == "finished"
        return (paused - began) * 1000, (time.perf_counter() - decided) * 1000

    def theirs() -> tuple[float, float]:
        given, config = _begin("")
        began = time.perf_counter()
        runner.run(peer_graph.ainvoke(given, config, durability="sync"))
        paused = time.perf_counter()
        runner.run(peer_graph.ainvoke(Command(resume="approve"), config, durability="sync"))
        return (paused - began) * 1000, (time.perf_counter() - paused) * 1000

    mine, other = interleaved(rounds, ours, theirs, warm=2)
    beside = "ainvoke, AsyncSqliteSaver"
    return [
        at_most("a reviewed turn: to the pause", [one for one, _ in mine], [one for one, _ in other], beside),
        at_most("a reviewed turn: from the decision", [two for _, two in mine], [two for _, two in other], beside),
    ]


def _measure_sizes(folder: Path) -> list[Line]:
    """Return the bytes of 3 runs with the document, each saver with a file of its own."""
    ours, theirs = HitlSaver(f"diskcache://{folder}/size"), peer.saver(folder / "size.db")
    for saver in (ours, theirs):
        made = make_steps(saver)
        for _ in range(3):
            made.invoke(*_begin(DOCUMENT), durability="sync")
    theirs.conn.close()
    sizes = [sum(file.stat().st_size for file in folder.rglob(f"{name}*") if file.is_file()) for name in ("size.db",)]
    own = sum(file.stat().st_size for file in (folder / "size").rglob("*") if file.is_file())
    return [known("3 runs with 200 kB, on disk", [own / 1e6], "MB", f"SqliteSaver: {sizes[0] / 1e6:.1f} MB")]
