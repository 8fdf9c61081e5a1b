"""An agent that delivers two letters, and dies at a chosen moment of the first."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import story

import hitl_nb as hitl
from hitl_nb.agent_api.steps import StepFunction
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.runs.steps import Steps
from hitl_nb.storage import open_store


@hitl.agent
def letters() -> list[str]:
    sent = [deliver("Ann")]
    sent.append(deliver("Bo"))
    return sent


@hitl.step
def deliver(name: str) -> str:
    return _deliver(name)


def _deliver(name: str) -> str:
    dies("after the intent")
    story.note("effects", name, hitl.idempotency_key() if isinstance(deliver, StepFunction) else "none")
    dies("after the effect")
    return f"sent to {name}"


_moment = ""


def dies(moment: str) -> None:
    global _moment
    if moment == _moment:
        os.kill(os.getpid(), signal.SIGKILL)


def run(folder: Path, moment: str, kind: str) -> tuple[str, Any, list[str]]:
    """In a new process: run the agent, or go on with it; die at `moment`."""
    global _moment, deliver
    _moment = moment
    story.use(folder)
    start, finish = Steps.start, Steps.finish

    def start_step(self: Steps, *args: Any, **more: Any) -> Any:
        dies("before the intent")
        return start(self, *args, **more)

    def finish_step(self: Steps, *args: Any, **more: Any) -> Any:
        dies("before the result")
        done = finish(self, *args, **more)
        if _moment == "after the result":
            done.result()  # it is durable
            dies("after the result")
        return done

    Steps.start, Steps.finish = start_step, finish_step
    if kind == "idempotent":
        deliver.idempotent = True
    elif kind == "bare":
        deliver = _deliver
    made = asyncio.run(letters.run(key="k"))
    return made.status, made.result, [p.title for p in made.open]


def look_up(folder: Path) -> None:
    """A person finds out whether it happened."""
    story.use(folder)
    ledger = Ledger(open_store())
    for p in ledger.proposals.list_open():
        name = p.title.split("'")[1]
        happened = any(about[0] == name for about in story.notes("effects"))
        value = {"happened": happened, "result": f"sent to {name}" if happened else None}
        ledger.proposals.decide(p.id, "edit", value=value, reviewer="ann")
