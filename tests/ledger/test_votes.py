"""Votes through the ledger: what is recorded, what is refused, and that a run uses only what its votes make."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb import settings
from hitl_nb.errors import (
    AlreadyDecided,
    InvalidEdit,
    NotAReviewer,
    OwnRequest,
    StaleDraft,
    StoreCorrupt,
    TooLate,
    Untrusted,
)
from hitl_nb.ledger.decisions.reviewers import format_decider
from hitl_nb.ledger.decisions.signatures import (
    ReviewerAttestation,
    SigningKey,
)
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.ledger.open.due_actions import ProposalTimers
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import requesters
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.policies.documents.documents import read_policy_document
from hitl_nb.policies.documents.merged_policy import merge_documents
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import ACTIONS, Facts, Proposal, Question, Run, Snapshot, Terms
from hitl_nb.storage.memory import MemoryStore
from tests.policies.casework import T0, terms

STATE = Snapshot(envelope=b"state")
TONIGHT = T0 + timedelta(hours=9)
STEPS = ("1h remind", "4h escalate lea", "8h reject")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of its own; what is asked is asked at T0 by ada, and the clock stands still there."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    for name in (
        settings.SERVER_KEY.name,
        settings.SIGNED_ONLY.name,
        settings.SERVER_LOGINS.name,
        settings.HUB_USER.name,
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(requesters, "os_user", lambda: "ada")
    monkeypatch.setattr(judged, "now", lambda: T0)
    monkeypatch.setenv(settings.CLOCK.name, T0.isoformat())
    return tmp_path


class Desk:
    """A store with one run that asks; times are those since it asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ledger = Ledger(MemoryStore())
        self.key = SigningKey.of_this_user()
        self._monkeypatch = monkeypatch
        self.p: Proposal

    def ask(self, made_under: Terms | None, *, value: Any = 40, policy: Any = None, n: int = 1, **more: Any) -> None:
        if made_under is not None:
            made_under = msgspec.structs.replace(made_under, policy=policy.sha256 if policy else "")
        _, claim = self.ledger.runs.open(agent="refunds", notebook="/n.ipynb")
        questions = [Question(title=f"Refund {i}", kind="json", value=value, position=f"0/{i}") for i in range(n)]
        allow = more.pop("allow", ACTIONS)
        plans = [Plan("ask", ("r",), (), made_under, allow) for _ in questions]
        facts = Facts(now=T0)
        _, self.asked = self.ledger.runs.pause(claim, STATE, questions, plans=plans, facts=facts, policy=policy)
        self.p = self.asked[0]

    def at(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        now = T0 + timedelta(hours=hours, minutes=minutes, seconds=seconds)
        self._monkeypatch.setenv(settings.CLOCK.name, now.isoformat())
        return now

    def attest(self, user: str, authn: Any = "login") -> ReviewerAttestation:
        return ReviewerAttestation(self.key, user.title(), authn, "A0", "page")

    def vote(self, user: str, action: Any = "approve", value: Any = None, **more: Any) -> str:
        """What it is then: "recorded", "settling" or "approve by bo"."""
        from hitl_nb.ledger.decisions.decisions import SubmittedDecision

        attest = more.pop("attest", self.attest(user))
        fields = {"action": action, "value": value, "reviewer": user, "attest": attest}
        fields |= {name: more.pop(name) for name in ("by", "as_vote", "reason") if name in more}
        done = self.ledger.proposals.submit_decision(self.p.id, SubmittedDecision(**fields), **more)
        return self.say(done.outcome)

    def say(self, outcome: str) -> str:
        self.p = self.ledger.proposals.load(self.p.id)
        made = self.p.decision
        assert (made is not None) == (outcome == "decided")
        return outcome if made is None else f"{made.action} by {made.reviewer}"

    @property
    def run(self) -> Run:
        return self.ledger.runs.load(self.p.run)

    def check(self) -> Proposal:
        """What the run resumes with, checked; and the whole store."""
        found = self.ledger.audit.verify()
        assert found.ok, found.problem
        return self.ledger.proposals.list_of_run(self.p.run)[0]

    def types(self) -> list[str]:
        return [event.type for event in self.ledger.audit.read_events()]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


# Votes


def test_vector_6_a_requester_does_not_approve_but_rejects(desk: Desk) -> None:
    desk.ask(terms("2 of ada, bo, cy", four_eyes=True))
    events = desk.ledger.audit.newest_event_number()
    with pytest.raises(OwnRequest):
        desk.vote("ada")
    assert (desk.ledger.audit.newest_event_number(), desk.ledger.proposals.load(desk.p.id).votes) == (events, ())
    assert desk.vote("ada", "reject") == "reject by ada"
    desk.check()


def test_vector_7_two_people(desk: Desk) -> None:
    desk.ask(terms("2 of ada, bo, cy", four_eyes=True))
    assert desk.vote("bo") == "recorded"
    assert desk.vote("bo") == "recorded"
    assert (len(desk.p.votes), desk.run.status) == (1, "waiting")
    assert desk.vote("cy") == "approve by cy"
    assert desk.run.status == "ready"
    made = desk.check().decision
    assert made is not None
    assert format_decider(made, desk.ledger.reviewers.identify(desk.p)) == "Cy (cy), logged in"
    assert desk.types()[-3:] == ["vote", "vote", "decision"][-3:]


def test_vector_8_an_edit_then_an_approval_of_it(desk: Desk) -> None:
    desk.ask(terms("2 of bo, cy"))
    seen = desk.p.revision
    desk.vote("bo")
    assert desk.vote("cy", "edit", 41) == "recorded"
    with pytest.raises(StaleDraft):
        desk.vote("bo", revision=seen)
    assert desk.vote("bo", revision=desk.p.revision) == "edit by bo"
    made = desk.check().decision
    assert (made.value, made.reviewer_name, made.signature) == (41, "Bo", desk.p.votes[-1].signature)


def test_vector_9_a_rejection_and_somebody_else(desk: Desk) -> None:
    desk.ask(terms("2 of bo, cy"))
    desk.vote("bo")
    with pytest.raises(NotAReviewer, match="zed may not decide"):
        desk.vote("zed")
    assert desk.vote("cy", "reject", reason="no") == "reject by cy"
    assert desk.check().decision.reason == "no"


def test_vector_10_one_vote_in_two_needs(desk: Desk) -> None:
    desk.ask(terms("1 of ada, bo", "1 of cy, bo"))
    assert desk.vote("bo") == "approve by bo"
    desk.check()


@pytest.mark.parametrize("second", ["cy", "bo"], ids=["vector 11, same seat", "vector 11, another seat"])
def test_vector_11_a_deputy(desk: Desk, second: str) -> None:
    desk.ledger.reviewers.set_away("cy", None, TONIGHT, "dee")
    desk.ask(terms("2 of bo, cy"))
    assert desk.vote("dee") == "recorded"
    desk.at(hours=1)
    desk.ledger.reviewers.set_away("cy", None, None)  # cy is back, and the vote in their place still counts
    assert desk.vote(second) == ("recorded" if second == "cy" else "approve by bo")
    desk.check()


def test_vector_12_a_deputy_with_a_seat(desk: Desk) -> None:
    desk.ledger.reviewers.set_away("cy", None, TONIGHT, "bo")
    desk.ask(terms("2 of bo, cy"))
    assert desk.vote("bo") == "recorded"


def test_vector_13_a_circle(desk: Desk) -> None:
    desk.ledger.reviewers.set_away("ada", None, TONIGHT, "bo")
    desk.ledger.reviewers.set_away("bo", None, TONIGHT, "ada")
    desk.ask(terms("1 of ada"))
    with pytest.raises(NotAReviewer):
        desk.vote("bo")
    assert desk.vote("ada") == "approve by ada"


def test_vector_14_a_deputy_who_asked_for_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requesters, "os_user", lambda: "dee")
    desk.ledger.reviewers.set_away("ada", None, TONIGHT, "dee")
    desk.ask(terms("1 of ada", four_eyes=True))
    with pytest.raises(OwnRequest):
        desk.vote("dee")
    assert desk.vote("ada") == "approve by ada"
    desk.check()


