"""`reviewed()` of the OpenAI Agents SDK: each stretch runs in a process of its own, and people decide in between."""

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

pytest.importorskip("agents", reason="openai-agents is not installed: pip install 'hitl_nb[openai-agents]'")

import openai_agents_desk as program

PROGRAM = Path(program.__file__)
TOLD = 'A person changed the arguments of this call to {"order": "A", "amount": 5.0}. Reason: half of it'
PASS_SMALL = 'version = 1\n[[rule]]\nid = "small"\nwhen = "value.arguments.amount < 15"\ndo = "pass"\n'
"""A policy file: small refunds pass, other calls are asked."""


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    started = Forks(tmp_path_factory.mktemp("jupyter"), program.__name__, folder=PROGRAM.parent)
    yield started
    started.close()


class Desk:
    """A store and the program, with the log of what it did."""

    def __init__(self, folder: Path, forks: Forks) -> None:
        self.env = {
            "HITL_NB_STORE": f"diskcache://{folder}/s",
            "LOG": str(folder / "log"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
        }
        self.store = hitl.open_store(self.env["HITL_NB_STORE"])
        self.forks = forks

    def run(self, agent: str, ask: list[str] | None, *, kill: str = "", times: int = 1, **env: str) -> Any:
        """Run the program in a new process, until it ends or waits."""
        return self.forks(program.play, {**self.env, **env, "KILL": kill}, agent, ask, "k", times)

    def die(self, agent: str, ask: list[str] | None, moment: str) -> None:
        with pytest.raises(ChildDied):
            self.run(agent, ask, kill=moment)

    def inbox(self) -> list[Any]:
        return hitl.inbox(store=self.store)

    def decide(self, proposal: Any, action: Any, value: Any = None, **more: Any) -> None:
        hitl.decide(proposal, action, value, reviewer="ann", store=self.store, **more)

    def approve_all(self) -> None:
        for proposal in self.inbox():
            self.decide(proposal, "approve")

    def answer_doubts(self, **answer: Any) -> list[str]:
        """Answer all questions about effects in doubt, and return their titles."""
        asked = self.inbox()
        for proposal in asked:
            self.decide(proposal, "edit", answer)
        return [proposal.title for proposal in asked]

    def read_log(self) -> list[Any]:
        return [json.loads(line) for line in Path(self.env["LOG"]).read_text().splitlines()]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: Forks) -> Iterator[Desk]:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    made = Desk(tmp_path, forks)
    yield made
    made.store.close()


def test_the_calls_of_a_turn_are_one_pause_and_are_decided_differently(desk: Desk) -> None:
    assert desk.run("shop", ["refund"]) == ["waiting", None, ["Call refund", "Call refund"]]
    first, second = desk.inbox()
    assert (first.kind, first.context) == ("tool_call", "Refund an order.")
    assert first.value == {"name": "refund", "arguments": {"order": "A", "amount": 10.0}}
    for wrong in ({"name": "look_up", "arguments": {"order": "A"}}, {"name": "refund", "arguments": {"order": 1}}):
        with pytest.raises(hitl.InvalidEdit):
            desk.decide(first, "edit", wrong)
    edited = {"name": "refund", "arguments": {"order": "A", "amount": 5.0}}
    desk.decide(first, "edit", edited, reason="half of it")
    assert desk.run("shop", ["refund"])[:2] == ["waiting", None]  # one decision of two
    with pytest.raises(hitl.AlreadyDecided):
        desk.decide(first, "reject")
    desk.decide(second, "reject", reason="too much")
    assert desk.run("shop", ["refund"]) == ["waiting", None, ["Call refund"]]  # the next turn of the model
    desk.decide(desk.inbox()[0], "respond", "ask again tomorrow")
    status, result, _ = desk.run("shop", ["refund"])
    assert (status, result.split(" | ")) == (
        "finished",
        [
            "order A is late",
            f"{TOLD}\n\npaid A 5.0",
            "The tool was not called. A person rejected the call. Reason: too much",
            "The tool was not called. A person answered: ask again tomorrow",
        ],
    )
    assert desk.run("shop", ["refund"]) == [status, result, []]
    models = [["model", "shop", 0], ["model", "shop", 3], ["model", "shop", 4]]
    assert desk.read_log() == [models[0], ["look", "A"], ["pay", "A", 5.0], *models[1:]]


