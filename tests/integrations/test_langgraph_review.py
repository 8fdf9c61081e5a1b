"""`review()` of LangGraph: each stretch runs in a process of its own, and people decide in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hitl_nb as hitl
from hitl_nb.extend import hold_lease

pytest.importorskip("langchain", reason="langchain is not installed: pip install 'hitl_nb[langgraph]'")

PROGRAM = Path(__file__).with_name("langgraph_desk.py")
NOTICE = "Note: a human reviewer replaced this tool call"


class Desk:
    """A store and the program, with the log of what it did."""

    def __init__(self, folder: Path) -> None:
        self.url = f"diskcache://{folder}/s"
        self.log = folder / "log"
        self.store = hitl.open_store(self.url)

    def start(self, agent: str, *, thread: str = "t", key: str = "k", kill: str = "") -> Any:
        env = {**os.environ, "HITL_NB_STORE": self.url, "LOG": str(self.log), "KILL": kill}
        command = [sys.executable, str(PROGRAM), agent, thread, key]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)

    def run(self, agent: str, **more: Any) -> Any:
        done = self.start(agent, **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def inbox(self) -> list[Any]:
        return hitl.inbox(store=self.store)

    def decide(self, proposal: Any, action: Any, value: Any = None, **more: Any) -> None:
        hitl.decide(proposal, action, value, reviewer="ann", store=self.store, **more)

    def read_log(self) -> list[Any]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return Desk(tmp_path)


def test_two_calls_of_one_turn_are_one_pause_and_are_decided_differently(desk: Desk) -> None:
    assert desk.run("batched") == ["waiting", None, ["Call refund", "Call refund"]]
    first, second = desk.inbox()
    assert (first.kind, first.value) == ("tool_call", {"name": "refund", "arguments": {"order": "A", "amount": 10.0}})
    with pytest.raises(hitl.InvalidEdit, match="must be"):  # an edit never calls another tool
        desk.decide(first, "edit", {"name": "drop", "arguments": {}})
    desk.decide(first, "edit", {"name": "refund", "arguments": {"order": "A", "amount": 5.0}})
    assert desk.run("batched")[:2] == ["waiting", None]  # one decision of two
    desk.decide(second, "reject", reason="too much")
    with pytest.raises(hitl.AlreadyDecided):
        desk.decide(second, "reject", reason="too much")
    status, result, _ = desk.run("batched")
    assert status == "finished"
    assert "with reason: too much" in result  # the model is told both
    assert NOTICE in result
    assert desk.run("batched")[:2] == ["finished", result]
    assert desk.read_log() == [["model", 1], ["pay", "A", 5.0], ["model", 4]]


def test_each_call_with_an_interrupt_of_its_own_is_approved_or_answered(desk: Desk) -> None:
    assert desk.run("per_call") == ["waiting", None, ["Call refund", "Call refund"]]
    first, second = sorted(desk.inbox(), key=lambda p: p.value["arguments"]["order"])
    desk.decide(first, "approve")
    desk.decide(second, "respond", "ask again tomorrow")
    assert desk.run("per_call")[:2] == ["finished", "paid A 10.0 | ask again tomorrow"]
    assert desk.read_log() == [["model", 1], ["pay", "A", 10.0], ["model", 4]]


def test_plain_interrupts_get_what_was_decided_also_twice_in_one_node(desk: Desk) -> None:
    assert desk.run("plain") == ["waiting", None, ["Really 0?", "Really 1?", "Really 2?"]]
    for proposal, action, value in zip(
        desk.inbox(), ("approve", "edit", "reject"), (None, "Rather 1?", None), strict=True
    ):
        desk.decide(proposal, action, value, reason="so")
    assert desk.run("plain") == ["waiting", None, ["Question of the graph"]]
    desk.decide(desk.inbox()[0], "respond", "no")
    result = desk.run("plain")[1]
    assert result == [
        [0, {"type": "approve", "value": "Really 0?", "message": "so"}, None],
        [
            1,
            {"type": "edit", "value": "Rather 1?", "message": "so"},
            {"type": "respond", "value": "no", "message": "no"},
        ],
        [2, {"type": "reject", "value": None, "message": "so"}, None],
    ]


def test_a_tool_that_was_killed_is_asked_about_and_nothing_runs_again(desk: Desk) -> None:
    desk.run("batched")
    for proposal in desk.inbox():
        desk.decide(proposal, "approve")
    assert desk.start("batched", kill="B").returncode == -9
    status, _, asked = desk.run("batched")
    assert status == "waiting"
    assert asked[-1] == "Did pay('B', 20.0) happen?"  # both tools ran side by side, so A may be in doubt, too
    for proposal in desk.inbox():
        desk.decide(proposal, "edit", {"happened": True, "result": "paid, says the bank"})
    status, result, _ = desk.run("batched")
    assert status == "finished"
    assert result.endswith(" | paid, says the bank")
    done = desk.read_log()
    assert (done[0], done[-1]) == (["model", 1], ["model", 4])
    assert done.count(["pay", "B", 20.0]) == 1
    assert done.count(["pay", "A", 10.0]) <= 1
    assert len(done) <= 4


def test_one_thread_is_continued_by_one_run(desk: Desk) -> None:
    desk.run("plain")
    other = desk.start("plain", key="other")
    assert other.returncode == 1
    assert "the LangGraph thread 't' waits for decisions already" in other.stderr
    for proposal in desk.inbox():
        desk.decide(proposal, "approve")
    with hold_lease("the LangGraph thread 't'", label="a worker", store=desk.store):
        refused = desk.start("plain")
    assert "RunClaimed: the LangGraph thread 't' is in use by a worker" in refused.stderr
    assert desk.run("plain")[2] == ["Question of the graph"]
