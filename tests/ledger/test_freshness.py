"""A decision is used only while it holds: fresh, and under the policy as it is when the run continues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from hitl_nb import settings
from hitl_nb.ledger.decisions import decision_freshness as freshness
from hitl_nb.ledger.decisions import decisions as verdicts
from hitl_nb.ledger.ledger import ClaimedState, Ledger
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.policies.documents.documents import read_policy_mapping
from hitl_nb.policies.rules.rules import MergedPolicy, make_plan, merge_documents
from hitl_nb.records import Doubt, Facts, Proposal, Question, Run, Snapshot, new_id, now
from hitl_nb.storage import open_store

NB = "/ann/refunds.ipynb"
STATE = Snapshot(envelope=b"state")
BIG = {"id": "big", "when": "value.amount > 100", "do": "ask", "fresh": "4h"}
EMBARGO = {"id": "embargo", "when": "value.amount > 150", "do": "block"}
LAX = {"id": "big", "when": "value.amount > 100", "do": "pass"}
MORE = {"id": "big", "when": "value.amount > 100", "do": "ask", "needs": ["1 of cy"]}


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    store = open_store(f"memory:{new_id()}")
    yield Ledger(store)
    store.close()


def merge_rules(*rules: dict[str, Any], calls: dict[str, Any] | None = None) -> MergedPolicy:
    """Rules of a file, and one that comes with the call."""
    more = [] if calls is None else [read_policy_mapping({"rule": [calls]})]
    return merge_documents([read_policy_mapping({"rule": list(rules)}, "/ann/hitl-policy.toml"), *more])


def ask_questions(
    ledger: Ledger, policy: MergedPolicy | None, *amounts: int, **more: Any
) -> tuple[Run, list[Proposal]]:
    _, claim = ledger.runs.open(agent="refunds", notebook=NB)
    questions = [
        Question(title=f"Refund {n}", kind="json", value={"amount": n}, position=f"000000003/{n}", **more)
        for n in amounts
    ]
    facts = Facts(now=ledger.now())
    plans = [make_plan(policy, q, facts, agent="refunds", notebook=NB) for q in questions]
    return ledger.runs.pause(claim, STATE, questions, plans=plans, facts=facts, policy=policy)


def approved(ledger: Ledger, policy: MergedPolicy | None, *amounts: int, **more: Any) -> tuple[Run, list[Proposal]]:
    run, proposals = ask_questions(ledger, policy, *amounts, **more)
    for p in proposals:
        if p.status == "open":
            ledger.proposals.decide(p.id, "approve", reviewer="ada")
    return run, [ledger.proposals.load(p.id) for p in proposals]


def claim_later(ledger: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch, policy: Any, **later: float) -> ClaimedState:
    """The run is claimed so much later than it was decided."""
    last = max(
        p.decision.decided_at for p in ledger.proposals.list_of_run(run.id, run.pauses) if p.decision is not None
    )
    monkeypatch.setenv(settings.CLOCK.name, (last + timedelta(**later)).isoformat())
    found = ledger.runs.claim_saved(run.id, policy=policy)
    assert ledger.audit.verify().ok, ledger.audit.verify()
    return found


def expirations(ledger: Ledger) -> list[dict[str, Any]]:
    return [e.data or {} for e in ledger.audit.read_events() if e.type == "decision.expired"]


def test_vector_23_as_long_as_it_is_fresh_it_is_used(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, decided = approved(ledger, merge_rules(BIG), 200)
    assert claim_later(ledger, run, monkeypatch, merge_rules(BIG), hours=4).asked == decided
    assert expirations(ledger) == []


def test_vector_23_a_second_later_it_has_expired(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, [p] = approved(ledger, merge_rules(BIG), 200)
    found = claim_later(ledger, run, monkeypatch, merge_rules(BIG), hours=4, seconds=1)
    assert [one.status for one in found.asked] == ["expired"]
    assert ledger.proposals.load(p.id) == found.asked[0]
    [told] = expirations(ledger)
    assert told["proposals"] == [p.id]
    assert "could be used until" in told["why"]
    assert ledger.proposals.list_closed(status="expired") == found.asked


def test_vector_23_it_is_asked_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, [p] = approved(ledger, merge_rules(BIG), 200)
    found = claim_later(ledger, run, monkeypatch, merge_rules(BIG), hours=5)
    question = Question(title=p.title, kind="json", value=p.value, position=p.position)
    facts = Facts(now=ledger.now())
    plans = [make_plan(merge_rules(BIG), question, facts, agent="refunds", notebook=NB)]
    waits, [again] = ledger.runs.pause(
        found.claim, STATE, [question], plans=plans, facts=facts, policy=merge_rules(BIG)
    )
    assert (waits.pauses, waits.open, again.status) == (2, 1, "open")
    monkeypatch.delenv(settings.CLOCK.name)
    ledger.proposals.decide(again.id, "approve", reviewer="ada")
    assert [one.status for one in ledger.runs.claim_saved(run.id, policy=merge_rules(BIG)).asked] == ["decided"]
    assert ledger.audit.verify().ok


def test_vector_24_a_policy_that_blocks_by_now(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = merge_rules(BIG), merge_rules(BIG, EMBARGO)
    run, [p] = approved(ledger, old, 200)
    found = claim_later(ledger, run, monkeypatch, new, seconds=1)
    assert [one.status for one in found.asked] == ["expired"]
    [told] = expirations(ledger)
    assert told["policy"] == {"then": old.sha256, "now": new.sha256}
    assert told["rules"] == ["embargo"]
    assert "blocks it (embargo)" in told["why"]
    question = Question(title=p.title, kind="json", value=p.value, position=p.position)
    judged = make_plan(new, question, Facts(now=ledger.now()), agent="refunds", notebook=NB)
    [again] = ledger.policies.record_verdicts(found.claim, [question], [judged], policy=new)
    assert again.decision is not None
    assert (again.decision.action, again.decision.by, again.decision.policy) == ("reject", "policy", new.sha256)
    assert ledger.policies.load(old.sha256) == old
    assert ledger.policies.load(new.sha256) == new
    assert ledger.audit.verify().ok


def test_an_action_that_the_policy_no_longer_allows(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = merge_rules(BIG), merge_rules({**BIG, "allow": ["edit", "reject"]})
    run, [p] = approved(ledger, old, 200)
    found = claim_later(ledger, run, monkeypatch, new, seconds=1)
    assert [one.status for one in found.asked] == ["expired"]
    [told] = expirations(ledger)
    assert told["policy"] == {"then": old.sha256, "now": new.sha256}
    assert told["rules"] == ["big"]
    assert f"since {p.title!r} was decided, and does not allow people to approve it (big)" in told["why"]


def test_one_that_has_expired_takes_all_of_its_pause_along(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = approved(ledger, merge_rules(BIG), 120, 200)
    found = claim_later(ledger, run, monkeypatch, merge_rules(BIG, EMBARGO), seconds=1)
    assert [one.status for one in found.asked] == ["expired", "expired"]


def test_what_passed_beside_it_is_judged_again_too(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"id": "small", "when": "value.amount <= 50", "do": "pass"}
    run, _ = approved(ledger, merge_rules(BIG, small), 40, 120)
    no_longer = {"id": "small", "when": "value.amount <= 30", "do": "pass"}
    found = claim_later(ledger, run, monkeypatch, merge_rules(BIG, no_longer), seconds=1)
    assert [one.status for one in found.asked] == ["expired", "expired"]


def test_rules_that_come_with_the_call_are_not_missed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"id": "small", "when": "value.amount <= 50", "do": "pass"}
    run, decided = approved(ledger, merge_rules(BIG, calls=small), 40, 120)
    found = claim_later(ledger, run, monkeypatch, merge_rules(BIG), seconds=1)
    assert found.asked == decided
    ledger.runs.restore_status(found.claim, "ready")
    blocked = {"id": "none", "when": "value.amount > 0", "do": "block"}
    found = claim_later(ledger, run, monkeypatch, merge_rules(BIG, blocked), seconds=2)
    assert [one.status for one in found.asked] == ["expired", "expired"]


def test_only_what_is_stricter_counts(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, decided = approved(ledger, merge_rules(BIG), 200)
    assert claim_later(ledger, run, monkeypatch, merge_rules(LAX), seconds=1).asked == decided


def test_needs_that_the_votes_do_not_meet(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = approved(ledger, merge_rules(BIG), 200)
    found = claim_later(ledger, run, monkeypatch, merge_rules(MORE), seconds=1)
    assert [one.status for one in found.asked] == ["expired"]
    assert "asks for other people" in expirations(ledger)[0]["why"]


def test_a_policy_that_came_after_the_question_counts(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, decided = approved(ledger, None, 200)
    first = claim_later(ledger, run, monkeypatch, None, days=300)
    assert first.asked == decided
    ledger.runs.restore_status(first.claim, "ready")
    found = claim_later(ledger, run, monkeypatch, merge_rules(EMBARGO), seconds=1)
    assert [one.status for one in found.asked] == ["expired"]


def test_what_a_run_has_used_is_not_taken_back(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, decided = approved(ledger, merge_rules(BIG), 200)
    first = claim_later(ledger, run, monkeypatch, merge_rules(BIG), seconds=1)
    ledger.runs.fail(first.claim, None, "oops")
    again = claim_later(ledger, run, monkeypatch, merge_rules(BIG, EMBARGO), hours=9)
    assert again.asked == decided
    assert expirations(ledger) == []


Record = Callable[[Ledger, Claim], object]


def died(ledger: Ledger, found: ClaimedState, *recorded: Record) -> None:
    """The process that continued the run ends, without a word, after it recorded this."""
    for record in recorded:
        record(ledger, found.claim)
    ledger.claims.release(found.claim)


def test_a_run_whose_process_died_before_it_recorded_anything_has_used_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = approved(ledger, merge_rules(BIG), 200)
    for _ in range(2):
        died(ledger, claim_later(ledger, run, monkeypatch, merge_rules(BIG), seconds=1))
    assert [p.status for p in claim_later(ledger, run, monkeypatch, merge_rules(BIG), hours=9).asked] == ["expired"]
    assert len(expirations(ledger)) == 1


def pass_one(ledger: Ledger, claim: Claim) -> None:
    question = Question(title="Refund", kind="json", value={"amount": 200}, position="000000004/0")
    facts = Facts(now=ledger.now())
    judged = make_plan(merge_rules(LAX), question, facts, agent="refunds", notebook=NB)
    ledger.policies.record_verdicts(claim, [question], [judged], policy=merge_rules(LAX))


def call(ledger: Ledger, claim: Claim, status: Any) -> None:
    ledger.steps.start(claim, "000000004/a", "a")
    ledger.steps.finish(claim, "000000004/a", result=b"", status=status).result()


@pytest.mark.parametrize(
    "record",
    [
        lambda ledger, claim: ledger.steps.start(claim, "000000004/a", "a"),
        lambda ledger, claim: ledger.steps.start(claim, "000000004/a", "a", pauses=1),
        lambda ledger, claim: call(ledger, claim, "done"),
        lambda ledger, claim: call(ledger, claim, "failed"),
        lambda ledger, claim: ledger.runs.save_snapshot(claim, Snapshot(envelope=b"later", pause=1, save=1)),
        lambda ledger, claim: ledger.run_facts.add_labels(claim, {"model": "a"}),
        pass_one,
    ],
    ids=["begun", "gate begun", "done", "failed", "saved", "labeled", "passed"],
)
def test_a_run_that_recorded_anything_has_used_what_was_decided(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, record: Record
) -> None:
    run, decided = approved(ledger, merge_rules(BIG), 200)
    died(ledger, claim_later(ledger, run, monkeypatch, merge_rules(BIG), seconds=1), record)
    assert claim_later(ledger, run, monkeypatch, merge_rules(BIG, EMBARGO), hours=9).asked == decided
    assert expirations(ledger) == []


def test_a_run_that_was_handed_back_has_used_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = approved(ledger, merge_rules(BIG), 200)
    ledger.runs.restore_status(claim_later(ledger, run, monkeypatch, merge_rules(BIG), seconds=1).claim, "ready")
    assert [p.status for p in claim_later(ledger, run, monkeypatch, merge_rules(BIG), hours=9).asked] == ["expired"]


@pytest.mark.parametrize("files", [None, BIG, LAX], ids=["no file", "a file that asks", "a file that passes"])
def test_where_only_signed_decisions_count_a_policys_is_made_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, files: dict[str, Any] | None
) -> None:
    """What the store says that a policy passed may be forged, its text too."""
    run, [first, forged] = ask_questions(
        ledger, merge_rules(BIG, calls={"id": "all", "when": "value.amount > 0", "do": "pass"}), 10, 200
    )
    assert (first.status, forged.status) == ("decided", "open")
    ledger.proposals.decide(forged.id, "approve", reviewer="ada", by="script")
    monkeypatch.setattr(verdicts.signatures, "check_signature", lambda *_: None)  # that of the other question
    assert ledger.policies.list_passed(run.id) == []
    monkeypatch.setenv("HITL_NB_SIGNED_ONLY", "1")
    policy = None if files is None else merge_rules({**files, "when": "value.amount > 0"})
    found = claim_later(ledger, run, monkeypatch, policy, seconds=1)
    assert {p.status for p in found.asked} == ({"decided"} if files is LAX else {"expired"})


def test_where_only_signed_decisions_count_passes_are_judged_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, claim = ledger.runs.open(agent="refunds", notebook=NB)
    question = Question(title="Refund", kind="json", value={"amount": 200}, position="000000003/0")
    judged = make_plan(merge_rules(LAX), question, Facts(now=ledger.now()), agent="refunds", notebook=NB)
    made = ledger.policies.record_verdicts(claim, [question], [judged], policy=merge_rules(LAX))
    assert ledger.policies.list_passed(run.id) == made
    monkeypatch.setenv("HITL_NB_SIGNED_ONLY", "1")
    assert ledger.policies.list_passed(run.id) == []


def test_an_expired_decision_is_still_checked(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = approved(ledger, merge_rules(BIG), 200)
    claim_later(ledger, run, monkeypatch, merge_rules(BIG), hours=9)
    [p] = ledger.proposals.list_of_run(run.id, 1)
    assert p.decision is not None
    forged = msgspec.structs.replace(p, decision=msgspec.structs.replace(p.decision, reviewer="eve"))
    ledger.store.transact(lambda tx: tx.put(f"proposal/{p.id}", forged.json()))
    with pytest.raises(verdicts.StoreCorrupt):
        ledger.proposals.list_of_run(run.id, 1)


def test_what_happened_does_not_become_old(ledger: Ledger) -> None:
    doubt = Doubt(call="f()", step="f", arguments={}, began=now(), noticed=now(), died=True, idempotency_key="k")
    run, [p] = ask_questions(ledger, merge_rules(BIG), 200, doubt=doubt)
    ledger.proposals.decide(p.id, "edit", value={"happened": False}, reviewer="ada")
    found = freshness._find_expiry(
        ledger.store, ledger.proposals.load(p.id), merge_rules(EMBARGO), run, ledger.now() + timedelta(days=9)
    )
    assert found is None
