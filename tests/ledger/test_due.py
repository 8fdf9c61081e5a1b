"""What the clock does to open proposals, through the ledger: each step once, whoever looks."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb import settings
from hitl_nb.cli.doctor import examine_installation
from hitl_nb.errors import AlreadyDecided, StoreCorrupt, StoreFull
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.ledger.rows import layout
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.policies.terms.seats import seats_of
from hitl_nb.policies.terms.terms import People
from hitl_nb.records import Proposal, Question, Snapshot, Terms, TimelineStep, new_id
from hitl_nb.storage import open_store
from hitl_nb.storage.interface import Store
from tests.policies.casework import T0, at, terms

NB = "/ann/refunds.ipynb"
STATE = Snapshot(envelope=b"state")
TIMELINE = ("1h remind", "4h escalate lea", "8h reject")


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"memory:{new_id()}" if request.param == "memory" else f"diskcache://{tmp_path}/store"
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def asked_at_t0(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked is asked at T0, and the clock stands still there, so that nothing is due by itself."""
    monkeypatch.setattr(judged, "now", lambda: T0)
    monkeypatch.setenv(settings.CLOCK.name, T0.isoformat())


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store)


def under(*timeline: str, need: str = "1 of ada", **more: Any) -> Plan:
    made: Terms = msgspec.structs.replace(terms(need, timeline=timeline, **more), policy="")
    return Plan("ask", ("big",), ("amount > 100",), made, ("approve", "edit", "reject", "respond"))


def ask_questions(ledger: Ledger, *timelines: tuple[str, ...], key: str = "", **more: Any) -> list[Proposal]:
    _, claim = ledger.runs.open(agent="refunds", notebook=NB, key=key)
    questions = [
        Question(title=f"Refund {n}", kind="json", value={"amount": 200}, position=f"000000003/{n}")
        for n, _ in enumerate(timelines)
    ]
    plans = [under(*timeline, **more) for timeline in timelines]
    return ledger.runs.pause(claim, STATE, questions, plans=plans).proposals


def steps(ledger: Ledger) -> list[tuple[str, str | None]]:
    """What the log says that the clock did."""
    return [(e.type, (e.data or {}).get("due")) for e in ledger.audit.read_events() if e.actor == "deadline"]


def timers(store: Store) -> list[datetime]:
    return [layout.index_time(key) for key, _ in store.scan("due/", "due0")]


def is_sound(ledger: Ledger) -> bool:
    checked = ledger.audit.verify()
    assert checked.ok, checked
    return checked.ok