def test_a_reviewer_who_continues_the_run_did_not_ask_for_what_they_decided(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are a requester from then on, and what they decided before is used."""
    desk.ask(terms("1 of bo", four_eyes=True))
    desk.vote("bo")
    monkeypatch.setattr(requesters, "os_user", lambda: "bo")
    assert [p.decision.reviewer for p in desk.ledger.runs.claim_saved(desk.p.run).asked if p.decision] == ["bo"]
    assert "bo" in desk.run.requesters
    desk.check()


# The clock


def test_vector_17_too_late_is_said_and_nothing_is_recorded(desk: Desk) -> None:
    desk.ask(terms("1 of bo", timeline=STEPS))
    for hours in (1, 4):
        desk.at(hours=hours)
        desk.ledger.timers.run_due_steps()
    before = desk.ledger.audit.newest_event_number()
    desk.at(hours=8)
    with pytest.raises(AlreadyDecided, match="the deadline rejected it at 2026-01-05 17:00:00") as late:
        desk.vote("bo")
    assert isinstance(late.value.proposal, Proposal)
    assert late.value.proposal.decision is not None
    assert [event.type for event in desk.ledger.audit.read_events(after=before)] == ["decision"]
    made = desk.check()
    assert (made.votes, made.decision and made.decision.by, made.decision and made.decision.reviewer) == (
        *((), "deadline"),
        "deadline",
    )


def test_vector_17_a_late_vote_and_the_clock_are_one_transaction(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else has looked at the time: the vote itself finds that it is too late."""
    monkeypatch.setattr(ProposalTimers, "run_due_steps_quietly", lambda self: None)
    desk.ask(terms("1 of bo", timeline=("8h reject",)))
    desk.at(hours=7, minutes=59, seconds=59)
    with pytest.raises(NotAReviewer):
        desk.vote("lea")
    desk.at(hours=8)
    with pytest.raises(AlreadyDecided, match="deadline"):
        desk.vote("bo")
    desk.p = desk.ledger.proposals.load(desk.p.id)
    assert (desk.p.status, desk.p.votes, desk.run.status) == ("decided", (), "ready")
    desk.check()


def test_vector_17_many_at_once_are_none_if_one_is_late(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProposalTimers, "run_due_steps_quietly", lambda self: None)
    desk.ask(terms("1 of bo", timeline=("8h reject",)), n=2)
    desk.at(hours=8)
    with pytest.raises(AlreadyDecided, match="deadline"):
        desk.ledger.proposals.decide_many(desk.asked, "approve", reviewer="bo", attestation=desk.attest("bo"))
    assert [p.votes for p in desk.ledger.proposals.list_of_run(desk.p.run)] == [(), ()]
    desk.check()


def test_vector_20_an_approval_is_taken_back_in_time(desk: Desk) -> None:
    desk.ask(terms("1 of bo, cy", undo=30.0))
    assert desk.vote("bo") == "settling"
    assert desk.run.status == "waiting"
    desk.at(seconds=5)
    with pytest.raises(AlreadyDecided, match="settles at"):
        desk.vote("cy")
    desk.at(seconds=29)
    with pytest.raises(NotAReviewer):
        desk.ledger.proposals.undo_approval(desk.p.id, reviewer="cy")
    assert desk.ledger.proposals.undo_approval(desk.p.id, reviewer="bo").outcome == "recorded"
    assert desk.ledger.proposals.load(desk.p.id).votes == ()
    assert desk.types()[-1] == "vote.withdrawn"
    desk.check()


@pytest.mark.parametrize("quiet", [True, False])
def test_vector_20_too_late_to_take_back(desk: Desk, monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    if quiet:
        monkeypatch.setattr(ProposalTimers, "run_due_steps_quietly", lambda self: None)
    desk.ask(terms("1 of bo, cy", undo=30.0))
    desk.vote("bo")
    desk.at(seconds=30)
    with pytest.raises(TooLate):
        desk.ledger.proposals.undo_approval(desk.p.id, reviewer="bo")
    assert desk.say("decided") == "approve by bo"
    made = desk.check().decision
    assert made is not None
    assert (made.by, desk.ledger.reviewers.identify(desk.p)) == (
        "person",
        "login",
    )  # settled without a server, as was voted


def test_vector_20_a_rejection_while_it_settles(desk: Desk) -> None:
    desk.ask(terms("1 of bo, cy", undo=30.0))
    desk.vote("bo")
    desk.at(seconds=5)
    assert desk.vote("cy", "reject") == "reject by cy"
    desk.check()


# Blind, and edits


def test_vector_34_blind(desk: Desk) -> None:
    desk.ask(terms("2 of bo, cy", blind=True))
    assert desk.vote("bo", "reject") == "recorded"
    assert desk.vote("cy") == "reject by bo"
    assert desk.ledger.reviewers.identify(desk.p) == "login"
    desk.check()


def test_vector_34_votes_that_differ_are_shown(desk: Desk) -> None:
    desk.ask(terms("2 of bo, cy", blind=True))
    desk.vote("bo")
    assert (desk.vote("cy", "edit", 41), desk.p.candidate) == ("recorded", 41)
    assert desk.vote("bo") == "edit by bo"
    desk.check()


POLICY = """
version = 1
[groups]
support = ["sam"]
finance = ["fin"]
[[rule]]
id = "small"
kind = "json"
when = 'value <= 50'
do = "ask"
needs = ["1 of @support"]
[[rule]]
id = "big"
kind = "json"
when = 'value > 100'
do = "ask"
needs = ["1 of @finance"]
[[rule]]
id = "never"
kind = "json"
when = 'value > 1000'
do = "block"
"""


def test_vector_35_an_edit_is_judged_again(desk: Desk) -> None:
    policy = merge_documents([read_policy_document(POLICY, "hitl-policy.toml")])
    desk.ask(terms("1 of sam"), policy=policy)
    head = desk.ledger.audit.newest_event_number()
    with pytest.raises(InvalidEdit, match=r"the policy blocks this value \(never\)"):
        desk.vote("sam", "edit", 4000)
    assert desk.ledger.audit.newest_event_number() == head
    assert desk.vote("sam", "edit", 400) == "recorded"
    assert desk.types()[-2:] == ["vote", "terms.changed"]
    assert [need.people for need in desk.p.terms.needs] == [("sam",), ("fin",)]
    assert desk.vote("fin") == "edit by fin"
    assert desk.check().decision.value == 400


# Who is known


def test_a_vote_without_a_login_is_refused_with_the_way_to_log_in(desk: Desk) -> None:
    desk.ask(terms("1 of bo"))
    head = desk.ledger.audit.newest_event_number()
    for attest in (None, desk.attest("bo", "token")):
        with pytest.raises(NotAReviewer, match=f"decide at hitl_nb/review/{desk.p.id}"):
            desk.vote("bo", attest=attest)
    assert desk.ledger.audit.newest_event_number() == head


def test_local_takes_the_os_users_word(desk: Desk) -> None:
    desk.ask(terms("1 of ada", identity="local"))
    assert desk.vote("ada", attest=None) == "approve by ada"
    assert desk.ledger.reviewers.identify(desk.check()) == "unsigned"


def test_a_decisions_file_votes_as_people_and_never_reads_like_them(desk: Desk) -> None:
    desk.ask(terms("2 of bo, cy"))
    assert desk.vote("bo", by="script", as_vote=True, attest=None) == "recorded"
    assert desk.vote("cy", by="script", as_vote=True, attest=None) == "approve by cy"
    assert (desk.p.decision.by, desk.ledger.reviewers.identify(desk.check())) == ("script", "script")
    desk.ask(terms("2 of bo, cy"))
    assert desk.vote("decisions.json", by="script", attest=None) == "approve by decisions.json"
    desk.check()


# Bad input


@pytest.mark.parametrize(
    ("user", "action", "value", "error"),
    [
        ("zed", "approve", None, NotAReviewer),
        ("ada", "approve", None, OwnRequest),
        ("bo", "respond", "hm", ValueError),
        ("bo", "approve", "x", ValueError),
        ("", "approve", None, ValueError),
    ],
)
def test_what_is_refused_leaves_nothing(desk: Desk, user: str, action: Any, value: Any, error: Any) -> None:
    desk.ask(terms("1 of ada, bo", four_eyes=True), allow=("approve", "edit", "reject"))
    head, before = desk.ledger.audit.newest_event_number(), desk.ledger.proposals.load(desk.p.id)
    with pytest.raises(error):
        desk.vote(user, action, value)
    assert (desk.ledger.audit.newest_event_number(), desk.ledger.proposals.load(desk.p.id)) == (head, before)


def test_more_than_the_batch_are_refused_together(desk: Desk) -> None:
    desk.ask(terms("1 of bo", batch=2), n=3)
    with pytest.raises(ValueError, match="is decided with at most 1 others at once"):
        desk.ledger.proposals.decide_many(desk.asked, "approve", reviewer="bo", attestation=desk.attest("bo"))
    done = desk.ledger.proposals.decide_many(desk.asked[:2], "approve", reviewer="bo", attestation=desk.attest("bo"))
    assert [p.votes[0].batch for p in done] == [2, 2]
    desk.check()


# What a run uses


def change_open(desk: Desk, edit: Any) -> None:
    """Change the open proposal in the store, with its timer."""
    changed = edit(desk.ledger.proposals.load(desk.p.id))
    desk.ledger.store.transact(lambda tx: rows.put_proposal(tx, changed))


def change(desk: Desk, edit: Any) -> None:
    """Change the proposal in the store, with the decision's event made to fit: by somebody who can write all of it."""
    from hitl_nb.ledger.decisions.decisions import decision_event_data

    def work(tx: Any) -> None:
        p = edit(rows.load_proposal(tx, desk.p.id))
        event = chain.read_event(tx, p.decision.event)
        data = decision_event_data(p, p.decision, p.revision - 1)
        tx.put(f"event/{event.n:012d}", msgspec.structs.replace(event, data=data, actor=p.decision.reviewer).json())
        tx.put(f"proposal/{p.id}", p.json())

    desk.ledger.store.transact(work)


def with_fields(record: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(record, **fields)


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        (lambda p: with_fields(p, votes=p.votes[1:]), StoreCorrupt),
        (lambda p: with_fields(p, votes=()), StoreCorrupt),
        (lambda p: with_fields(p, terms=with_fields(p.terms, needs=())), StoreCorrupt),
        (
            lambda p: with_fields(
                p, votes=(with_fields(p.votes[0], reviewer="dan", seat="dan", seats=("dan",)), p.votes[1])
            ),
            Any,
        ),
        (lambda p: with_fields(p, votes=(with_fields(p.votes[0], signature=None), p.votes[1])), StoreCorrupt),
        (lambda p: with_fields(p, votes=(with_fields(p.votes[0], reason="hm"), p.votes[1])), Untrusted),
        (lambda p: with_fields(p, votes=(with_fields(p.votes[0], revision=7), p.votes[1])), Untrusted),
        (lambda p: with_fields(p, decision=with_fields(p.decision, reviewer="bo")), StoreCorrupt),
    ],
)
def test_a_decision_that_its_votes_do_not_make_is_not_used(desk: Desk, edit: Any, error: Any) -> None:
    desk.ask(terms("2 of bo, cy, dan"))
    desk.vote("bo")
    desk.vote("cy")
    desk.check()
    change(desk, edit)
    with pytest.raises((StoreCorrupt, Untrusted) if error is Any else error):
        desk.ledger.proposals.list_of_run(desk.p.run)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda p: with_fields(p, terms=None), "asked under other terms"),
        (lambda p: with_fields(p, terms=with_fields(p.terms, needs=p.terms.needs[:1])), "asked under other terms"),
        (lambda p: with_fields(p, widened=("cy",)), "nobody asked cy as well"),
    ],
)
def test_what_was_changed_before_it_was_decided_is_not_used(desk: Desk, edit: Any, says: str) -> None:
    desk.ask(terms("1 of bo, cy", "1 of dan"))
    change_open(desk, edit)
    assert desk.vote("cy") == "approve by cy"
    with pytest.raises(StoreCorrupt, match=says):
        desk.ledger.proposals.list_of_run(desk.p.run)


