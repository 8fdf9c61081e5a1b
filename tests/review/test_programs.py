"""Programs that review: they list, decide what was seen, and wait for decisions of others."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import msgspec
import pandas as pd
import pytest
from pydantic import BaseModel, Field

import hitl_nb as hitl
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Question, Snapshot
from hitl_nb.storage import Store, open_store

names = itertools.count()


class Refund(BaseModel):
    order: str
    amount: float = Field(le=50)


@pytest.fixture
def store() -> Store:
    return open_store(f"memory:programs{next(names)}")


@pytest.fixture
def ask(store: Store) -> Callable[..., Proposal]:
    ledger = Ledger(store)

    def ask(value: Any, *, agent: str = "refunds", **more: Any) -> Proposal:
        run = next(names)
        _, claim = ledger.runs.open(agent=agent, notebook="/n.ipynb", key=str(run))
        question: Question = build_question(value, title="Refund", **more)
        return ledger.runs.pause(claim, Snapshot(envelope=b""), [question]).proposals[0]

    return ask


def test_the_inbox_lists_open_proposals_oldest_first_in_pages(store: Store, ask: Any) -> None:
    first, second, third = ask("a"), ask("b"), ask("c", agent="other")
    assert [p.id for p in hitl.inbox(store=store)] == [first.id, second.id, third.id]
    assert [p.id for p in hitl.inbox(store=store, limit=1, after=first)] == [second.id]
    assert [p.id for p in hitl.inbox(store=store, agent="other")] == [third.id]


def test_a_decision_is_recorded_as_of_a_person_whom_nobody_checked(store: Store, ask: Any) -> None:
    done = hitl.decide(ask("a"), "approve", reviewer=" ann ", reason="  fine ", store=store)
    assert done.decision is not None
    assert (done.status, done.decision.action, done.decision.by) == ("decided", "approve", "person")
    assert (done.decision.reviewer, done.decision.reason, done.decision.authn) == ("ann", "fine", None)
    assert Ledger(store).reviewers.identify(done) == "unsigned"
    assert hitl.inbox(store=store) == []


def test_the_first_decision_counts_and_the_second_is_told_of_it(store: Store, ask: Any) -> None:
    seen = ask("a")
    hitl.decide(seen, "approve", reviewer="ann", store=store)
    with pytest.raises(hitl.AlreadyDecided, match="ann"):
        hitl.decide(seen, "reject", reviewer="bob", store=store)


@pytest.mark.parametrize("other", [{"revision": 2}, {"fingerprint": "0" * 64}])
def test_a_proposal_that_has_changed_is_not_decided(other: dict[str, Any], store: Store, ask: Any) -> None:
    seen = msgspec.structs.replace(ask("a"), **other)
    with pytest.raises(hitl.StaleDraft):
        hitl.decide(seen, "approve", reviewer="ann", store=store)
    assert [p.id for p in hitl.inbox(store=store)] == [seen.id]


def test_an_id_alone_is_not_what_a_person_saw(store: Store, ask: Any) -> None:
    seen = ask("a")
    shown = {"revision": seen.revision, "fingerprint": seen.fingerprint}
    for wrong in (None, {}, {"revision": 1}, {**shown, "revision": "1"}):
        with pytest.raises(TypeError, match="seen"):
            hitl.decide(seen.id, "approve", reviewer="ann", seen=wrong, store=store)
    for other in ({**shown, "fingerprint": "0" * 64}, {**shown, "revision": 7}):
        with pytest.raises(hitl.StaleDraft):
            hitl.decide(seen.id, "edit", ["no valid edit"], reviewer="ann", seen=other, store=store)
    assert hitl.decide(seen.id, "approve", reviewer="ann", seen=shown, store=store).status == "decided"
    with pytest.raises(hitl.UnknownProposal):
        hitl.decide("zzzzzzzz", "approve", reviewer="ann", seen=shown, store=store)


def test_an_edit_may_be_json_or_an_object_of_the_proposed_type(store: Store, ask: Any) -> None:
    first, second = (ask(Refund(order="1", amount=12.5)) for _ in range(2))
    for seen, value in ((first, {"order": "1", "amount": 10.0}), (second, Refund(order="1", amount=10))):
        done = hitl.decide(seen, "edit", value, reviewer="ann", store=store)
        assert done.decision is not None
        assert done.decision.value == {"order": "1", "amount": 10.0}


def test_a_table_may_be_edited_as_a_data_frame(store: Store, ask: Any) -> None:
    frame = pd.DataFrame({"order": ["1", "2"], "amount": [1.5, 2.5]})
    seen = ask(frame)
    done = hitl.decide(seen, "edit", frame.assign(amount=[1.0, 2.5]), reviewer="ann", store=store)
    assert done.decision is not None
    assert done.decision.value == {**seen.value, "rows": [["1", 1.0], ["2", 2.5]]}


@pytest.mark.parametrize("value", [{"order": "1", "amount": 99.0}, {"order": "1"}, "text", {"order": object()}])
def test_an_edit_that_does_not_fit_decides_nothing(value: Any, store: Store, ask: Any) -> None:
    seen = ask(Refund(order="1", amount=12.5))
    with pytest.raises(hitl.InvalidEdit):
        hitl.decide(seen, "edit", value, reviewer="ann", store=store)
    assert [p.id for p in hitl.inbox(store=store)] == [seen.id]


@pytest.mark.parametrize(
    ("action", "value", "reviewer"),
    [
        ("agree", None, "ann"),
        ("approve", "a value", "ann"),
        ("reject", "a value", "ann"),
        ("respond", None, "ann"),
        ("respond", "  ", "ann"),
        ("approve", None, " "),
        ("approve", None, None),
    ],
)
def test_wrong_arguments_decide_nothing(action: Any, value: Any, reviewer: Any, store: Store, ask: Any) -> None:
    seen = ask("a")
    with pytest.raises(ValueError, match=r"."):
        hitl.decide(seen, action, value, reviewer=reviewer, store=store)
    assert hitl.inbox(store=store) == [seen]


def test_an_action_that_the_agent_does_not_allow_is_refused(store: Store, ask: Any) -> None:
    seen = ask("a", allow=("approve", "reject"))
    with pytest.raises(hitl.HitlError, match="only with approve, reject"):
        hitl.decide(seen, "edit", "b", reviewer="ann", store=store)


def test_waiting_ends_with_the_decision_and_leaves_the_loop_free(store: Store, ask: Any) -> None:
    seen = ask("a")

    async def wait() -> None:
        waits = [asyncio.create_task(hitl.decided(one, store=store)) for one in (seen, seen.id)]
        with pytest.raises(TimeoutError, match="still open"):
            await hitl.decided(seen, timeout=0, store=store)
        hitl.decide(seen, "respond", "ask tomorrow", reviewer="ann", store=store)
        for done in await asyncio.gather(*waits):
            assert (done.status, done.decision and done.decision.value) == ("decided", "ask tomorrow")
        assert (await hitl.decided(seen, timeout=0, store=store)).status == "decided"

    asyncio.run(wait())


def test_waiting_can_be_cancelled_and_the_proposal_stays_open(store: Store, ask: Any) -> None:
    seen = ask("a")
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(hitl.decided(seen, store=store), 0.05))
    assert hitl.inbox(store=store) == [seen]


def test_a_decision_that_was_changed_in_the_store_is_not_returned(store: Store, ask: Any) -> None:
    seen = ask("a")
    hitl.decide(seen, "reject", reviewer="ann", store=store)
    [(key, data)] = [
        (k, v) for k, v in store.scan("!", "~") if v.startswith(b"{") and b'"reject"' in v and b'"id"' in v
    ]
    document = msgspec.json.decode(data)
    document["decision"]["action"] = "approve"
    store.transact(lambda tx: tx.put(key, msgspec.json.encode(document)))
    with pytest.raises(hitl.StoreCorrupt):
        asyncio.run(hitl.decided(seen, store=store))
