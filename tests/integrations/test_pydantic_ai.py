"""`reviewed()` of Pydantic AI: each stretch runs in a process of its own, and people decide in between."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from forks import ChildDied, Forks

import hitl_nb as hitl
from hitl_nb.extend import Store

if importlib.util.find_spec("pydantic_ai") is None:
    pytest.skip("Pydantic AI is not installed: pip install 'hitl_nb[pydantic-ai]'", allow_module_level=True)

MODULE = "tests.integrations.pydantic_ai_desk"
PLAY: Any = SimpleNamespace(__module__=MODULE, __qualname__="play")
NOTE = (
    'About the call 1 of refund: A person changed the arguments of this call to {"order": "A", "amount": 5.0}. '
    "Reason: a part of it"
)
REFUNDS = [[["refund", {"order": "A", "amount": 10.0}, "1"], ["refund", {"order": "B"}, "2"]]]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Runs functions in new processes, which are forked from one that has imported Pydantic AI."""
    started = Forks(tmp_path_factory.mktemp("data"), MODULE)
    yield started
    started.close()


class Desk:
    """A store and the program, with the log of what it did."""

    def __init__(self, folder: Path, processes: Forks) -> None:
        self.folder, self.log, self.processes = folder, folder / "log", processes
        self.url = f"diskcache://{folder}/s"
        self.store: Store = hitl.open_store(self.url)

    def run(self, turns: Any, name: str = "agent", *, key: str = "k", environment: Any = None, **options: Any) -> Any:
        """Run the desk in a new process."""
        return self.processes(PLAY, *self.describe(turns, name, key, environment or {}, options))

    def describe(self, turns: Any, name: str, key: str, environment: Any, options: Any) -> Any:
        return ({"HITL_NB_STORE": self.url, "LOG": str(self.log), **environment}, name, turns, options, key)

    def kill(self, turns: Any, point: str, *, environment: Any = None, **options: Any) -> None:
        """Run the desk in a process that kills itself."""
        with pytest.raises(ChildDied):
            self.run(turns, environment={"KILL": point, **(environment or {})}, **options)

    def inbox(self) -> list[Any]:
        return hitl.inbox(store=self.store)

    def decide(self, proposal: Any, action: Any, value: Any = None, **more: Any) -> None:
        hitl.decide(proposal, action, value, reviewer="ann", store=self.store, **more)

    def approve(self) -> None:
        for proposal in self.inbox():
            self.decide(proposal, "approve")

    def done(self) -> list[Any]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def desk(tmp_path: Path, processes: Forks) -> Iterator[Desk]:
    made = Desk(tmp_path, processes)
    yield made
    made.store.close()


def test_two_calls_of_one_turn_are_one_pause_and_are_decided_differently(desk: Desk) -> None:
    assert desk.run(REFUNDS, ask=["refund"]) == ["waiting", None, ["Call refund", "Call refund"]]
    first, second = desk.inbox()
    assert (first.kind, first.value) == ("tool_call", {"name": "refund", "arguments": {"order": "A", "amount": 10.0}})
    assert "Refund an order." in str(first.context)
    with pytest.raises(hitl.InvalidEdit, match="must be"):  # an edit never calls another tool
        desk.decide(first, "edit", {"name": "drop", "arguments": {}})
    with pytest.raises(hitl.InvalidEdit):  # the arguments fit the tool's schema
        desk.decide(first, "edit", {"name": "refund", "arguments": {"order": "A", "amount": "much"}})
    desk.decide(first, "edit", {"name": "refund", "arguments": {"order": "A", "amount": 5.0}}, reason="a part of it")
    assert desk.run(REFUNDS, ask=["refund"])[:2] == ["waiting", None]  # one decision of two
    desk.decide(second, "reject", reason="too late")
    for again in ("reject", "approve"):  # the same decision twice, and a contradiction
        with pytest.raises(hitl.AlreadyDecided):
            desk.decide(second, again)
    status, result, _ = desk.run(REFUNDS, ask=["refund"])
    assert status == "finished"
    assert result.split(" | ") == [
        "paid A 5.0",
        "The tool was not called. A person rejected the call. Reason: too late",
        NOTE,
    ]
    assert desk.run(REFUNDS, ask=["refund"])[:2] == ["finished", result]
    assert desk.done() == [["model", 0], ["refund", "A", 5.0], ["model", 1]]