@pytest.mark.parametrize(
    ("goes_on", "says"), [("undo", "the vote of bo was taken back"), ("again", "not their newest")]
)
def test_a_vote_from_before_is_not_used_again(desk: Desk, goes_on: str, says: str) -> None:
    desk.ask(terms("1 of bo", undo=30.0) if goes_on == "undo" else terms("2 of bo, cy"))
    desk.vote("bo")
    before = desk.p
    if goes_on == "undo":
        desk.ledger.proposals.undo_approval(desk.p.id, reviewer="bo")
    else:
        desk.vote("bo")
    change_open(desk, lambda p: with_fields(p, votes=before.votes, settles_at=before.settles_at))
    if goes_on == "undo":
        desk.at(minutes=1)
        desk.ledger.timers.run_due_steps()
    else:
        desk.vote("cy")
    with pytest.raises(StoreCorrupt, match=says):
        desk.ledger.proposals.list_of_run(desk.p.run)


def test_each_vote_that_counts_is_signed_where_that_is_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ask(terms("2 of ada, cy", identity="local"))
    desk.vote("ada", attest=None)
    desk.vote("cy")
    desk.check()
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    with pytest.raises(Untrusted, match="the vote of ada"):
        desk.ledger.proposals.list_of_run(desk.p.run)