class TestSteps:
    def test_vector_16_one_step_after_the_other(self, ledger: Ledger, store: Store) -> None:
        [p] = ask_questions(ledger, TIMELINE)
        assert p.deadline == at("8:00")
        assert ledger.timers.run_due_steps(at("0:59")) == 0
        assert steps(ledger) == []
        assert ledger.timers.run_due_steps(at("1:00")) == 1
        assert ledger.timers.next_due() == at("4:00") == datetime(2026, 1, 5, 13, tzinfo=UTC)
        assert seats_of(ledger.proposals.load(p.id), People(), "lea") == ()
        assert ledger.timers.run_due_steps(at("4:00")) == 1
        assert seats_of(ledger.proposals.load(p.id), People(), "lea") == ("lea",)
        assert ledger.timers.next_due() == at("8:00") == datetime(2026, 1, 5, 17, tzinfo=UTC)
        assert ledger.runs.load(p.run).status == "waiting"
        assert ledger.timers.run_due_steps(at("8:00")) == 1
        done = ledger.proposals.load(p.id)
        made = done.decision
        assert made is not None
        assert (made.action, made.by, made.reviewer, made.decided_at) == ("reject", "deadline", "deadline", at("8:00"))
        assert (done.status, ledger.runs.load(p.run).status, timers(store)) == ("decided", "ready", [])
        assert steps(ledger) == [
            ("proposal.reminded", at("1:00").isoformat()),
            ("proposal.escalated", at("4:00").isoformat()),
            ("decision", at("8:00").isoformat()),
        ]
        assert ledger.proposals.list_of_run(p.run) == [done]  # it is checked as every decision is
        assert is_sound(ledger)

    def test_vector_18_a_machine_that_slept_goes_on_one_step_at_a_time(self, ledger: Ledger, store: Store) -> None:
        ask_questions(ledger, TIMELINE)
        assert ledger.timers.run_due_steps(at("72:00")) == 1
        assert timers(store) == [datetime(2026, 1, 8, 12, tzinfo=UTC)]
        assert ledger.timers.run_due_steps(at("72:00")) == 0
        assert ledger.timers.run_due_steps(at("75:00")) == 1
        assert timers(store) == [datetime(2026, 1, 8, 16, tzinfo=UTC)]
        assert [type_ for type_, _ in steps(ledger)] == ["proposal.reminded", "proposal.escalated"]
        assert is_sound(ledger)

    def test_vector_21_silence_is_consent_only_where_the_policy_says_so(self, ledger: Ledger) -> None:
        [p] = ask_questions(ledger, ("1h approve",))
        ledger.timers.run_due_steps(at("1:00"))
        made = ledger.proposals.load(p.id).decision
        assert made is not None
        assert (made.action, made.by, made.reviewer) == ("approve", "deadline", "deadline")
        assert ledger.reviewers.identify(ledger.proposals.load(p.id)) == "deadline"

    def test_a_clock_that_was_set_back_does_nothing_twice(self, ledger: Ledger, store: Store) -> None:
        ask_questions(ledger, TIMELINE)
        assert ledger.timers.run_due_steps(at("1:00")) == 1
        assert ledger.timers.run_due_steps(at("0:30")) == 0
        assert ledger.timers.run_due_steps(at("1:00")) == 0
        assert timers(store) == [at("4:00")]

    def test_what_is_due_of_several_runs_is_done_in_its_order(self, ledger: Ledger) -> None:
        for n, hours in enumerate((3, 1, 2)):
            ask_questions(ledger, (f"{hours}h overdue",), key=str(n))
        assert ledger.timers.run_due_steps(at("2:00")) == 2
        assert [due for _, due in steps(ledger)] == [at("1:00").isoformat(), at("2:00").isoformat()]
        assert is_sound(ledger)

    def test_after_the_deadline_a_decision_comes_too_late(self, ledger: Ledger) -> None:
        [p] = ask_questions(ledger, TIMELINE)
        for when in ("1:00", "4:00", "8:00"):
            ledger.timers.run_due_steps(at(when))
        with pytest.raises(AlreadyDecided, match="deadline"):
            ledger.proposals.decide(p.id, "approve", reviewer="ada")
        assert [e.actor for e in ledger.audit.read_events() if e.type == "decision"] == ["deadline"]

    def test_vector_19_two_who_look_at_once_take_one_step(self, ledger: Ledger) -> None:
        for n in range(20):
            ask_questions(ledger, ("1h remind", "8h reject"), key=str(n))
        start = threading.Barrier(2)

        def look(_: int) -> int:
            start.wait()
            return ledger.timers.run_due_steps(at("1:00"))

        with ThreadPoolExecutor(2) as pool:
            taken = list(pool.map(look, range(2)))
        assert sum(taken) == 20
        told = [e.proposal for e in ledger.audit.read_events() if e.type == "proposal.reminded"]
        assert len(told) == len(set(told)) == 20


