"""What a policy decides without asking anybody is on record, found again, and part of the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb import records, settings
from hitl_nb.errors import HitlError, RunClaimed, StoreCorrupt, StoreRefused
from hitl_nb.ledger.ledger import Claim, Ledger
from hitl_nb.ledger.rows import requesters
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.policies.documents.documents import read_policy_mapping
from hitl_nb.policies.rules.rules import Plan, merge_documents
from hitl_nb.records import Facts, PolicyVerdict, Question, Run, Snapshot, Terms, new_id
from hitl_nb.review.timeline import build_timeline
from hitl_nb.storage import open_store
from hitl_nb.storage.interface import Store

NB = "/ann/refunds.ipynb"
STATE = Snapshot(envelope=b"state")


POLICY = merge_documents([read_policy_mapping({"rule": [{"id": "small", "when": "value.amount <= 50", "do": "pass"}]})])


def make_plan(
    verdict: PolicyVerdict = "pass", rules: tuple[str, ...] = ("small",), why: tuple[str, ...] = ("amount <= 50",)
) -> Plan:
    return Plan(verdict, rules, why, Terms(policy=POLICY.sha256, rules=rules), ("approve", "reject"))


PASS, BLOCK = make_plan(), make_plan("block", ("embargo",), ("country is XX",))
ASK = make_plan("ask", ("big",), ("amount > 100",))


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"memory:{new_id()}" if request.param == "memory" else f"diskcache://{tmp_path}/store"
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store)


def ask(title: str = "Refund", position: str = "000000003/0.0/checkpoint/0", **more: Any) -> Question:
    return Question(title=title, kind="json", value={"amount": 40}, position=position, **more)


def start(ledger: Ledger) -> tuple[Run, Claim]:
    return ledger.runs.open(agent="refunds", notebook=NB)


def is_sound(ledger: Ledger) -> bool:
    checked = ledger.audit.verify()
    assert checked.ok, checked
    return checked.ok


class TestPasses:
    def test_a_pass_is_a_decided_proposal_by_the_policy(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        facts = Facts(now=ledger.now(), labels={"model": "m-3"})
        [p] = ledger.policies.record_verdicts(claim, [ask()], [PASS], facts=facts, policy=POLICY)
        made = p.decision
        assert made is not None
        assert (p.status, p.pause, p.facts, p.why, p.terms, p.allow) == (
            "decided",
            0,
            facts,
            PASS.why,
            PASS.terms,
            PASS.allow,
        )
        assert (made.action, made.by, made.reviewer, made.policy) == (
            "approve",
            "policy",
            "policy:small",
            POLICY.sha256,
        )
        assert (made.reason, made.fingerprint) == (None, p.fingerprint)
        assert ledger.proposals.load(p.id) == p
        assert ledger.proposals.list_closed() == [p]
        assert ledger.proposals.list_open() == []
        assert (ledger.runs.load(run.id).passed, ledger.runs.load(run.id).status) == (1, "running")
        assert [(e.type, e.actor) for e in ledger.audit.read_events()][1:] == [
            ("policy.used", claim.owner),
            ("decision", "policy:small"),
        ]
        assert is_sound(ledger)

    def test_it_is_in_the_log_and_the_timeline_and_not_in_the_list_of_the_runs_events(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        passed = ledger.policies.record_verdicts(
            claim, [ask("Refund 1"), ask("Refund 2")], [PASS, BLOCK], policy=POLICY
        )
        listed = [event.type for event in ledger.audit.read_run_events(run.id)]
        assert listed == ["run.opened", "policy.used"]
        shown = [
            (one.n, one.what, one.detail["fingerprint"])
            for one in build_timeline(ledger, run.id)
            if one.type == "policy"
        ]
        first, second = (p.decision.event if p.decision is not None else 0 for p in passed)
        assert shown == [
            (first, "passed by policy: Refund 1 (small)", passed[0].fingerprint),
            (second, "blocked by policy: Refund 2 (embargo)", passed[1].fingerprint),
        ]
        told = {event.n: event.data for event in ledger.audit.read_events()}
        assert [one.detail for one in build_timeline(ledger, run.id) if one.type == "policy"] == [
            told[first],
            told[second],
        ]
        assert is_sound(ledger)

    def test_the_policys_text_is_kept_once_and_told_once_a_run(self, ledger: Ledger, store: Store) -> None:
        _, claim = start(ledger)
        for n in range(2):
            ledger.policies.record_verdicts(claim, [ask(f"Refund {n}")], [PASS], policy=POLICY)
        ledger.runs.finish(claim, STATE)
        _, claim = start(ledger)
        ledger.policies.record_verdicts(claim, [ask()], [PASS])  # it is kept by now
        assert [key for key, _ in store.scan("policy/", "policy0")] == [f"policy/{POLICY.sha256}"]
        assert [e.type for e in ledger.audit.read_events()].count("policy.used") == 2

    def test_a_policy_that_is_not_kept_is_refused(self, ledger: Ledger) -> None:
        _, claim = start(ledger)
        with pytest.raises(ValueError, match=r"policies\.keep"):
            ledger.policies.record_verdicts(claim, [ask()], [PASS])
        assert ledger.proposals.list_closed() == []
        ledger.policies.keep(POLICY)
        assert len(ledger.policies.record_verdicts(claim, [ask()], [PASS])) == 1

    def test_a_block_is_a_rejection_with_the_rule_and_why(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        [p] = ledger.policies.record_verdicts(claim, [ask()], [BLOCK], policy=POLICY)
        assert p.decision is not None
        assert (p.decision.action, p.decision.reviewer) == ("reject", "policy:embargo")
        assert p.decision.reason == "blocked by policy: country is XX"
        assert ledger.runs.load(run.id).passed == 0
        assert is_sound(ledger)

    def test_without_a_rule_it_is_the_default(self, ledger: Ledger) -> None:
        _, claim = start(ledger)
        plan = make_plan(rules=(), why=())
        [p] = ledger.policies.record_verdicts(claim, [ask()], [plan], policy=POLICY)
        assert p.decision is not None
        assert p.decision.reviewer == "policy:default"

    def test_several_are_recorded_together_or_not_at_all(self, ledger: Ledger) -> None:
        _, claim = start(ledger)
        with pytest.raises(ValueError, match=r"runs\.pause"):
            ledger.policies.record_verdicts(claim, [ask("a"), ask("b")], [PASS, ASK], policy=POLICY)
        assert ledger.proposals.list_closed() == []
        made = ledger.policies.record_verdicts(claim, [ask("a"), ask("b")], [PASS, BLOCK], policy=POLICY)
        assert [p.title for p in made] == ["a", "b"]
        assert is_sound(ledger)

    def test_nobody_writes_passes_into_a_run_that_was_taken_over(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        ledger.runs.cancel(run.id, actor="ada")
        with pytest.raises(RunClaimed):
            ledger.policies.record_verdicts(claim, [ask()], [PASS], policy=POLICY)


class TestFoundAgain:
    def test_passes_are_found_from_a_position_on_in_their_order(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        places = ["000000002/x/checkpoint/0", "000000003/x/checkpoint/10", "000000003/x/checkpoint/9"]
        for n, place in enumerate(places):
            ledger.policies.record_verdicts(claim, [ask(f"Refund {n}", place)], [PASS], policy=POLICY)
        assert [p.title for p in ledger.policies.list_passed(run.id)] == ["Refund 0", "Refund 1", "Refund 2"]
        assert [p.title for p in ledger.policies.list_passed(run.id, "000000003")] == ["Refund 1", "Refund 2"]
        assert ledger.policies.list_passed(run.id, "000000004") == []
        assert ledger.proposals.list_of_run(run.id) == []  # the run did not pause

    def test_a_pass_that_was_changed_in_the_store_is_not_used(self, ledger: Ledger, store: Store) -> None:
        run, claim = start(ledger)
        [p] = ledger.policies.record_verdicts(claim, [ask()], [BLOCK], policy=POLICY)
        assert p.decision is not None
        forged = msgspec.structs.replace(p, decision=msgspec.structs.replace(p.decision, action="approve", reason=None))
        store.transact(lambda tx: tx.put(f"proposal/{p.id}", forged.json()))
        with pytest.raises(StoreCorrupt, match="audit log"):
            ledger.policies.list_passed(run.id)
        assert not ledger.audit.verify().ok

    def test_an_entry_that_was_planted_at_another_place_is_not_used(self, ledger: Ledger, store: Store) -> None:
        run, claim = start(ledger)
        [p] = ledger.policies.record_verdicts(claim, [ask()], [PASS], policy=POLICY)
        store.transact(lambda tx: tx.put(f"passed/{run.id}/000000009/{p.id}", p.id.encode()))
        with pytest.raises(StoreCorrupt, match="000000009"):
            ledger.policies.list_passed(run.id)

    def test_a_removed_list_entry_is_noticed(self, ledger: Ledger, store: Store) -> None:
        _, claim = start(ledger)
        ledger.policies.record_verdicts(claim, [ask()], [PASS], policy=POLICY)
        store.transact(lambda tx: tx.delete(tx.scan("passed/", "passed0")[0][0]))
        assert "list entry passed/" in (ledger.audit.verify().problem or "")

    def test_a_policy_that_was_changed_is_noticed(self, ledger: Ledger, store: Store) -> None:
        ledger.policies.keep(POLICY)
        store.transact(lambda tx: tx.put(f"policy/{POLICY.sha256}", b"{}"))
        assert "another hash" in (ledger.audit.verify().problem or "")

    def test_forgetting_a_run_removes_its_passes(self, ledger: Ledger, store: Store) -> None:
        _, claim = start(ledger)
        ledger.policies.record_verdicts(claim, [ask("a"), ask("b")], [PASS, BLOCK], policy=POLICY)
        ledger.runs.finish(claim, STATE)
        ledger.runs.forget(agent="refunds", notebook=NB)
        kept = {key.partition("/")[0] for key, _ in store.scan("", "~")}
        assert kept <= {"event", "meta", "policy", "notebook", "notebookat"}
        assert is_sound(ledger)


class TestBesideAPause:
    def test_what_is_decided_beside_a_question_is_decided_in_the_same_pause(self, ledger: Ledger) -> None:
        run, claim = start(ledger)
        questions = [ask("a"), ask("b"), ask("c")]
        waits, asked = ledger.runs.pause(claim, STATE, questions, plans=[PASS, ASK, BLOCK], policy=POLICY)
        assert [p.status for p in asked] == ["decided", "open", "decided"]
        assert (waits.status, waits.open, waits.passed, waits.pauses) == ("waiting", 1, 1, 1)
        assert [p.title for p in ledger.proposals.list_open()] == ["b"]
        assert (asked[1].terms, asked[1].why, asked[1].allow) == (ASK.terms, ASK.why, ASK.allow)
        assert asked[1].facts is not None
        assert ledger.proposals.list_of_run(run.id, 1) == asked
        assert ledger.policies.list_passed(run.id) == []
        assert is_sound(ledger)
        ledger.proposals.decide(asked[1].id, "approve", reviewer="ada")
        assert ledger.runs.load(run.id).status == "ready"
        assert [p.status for p in ledger.runs.claim_saved(run.id).asked] == ["decided"] * 3
        assert is_sound(ledger)

    def test_a_pause_that_asks_nobody_is_refused(self, ledger: Ledger) -> None:
        _, claim = start(ledger)
        with pytest.raises(ValueError, match=r"policies\.record_verdicts"):
            ledger.runs.pause(claim, STATE, [ask()], plans=[PASS], policy=POLICY)
        with pytest.raises(ValueError, match="1 questions and 2 plans"):
            ledger.runs.pause(claim, STATE, [ask()], plans=[PASS, ASK], policy=POLICY)

    def test_without_terms_nothing_is_different(self, ledger: Ledger, store: Store) -> None:
        plain = Plan("ask", (), (), None, ("approve",))
        _, claim = start(ledger)
        _, [p] = ledger.runs.pause(claim, STATE, [ask()], plans=[plain])
        assert (p.facts, p.why, p.terms, p.allow) == (None, (), None, records.ACTIONS)
        assert b'"format":1' in (store.get("meta/format") or b"")


class TestFormat:
    @pytest.mark.parametrize("how", ["pass", "pause"])
    def test_a_store_with_terms_is_refused_by_a_version_that_does_not_know_them(
        self, ledger: Ledger, store: Store, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, claim = start(ledger)
        monkeypatch.setattr(formats, "FORMAT", 1)
        assert Ledger(store).store_id == ledger.store_id  # as long as there are none
        if how == "pass":
            ledger.policies.record_verdicts(claim, [ask()], [PASS], policy=POLICY)
        else:
            ledger.runs.pause(claim, STATE, [ask()], plans=[ASK], policy=POLICY)
        with pytest.raises(StoreRefused, match="format 2, and this hitl_nb knows formats up to 1"):
            Ledger(store)
        monkeypatch.undo()
        assert Ledger(store).store_id == ledger.store_id


class TestRequesters:
    def test_they_are_the_people_behind_the_processes(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(settings.HUB_USER.name, raising=False)
        run, claim = start(ledger)
        assert run.requesters == (requesters.os_user(),)
        ledger.runs.fail(claim, None, "oops")
        monkeypatch.setenv(settings.HUB_USER.name, "ada")
        run, _ = ledger.runs.claim(run.id)
        assert run.requesters == (requesters.os_user(), "ada")
        assert ledger.runs.load(run.id) == run
        assert is_sound(ledger)

    def test_the_environment_does_not_name_the_os_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("USER", "somebody-else")
        monkeypatch.setenv("LOGNAME", "somebody-else")
        assert requesters.os_user() != "somebody-else"

    def test_who_was_granted_going_on_is_one(self, ledger: Ledger) -> None:
        run, _ = start(ledger)
        ledger.run_facts.add_requester(run.id, "bo")
        ledger.run_facts.add_requester(run.id, "bo")
        assert ledger.runs.load(run.id).requesters[-1:] == ("bo",)
        assert [e.data for e in ledger.audit.read_events() if e.type == "run.requested"] == [{"requester": "bo"}]
        assert is_sound(ledger)


class TestClock:
    def test_it_is_never_before_the_newest_event(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        start(ledger)
        newest = ledger.audit.read_events()[-1].at
        monkeypatch.setattr(clock, "now", lambda: newest.replace(year=newest.year - 1))
        assert ledger.now() == newest

    def test_it_can_stand_still(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        start(ledger)
        monkeypatch.setenv(settings.CLOCK.name, "2026-01-05T10:00:00+01:00")
        assert ledger.now().isoformat() == "2026-01-05T09:00:00+00:00"

    @pytest.mark.parametrize("text", ["soon", "2026-01-05T09:00:00", "2026-13-01T00:00:00Z"])
    def test_a_time_that_is_none_is_named(self, ledger: Ledger, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(settings.CLOCK.name, text)
        with pytest.raises(HitlError, match="HITL_NB_CLOCK"):
            ledger.now()