def test_calls_are_approved_or_answered(desk: Desk) -> None:
    desk.run(REFUNDS, ask=["refund"])
    first, second = desk.inbox()
    desk.decide(first, "respond", "ask her first")
    desk.decide(second, "approve")
    told = "The tool was not called. A person answered: ask her first | paid B 1.0"
    assert desk.run(REFUNDS, ask=["refund"])[:2] == ["finished", told]
    assert desk.done() == [["model", 0], ["refund", "B", 1.0], ["model", 1]]


def test_without_names_every_call_is_proposed_and_policies_let_calls_pass(desk: Desk) -> None:
    policy = desk.folder / "policy.toml"
    rules = """
        [[rule]]
        id = "small"
        tool = "refund"
        when = "arguments.amount < 50"
        do = "pass"

        [[rule]]
        id = "never"
        tool = "drop"
        do = "block"
    """
    policy.write_text(rules, encoding="utf-8")
    environment = {"HITL_NB_POLICY": str(policy)}
    turns = [[*REFUNDS[0][:1], ["refund", {"order": "B", "amount": 90.0}, "2"], ["drop", {"table": "t"}, "3"]]]
    assert desk.run(turns, environment=environment) == ["waiting", None, ["Call refund"]]
    assert [one.value["arguments"]["order"] for one in desk.inbox()] == ["B"]
    desk.approve()
    status, result, _ = desk.run(turns, environment=environment)
    assert status == "finished"
    assert result.startswith("paid A 10.0 | paid B 90.0 | The tool was not called. A policy rejected the call.")
    assert [line[0] for line in desk.done()] == ["model", "refund", "refund", "model"]


def test_nothing_is_repeated_after_a_crash_where_policies_let_all_calls_pass(desk: Desk) -> None:
    policy = desk.folder / "policy.toml"
    policy.write_text('default = "pass"\n', encoding="utf-8")
    turns = [[["note", {"text": text}, "same"]] for text in ("x", "y", "z")]  # some models repeat their ids
    desk.kill(turns, "note z", environment={"HITL_NB_POLICY": str(policy)})
    assert desk.run(turns, environment={"HITL_NB_POLICY": str(policy)})[2] == ["Did note(text='z') happen?"]
    desk.decide(desk.inbox()[0], "edit", {"happened": True, "result": "noted z"})
    result = desk.run(turns, environment={"HITL_NB_POLICY": str(policy)})[:2]
    assert result == ["finished", "noted x | noted y | noted z"]
    expected = [["model", 0], ["note", "x"], ["model", 1], ["note", "y"], ["model", 2], ["note", "z"], ["model", 3]]
    assert desk.done() == expected


def test_a_call_that_was_not_begun_is_made_after_a_crash(desk: Desk) -> None:
    turns = [[["note", {"text": "x"}, "0"]], [REFUNDS[0][0]]]
    desk.kill(turns, "before", ask=[])
    assert desk.run(turns, ask=[])[:2] == ["finished", "noted x | paid A 10.0"]
    done = desk.done()
    if done.count(["model", 1]) == 2:  # the end of a step is recorded in the background
        done.remove(["model", 1])
    assert done == [["model", 0], ["note", "x"], ["model", 1], ["refund", "A", 10.0], ["model", 2]]


