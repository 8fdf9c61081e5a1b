"""Held questions: a program asks and waits, and the question ends with the program's waiting."""

from __future__ import annotations

import asyncio
import itertools
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

import hitl_nb as hitl
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.review.timeline import build_timeline
from hitl_nb.storage import Store, open_store

pytestmark = pytest.mark.anyio
numbers = itertools.count()
SMALL = {"version": 1, "rule": [{"id": "small", "when": "value.amount <= 50", "do": "pass"}]}
EMBARGO = {"version": 1, "rule": [{"id": "embargo", "when": "value.amount > 50", "do": "block"}]}


class Refund(BaseModel):
    amount: float = Field(le=100)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    return open_store(f"memory:held{next(numbers)}")


def ask(store: Store, value: Any = "rm -rf build", **more: Any) -> Any:
    given: dict[str, Any] = {"title": "Run it?", "agent": "Claude in chat", **more}
    return hitl.held(value, **given, store=store)


def find_run(store: Store, question: Any) -> Any:
    return Ledger(store).runs.load(question.proposal.run)


def is_held(store: Store) -> bool:
    return bool(store.scan("held/", "held0"))


async def test_the_decision_comes_to_the_program_that_waits(store: Store) -> None:
    async with ask(store) as question:
        [shown] = hitl.inbox(store=store)
        assert (shown.id, shown.agent, shown.held) == (question.id, "Claude in chat", True)
        assert (find_run(store, question).status, find_run(store, question).held) == ("waiting", True)
        waiting = asyncio.ensure_future(question.decided())
        hitl.decide(shown, "reject", reviewer="ann", reason="not now", store=store)
        decision = await waiting
    assert (decision.action, decision.reason, decision.reviewer, decision.by) == ("reject", "not now", "ann", "person")
    assert await question is decision
    assert find_run(store, question).status == "finished"
    assert Ledger(store).audit.verify().ok
    assert not is_held(store)


async def test_an_edit_comes_back_in_the_proposed_type(store: Store) -> None:
    async with ask(store, Refund(amount=70), schema=Refund) as question:
        with pytest.raises(hitl.InvalidEdit):
            hitl.decide(question.proposal, "edit", {"amount": 700}, reviewer="ann", store=store)
        hitl.decide(question.proposal, "edit", {"amount": 60}, reviewer="ann", store=store)
        assert (await question).value == Refund(amount=60)


async def test_an_edit_to_which_a_guardrail_objects_is_asked_again(store: Store) -> None:
    @hitl.guardrail
    def within_limit(value: Any) -> Any:
        return hitl.escalate("too much") if value > 100 else hitl.passed()

    async with ask(store, 50, guardrails=[within_limit], schema=float) as question:
        first = question.proposal
        hitl.decide(first, "edit", 500, reviewer="ann", store=store)
        with pytest.raises(TimeoutError):
            await question.decided(timeout=0)
        second = question.proposal
        assert second.id != first.id
        assert "too much" in second.notes[-1]
        assert [one.id for one in hitl.inbox(store=store)] == [second.id]
        hitl.decide(second, "edit", 90, reviewer="ann", store=store)
        assert (await question).value == 90


@pytest.mark.parametrize(("rules", "action"), [(SMALL, "approve"), (EMBARGO, "reject")])
async def test_a_policy_decides_at_once(rules: Any, action: str, store: Store) -> None:
    amount = 10 if action == "approve" else 60
    async with ask(store, {"amount": amount}, policy=hitl.policy(rules)) as question:
        assert hitl.inbox(store=store) == []
        decision = await question.decided(timeout=0)
    assert (decision.action, decision.by, decision.known) == (action, "policy", "policy")
    [logged] = [event for event in Ledger(store).audit.read_events() if event.type == "decision"]
    assert logged.data is not None
    assert (logged.data["by"], logged.data["action"]) == ("policy", action)
    assert find_run(store, question).status == "finished"
    assert not is_held(store)


async def test_a_decision_that_the_policy_no_longer_allows_is_not_used(store: Store, tmp_path: Path) -> None:
    rules = tmp_path / "hitl-policy.toml"
    rules.write_text('version = 1\nidentity = "local"\n')
    async with ask(store, policy=hitl.policy(rules)) as question:
        first = question.proposal
        hitl.decide(first, "approve", reviewer="ann", store=store)
        rules.write_text('version = 1\nidentity = "local"\n[[rule]]\nid = "never"\ndo = "block"\n')
        decision = await question
    assert (decision.action, decision.by, decision.reviewer) == ("reject", "policy", "policy:never")
    assert Ledger(store).proposals.load(first.id).status == "expired"


async def test_a_deadline_decides(store: Store) -> None:
    async with ask(store, deadline=timedelta(milliseconds=1), on_deadline="reject") as question:
        decision = await question
    assert (decision.action, decision.by) == ("reject", "deadline")


