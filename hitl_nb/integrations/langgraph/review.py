"""`review()`: run a graph to its end, and let people decide its interrupts.

`HitlSaver` has the progress of the graph. So after a pause or a crash, `review` is called again with the same
arguments, finds how far the thread has come, and continues there. Nothing of LangGraph is in the run's saved state.

Calls of steps in nodes are told apart by the task of the graph that makes them. LangGraph executes a task again after
an interrupt in it, or after a crash. The task then finds the records of its own calls.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from anyio import CancelScope, to_thread
from langchain_core.messages import AIMessage, AIMessageChunk
from langgraph.errors import UnknownInterruptError
from langgraph.types import Command

import hitl_nb as hitl
from hitl_nb.extend import hold_lease, scope_calls
from hitl_nb.integrations.langgraph.graph_tasks import find_task
from hitl_nb.integrations.langgraph.records import ReviewRecord, decode, encode, join_key
from hitl_nb.integrations.langgraph.requests import make_answer, make_proposals
from hitl_nb.integrations.langgraph.saver import HitlSaver
from hitl_nb.integrations.token_printer import TokenPrinter

Interrupts = list[tuple[str, Any]]
"""Pending interrupts: id and value of each."""


async def review(
    graph: Any, given: Any, *, thread: str, config: Mapping[str, Any] | None = None, show: bool | None = None
) -> Any:
    """Run a compiled graph to its end in an agent, and let people decide its interrupts.

    All interrupts that are pending at the same time are one pause. The graph must be found by a name again: assign it
    to a variable of the notebook or of a module.

    Args:
        graph: A compiled graph with `checkpointer=HitlSaver()`.
        given: The input of the graph.
        thread: Id of the thread (`thread_id`). Only one call of `review` can continue it at a time.
        config: Further configuration for the graph. None (default): nothing.
        show: Whether the text of models is written to standard output while it comes. None (default): in a notebook.

    Returns:
        The final state of the graph, as `graph.invoke` returns it.

    Raises:
        TypeError: The graph has another checkpointer.
        RunClaimed: Another process continues the thread now.
        HitlError: Another run has continued the thread.
    """
    hitl.live(graph)
    more = dict(config or {})
    own = {**more.get("configurable", {}), "thread_id": thread, "__pregel_strict_resume": True}
    work = ThreadWork(graph, thread, {**more, "configurable": own}, make_review_name(), TokenPrinter(show))
    waiting = await work.begin(given)
    while waiting:
        asked = [(key, value, make_proposals(key, value)) for key, value in waiting]
        decisions = hitl.checkpoint_all([one for _, _, proposals in asked for one in proposals])
        waiting = await work.resume(_collect_answers(asked, decisions))
    return (await graph.aget_state({"configurable": {"thread_id": thread}})).values


@hitl.step(idempotent=True)
def make_review_name() -> str:
    """Return a new name for a call of `review`, which the record of the step keeps."""
    return secrets.token_hex(8)


def _collect_answers(asked: list[tuple[str, Any, list[Any]]], decisions: list[Any]) -> dict[str, Any]:
    """Return the answers to interrupts by their ids, from the decisions on all their proposals."""
    left, answers = list(decisions), dict[str, Any]()
    for key, value, proposals in asked:
        answers[key], left = make_answer(value, left[: len(proposals)]), left[len(proposals) :]
    return answers


@dataclass(frozen=True)
class ThreadWork:
    """The work of one call of `review` on a thread.

    Attributes:
        graph: The graph.
        thread: Id of its thread.
        config: Configuration of the graph's calls.
        name: Name of the call of `review`.
        printer: Shows the texts of models.
    """

    graph: Any
    thread: str
    config: dict[str, Any]
    name: str
    printer: TokenPrinter

    async def begin(self, given: Any) -> Interrupts:
        """Run the graph until it ends or waits; if this call has begun before, only what is left.

        Args:
            given: The input of the graph.

        Returns:
            The interrupts that it waits for.

        Raises:
            TypeError: The graph has another checkpointer.
            RunClaimed: Another process continues the thread now.
            HitlError: Another call of `review` has continued the thread, or waits for decisions.
        """
        async with self._hold_thread():
            head, record = await self._read_head(), await to_thread.run_sync(self._read_record)
            waiting = await self._read_waiting()
            if record is None or record.review != self.name:
                if waiting:
                    raise hitl.HitlError(
                        f"the LangGraph thread {self.thread!r} waits for decisions already; decide them, and continue "
                        "the run that asked. Use a thread of its own for each run"
                    )
                await self._mark("begun", head)
                await self._invoke(given)
            elif record.phase == "waiting":
                self._check_unchanged(record, head)
            elif record.phase == "begun" and record.head == head:
                await self._invoke(given)  # the process died before the graph saved its input
            elif not waiting and (await self._read_state()).next:
                await self._invoke(None)  # the process died in the graph
            return await self._end_stretch()

    async def resume(self, answers: dict[str, Any]) -> Interrupts:
        """Resume the graph with decisions, and run it until it ends or waits again.

        Args:
            answers: The answers to interrupts by their ids.

        Returns:
            The interrupts that it waits for.

        Raises:
            RunClaimed: Another process continues the thread now.
            HitlError: Another call of `review` has continued the thread.
        """
        async with self._hold_thread():
            head, record = await self._read_head(), await to_thread.run_sync(self._read_record)
            self._check_unchanged(record, head)
            await self._mark("resumed", head)
            try:
                await self._invoke(Command(resume=answers))
            except UnknownInterruptError as error:
                # An earlier try, in which the process died, has given some of the answers already.
                left = {key: answers[key] for key in error.pending_ids if key in answers}
                await self._invoke(Command(resume=left) if left else None)
            return await self._end_stretch()

    def _check_unchanged(self, record: ReviewRecord | None, head: str) -> None:
        """Check that the thread is as this call left it when the graph waited."""
        if record is None or (record.review, record.head) != (self.name, head):
            raise hitl.HitlError(
                f"the LangGraph thread {self.thread!r} was continued by another run or program while this one waited; "
                "nothing was done here. Use a thread of its own for each run"
            )

    async def _end_stretch(self) -> Interrupts:
        """Record that the graph waits or has ended, and return the interrupts that it waits for."""
        waiting = await self._read_waiting()
        await self._mark("waiting", await self._read_head())
        return waiting

    async def _invoke(self, given: Any) -> None:
        with scope_calls(find_task):
            if not self.printer.shows:
                await self.graph.ainvoke(given, self.config, durability="sync")
                return
            parts = self.graph.astream(given, self.config, stream_mode="messages", durability="sync", subgraphs=True)
            async for _, (message, _) in parts:
                if isinstance(message, (AIMessage, AIMessageChunk)):
                    self.printer.write(message.text, message.id or "")
            self.printer.end_text()

    async def _read_state(self) -> Any:
        return await self.graph.aget_state({"configurable": {"thread_id": self.thread}})

    async def _read_waiting(self) -> Interrupts:
        return [(one.id, one.value) for one in (await self._read_state()).interrupts]

    async def _read_head(self) -> str:
        """Return the id of the newest checkpoint of the thread; "" if there is none."""
        found = await self._saver.aget_tuple({"configurable": {"thread_id": self.thread}})
        return found.checkpoint["id"] if found is not None else ""

    @property
    def _saver(self) -> HitlSaver:
        saver = getattr(self.graph, "checkpointer", None)
        if not isinstance(saver, HitlSaver):
            raise TypeError(
                f"review() needs a graph compiled with checkpointer=HitlSaver(), not {type(saver).__name__}"
            )
        return saver

    def _read_record(self) -> ReviewRecord | None:
        data = self._saver.records.get(join_key("s", self.thread))
        return decode(data, ReviewRecord) if data is not None else None

    async def _mark(self, phase: Literal["begun", "waiting", "resumed"], head: str) -> None:
        record = encode(ReviewRecord(self.name, phase, head))
        key, records = join_key("s", self.thread), self._saver.records
        await to_thread.run_sync(lambda: records.transact(lambda transaction: transaction.put(key, record)))

    @asynccontextmanager
    async def _hold_thread(self) -> AsyncGenerator[None]:
        store = self._saver.records.store
        lease = hold_lease(f"the LangGraph thread {self.thread!r}", label="review()", store=store)
        await to_thread.run_sync(lease.__enter__)
        try:
            yield
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(lease.__exit__, None, None, None)