def test_people_are_asked_about_the_call_that_was_killed_and_nothing_else_is_repeated(desk: Desk) -> None:
    desk.run(REFUNDS, ask=["refund"])
    desk.approve()
    desk.kill(REFUNDS, "refund B", ask=["refund"])
    status, _, asked = desk.run(REFUNDS, ask=["refund"])
    assert status == "waiting"
    assert "Did refund(order='B', amount=1.0) happen?" in asked  # both ran side by side, so A may be in doubt, too
    for proposal in desk.inbox():
        desk.decide(proposal, "edit", {"happened": True, "result": "paid, says the bank"})
    status, result, _ = desk.run(REFUNDS, ask=["refund"])
    assert status == "finished"
    assert result.endswith(" | paid, says the bank")
    done = desk.done()
    assert (done[0], done[-1]) == (["model", 0], ["model", 1])
    assert done.count(["refund", "B", 1.0]) == 1
    assert done.count(["refund", "A", 10.0]) <= 1
    assert len(done) <= 4


def test_a_call_that_did_not_happen_is_made_again(desk: Desk) -> None:
    desk.kill([REFUNDS[0][:1]], "refund A", ask=[])
    assert desk.run([REFUNDS[0][:1]], ask=[])[2] == ["Did refund(order='A', amount=10.0) happen?"]
    desk.decide(desk.inbox()[0], "edit", {"happened": False})
    assert desk.run([REFUNDS[0][:1]], ask=[])[:2] == ["finished", "paid A 10.0"]
    assert desk.done() == [["model", 0], ["refund", "A", 10.0], ["refund", "A", 10.0], ["model", 1]]


def test_a_tool_that_is_an_idempotent_step_is_called_again_without_a_question(desk: Desk) -> None:
    turns = [[["find", {"order": "A"}, "1"]]]
    desk.kill(turns, "find", ask=[])
    assert desk.run(turns, ask=[])[:2] == ["finished", "found A"]
    assert desk.done() == [["model", 0], ["find", "A", 32], ["find", "A", 32], ["model", 1]]


def test_a_request_that_was_killed_is_made_again_and_nothing_else(desk: Desk) -> None:
    desk.run(REFUNDS, ask=["refund"])
    desk.approve()
    desk.kill(REFUNDS, "model 1", ask=["refund"])
    assert desk.run(REFUNDS, ask=["refund"])[:2] == ["finished", "paid A 10.0 | paid B 1.0"]
    first, *refunds, second, third = desk.done()
    assert (first, second, third) == (["model", 0], ["model", 1], ["model", 1])
    assert sorted(refunds) == [["refund", "A", 10.0], ["refund", "B", 1.0]]


def test_people_are_asked_about_a_request_in_which_the_provider_calls_tools(desk: Desk) -> None:
    desk.kill(REFUNDS, "model 0", name="searching")
    assert desk.run(REFUNDS, "searching")[2] == ["Did request to the model() happen?"]
    desk.decide(desk.inbox()[0], "edit", {"happened": True, "result": "it said: all is well"})
    assert desk.run(REFUNDS, "searching")[:2] == ["finished", "it said: all is well"]
    assert desk.done() == [["model", 0]]


def test_calls_that_have_ended_are_not_made_again(desk: Desk) -> None:
    turns = [[REFUNDS[0][0]], [["note", {"text": "x"}, "2"]]]
    desk.run(turns, ask=["refund"])
    desk.approve()
    desk.kill(turns, "note x", ask=["refund"])
    assert desk.run(turns, ask=["refund"])[2] == ["Did note(text='x') happen?"]
    desk.decide(desk.inbox()[0], "edit", {"happened": True, "result": "it is there"})
    assert desk.run(turns, ask=["refund"])[:2] == ["finished", "paid A 10.0 | it is there"]
    assert desk.done() == [["model", 0], ["refund", "A", 10.0], ["model", 1], ["note", "x"], ["model", 2]]


