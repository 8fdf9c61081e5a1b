"""AG-UI: every request is answered by a new process of a server, and people decide by resuming."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hitl_nb as hitl
from hitl_nb.storage import open_store
from tests.ui.environments import python_of

ROOT = Path(__file__).parents[2]


class Desk:
    """A client of the protocol, and the server's program."""

    def __init__(self, folder: Path) -> None:
        self.notes = folder / "notes"
        self.notes.touch()
        self.store = open_store(f"diskcache://{folder / 'store'}")
        self.failed = False

    def send(
        self, order: str = "5678", *, run: str = "r1", thread: str = "t1", resume: Any = None, user: str = "ann"
    ) -> list[Any]:
        asked = {"threadId": thread, "runId": run, "messages": [{"id": "m1", "role": "user", "content": order}]}
        if resume is not None:
            asked["resume"] = resume
        server = Path(__file__).parent / "ag_ui_programs" / "server.py"
        done = subprocess.run(
            [python_of("agents"), str(server), json.dumps(asked), user],
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "HITL_NB_STORE": self.store.url,
                "NOTES": str(self.notes),
            },
        )
        self.failed = done.returncode != 0
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert events, done.stderr
        assert events[0]["type"] == "RUN_STARTED"
        return events

    def read_notes(self) -> list[str]:
        return self.notes.read_text().splitlines()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def find_interrupt(events: list[Any]) -> Any:
    assert events[-1]["outcome"]["type"] == "interrupt", events
    [interrupt] = events[-1]["outcome"]["interrupts"]
    return interrupt


def answer(interrupt: Any, **payload: Any) -> list[Any]:
    return [{"interruptId": interrupt["id"], "status": "resolved", "payload": payload}]


def test_a_thread_is_decided_by_resuming_and_gives_its_result_once(desk: Desk) -> None:
    asked = find_interrupt(desk.send())
    shown = asked["metadata"]
    assert (asked["message"], shown["value"], shown["allow"]) == (
        *("Refund 5678", {"order": "5678", "amount": 12}),
        ["approve", "edit", "reject", "respond"],
    )
    edited = answer(asked, action="edit", value={"order": "5678", "amount": 10})
    letter = find_interrupt(desk.send(run="r2", resume=edited))
    assert letter["message"] == "Send the letter"

    again = desk.send(run="r2", resume=edited)  # the client sends it again
    assert [one["error"] for one in again[1]["value"]] == ["UnknownProposal"]
    assert find_interrupt(again)["id"] == letter["id"]

    ended = desk.send(run="r3", resume=answer(letter, action="reject", reason="no letters"), user="bob")
    assert (ended[-1]["outcome"]["type"], ended[-1]["result"]) == ("success", "edit, reject")
    assert [one["delta"] for one in ended if one["type"] == "TEXT_MESSAGE_CONTENT"] == ["edit, reject"]
    assert desk.read_notes() == [
        *("begin 5678", "edit {'order': '5678', 'amount': 10}"),
        "reject the letter, by bob",
    ]
    assert desk.send(run="r3", resume=answer(letter, action="approve"))[-1]["result"] == "edit, reject"
    find_interrupt(desk.send("9", run="r4"))  # a message after the end begins a run
    assert desk.read_notes()[3:] == ["begin 9"]


def test_an_answer_counts_only_for_what_the_person_saw(desk: Desk) -> None:
    asked = find_interrupt(desk.send())
    other = find_interrupt(desk.send(thread="t2", order="other"))
    proposal, revision, fingerprint = asked["id"].rsplit(".", 2)
    entries = [
        *answer({"id": f"{proposal}.{revision}.{fingerprint[::-1]}"}, action="approve"),
        *answer(other, action="approve"),  # of another thread
        *answer({"id": "1"}, action="approve"),
        {"interruptId": asked["id"], "status": "resolved", "payload": True},
        *answer(asked, action="edit", value=None, extra=1),
        {"interruptId": asked["id"], "status": "cancelled"},
    ]
    refused, ended = desk.send(run="r2", resume=entries)[1:]
    assert [one["error"] for one in refused["value"]] == [
        *("StaleDraft", "UnknownProposal", "ValueError", "ValueError", "ValueError"),
    ]
    assert find_interrupt([ended])["id"] == asked["id"]
    assert len(hitl.inbox(store=desk.store)) == 2


def test_a_decision_elsewhere_counts_and_the_next_request_goes_on(desk: Desk) -> None:
    desk.send()
    hitl.decide(hitl.inbox(store=desk.store)[0], "approve", reviewer="carl", store=desk.store)
    assert find_interrupt(desk.send("go on", run="r2"))["message"] == "Send the letter"
    assert desk.read_notes() == ["begin 5678", "approve {'order': '5678', 'amount': 12}"]


def test_requests_that_cannot_be_answered_end_with_an_error(desk: Desk) -> None:
    nothing = desk.send(resume=answer({"id": "a.1.b"}, action="approve"))[-1]
    assert (nothing["type"], nothing["message"]) == ("RUN_ERROR", "nothing waits for an answer in this thread")
    assert desk.send(thread="t" * 201)[-1]["message"] == "threadId must have 1 to 200 characters, not 201"
    assert not desk.failed
    broken = desk.send("broken")[-1]
    assert (broken["message"], broken["code"], desk.failed) == ("the agent failed", "OSError", True)