async def test_several_questions_wait_side_by_side(store: Store) -> None:
    asked = asyncio.Event()

    async def run(name: str) -> tuple[str, str]:
        async with ask(store, name, title=name) as question:
            if len(hitl.inbox(store=store)) == 3:
                asked.set()
            await asked.wait()
            return name, (await question).action

    waiting = asyncio.gather(run("a"), run("b"), run("c"))
    await asked.wait()
    actions = {"a": "approve", "b": "reject", "c": "approve"}
    for shown in hitl.inbox(store=store):
        hitl.decide(shown, actions[shown.value], reviewer="ann", store=store)  # type: ignore[arg-type]
    assert dict(await waiting) == actions


def test_it_works_in_the_event_loop_of_a_thread(store: Store) -> None:
    found: list[str] = []

    async def run() -> None:
        async with ask(store) as question:
            hitl.decide(question.proposal, "approve", reviewer="ann", store=store)
            found.append((await question).action)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    thread.join()
    assert found == ["approve"]


async def test_leaving_the_block_withdraws_the_question(store: Store) -> None:
    async with ask(store) as question:
        shown = question.proposal
    ledger = Ledger(store)
    assert ledger.proposals.load(shown.id).status == "superseded"
    with pytest.raises(hitl.HitlError, match="its `async with` block has ended"):
        await question
    with pytest.raises(hitl.AlreadyDecided, match="the program that asked no longer waits for an answer"):
        hitl.decide(shown, "approve", reviewer="ann", store=store)
    assert ledger.proposals.load(shown.id).decision is None
    assert not is_held(store)


async def test_an_exception_withdraws_the_question(store: Store) -> None:
    with pytest.raises(KeyError):
        async with ask(store):
            raise KeyError
    assert hitl.inbox(store=store) == []


@pytest.mark.parametrize("waits", [False, True])
async def test_cancelling_the_task_withdraws_the_question(waits: bool, store: Store) -> None:
    began = asyncio.Event()

    async def run() -> None:
        async with ask(store) as question:
            began.set()
            await question

    task = asyncio.ensure_future(run())
    if waits:
        await began.wait()
    else:
        await asyncio.sleep(0)  # the task is opening the question
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert hitl.inbox(store=store) == []
    assert not is_held(store)


async def test_a_decision_that_the_program_did_not_use_is_kept(store: Store) -> None:
    async with ask(store) as question:
        hitl.decide(question.proposal, "approve", reviewer="ann", store=store)
    found = Ledger(store).proposals.load(question.id)
    assert found.status == "decided"
    assert (find_run(store, question).status, find_run(store, question).error) == (
        "cancelled",
        "the program ended before it used the decision",
    )
    told = [item.what for item in build_timeline(Ledger(store), question.proposal.run)]
    assert told[-1] == "cancelled: the program ended before it used the decision"


@pytest.mark.parametrize("decided", [False, True])
async def test_a_cancelled_run_tells_the_program_who_cancelled_it(decided: bool, store: Store) -> None:
    async with ask(store) as question:
        if decided:
            hitl.decide(question.proposal, "approve", reviewer="ann", store=store)
        Ledger(store).runs.cancel(question.proposal.run, actor="bo")
        with pytest.raises(hitl.HitlError, match="'Run it\\?' was withdrawn: bo cancelled it"):
            await question
    assert not is_held(store)


async def test_one_decision_is_used_once(store: Store) -> None:
    async with ask(store) as question:
        waiting = [asyncio.ensure_future(question.decided()) for _ in range(3)]
        hitl.decide(question.proposal, "approve", reviewer="ann", store=store)
        with pytest.raises(hitl.AlreadyDecided, match="ann"):
            hitl.decide(question.proposal, "reject", reviewer="bo", store=store)
        first, *others = await asyncio.gather(*waiting)
    assert all(one is first for one in others)
    events = Ledger(store).audit.read_run_events(question.proposal.run)
    assert [event.type for event in events] == [
        *("run.opened", "run.paused", "decision"),
        *("run.resumed", "run.finished"),
    ]


async def test_no_other_process_can_continue_the_run(store: Store) -> None:
    async with ask(store) as question:
        hitl.decide(question.proposal, "approve", reviewer="ann", store=store)
        with pytest.raises(hitl.RunClaimed):
            Ledger(store).runs.claim_saved(question.proposal.run)
        assert (await question).action == "approve"


async def test_a_question_is_asked_once(store: Store) -> None:
    question = ask(store)
    with pytest.raises(hitl.HitlError, match="not asked yet"):
        _ = question.id
    async with question:
        with pytest.raises(hitl.HitlError, match="asked once"):
            await question.__aenter__()


@pytest.mark.parametrize("wrong", [{"agent": " "}, {"title": ""}, {"allow": ()}])
def test_wrong_arguments_are_refused_before_anybody_is_asked(wrong: dict[str, Any], store: Store) -> None:
    with pytest.raises(ValueError, match="must"):
        ask(store, **wrong)