def test_without_names_every_call_is_proposed_and_a_policy_lets_some_pass(desk: Desk, tmp_path: Path) -> None:
    policy = tmp_path / "hitl-policy.toml"
    policy.write_text(PASS_SMALL)
    asked = desk.run("shop", None, HITL_NB_POLICY=str(policy))
    assert asked == ["waiting", None, ["Call refund", "Call look_up"]]
    desk.approve_all()
    assert desk.run("shop", None, HITL_NB_POLICY=str(policy))[2] == ["Call refund"]
    desk.approve_all()
    assert desk.run("shop", None)[1] == "paid A 10.0 | paid B 20.0 | order A is late | paid C 30.0"
    assert [one for one in desk.read_log() if one[0] == "model"] == [["model", "shop", n] for n in (0, 3, 4)]


@pytest.mark.parametrize("moment", ["before A", "in A"])
def test_a_killed_tool_is_asked_about_and_nothing_is_repeated(desk: Desk, moment: str) -> None:
    desk.run("shop", ["refund"])
    desk.approve_all()
    desk.die("shop", ["refund"], moment)
    # The tools run side by side, so both were in flight.
    assert desk.run("shop", ["refund"])[0] == "waiting"
    asked = desk.answer_doubts(happened=True, result="paid, says the bank")
    assert asked == ["Did refund(order='A', amount=10.0) happen?", "Did refund(order='B', amount=20.0) happen?"]
    assert desk.run("shop", ["refund"])[2] == ["Call refund"]
    desk.approve_all()
    said = "order A is late | paid, says the bank | paid, says the bank | paid C 30.0"
    assert desk.run("shop", ["refund"])[:2] == ["finished", said]
    effects = [["model", "shop", 0], ["look", "A"], *([["pay", "A", 10.0]] if moment == "in A" else [])]
    assert desk.read_log() == [*effects, ["model", "shop", 3], ["pay", "C", 30.0], ["model", "shop", 4]]


def test_a_tool_that_did_not_happen_is_called_again(desk: Desk) -> None:
    desk.run("shop", ["refund"])
    desk.approve_all()
    desk.die("shop", ["refund"], "before A")
    desk.run("shop", ["refund"])
    desk.answer_doubts(happened=False)
    assert desk.run("shop", ["refund"])[2] == ["Call refund"]
    paid = sorted(one for one in desk.read_log() if one[0] == "pay")
    assert paid == [["pay", "A", 10.0], ["pay", "B", 20.0]]


@pytest.mark.parametrize(
    ("moment", "log"),
    [
        ("shop 3", [["model", "shop", 3], ["model", "shop", 3]]),  # only the request in flight is made again
        ("end", [["model", "shop", 3]]),  # after the tools and requests of the stretch
    ],
)
def test_after_a_kill_in_a_request_or_at_the_end_no_tool_is_called_again(
    desk: Desk, moment: str, log: list[Any]
) -> None:
    desk.run("shop", ["refund"])
    first, second = desk.inbox()
    desk.decide(first, "approve")
    desk.decide(second, "reject")
    if moment == "end":
        desk.run("shop", ["refund"])
        desk.decide(desk.inbox()[0], "reject")
    desk.die("shop", ["refund"], moment)
    desk.run("shop", ["refund"])
    if moment != "end":
        desk.decide(desk.inbox()[0], "reject")
    assert desk.run("shop", ["refund"])[0] == "finished"
    expected = [["model", "shop", 0], ["look", "A"], ["pay", "A", 10.0], *log, ["model", "shop", 4]]
    assert desk.read_log() == expected


def test_equal_calls_of_one_turn_and_equal_runs_are_kept_apart(desk: Desk) -> None:
    for _ in range(2):
        assert desk.run("twin", ["refund"], times=2) == ["waiting", None, ["Call refund", "Call refund"]]
        first, second = desk.inbox()
        desk.decide(first, "approve")
        desk.decide(second, "reject")
    said = "paid A 1.0 | The tool was not called. A person rejected the call."
    assert desk.run("twin", ["refund"], times=2)[:2] == ["finished", [said, said]]
    assert desk.read_log().count(["pay", "A", 1.0]) == 2


def test_tools_of_all_kinds(desk: Desk) -> None:
    """Sync and async tools, a model as an argument, defaults, an error, the context, `needs_approval` of the tool."""
    assert desk.run("odd", ["send", "fail", "refund"])[2] == ["Call send", "Call fail", "Call refund", "Call close"]
    sending = next(one for one in desk.inbox() if one.value["name"] == "send")
    edited = {"order": "A", "to": {"city": "Oslo", "floor": 2}}
    desk.decide(sending, "edit", {"name": "send", "arguments": edited})
    desk.approve_all()
    status, result, _ = desk.run("odd", ["send", "fail", "refund"])
    assert status == "finished"
    assert result.split("\n\n")[1] == (
        "sent A to Oslo/2 | An error occurred while running the tool. Please try again. | paid D 1.0 | closed"
    )
    effects = [["send", "A", "Oslo", 2], ["fail", "A"], ["pay", "D", 1.0], ["close", "Ann", "2026-01-01"]]
    assert sorted(desk.read_log()[1:-1]) == sorted(effects)