def test_a_run_of_another_version_says_what_to_do(desk: Desk) -> None:
    desk.run(REFUNDS, ask=["refund"], environment={"VERSION": "1.9.0"})
    desk.approve()
    with pytest.raises(hitl.HitlError, match=r'begun with pydantic-ai 1\.9\.0.*install "pydantic-ai-slim==1\.9\.0"'):
        desk.run(REFUNDS, ask=["refund"])
    assert desk.done() == [["model", 0]]
    assert desk.run(REFUNDS, ask=["refund"], environment={"VERSION": "1.9.0"})[0] == "finished"


def test_a_name_that_no_tool_has_is_refused(desk: Desk) -> None:
    with pytest.raises(ValueError, match="ask names a tool that the agent does not have: 'refnd'"):
        desk.run(REFUNDS, ask=["refnd"])
    with pytest.raises(TypeError, match='such as \\["refund"\\], not a text'):
        desk.run(REFUNDS, ask="refund", key="text")
    assert not desk.log.exists()


def test_tools_that_do_not_ask_are_called_before_the_pause(desk: Desk) -> None:
    ship = ["ship", {"order": {"id": "A"}}]
    turns = [[["note", {"text": "x"}, "1"], [*ship, "2"], [*ship, "3"], ["drop", {"table": "t"}, "4"]]]
    asked = ["Call ship", "Call ship", "Call drop"]  # the agent itself marks `drop`
    assert desk.run(turns, ask=["ship"])[2] == asked
    assert desk.done() == [["model", 0], ["note", "x"]]
    first, second, third = desk.inbox()
    desk.decide(first, "edit", {"name": "ship", "arguments": {"order": {"id": "B", "amount": 2.0}}})
    desk.decide(second, "approve")
    desk.decide(third, "reject")
    result = desk.run(turns, ask=["ship"])[1]
    assert "Receipt(order='B', amount=2.0) | Receipt(order='A', amount=1.0)" in result
    assert sorted(desk.done()[2:-1]) == [["ship", "A", 1.0], ["ship", "B", 2.0]]


def test_a_tool_may_ask_by_itself(desk: Desk) -> None:
    turns = [[["transfer", {"amount": 50}, "1"], ["transfer", {"amount": 500}, "2"]]]
    assert desk.run(turns, ask=[])[2] == ["Call transfer"]
    (asked,) = desk.inbox()
    assert "limit: 100" in asked.context
    desk.approve()
    assert desk.run(turns, ask=[])[:2] == ["finished", "moved 50.0 | moved 500.0"]
    calls = [["transfer", 50.0, False], ["transfer", 500.0, False], ["transfer", 500.0, True]]
    assert sorted(desk.done()[1:-1]) == calls


def test_people_are_asked_also_if_the_agent_approves_its_calls_itself(desk: Desk) -> None:
    assert desk.run(REFUNDS, "lax", ask=["refund"])[2] == ["Call refund", "Call refund"]
    desk.decide(desk.inbox()[0], "reject")
    desk.approve()
    assert desk.run(REFUNDS, "lax", ask=["refund"])[0] == "finished"
    assert desk.done() == [["model", 0], ["refund", "B", 1.0], ["model", 1]]


@pytest.mark.parametrize(("how", "told"), [("retry", "try gently"), ("failed", "no such thing")])
def test_a_tool_that_refuses_is_not_called_again_after_a_crash(desk: Desk, how: str, told: str) -> None:
    turns = [[["flaky", {"how": how}, "1"]], [["note", {"text": "x"}, "2"]]]
    desk.kill(turns, "note x", ask=[])
    desk.run(turns, ask=[])
    desk.decide(desk.inbox()[0], "edit", {"happened": False})
    status, result, _ = desk.run(turns, ask=[])
    assert (status, told in result) == ("finished", True)
    expected = [["model", 0], ["flaky", how], ["model", 1], ["note", "x"], ["note", "x"], ["model", 2]]
    assert desk.done() == expected


