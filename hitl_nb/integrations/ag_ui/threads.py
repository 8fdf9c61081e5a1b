"""Threads of AG-UI: which run of the agent a request belongs to, and how a request continues it.

A thread has one run at a time. Its key is kept in a signed record of the store. So a client cannot name a run of
another thread, and a repeated request begins nothing again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from hitl_nb.extend import SealedRecords, hold_lease
from hitl_nb.integrations.ag_ui.interrupts import decide_entries
from hitl_nb.integrations.ag_ui.requests import RefusedRequest, RunRequest


@dataclass(frozen=True)
class ThreadOutcome:
    """How far a request has taken the run of its thread.

    Attributes:
        run: State of the run, from `agent.run`.
        refused: Answers of the client that were refused (see `decide_entries`).
    """

    run: Any
    refused: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


async def continue_thread(agent: Any, request: RunRequest, user: str) -> ThreadOutcome:
    """Begin the run of a request, or store its answers and continue the run of the thread.

    Args:
        agent: The `@hitl.agent` function.
        request: The request.
        user: Name of the person who sent it.

    Raises:
        RunClaimed: Another request continues the thread now.
        RefusedRequest: The request has answers, and the thread has no run.
        HitlError: The run cannot be continued.
        Exception: The agent raised it.
    """
    home = agent.function.__code__.co_filename if agent.__module__ == "__main__" else agent.__module__
    agent_name = f"{home}.{agent.__qualname__}"
    with hold_lease(f"the AG-UI thread {request.thread_id!r} of {agent_name}", label="AG-UI"):
        records = SealedRecords("agui")
        place = "t/" + hashlib.sha256(json.dumps([agent_name, request.thread_id]).encode()).hexdigest()
        stored = records.get(place)
        thread: dict[str, Any] | None = None if stored is None else json.loads(stored)
        if request.resume and thread is None:
            raise RefusedRequest("nothing waits for an answer in this thread")
        if thread is None or (thread["finished"] and not request.resume):
            # The two ids are texts of the client. As JSON, no two pairs of them have the same key.
            thread = {"key": json.dumps([request.thread_id, request.run_id]), "finished": False}
            _save(records, place, thread)  # before the run begins, so that it is found again after a crash
        given = request.model_dump(mode="json", by_alias=True, exclude={"resume"})
        outcome = ThreadOutcome(await agent.run(given, key=thread["key"]))
        if request.resume:
            waiting = outcome.run.open
            refused = await asyncio.to_thread(decide_entries, request.resume, waiting, user)
            outcome = ThreadOutcome(await agent.run(given, key=thread["key"]), refused)
        if outcome.run.status == "finished":
            _save(records, place, {**thread, "finished": True})
        return outcome


def _save(records: SealedRecords, place: str, thread: dict[str, Any]) -> None:
    data = json.dumps(thread).encode()
    records.transact(lambda transaction: transaction.put(place, data))
