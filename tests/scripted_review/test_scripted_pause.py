"""A decisions file answers proposals with terms: its votes count as those of people, its clock moves by its waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import hitl_nb as hitl
from hitl_nb import settings
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation, SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import requesters
from hitl_nb.policies.documents.documents import read_policy_mapping
from hitl_nb.policies.documents.merged_policy import merge_documents
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Action, Proposal, Question, Snapshot, Terms, new_id
from hitl_nb.scripted_review import decision_file
from hitl_nb.scripted_review.decision_file import DEFAULT_CLOCK, DecisionEntry, DecisionFile, parse_document
from hitl_nb.scripted_review.decision_recording import record_file
from hitl_nb.scripted_review.reviewer import DecisionFileReviewer, reviewer_from_environment
from hitl_nb.storage import open_store
from tests.policies.casework import terms

NB = "/ann/refunds.ipynb"
STATE = Snapshot(envelope=b"state")
HOUR = timedelta(hours=1)
STEPS = ("proposal.reminded", "proposal.overdue", "proposal.escalated")
ALL = ("approve", "edit", "reject", "respond")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    store = open_store(f"memory:{new_id()}")
    yield Ledger(store)
    store.close()


class Desk:
    """A run that asks, and a decisions file that answers."""

    def __init__(self, ledger: Ledger, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.ledger, self.path = ledger, folder / "a.decisions.json"
        self._patch = patch

    def write(self, *entries: dict[str, Any], **more: Any) -> DecisionFileReviewer:
        """The reviewer of a file with these entries; from here on its clock is the store's."""
        document = {"version": 1, "decisions": list(entries), **more}
        found = parse_document(decision_file.json.dumps(document).encode(), self.path.name)
        self.path.write_text(decision_file.format_document(found), encoding="utf-8")
        self._patch.setenv(settings.REVIEWER.name, f"script:{self.path}")
        reviewer = reviewer_from_environment()
        assert reviewer is not None
        return reviewer

    def ask(self, *made_under: Terms | None, key: str = "", value: Any = "v0", policy: Any = None) -> list[Proposal]:
        """One pause with a question for each of these terms: "Refund 0", "Refund 1" ..."""
        _, claim = self.ledger.runs.open(agent="refunds", notebook=NB, key=key)
        questions = [
            Question(title=f"Refund {n}", kind="json", value=value, position=f"000000003/{n}")
            for n, _ in enumerate(made_under)
        ]
        plans = [_asked_under(one, policy) for one in made_under]
        return self.ledger.runs.pause(claim, STATE, questions, plans=plans, policy=policy).proposals

    def elsewhere(self) -> Desk:
        """The same desk with another store."""
        return Desk(Ledger(open_store(f"memory:{new_id()}")), self.path.parent, self._patch)

    def now(self, *proposals: Proposal) -> list[Proposal]:
        return [self.ledger.proposals.load(p.id) for p in proposals]


def _asked_under(made_under: Terms | None, policy: Any) -> Plan:
    if made_under is None:
        return Plan("ask", (), (), None, ALL)
    named = made_under if policy else msgspec.structs.replace(made_under, policy="")
    return Plan("ask", named.rules, ("amount > 100",), named, ALL)


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    yield Desk(ledger, tmp_path, monkeypatch)
    monkeypatch.delenv(settings.REVIEWER.name, raising=False)
    reviewer_from_environment()  # the machine's clock again


def outcome(p: Proposal) -> tuple[Any, ...]:
    made = p.decision
    return (p.status,) if made is None else (made.action, made.by, made.reviewer)


TWO = terms("2 of bo, cy, dee", four_eyes=True)
TIMED = terms("1 of bo", timeline=("1h remind", "4h escalate lea", "8h reject"))


def test_an_action_meets_all_needs(desk: Desk) -> None:
    [p] = desk.ask(TWO)
    desk.write({"action": "edit", "value": "v1", "reason": "less"}).answer_proposals(desk.ledger, [p])
    [p] = desk.now(p)
    assert outcome(p) == ("edit", "script", "a.decisions.json")
    assert p.decision is not None
    assert p.decision.value == "v1"
    assert desk.ledger.audit.verify().ok
    assert desk.ledger.proposals.list_of_run(p.run) == [p]  # it is checked as what a run resumes with