def test_an_approval_by_the_clock_is_not_used_where_only_signed_decisions_count(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for last, used in (("1h reject", True), ("1h approve", False)):
        desk.ask(terms("1 of anyone", timeline=(last,)))
        desk.at(hours=1)
        desk.ledger.timers.run_due_steps()
        desk.check()
        monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
        if used:
            desk.check()
        else:
            with pytest.raises(Untrusted):
                desk.check()
        monkeypatch.delenv(settings.SIGNED_ONLY.name)
        desk.at()


def test_a_vote_of_another_server_is_not_used(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ask(terms("1 of bo"))
    desk.vote("bo")
    monkeypatch.setenv(settings.SERVER_KEY.name, SigningKey(_other_key()).public)
    assert desk.ledger.reviewers.identify(desk.p) == "unsigned"
    with pytest.raises(Untrusted):
        desk.ledger.proposals.list_of_run(desk.p.run)


def _other_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate()


# Away


def test_who_is_away_is_known_for_every_time(desk: Desk) -> None:
    start, until = desk.at(hours=2), desk.at(hours=6)
    desk.at()
    desk.ledger.reviewers.set_away("bo", start, until, "cy")
    assert desk.ledger.reviewers.list_absentees(desk.at(hours=1)) == {}
    assert desk.ledger.reviewers.list_absentees(desk.at(hours=3)) == {"bo": "cy"}
    desk.ledger.reviewers.set_away("bo", None, until, None)
    assert desk.ledger.reviewers.list_absentees(desk.at(hours=3)) == {"bo": None}
    desk.at(hours=4)
    desk.ledger.reviewers.set_away("bo", None, None)
    assert desk.ledger.reviewers.find_absence("bo") is None
    assert desk.ledger.reviewers.list_absentees(desk.at(hours=5)) == {}
    assert desk.ledger.reviewers.list_absentees(desk.at(hours=3, minutes=30)) == {"bo": None}
    assert desk.types() == ["away.set"] * 3
    assert desk.ledger.audit.verify().ok


@pytest.mark.parametrize(
    ("start", "until", "to"),
    [(None, T0, None), (T0 + timedelta(hours=2), T0 + timedelta(hours=1), None), (None, T0.replace(tzinfo=None), None)]
    + [(None, T0 + timedelta(hours=1), one) for one in ("bo", "", "x" * 201, "@leads", "a\nb", "ada ")],
)
def test_an_absence_that_is_none_is_refused(desk: Desk, start: Any, until: Any, to: Any) -> None:
    with pytest.raises(ValueError, match=r"until|to "):
        desk.ledger.reviewers.set_away("bo", start, until, to)
    assert desk.ledger.audit.newest_event_number() == 0


def test_nobody_may_so_the_fallback_is_asked_at_once(desk: Desk) -> None:
    desk.ledger.reviewers.set_away("bo", None, TONIGHT)
    desk.ask(terms("1 of ada, bo", four_eyes=True, fallback=("lea",)))
    assert desk.types()[-2:] == ["proposal.stuck", "proposal.escalated"]
    assert desk.vote("lea") == "approve by lea"
    desk.check()


def test_who_goes_while_it_waits_is_replaced_at_once(desk: Desk) -> None:
    desk.ask(terms("1 of bo", fallback=("lea",)))
    before = desk.types()
    desk.ledger.reviewers.set_away("bo", None, TONIGHT)
    assert desk.types() == [*before, "away.set", "proposal.stuck", "proposal.escalated"]
    desk.ledger.reviewers.set_away("bo", None, TONIGHT, "dee")
    assert desk.types()[-1] == "away.set"
    assert desk.vote("lea") == "approve by lea"
    desk.check()


def test_what_nobody_can_decide_is_marked_until_somebody_can_again(desk: Desk) -> None:
    desk.ask(terms("1 of bo"))
    desk.ledger.reviewers.set_away("bo", None, TONIGHT)
    assert "nobody can now" in desk.ledger.proposals.load(desk.p.id).stuck
    assert desk.ledger.timers.run_due_steps() == 0
    desk.at(hours=10)
    assert desk.ledger.timers.run_due_steps() == 1
    assert desk.ledger.proposals.load(desk.p.id).stuck == ""
    assert desk.types()[-1] == "proposal.unstuck"
    assert desk.vote("bo") == "approve by bo"
    desk.check()


def test_the_least_busy_is_assigned(desk: Desk) -> None:
    desk.ledger.reviewers.set_away("bo", None, TONIGHT)
    desk.ask(terms("1 of bo, cy, dan, eve", assign=True), n=4)
    assert [p.assignee for p in desk.asked] == ["cy", "dan", "eve", "cy"]
    desk.check()
