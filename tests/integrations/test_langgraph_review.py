"""`review()` of LangGraph: each stretch runs in a process of its own, and people decide in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forks import ChildDied, Forks

import hitl_nb as hitl
from hitl_nb.extend import hold_lease

pytest.importorskip("langchain", reason="langchain is not installed: pip install 'hitl_nb[langgraph]'")

import langgraph_desk

PROGRAM = Path(langgraph_desk.__file__)
NOTICE = "Note: a human reviewer replaced this tool call"


class Desk:
    """A store and the program, with the log of what it did."""

    def __init__(self, folder: Path, data: Path, forks: Forks) -> None:
        self.url = f"diskcache://{folder}/s"
        self.log, self.data, self.forks = folder / "log", data, forks
        self.store = hitl.open_store(self.url)

    def run(self, agent: str, *, thread: str = "t", key: str = "k", kill: str = "", fail: str = "") -> Any:
        """Run the agent in a new process until it waits or ends."""
        env = {"HITL_NB_STORE": self.url, "LOG": str(self.log), "KILL": kill, "FAIL": fail}
        return self.forks(langgraph_desk.run_desk, env, agent, thread, key)

    def start(self, agent: str) -> subprocess.Popen[str]:
        """Start the agent in an interpreter of its own."""
        path = os.pathsep.join(sys.path)
        env = {**os.environ, "HITL_NB_STORE": self.url, "LOG": str(self.log), "PYTHONPATH": path}
        code = f"import json, langgraph_desk as d; print(json.dumps(d.run_desk({{}}, {agent!r}, 't', 'k')))"
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, "-c", code], env=env, stdout=pipe, stderr=pipe, text=True)

    def inbox(self) -> list[Any]:
        return hitl.inbox(store=self.store)

    def decide(self, proposal: Any, action: Any, value: Any = None, **more: Any) -> None:
        hitl.decide(proposal, action, value, reviewer="ann", store=self.store, **more)

    def approve_all(self) -> None:
        for proposal in self.inbox():
            self.decide(proposal, "approve")

    def settle_all(self, result: Any) -> None:
        for proposal in self.inbox():
            self.decide(proposal, "edit", {"happened": True, "result": result})

    def read_log(self) -> list[Any]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def forks(data: Path) -> Iterator[Forks]:
    made = Forks(data, "langgraph_desk", folder=PROGRAM.parent)
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path: Path, data: Path, forks: Forks, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(data))
    made = Desk(tmp_path, data, forks)
    yield made
    made.store.close()


# Decisions


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
        desk.decide(second, "approve")
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


# Crashes, errors, and other runs


def test_a_tool_that_was_killed_is_asked_about_and_nothing_runs_again(desk: Desk) -> None:
    desk.run("batched")
    desk.approve_all()
    with pytest.raises(ChildDied):
        desk.run("batched", kill="B")
    status, _, asked = desk.run("batched")
    assert status == "waiting"
    assert asked[-1] == "Did pay('B', 20.0) happen?"  # both tools ran side by side, so A may be in doubt, too
    desk.settle_all("paid, says the bank")
    status, result, _ = desk.run("batched")
    assert status == "finished"
    assert result.endswith("paid, says the bank")
    done = desk.read_log()
    assert (done[0], done[-1]) == (["model", 1], ["model", 4])
    assert done.count(["pay", "B", 20.0]) == 1
    assert done.count(["pay", "A", 10.0]) <= 1
    assert len(done) <= 4


def test_a_step_before_a_question_in_its_node_runs_once(desk: Desk) -> None:
    shipped = ["shipped A", "shipped B"]
    assert desk.run("steps") == ["waiting", None, ["Ship?"]]
    desk.approve_all()
    assert desk.run("steps")[:2] == ["finished", [*shipped, "paid A 1.0", "approve", *shipped]]
    assert desk.read_log() == [["ship", "A"], ["ship", "B"], ["pay", "A", 1.0], ["ship", "A"], ["ship", "B"]]


def test_steps_of_a_node_that_was_killed_are_not_taken_for_those_of_an_earlier_node(desk: Desk) -> None:
    desk.run("steps")
    desk.approve_all()
    with pytest.raises(ChildDied):
        desk.run("steps", kill="B")  # in the third node: the first has shipped B before
    assert desk.run("steps") == ["waiting", None, ["Did ship('B') happen?"]]
    desk.settle_all("shipped B, says the post")
    shipped = ["shipped A", "shipped B", "paid A 1.0", "approve", "shipped A", "shipped B, says the post"]
    assert desk.run("steps")[:2] == ["finished", shipped]
    assert desk.read_log() == [["ship", "A"], ["ship", "B"], ["pay", "A", 1.0], ["ship", "A"], ["ship", "B"]]


def test_a_step_that_failed_is_made_again_and_what_was_done_is_not(desk: Desk) -> None:
    with pytest.raises(ValueError, match="no B"):
        desk.run("steps", fail="B")
    assert desk.run("steps") == ["waiting", None, ["Ship?"]]
    assert desk.read_log() == [["ship", "A"], ["ship", "B"], ["ship", "B"], ["pay", "A", 1.0]]


def test_recorded_tools_and_requests_are_steps(desk: Desk) -> None:
    with pytest.raises(ChildDied):
        desk.run("recorded", kill="model 1")
    assert desk.run("recorded")[0] == "waiting"  # a request is made again without a question
    desk.approve_all()
    with pytest.raises(ChildDied):
        desk.run("recorded", kill="B")
    assert "Did send_back(order='B', amount=20.0) happen?" in desk.run("recorded")[2]
    for proposal in desk.inbox():
        desk.decide(proposal, "edit", {"happened": False, "result": None})
    assert desk.run("recorded")[:2] == ["finished", "paid A 10.0 | paid B 20.0"]
    done = desk.read_log()
    assert [one for one in done if one[0] == "model"] == [["model", 1], ["model", 1], ["model", 4]]
    assert done.count(["pay", "B", 20.0]) == 2  # somebody said that the first did not happen


def test_one_thread_is_continued_by_one_run(desk: Desk) -> None:
    desk.run("plain")
    with pytest.raises(hitl.HitlError, match="the LangGraph thread 't' waits for decisions already"):
        desk.run("plain", key="other")
    desk.approve_all()
    with (
        hold_lease("the LangGraph thread 't'", label="a worker", store=desk.store),
        pytest.raises(hitl.RunClaimed, match="the LangGraph thread 't' is in use by a worker"),
    ):
        desk.run("plain")
    assert desk.run("plain")[2] == ["Question of the graph"]


def test_a_thread_that_a_program_has_continued_is_left_alone(desk: Desk) -> None:
    desk.run("steps")
    desk.approve_all()
    desk.forks(langgraph_desk.resume_directly, {"HITL_NB_STORE": desk.url, "LOG": str(desk.log)}, "t")
    with pytest.raises(hitl.HitlError, match="was continued by another run or program while this one waited"):
        desk.run("steps")


def test_two_processes_that_resume_at_once_have_one_effect(desk: Desk) -> None:
    desk.run("batched")
    desk.approve_all()
    started = [desk.start("batched") for _ in range(2)]
    ended = [(one.communicate(timeout=300), one.returncode) for one in started]
    assert [json.loads(out)[0] for (out, _), code in ended if code == 0].count("finished") >= 1
    assert all("RunClaimed" in err for (_, err), code in ended if code)
    assert sorted(desk.read_log(), key=str) == [["model", 1], ["model", 4], ["pay", "A", 10.0], ["pay", "B", 20.0]]