def test_votes_count_as_the_policy_says(desk: Desk) -> None:
    votes = [
        {"as": "bo", "action": "approve"},
        {"as": "cy", "action": "edit", "value": "v1", "reason": "less"},
        {"as": "bo", "action": "approve"},
    ]
    [p] = desk.ask(TWO)
    desk.write({"votes": votes}).answer_proposals(desk.ledger, [p])
    [p] = desk.now(p)
    assert outcome(p) == ("edit", "script", "bo")
    assert p.decision is not None
    assert p.decision.value == "v1"
    assert [(v.reviewer, v.action, v.by, v.authn) for v in p.votes] == [
        ("cy", "edit", "script", None),
        ("bo", "approve", "script", None),
    ]
    assert desk.ledger.audit.verify().ok
    assert desk.ledger.proposals.list_of_run(p.run) == [p]


def test_votes_that_are_not_enough_leave_it_open_and_say_what_is_missing(desk: Desk) -> None:
    [p] = desk.ask(TWO)
    reviewer = desk.write({"votes": [{"as": "bo", "action": "approve"}]})
    with pytest.raises(hitl.Unanswered, match=r'"votes".*1 of 2: 2 of bo, cy, dee.*"wait"') as missing:
        reviewer.answer_proposals(desk.ledger, [p])
    assert "there is no entry for it; add to a.decisions.json" in str(missing.value)
    assert outcome(desk.now(p)[0]) == ("open",)
    more = desk.write({"votes": [{"as": "bo", "action": "approve"}]}, {"votes": [{"as": "cy", "action": "approve"}]})
    more.recall_used_entries(desk.ledger, NB)
    more.answer_proposals(desk.ledger, desk.now(p))
    assert outcome(desk.now(p)[0]) == ("approve", "script", "cy")


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (
            [{"votes": [{"as": "zed", "action": "approve"}]}],
            r"votes\[0\]: 'approve' by 'zed' .* refused: zed may not",
        ),
        (
            [{"votes": [{"as": "bo", "action": "reject"}, {"as": "cy", "action": "approve"}]}],
            r"decisions\[0\]\.votes\[1\]: 'approve' by 'cy' on 'Refund 0' is refused: .*already decided: bo",
        ),
        ([{"action": "wait"}], r"decisions\[0\] waits for the clock, but nothing is due for 'Refund 0'"),
        (
            [{"votes": [{"as": "bo", "action": "approve"}]}, {"action": "wait"}],
            r"decisions\[1\] waits for the clock, but nothing is due",
        ),
    ],
)
def test_what_is_refused_is_named_with_its_place(desk: Desk, entries: list[dict[str, Any]], says: str) -> None:
    [p] = desk.ask(TWO)
    with pytest.raises(hitl.HitlError, match=rf"^a\.decisions\.json: .*{says}"):
        desk.write(*entries).answer_proposals(desk.ledger, [p])


def test_four_eyes_hold_for_votes(desk: Desk) -> None:
    votes = [{"as": "bo", "action": "approve"}, {"as": "cy", "action": "approve"}]
    reviewer = desk.write({"votes": votes}, requesters=["cy"])
    [p] = desk.ask(TWO)
    with pytest.raises(hitl.HitlError, match=r"votes\[1\]: 'approve' by 'cy' .* cy started or continued this run"):
        reviewer.answer_proposals(desk.ledger, [p])
    assert outcome(desk.now(p)[0]) == ("open",)


def test_votes_count_the_same_whoever_runs_the_notebook(desk: Desk) -> None:
    me = requesters.os_user()
    desk.write()
    [p] = desk.ask(terms(f"1 of {me}", four_eyes=True))
    desk.write({"votes": [{"as": me, "action": "approve"}]}).answer_proposals(desk.ledger, [p])
    assert outcome(desk.now(p)[0]) == ("approve", "script", me)
    assert desk.ledger.runs.load(p.run).requesters == ()