def test_a_tool_that_fails_ends_the_run_and_is_called_again_when_it_is_continued(desk: Desk) -> None:
    turns = [[["note", {"text": "x"}, "1"]], [["flaky", {"how": "error"}, "2"]]]
    with pytest.raises(OSError, match="the disk is full"):
        desk.run(turns, ask=[])
    assert desk.run(turns, ask=[], environment={"MENDED": "1"})[:2] == ["finished", "noted x | well"]
    flaky = ["flaky", "error"]
    assert desk.done() == [["model", 0], ["note", "x"], ["model", 1], flaky, flaky, ["model", 2]]


def test_people_give_the_results_of_questions_and_of_external_tools(desk: Desk) -> None:
    assert desk.run([[["flaky", {"how": "question"}, "1"]]], ask=[])[2] == ["Call flaky"]
    (asked,) = desk.inbox()
    with pytest.raises(hitl.HitlError):
        desk.decide(asked, "approve")
    desk.decide(asked, "respond", "42")
    assert desk.run([], ask=[])[:2] == ["finished", "42"]
    turns = [[["measure", {}, "1"], ["measure", {}, "2"]]]
    desk.run(turns, "outside", key="2")
    first, second = desk.inbox()
    desk.decide(first, "respond", "7 cm")
    desk.decide(second, "reject", reason="no ruler")
    result = desk.run(turns, "outside", key="2")[1]
    assert result == "7 cm | The tool was not called. A person rejected the call. Reason: no ruler"


def test_a_tool_may_run_another_agent(desk: Desk) -> None:
    assert desk.run([[["delegate", {"order": "A"}, "1"]]])[2] == ["Call delegate"]
    desk.approve()
    assert desk.run([])[:2] == ["finished", "paid A 1.0"]


def test_the_output_is_that_of_the_agent(desk: Desk) -> None:
    turns = [REFUNDS[0], [["order", {"id": "A"}, "3"]]]
    desk.run(turns, "typed", ask=["refund"])
    desk.approve()
    status, result, _ = desk.run(turns, "typed", ask=["refund"])
    assert (status, result.id, result.amount) == ("finished", "A", 1.0)


def test_calls_of_the_turn_that_ends_the_run_are_not_made(desk: Desk) -> None:
    turns = [[["refund", {"order": "A"}, "1"], ["order", {"id": "A"}, "2"]]]
    assert desk.run(turns, "typed", ask=["refund"])[0] == "finished"
    assert desk.done() == [["model", 0]]


def test_a_function_of_the_output_is_called_once(desk: Desk) -> None:
    turns = [[["file_order", {"id": "A"}, "1"]]]
    desk.kill(turns, "file A", name="filing")
    assert desk.run(turns, "filing")[2] == ["Did file_order(output=Order(id='A', amount=1.0)) happen?"]
    desk.decide(desk.inbox()[0], "edit", {"happened": True, "result": "filed already"})
    assert desk.run(turns, "filing")[:2] == ["finished", "filed already"]
    assert desk.done() == [["model", 0], ["file", "A"]]


def test_an_agent_with_validators_of_its_output_says_what_it_needs(desk: Desk) -> None:
    with pytest.raises(hitl.HitlError, match=r"output_type=.*DeferredToolRequests"):
        desk.run(REFUNDS, "checked", ask=["refund"])


def test_limits_of_usage_count_the_whole_run(desk: Desk) -> None:
    turns = [[REFUNDS[0][0]], [REFUNDS[0][1]]]
    desk.run(turns, "limited")
    desk.approve()
    with pytest.raises(RuntimeError, match="request_limit of 1"):
        desk.run(turns, "limited")


def test_an_agent_may_watch_its_events(desk: Desk) -> None:
    desk.run([REFUNDS[0][:1]], "watched")
    desk.approve()
    assert desk.run([REFUNDS[0][:1]], "watched")[:2] == ["finished", "paid A 10.0 "]
    call, result = ["function_tool_call"], ["function_tool_result"]
    assert desk.done() == [["model", 0], call, call, ["refund", "A", 10.0], result, ["model", 1]]
