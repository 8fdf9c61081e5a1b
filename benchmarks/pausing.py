"""Pausing and warm resuming, against LangGraph's `interrupt`, in one warm process.

pause    ours: from the statement in front of `checkpoint()` until `agent.run()` has returned: snapshot, proposal, run
         and event are then committed with synchronous=FULL. Theirs: from the statement in front of `interrupt()` until
         `graph.invoke()` has returned: it waits for its saver's writes.
resume   from the decision to the statement behind the question. Ours: the decision was made and stored (`decide`, as a
         reviewer's click does, perhaps in another process); timed from calling `agent.run()`. Theirs: the
         decision is an argument of the call that resumes and is stored on the way; timed from calling
         `graph.invoke(Command(resume=...))`. A second line counts our `decide`, with its own commit, too.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

import hitl_nb as hitl
from benchmarks import peer
from benchmarks.measuring import Line, RawCommits, at_most, faster, interleaved, milliseconds
from hitl_nb.ledger.ledger import Ledger

LETTER = "Dear Ann, your refund of 49.90 for order 5678 is on its way. " * 16
"""About 1 KB."""

marks: list[float] = []


def mark() -> None:
    marks.append(time.perf_counter())


@hitl.agent
def refund(letter: str) -> str:
    mark()
    decision = hitl.checkpoint(letter, title="Refund order 5678")
    mark()
    return decision.action


class Ours:
    """One round: a new run to its pause, the decision, the run to its end. Seconds for pause, decision, resume."""

    def __init__(self) -> None:
        self.ledger = Ledger(hitl.open_store())
        self.keys = map(str, itertools.count())
        self.loop = asyncio.new_event_loop()  # as in a kernel, where one runs already

    def __call__(self) -> tuple[float, float, float]:
        marks.clear()
        key = next(self.keys)
        waiting = self.loop.run_until_complete(refund.run(LETTER, key=key))
        durable = time.perf_counter()
        self.ledger.proposals.decide(waiting.open[0].id, "approve", reviewer="ann")
        decided = time.perf_counter()
        finished = self.loop.run_until_complete(refund.run(LETTER, key=key))
        assert finished.result == "approve", finished
        asked, on = marks
        return durable - asked, decided - durable, on - decided


class Theirs:
    """The same with LangGraph."""

    def __init__(self, folder: Path) -> None:
        self.saver = peer.saver(folder / "peer.db")
        self.graph = peer.reviewing(self.saver, mark, mark)

    def __call__(self) -> tuple[float, float]:
        marks.clear()
        thread = peer.Thread(self.graph)
        thread.start({"letter": LETTER, "answer": ""})
        durable = time.perf_counter()
        thread.resume("approve")
        asked, _again, on = marks
        return durable - asked, on - durable


def measure(folder: Path, rounds: int = 40) -> list[Line]:
    raw, theirs = RawCommits(folder), Theirs(folder)
    a, b, c = interleaved(rounds, Ours(), theirs, lambda: milliseconds(raw.commit))
    pauses, decisions, resumes = ([x * 1000 for x in column] for column in zip(*a, strict=True))
    their_pauses, their_resumes = ([x * 1000 for x in column] for column in zip(*b, strict=True))
    decided = [d + r for d, r in zip(decisions, resumes, strict=True)]
    name = f"LangGraph, SqliteSaver, synchronous={peer.synchronous(theirs.saver)}"
    return [
        faster("pause: checkpoint() to durable", pauses, their_pauses, name, 2),
        faster("warm resume: decision to next statement", resumes, their_resumes, name, 1.3),
        faster("warm resume, storing the decision included", decided, their_resumes, name),
        at_most("pause, in raw commits", pauses, c, "raw SQLite commit, WAL, FULL"),
    ]