class TestClock:
    def test_it_stands_still_and_only_policies_see_it(self, desk: Desk) -> None:
        desk.write(clock="2026-03-27T16:30:00Z")
        [p] = desk.ask(TIMED)
        assert p.facts is not None
        assert p.facts.now == p.asked_at == DEFAULT_CLOCK.replace(month=3, day=27, hour=16, minute=30)
        assert desk.ledger.now() == p.facts.now
        assert p.created_at > p.facts.now + timedelta(days=1)
        assert all(e.at > p.facts.now + timedelta(days=1) for e in desk.ledger.audit.read_events())

    def test_a_wait_lets_the_clock_take_one_step(self, desk: Desk) -> None:
        reviewer = desk.write({"action": "wait"}, {"action": "wait"}, {"votes": [{"as": "lea", "action": "approve"}]})
        [p] = desk.ask(TIMED)
        reviewer.answer_proposals(desk.ledger, [p])
        assert outcome(desk.now(p)[0]) == ("approve", "script", "lea")
        assert desk.ledger.now() == DEFAULT_CLOCK + 4 * HOUR
        assert [e.type for e in desk.ledger.audit.read_events() if e.type.startswith("proposal.")] == [
            "proposal.reminded",
            "proposal.escalated",
        ]

    def test_nobody_is_told(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        desk.write({"action": "wait"}, {"action": "approve"}).answer_proposals(desk.ledger, desk.ask(TIMED))
        assert desk.ledger.store.scan("notice/", "notice0") == []
        monkeypatch.delenv(settings.REVIEWER.name)
        reviewer_from_environment()
        desk.ask(TIMED, key="people")
        assert len(desk.ledger.store.scan("notice/", "notice0")) == 1

    def test_whom_the_clock_asks_later_may_not_vote_before(self, desk: Desk) -> None:
        reviewer = desk.write({"votes": [{"as": "lea", "action": "approve"}]})
        [p] = desk.ask(TIMED)
        with pytest.raises(hitl.HitlError, match="lea may not decide"):
            reviewer.answer_proposals(desk.ledger, [p])

    def test_what_the_clock_decides_is_not_the_scripts_decision(self, desk: Desk) -> None:
        reviewer = desk.write(*[{"action": "wait"}] * 3)
        [p] = desk.ask(TIMED)
        reviewer.answer_proposals(desk.ledger, [p])
        assert outcome(desk.now(p)[0]) == ("reject", "deadline", "deadline")
        assert desk.ledger.audit.verify().ok
        assert [q.decision for q in desk.ledger.proposals.list_of_run(p.run)] == [desk.now(p)[0].decision]

    def test_it_moves_only_when_all_that_are_open_wait(self, desk: Desk) -> None:
        """One is approved before the clock moves, although the entries of the other come first."""
        waits = [{"title": "Refund 0", "action": "wait"}] * 3
        reviewer = desk.write(*waits, {"title": "Refund 1", "action": "approve"})
        asked = desk.ask(TIMED, TIMED)
        reviewer.answer_proposals(desk.ledger, asked)
        assert [outcome(p)[:2] for p in desk.now(*asked)] == [("reject", "deadline"), ("approve", "script")]

    def test_waits_of_several_end_when_theirs_is_due(self, desk: Desk) -> None:
        slow = terms("1 of bo", timeline=("2h remind", "3h reject"))
        reviewer = desk.write(
            {"title": "Refund 0", "action": "wait"},
            {"title": "Refund 1", "action": "wait"},
            {"title": "Refund 0", "action": "wait"},
            {"title": "Refund 1", "action": "approve"},
            {"title": "Refund 0", "action": "approve"},
        )
        asked = desk.ask(TIMED, slow)
        reviewer.answer_proposals(desk.ledger, asked)
        assert [outcome(p)[:2] for p in desk.now(*asked)] == [("approve", "script")] * 2
        assert desk.ledger.now() == DEFAULT_CLOCK + 4 * HOUR
        taken = [
            (e.type, (e.data or {})["due"][11:16])
            for e in desk.ledger.audit.read_events()
            if e.type.startswith("proposal.")
        ]
        assert taken == [
            ("proposal.reminded", "10:00"),
            ("proposal.reminded", "11:00"),
            ("proposal.escalated", "13:00"),
        ]

    def test_steps_that_are_due_at_once_are_one_wait(self, desk: Desk) -> None:
        both = terms("1 of bo", timeline=("1h remind", "1h escalate lea", "8h reject"))
        reviewer = desk.write({"action": "wait"}, {"votes": [{"as": "lea", "action": "approve"}]})
        [p] = desk.ask(both)
        reviewer.answer_proposals(desk.ledger, [p])
        assert outcome(desk.now(p)[0]) == ("approve", "script", "lea")
        assert desk.now(p)[0].step == 2

    def test_an_approval_that_can_be_taken_back_takes_a_wait(self, desk: Desk) -> None:
        undo = terms("1 of bo", undo=30.0)
        votes = {"votes": [{"as": "bo", "action": "approve"}]}
        reviewer = desk.write(votes)
        [p] = desk.ask(undo)
        with pytest.raises(hitl.Unanswered, match='"action": "wait"') as missing:
            reviewer.answer_proposals(desk.ledger, [p])
        assert "can be undone until the clock moves" in str(missing.value)
        more = desk.write(votes, {"action": "wait"})
        more.recall_used_entries(desk.ledger, NB)
        more.answer_proposals(desk.ledger, desk.now(p))
        assert outcome(desk.now(p)[0]) == ("approve", "script", "bo")
        assert desk.ledger.now() == DEFAULT_CLOCK + timedelta(seconds=30)

    def test_no_other_clock_acts_on_what_a_script_was_asked(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server or `watch` on the same store would find its deadlines passed months ago; people may still decide."""
        desk.write()
        [p] = desk.ask(terms("1 of anyone", timeline=("1h remind", "8h reject"), undo=30.0))
        monkeypatch.delenv(settings.REVIEWER.name)
        reviewer_from_environment()
        assert desk.ledger.timers.run_due_steps() == 0
        assert outcome(desk.now(p)[0]) == ("open",)
        assert desk.ledger.proposals.decide(p.id, "approve", reviewer="bo").settles_at is not None
        assert desk.ledger.timers.run_due_steps(desk.ledger.now() + HOUR) == 1
        assert outcome(desk.now(p)[0]) == ("approve", "person", "bo")
        assert desk.ledger.audit.verify().ok

    def test_its_clock_acts_on_nothing_that_people_are_asked(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(settings.REVIEWER.name, raising=False)
        reviewer_from_environment()
        [people] = desk.ask(TIMED, key="people")
        reviewer = desk.write(*[{"action": "wait"}] * 3, clock="2126-01-05T09:00:00Z")
        [p] = desk.ask(TIMED, key="script")
        reviewer.answer_proposals(desk.ledger, [p])
        assert [outcome(q)[0] for q in desk.now(p, people)] == ["reject", "open"]
        assert desk.now(people)[0].step == 0

    def test_a_process_that_goes_on_knows_how_late_it_is(self, desk: Desk) -> None:
        entries = [{"action": "wait"}, {"action": "approve"}, {"action": "reject"}]
        reviewer = desk.write(*entries)
        reviewer.answer_proposals(desk.ledger, desk.ask(TIMED))
        again = DecisionFileReviewer(desk.path)
        assert again.clock.current_time() == DEFAULT_CLOCK
        again.recall_used_entries(desk.ledger, NB)
        assert again.clock.current_time() == DEFAULT_CLOCK + HOUR
        assert again.unused_entries == [DecisionEntry(action="reject")]


class TestRecording:
    def replay(self, desk: Desk, *made_under: Terms | None, entries: list[dict[str, Any]], **more: Any) -> DecisionFile:
        """What is recorded of a pause that these entries decided; it decides another one like it."""
        reviewer = desk.write(*entries, **more)
        asked = desk.ask(*made_under)
        reviewer.answer_proposals(desk.ledger, asked)
        recorded = record_file(desk.ledger, NB)
        assert recorded is not None
        document = decision_file.json.loads(decision_file.format_document(recorded))
        other = desk.elsewhere()
        again = other.write(*document.pop("decisions"), **document)
        asked_again = other.ask(*made_under)
        again.answer_proposals(other.ledger, asked_again)
        first, second = desk.now(*asked), other.now(*asked_again)
        assert [outcome(p) for p in first] == [outcome(p) for p in second]
        assert [votes_of(p) for p in first] == [votes_of(p) for p in second]
        assert again.unused_entries == []
        return recorded

    def test_votes(self, desk: Desk) -> None:
        votes = [{"as": "cy", "action": "edit", "value": "v1", "reason": "é"}, {"as": "bo", "action": "approve"}]
        recorded = self.replay(desk, TWO, entries=[{"votes": votes}])
        assert msgspec.to_builtins(recorded.decisions) == [{"agent": "refunds", "title": "Refund 0", "votes": votes}]

    def test_waits_between_votes_and_the_clock(self, desk: Desk) -> None:
        slow = terms("2 of bo, cy", timeline=("1h remind", "2h overdue", "8h reject"))
        entries = [
            {"votes": [{"as": "bo", "action": "approve"}]},
            {"action": "wait"},
            {"action": "wait"},
            {"votes": [{"as": "cy", "action": "approve"}]},
        ]
        recorded = self.replay(desk, slow, entries=entries, clock="2026-02-02T08:00:00Z")
        named = {"agent": "refunds", "title": "Refund 0"}
        assert msgspec.to_builtins(recorded.decisions) == [{**named, **entry} for entry in entries]
        assert recorded.clock == DEFAULT_CLOCK.replace(month=2, day=2, hour=8)

    def test_a_deadline_is_waits_and_nobodys_decision(self, desk: Desk) -> None:
        recorded = self.replay(desk, TIMED, entries=[{"action": "wait"}] * 3)
        assert [entry.action for entry in recorded.decisions] == ["wait"] * 3

    def test_an_approval_that_could_be_taken_back(self, desk: Desk) -> None:
        entries = [{"votes": [{"as": "bo", "action": "approve"}]}, {"action": "wait"}]
        recorded = self.replay(desk, terms("1 of bo", undo=30.0), entries=entries)
        assert [entry.action for entry in recorded.decisions] == [msgspec.UNSET, "wait"]

    def test_steps_that_were_due_at_once_are_one_wait(self, desk: Desk) -> None:
        both = terms("1 of bo", timeline=("1h remind", "1h escalate lea", "1h reject"))
        recorded = self.replay(desk, both, entries=[{"action": "wait"}])
        assert [entry.action for entry in recorded.decisions] == ["wait"]

    def test_what_people_and_the_clock_decided(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """People vote, logged in; a deadline passes. Recorded is when, by whom, and nobody's decision by the clock."""
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(desk.path.parent))
        key = SigningKey.of_this_user()
        made_under = (TIMED, TWO, TIMED, None)
        asked = desk.ask(*made_under)
        began = asked[0].created_at

        def decide(p: Proposal, user: str, action: Action = "approve") -> None:
            desk.ledger.proposals.decide(
                p.id, action, reviewer=user, attestation=ReviewerAttestation(key, user, "login", "A0", "page")
            )

        decide(asked[1], "dee")
        desk.ledger.timers.run_due_steps(began + HOUR)
        decide(asked[0], "bo")
        decide(asked[1], "cy")
        decide(asked[3], "ann", "reject")
        for hours in (4, 8):
            desk.ledger.timers.run_due_steps(began + hours * HOUR)
        recorded = record_file(desk.ledger, NB)
        assert recorded is not None
        assert recorded.clock == began.replace(microsecond=0)
        assert recorded.requesters == (requesters.os_user(),)
        lines = [msgspec.json.decode(decision_file.format_entry(entry)) for entry in recorded.decisions]
        assert [(line["title"][-1], line.get("action") or [v["as"] for v in line["votes"]]) for line in lines] == [
            ("0", "wait"),
            ("0", ["bo"]),
            ("1", ["dee", "cy"]),
            *[("2", "wait")] * 3,
            ("3", "reject"),
        ]

        other = desk.elsewhere()
        document = decision_file.json.loads(decision_file.format_document(recorded))
        again = other.write(*document.pop("decisions"), **document)
        asked_again = other.ask(*made_under)
        again.answer_proposals(other.ledger, asked_again)
        assert [outcome(p) for p in desk.now(*asked)] == [
            ("approve", "person", "bo"),
            ("approve", "person", "cy"),
            ("reject", "deadline", "deadline"),
            ("reject", "person", "ann"),
        ]
        assert [outcome(p) for p in other.now(*asked_again)] == [
            ("approve", "script", "bo"),
            ("approve", "script", "cy"),
            ("reject", "deadline", "deadline"),
            ("reject", "script", "a.decisions.json"),
        ]

    def test_one_person_of_anyone_needs_no_name(self, desk: Desk) -> None:
        anyone = terms("1 of anyone", timeline=("1h remind",))
        recorded = self.replay(
            desk, anyone, None, entries=[{"action": "wait"}, {"action": "reject"}, {"action": "approve"}]
        )
        assert [entry.action for entry in recorded.decisions] == ["wait", "approve", "reject"]


def votes_of(p: Proposal) -> list[tuple[Any, ...]]:
    return [(v.reviewer, v.action, v.value_sha256, v.seat, v.reason) for v in p.votes]


def test_an_edit_that_the_policy_blocks_is_refused(desk: Desk) -> None:
    document = read_policy_mapping(
        {"version": 1, "rule": [{"id": "embargo", "when": 'value.to == "XX"', "do": "block"}]}
    )
    policy = merge_documents([document])
    assert policy is not None
    made_under = Terms(policy=policy.sha256, rules=("big",))
    [p] = desk.ask(made_under, value={"to": "DE"}, policy=policy)
    edit = {"action": "edit", "value": {"to": "XX"}}
    for entry in (edit, {"votes": [{"as": "bo", **edit}]}):
        with pytest.raises(hitl.HitlError, match=r"a\.decisions\.json: .*the policy blocks this value \(embargo\)"):
            desk.write(entry).answer_proposals(desk.ledger, [p])
    assert outcome(desk.now(p)[0]) == ("open",)