def test_guardrails_see_edited_arguments_and_own_rules_of_a_tool_are_kept(desk: Desk) -> None:
    # The third call has a text for a number: the SDK asks, since its rule cannot judge that.
    assert desk.run("limited", [])[2] == ["Call grant", "Call grant"]
    assert desk.read_log() == [["model", "limited", 0], ["grant", 5]]
    for proposal in desk.inbox():
        desk.decide(proposal, "edit", {"name": "grant", "arguments": {"amount": 500}})
    assert "500 is too much" in desk.run("limited", [])[1]
    assert desk.read_log()[2:] == [["model", "limited", 3]]


def test_handoffs_and_agents_that_are_tools(desk: Desk) -> None:
    assert desk.run("front", ["refund"])[2] == ["Call refund", "Call refund"]
    desk.approve_all()
    assert desk.run("front", ["refund"])[1].endswith("order A is late | paid A 10.0 | paid B 20.0")
    assert [one[1] for one in desk.read_log() if one[0] == "model"] == ["front", "cashier", "cashier"]


def test_a_kill_inside_an_agent_that_is_a_tool(desk: Desk) -> None:
    assert desk.run("boss", ["refund"])[2] == ["Call refund", "Call refund", "Call refund"]
    desk.approve_all()
    desk.die("boss", ["refund"], "clerk 3")
    said = "order A is late | paid A 10.0 | paid B 20.0 | paid E 5.0"
    assert desk.run("boss", ["refund"])[:2] == ["finished", said]
    log = desk.read_log()
    models = [("boss", 0), ("clerk", 0), ("clerk", 3), ("clerk", 3), ("boss", 2)]
    assert [tuple(one[1:]) for one in log if one[0] == "model"] == models
    assert sorted(one[1] for one in log if one[0] == "pay") == ["A", "B", "E"]


def test_a_tool_that_may_be_repeated_is_called_again_without_a_question(desk: Desk) -> None:
    desk.die("pinger", [], "in P")
    assert desk.run("pinger", [])[:2] == ["finished", "pinged P"]
    assert desk.read_log() == [["model", "pinger", 0], ["ping", "P"], ["ping", "P"], ["model", "pinger", 1]]


def test_a_request_in_which_the_provider_executes_tools_is_not_made_again_without_a_question(desk: Desk) -> None:
    desk.die("coder", [], "coder 0")
    assert desk.run("coder", [])[0] == "waiting"
    assert desk.answer_doubts(happened=True, result="all is done") == ["Did request to the model() happen?"]
    assert desk.run("coder", [])[:2] == ["finished", "all is done"]
    assert desk.read_log() == [["model", "coder", 0]]


def test_no_tool_is_called_for_a_request_that_was_not_recorded(desk: Desk) -> None:
    with pytest.raises(hitl.HitlError, match="cannot record the request to the model that asked for look_up"):
        desk.run("chief", ["refund"])
    assert [one for one in desk.read_log() if one[0] != "model"] == []


def test_what_cannot_be_reviewed_is_refused(desk: Desk) -> None:
    for agent, ask, error, text in (
        ("shop", ["refunds"], ValueError, "ask names 'refunds', and no agent has"),
        ("shop", "refund", TypeError, r'such as \["refund"\]'),
        ("sly", None, hitl.HitlError, "did not know the agent 'hidden'"),
        ("shell", None, hitl.HitlError, "cannot record the calls of shell"),
    ):
        with pytest.raises(error, match=text):
            desk.forks(program.play, desk.env, agent, ask, f"{agent} {ask}")


def test_another_version_of_the_sdk_is_refused_and_nothing_is_lost(desk: Desk) -> None:
    desk.run("shop", ["refund"], AGENTS_VERSION="0.23.1")
    desk.approve_all()
    with pytest.raises(hitl.HitlError, match=r"0\.23\.1 wrote the state of this run, and this is openai-agents"):
        desk.run("shop", ["refund"])
    assert desk.run("shop", ["refund"], AGENTS_VERSION="0.23.9")[2] == ["Call refund"]


def test_a_truly_new_interpreter_continues(desk: Desk) -> None:
    def start() -> Any:
        env = {**os.environ, **desk.env, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, str(PROGRAM), "twin", '["refund"]', "k"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert start() == ["waiting", None, ["Call refund", "Call refund"]]
    desk.approve_all()
    assert start() == ["finished", "paid A 1.0 | paid A 1.0", []]