class TestIndex:
    @pytest.mark.parametrize("at", [datetime.max.replace(tzinfo=UTC), datetime(1969, 7, 20, tzinfo=UTC)])
    def test_a_deadline_far_away_keeps_no_other_from_its_time(self, ledger: Ledger, at: datetime) -> None:
        never = TimelineStep(does="remind", at=at, text="remind")
        plan = under()
        assert plan.terms is not None
        plan = dataclasses.replace(plan, terms=msgspec.structs.replace(plan.terms, timeline=(never,)))
        _, claim = ledger.runs.open(agent="others", notebook=NB)
        question = Question(title="Never", kind="json", value=1, position="000000003/9")
        ledger.runs.pause(claim, STATE, [question], plans=[plan])
        p = ask_questions(ledger, ("1h reject",))[0]
        ledger.timers.run_due_steps(T0 + timedelta(hours=1))
        assert ledger.proposals.load(p.id).status == "decided"
        assert ledger.audit.verify().ok

    def test_only_a_proposal_with_a_timer_has_a_row(self, ledger: Ledger, store: Store) -> None:
        ask_questions(ledger, (), ("2h remind",))
        assert timers(store) == [at("2:00")]

    def test_a_proposal_that_is_closed_has_none(self, ledger: Ledger, store: Store) -> None:
        [first] = ask_questions(ledger, TIMELINE)
        ledger.runs.cancel(first.run, actor="ada")
        assert timers(store) == []
        assert ledger.timers.run_due_steps(at("99:00")) == 0
        [second] = ask_questions(ledger, TIMELINE)
        ledger.runs.open(agent="refunds", notebook=NB)  # a new run
        assert timers(store) == []
        assert [ledger.proposals.load(p.id).status for p in (first, second)] == ["superseded"] * 2
        assert is_sound(ledger)

    def test_forgetting_a_run_removes_its_timers(self, ledger: Ledger, store: Store) -> None:
        ask_questions(ledger, TIMELINE)
        ledger.runs.forget(agent="refunds", notebook=NB)
        assert timers(store) == []

    def test_a_row_that_was_planted_does_nothing_and_is_removed(self, ledger: Ledger, store: Store) -> None:
        [p] = ask_questions(ledger, TIMELINE)
        for id_ in (p.id, "aaaaaaaaaaaa"):
            key = f"due/{layout.sortable_time(T0 - timedelta(days=1))}-{id_}"
            store.transact(lambda tx, key=key, id_=id_: tx.put(key, id_.encode()))
        assert ledger.timers.run_due_steps(at("1:00")) == 1
        assert steps(ledger) == [("proposal.reminded", at("1:00").isoformat())]
        assert timers(store) == [at("4:00")]

    def test_a_row_that_was_removed_is_noticed(self, ledger: Ledger, store: Store) -> None:
        ask_questions(ledger, TIMELINE)
        store.transact(lambda tx: tx.delete(tx.scan("due/", "due0")[0][0]))
        assert "list entry due/" in (ledger.audit.verify().problem or "")

    def test_a_damaged_record_keeps_no_other_from_its_time(self, ledger: Ledger, store: Store) -> None:
        [first], [second] = (ask_questions(ledger, TIMELINE, key=key) for key in "ab")
        for id_ in sorted((first.id, second.id))[:1]:
            store.transact(lambda tx, id_=id_: tx.put(f"proposal/{id_}", b"?"))
        with pytest.raises(StoreCorrupt, match="damaged"):
            ledger.timers.run_due_steps(at("1:00"))
        assert [type_ for type_, _ in steps(ledger)] == ["proposal.reminded"]
        assert ledger.runs.load(second.run).id == second.run  # what reads something else is not kept from it

    def test_a_step_that_fails_half_way_has_not_happened(
        self, ledger: Ledger, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [p] = ask_questions(ledger, TIMELINE)
        from hitl_nb.ledger.decisions import proposal_changes as changes

        def full(*_: object, **__: object) -> None:
            raise StoreFull("no room")

        monkeypatch.setattr(changes, "write_notice", full)
        with pytest.raises(StoreFull):
            ledger.timers.run_due_steps(at("1:00"))
        assert (ledger.proposals.load(p.id), timers(store), steps(ledger)) == (p, [at("1:00")], [])
        ledger.timers.run_due_steps_quietly()  # at T0 nothing is due; it would hide only that there is no room


Look = Callable[[Ledger, Proposal], object]
LOOKS: dict[str, Look] = {
    "proposal": lambda ledger, p: ledger.proposals.load(p.id),
    "proposals": lambda ledger, p: ledger.proposals.list_of_run(p.run),
    "inbox": lambda ledger, p: ledger.proposals.list_open(),
    "closed": lambda ledger, p: ledger.proposals.list_closed(),
    "run": lambda ledger, p: ledger.runs.load(p.run),
    "runs": lambda ledger, p: ledger.runs.list_newest(),
    "runs.find": lambda ledger, p: ledger.runs.find(agent=p.agent, notebook=p.notebook),
    "claim": lambda ledger, p: ledger.runs.claim(p.run),
    "claim_saved": lambda ledger, p: ledger.runs.claim_saved(p.run),
    "note_since": lambda ledger, p: ledger.run_facts.note_changes(p.run, ""),
}


class TestWhoLooks:
    """Whatever reads or writes proposals, claims and runs lets the clock act first."""

    @pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
    def test_reading(self, ledger: Ledger, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
        [p] = ask_questions(ledger, ("1h reject",))
        monkeypatch.setenv(settings.CLOCK.name, at("1:00").isoformat())
        look(ledger, p)
        assert [type_ for type_, _ in steps(ledger)] == ["decision"]

    def test_deciding(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        [p] = ask_questions(ledger, ("1h reject",))
        monkeypatch.setenv(settings.CLOCK.name, at("1:00").isoformat())
        with pytest.raises(AlreadyDecided, match="deadline"):
            ledger.proposals.decide(p.id, "approve", reviewer="ada", fingerprint=p.fingerprint, revision=p.revision)
        with pytest.raises(AlreadyDecided, match="deadline"):
            ledger.proposals.decide_many([p], "approve", reviewer="ada")

    def test_opening_and_asking(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        [p] = ask_questions(ledger, ("1h reject",))
        monkeypatch.setenv(settings.CLOCK.name, at("1:00").isoformat())
        ledger.runs.open(agent="refunds", notebook=NB)
        assert ledger.proposals.load(p.id).decision is not None  # it was due before it was superseded


class TestBegin:
    def test_doctor_names_what_nobody_may_decide(self, tmp_path: Path) -> None:
        url = f"diskcache://{tmp_path}/doctor"
        ledger = Ledger(open_store(url))
        assert [f for f in examine_installation(url) if f.subject == "stuck"] == []
        run, claim = ledger.runs.open(agent="refunds", notebook=NB)
        plan = under(need=f"1 of {run.requesters[0]}", four_eyes=True)
        question = Question(title="Refund", kind="json", value=1, position="000000003/0")
        _, [p] = ledger.runs.pause(claim, STATE, [question], plans=[plan])
        assert p.stuck
        [found] = [f for f in examine_installation(url) if f.subject == "stuck"]
        assert found.state == "wrong"
        assert p.id in found.found
        assert p.stuck in found.found

    def test_a_fallback_is_asked_at_once_if_nobody_else_may_decide(self, ledger: Ledger) -> None:
        run, claim = ledger.runs.open(agent="refunds", notebook=NB)
        me = run.requesters[0]
        plan = under(need=f"1 of {me}", four_eyes=True, fallback=("lea",))
        question = Question(title="Refund", kind="json", value=1, position="000000003/0")
        _, [p] = ledger.runs.pause(claim, STATE, [question], plans=[plan])
        assert p.widened == ("lea",)
        assert [e.type for e in ledger.audit.read_events() if e.proposal == p.id] == [
            "proposal.stuck",
            "proposal.escalated",
        ]
        assert is_sound(ledger)
