"""`review()`: run a graph to its end, and let people decide its interrupts.

The graph itself is opaque: between two pauses it runs in one call (a *stretch*), which returns plain data. So the saved
state of the run has nothing of LangGraph in it. `HitlSaver` has the progress of the graph.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from anyio import CancelScope, to_thread
from langgraph.errors import UnknownInterruptError
from langgraph.types import Command

import hitl_nb as hitl
from hitl_nb.extend import hold_lease
from hitl_nb.integrations.langgraph.records import decode, encode, join_key
from hitl_nb.integrations.langgraph.requests import make_answer, make_proposals
from hitl_nb.integrations.langgraph.saver import HitlSaver

Interrupts = list[tuple[str, Any]]
"""Pending interrupts: id and value of each."""


class StretchRecord(msgspec.Struct, array_like=True, frozen=True):
    """The last stretch of a thread that was begun.

    Attributes:
        review: Id of the call of `review` that began it.
        number: Number of the stretch in this call, from 0.
    """

    review: str
    number: int


@hitl.agent
async def review(graph: Any, given: Any, *, thread: str, config: Mapping[str, Any] | None = None) -> Any:
    """Run a compiled graph to its end in an agent, and let people decide its interrupts.

    All interrupts that are pending at the same time are one pause. The graph must be found by a name again: assign it
    to a variable of the notebook or of a module.

    Args:
        graph: A compiled graph with `checkpointer=HitlSaver()`.
        given: The input of the graph.
        thread: Id of the thread (`thread_id`). Only one call of `review` can continue it at a time.
        config: Further configuration for the graph. None (default): nothing.

    Returns:
        The final state of the graph, as `graph.invoke` returns it.

    Raises:
        TypeError: The graph has another checkpointer.
        RunClaimed: Another process continues the thread now.
        HitlError: Another run has continued the thread.
    """
    hitl.live(graph)
    name = make_review_name()
    number = 0
    head = await read_head(graph, thread)
    waiting = await run_stretch(graph, thread, dict(config or {}), (name, number, head), given, None)
    while waiting:
        asked = [(key, value, make_proposals(key, value)) for key, value in waiting]
        decisions = hitl.checkpoint_all([one for _, _, proposals in asked for one in proposals])
        answers = collect_answers(waiting, decisions)
        number += 1
        head = await read_head(graph, thread)
        waiting = await run_stretch(graph, thread, dict(config or {}), (name, number, head), None, answers)
    return await read_result(graph, thread)


@hitl.step(idempotent=True)
def make_review_name() -> str:
    """Return a new name for a call of `review`, which its record keeps."""
    return secrets.token_hex(8)


@hitl.step(idempotent=True)
async def read_head(graph: Any, thread: str) -> str:
    """Return the id of the newest checkpoint of a thread; "" if there is none. The record of the call keeps it."""
    found = await _find_saver(graph).aget_tuple({"configurable": {"thread_id": thread}})
    return found.checkpoint["id"] if found is not None else ""


def collect_answers(waiting: Interrupts, decisions: list[Any]) -> dict[str, Any]:
    """Return the answers to interrupts by their ids, from the decisions on all their proposals."""
    left, answers = list(decisions), dict[str, Any]()
    for key, value in waiting:
        count = len(make_proposals(key, value))
        answers[key], left = make_answer(value, left[:count]), left[count:]
    return answers


async def run_stretch(
    graph: Any,
    thread: str,
    config: dict[str, Any],
    begun: tuple[str, int, str],
    given: Any,
    answers: dict[str, Any] | None,
) -> Interrupts:
    """Run the graph until it ends or waits, and return the interrupts that it waits for.

    If the process dies in a stretch, this is called again with the same arguments. The graph then continues from its
    newest checkpoint, and recorded steps are not called again.

    Args:
        graph: The graph.
        thread: Id of its thread.
        config: Further configuration.
        begun: Name of the call of `review`, number of the stretch, and the thread's newest checkpoint before it.
        given: The input of the graph, for the first stretch.
        answers: The answers to the pending interrupts by their ids; None for the first stretch.

    Raises:
        RunClaimed: Another process continues the thread now.
        HitlError: Another call of `review` has continued the thread.
    """
    saver, name, number, head = _find_saver(graph), *begun
    own: dict[str, Any] = {**config.get("configurable", {}), "thread_id": thread, "__pregel_strict_resume": True}
    whole: Any = {**config, "configurable": own}
    async with _hold_thread(saver, thread):
        found = await saver.aget_tuple({"configurable": {"thread_id": thread}})
        now = found.checkpoint["id"] if found is not None else ""
        mine = StretchRecord(name, number)
        is_again = await to_thread.run_sync(_was_begun, saver, thread, mine, now == head)
        if now == head:
            if answers is None and not is_again and await _read_waiting(graph, whole):
                raise hitl.HitlError(
                    f"the LangGraph thread {thread!r} waits for decisions already; decide them, and continue the run "
                    "that asked. Use a thread of its own for each run"
                )
            await to_thread.run_sync(_mark_begun, saver, thread, mine)
            await _begin(graph, whole, given, answers, is_again=is_again)
        elif not await _read_waiting(graph, whole) and (await graph.aget_state(whole)).next:
            await graph.ainvoke(None, whole, durability="sync")
        return await _read_waiting(graph, whole)


async def _begin(graph: Any, config: Any, given: Any, answers: dict[str, Any] | None, *, is_again: bool) -> None:
    if answers is None:
        await graph.ainvoke(given, config, durability="sync")
        return
    try:
        await graph.ainvoke(Command(resume=answers), config, durability="sync")
    except UnknownInterruptError as error:
        if not is_again:
            raise
        # An earlier try of this stretch has given some of the answers already.
        left = {key: answers[key] for key in error.pending_ids if key in answers}
        await graph.ainvoke(Command(resume=left) if left else None, config, durability="sync")


async def read_result(graph: Any, thread: str) -> Any:
    """Return the values of the newest state of a thread."""
    return (await graph.aget_state({"configurable": {"thread_id": thread}})).values


async def _read_waiting(graph: Any, config: Any) -> Interrupts:
    state = await graph.aget_state({"configurable": {"thread_id": config["configurable"]["thread_id"]}})
    return [(one.id, one.value) for one in state.interrupts]


def _find_saver(graph: Any) -> HitlSaver:
    saver = getattr(graph, "checkpointer", None)
    if not isinstance(saver, HitlSaver):
        raise TypeError(f"review() needs a graph compiled with checkpointer=HitlSaver(), not {type(saver).__name__}")
    return saver


def _was_begun(saver: HitlSaver, thread: str, mine: StretchRecord, is_unchanged: bool) -> bool:
    """Return whether this same stretch was begun before. The caller has the lease of the thread.

    Args:
        saver: The saver of the graph.
        thread: Id of the thread.
        mine: The stretch.
        is_unchanged: Whether the thread has the same newest checkpoint as when `review` looked at it.

    Raises:
        HitlError: Another call of `review`, or another program, has continued the thread meanwhile.
    """
    data = saver.records.get(join_key("s", thread))
    if data is not None and decode(data, StretchRecord) == mine:
        return True
    if not is_unchanged:
        raise hitl.HitlError(
            f"the LangGraph thread {thread!r} was continued by another run while this one waited; nothing was done "
            "here. Use a thread of its own for each run"
        )
    return False


def _mark_begun(saver: HitlSaver, thread: str, mine: StretchRecord) -> None:
    saver.records.transact(lambda transaction: transaction.put(join_key("s", thread), encode(mine)))


@asynccontextmanager
async def _hold_thread(saver: HitlSaver, thread: str) -> AsyncGenerator[None]:
    lease = hold_lease(f"the LangGraph thread {thread!r}", label="review()", store=saver.records.store)
    await to_thread.run_sync(lease.__enter__)
    try:
        yield
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(lease.__exit__, None, None, None)
