"""The times of a decision are proven from the log: what was changed in the store before is not used, nor verified."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from hitl_nb import settings
from hitl_nb.errors import NotAReviewer, StoreCorrupt, Untrusted
from hitl_nb.ledger.decisions.decisions import SubmittedDecision
from hitl_nb.ledger.decisions.signatures import (
    ReviewerAttestation,
    SigningKey,
)
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.ledger.open.notice_sending import RETRY_DELAYS
from hitl_nb.ledger.rows import requesters
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Office, Proposal, Question, Snapshot
from hitl_nb.storage.memory import MemoryStore
from tests.policies.casework import T0, at, terms

LAST = ("1h remind", "4h escalate lea", "8h approve")


@pytest.fixture(autouse=True)
def at_t0(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
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


class Attacked:
    """A store with one question, and somebody who writes to the store as they like."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ledger = Ledger(MemoryStore())
        self._monkeypatch = monkeypatch
        self.id = ""

    def ask(self, *timeline: str, need: str = "1 of bo", working: bool = False, **more: Any) -> None:
        made = terms(need, timeline=timeline, **more)
        steps = tuple(msgspec.structs.replace(step, working=working) for step in made.timeline)
        made = msgspec.structs.replace(made, policy="", timeline=steps)
        plan = Plan("ask", ("r",), (), made, ("approve", "edit", "reject"))
        _, claim = self.ledger.runs.open(agent="refunds", notebook="/n.ipynb")
        question = Question(title="Refund", kind="json", value=40, position="0")
        [p] = self.ledger.runs.pause(claim, Snapshot(envelope=b"s"), [question], plans=[plan]).proposals
        self.id = p.id

    @property
    def p(self) -> Proposal:
        return self.ledger.proposals.load(self.id)

    def forge(self, **fields: Any) -> None:
        def work(tx: Any) -> None:
            p = rows.load_proposal(tx, self.id)
            assert p is not None
            rows.put_proposal(tx, msgspec.structs.replace(p, **fields))

        self.ledger.store.transact(work)

    def tick(self, when: str) -> None:
        self._monkeypatch.setenv(settings.CLOCK.name, at(when).isoformat())
        self.ledger.timers.run_due_steps()

    def vote(self, user: str, action: Any = "approve", attest: ReviewerAttestation | None = None) -> None:
        self.ledger.proposals.submit_decision(
            self.id, SubmittedDecision(action=action, reviewer=user, attest=attest or signer(user))
        )

    def check_refused(self) -> str:
        """Why neither the run nor `--verify` takes it."""
        assert self.p.decision is not None
        with pytest.raises((StoreCorrupt, Untrusted)) as wrong:
            self.ledger.proposals.list_of_run(self.p.run)
        found = self.ledger.audit.verify()
        assert (found.ok, [one.record for one in found.differs]) == (False, [f"proposal/{self.id}"])
        assert found.problem == str(wrong.value)
        return found.problem or ""

    def sound(self) -> str:
        found = self.ledger.audit.verify()
        assert found.ok, found.problem
        [p] = self.ledger.proposals.list_of_run(self.p.run)
        assert p.decision is not None
        return f"{p.decision.action} by {p.decision.reviewer}"


def signer(user: str) -> ReviewerAttestation:
    return ReviewerAttestation(SigningKey.of_this_user(), user.title(), "login", "A0", "page")


@pytest.fixture
def attacked_store(monkeypatch: pytest.MonkeyPatch) -> Attacked:
    return Attacked(monkeypatch)


@pytest.mark.parametrize(
    ("forged", "says"),
    [
        ({"shift": -3600.0}, "its timeline is 0 s late, not -3600 s"),
        ({"created_at": T0 - timedelta(hours=1)}, "it was asked at"),
    ],
)
def test_an_approval_by_the_clock_before_its_time_is_not_used(
    attacked_store: Attacked, forged: dict[str, Any], says: str
) -> None:
    attacked_store.ask("1h approve", need="1 of anyone")
    attacked_store.forge(**forged)
    attacked_store.tick("0:00")
    assert says in attacked_store.check_refused()


def test_a_forged_asked_at_is_not_used(attacked_store: Attacked) -> None:
    """As if a decisions file answered: its clock is another one."""
    attacked_store.ask("1h approve", need="1 of anyone")
    attacked_store.forge(asked_at=T0 - timedelta(hours=1))
    clock.replace_clock(lambda: T0)
    try:
        attacked_store.ledger.timers.run_due_steps_of(attacked_store.id)
    finally:
        clock.replace_clock(None)
    assert "no decisions file answered it" in attacked_store.check_refused()


def test_a_step_that_was_skipped_is_noticed(attacked_store: Attacked) -> None:
    attacked_store.ask(*LAST, need="1 of anyone")
    attacked_store.forge(step=2)
    attacked_store.tick("8:00")
    assert "0 steps of its timeline were taken, not 2" in attacked_store.check_refused()


def test_a_step_that_was_skipped_is_noticed_once_others_were_taken(attacked_store: Attacked) -> None:
    attacked_store.ask(*LAST, need="1 of anyone")
    attacked_store.forge(step=1)
    attacked_store.tick("4:00")
    attacked_store.tick("8:00")
    assert "step 1 of its timeline was skipped" in attacked_store.check_refused()


def test_a_reminder_before_its_time_is_noticed(attacked_store: Attacked) -> None:
    attacked_store.ask(*LAST, need="1 of anyone")
    attacked_store.forge(shift=-3600.0)
    attacked_store.tick("0:00")
    attacked_store.forge(shift=0.0)
    for when in ("4:00", "8:00"):
        attacked_store.tick(when)
    assert "step 1 of its timeline was due at" in attacked_store.check_refused()


def test_a_forged_deadline_is_noticed(attacked_store: Attacked) -> None:
    """It is what people were shown."""
    attacked_store.ask("8h reject")
    attacked_store.forge(deadline=at("2:00"))
    attacked_store.vote("bo")
    assert "it had another deadline" in attacked_store.check_refused()


def test_a_decision_after_a_deadline_that_was_put_off_is_not_used(attacked_store: Attacked) -> None:
    attacked_store.ask("1h reject")
    attacked_store.forge(shift=7200.0)
    attacked_store.tick("2:00")
    attacked_store.vote("bo")
    assert "came before the vote" in attacked_store.check_refused()


@pytest.mark.parametrize("forged", [at("0:05"), None])
def test_an_approval_that_could_not_be_taken_back_long_enough_is_not_used(
    attacked_store: Attacked, forged: Any
) -> None:
    attacked_store.ask("5m approve" if forged is None else "8h reject", need="1 of anyone", undo=3600.0)
    attacked_store.vote("bo")
    attacked_store.forge(settles_at=forged)
    attacked_store.tick("0:05")
    says = "it was due at" if forged else "its timeline waited as long as"
    assert says in attacked_store.check_refused()


def test_a_decision_is_not_fresh_for_longer_than_its_terms_say(attacked_store: Attacked) -> None:
    attacked_store.ask("8h reject", fresh=60.0)
    attacked_store.vote("bo")
    made = attacked_store.p.decision
    assert made is not None
    assert attacked_store.sound() == "approve by bo"
    attacked_store.forge(decision=msgspec.structs.replace(made, valid_until=at("9:00")))
    with pytest.raises(StoreCorrupt, match="until another time"):
        attacked_store.ledger.proposals.list_of_run(attacked_store.p.run)


def test_a_machine_that_slept_is_believed(attacked_store: Attacked) -> None:
    attacked_store.ask(*LAST, need="1 of anyone")
    for when in ("72:00", "75:00", "80:00"):
        attacked_store.tick(when)
    assert attacked_store.p.decision is not None
    assert (attacked_store.p.step, attacked_store.p.shift) == (2, 71 * 3600)
    assert attacked_store.sound() == "approve by deadline"


def test_working_hours_are_believed(attacked_store: Attacked) -> None:
    attacked_store.ask("2h remind", "4h escalate lea", "6h reject", working=True, office=Office())
    for hours in (70, 100, 200, 300):
        attacked_store.tick(f"{hours}:00")
    assert attacked_store.sound() == "reject by deadline"


def test_what_was_taken_back_and_approved_late_is_believed(attacked_store: Attacked) -> None:
    attacked_store.ask(*LAST, need="1 of bo", undo=3600.0)
    attacked_store.tick("1:30")
    attacked_store.vote("bo")
    attacked_store.tick("2:00")
    attacked_store.ledger.proposals.undo_approval(attacked_store.id, reviewer="bo", attestation=signer("bo"))
    attacked_store.tick("5:00")
    attacked_store.vote("lea")
    attacked_store.tick("7:00")
    assert attacked_store.sound() == "approve by lea"


def test_terms_that_were_renewed_are_believed(attacked_store: Attacked) -> None:
    attacked_store.ask(*LAST)
    attacked_store.tick("2:00")
    for hours, timeline in ((3, ("1h remind", "2h reject")), (4, ("1h remind", "2h reject"))):
        renewed = msgspec.structs.replace(terms(f"1 of bo, {hours}", timeline=timeline), policy="")
        attacked_store.tick(f"{hours}:00")
        attacked_store.ledger.policies.renew_terms(attacked_store.p, renewed, policy=None, actor="ada", why="files")
    for when in ("4:00", "5:00"):
        attacked_store.tick(when)
    assert attacked_store.sound() == "reject by deadline"


def test_an_escalation_since_nobody_could_be_told_is_believed(attacked_store: Attacked) -> None:
    attacked_store.ask(*LAST, need="1 of anyone")
    when = T0
    for wait in (*RETRY_DELAYS, timedelta(0)):
        notice = attacked_store.ledger.notices.take_first(when, sender="s")
        assert notice is not None
        attacked_store.ledger.notices.fail(notice, when, services=["0:json"], actor="s")
        when += wait
    assert attacked_store.p.step == 2
    attacked_store.tick("8:00")
    assert attacked_store.sound() == "approve by deadline"


# What is enough since others may decide


@pytest.mark.parametrize("undo", [None, 3600.0])
def test_an_escalation_that_makes_the_votes_enough_completes_them(
    attacked_store: Attacked, monkeypatch: pytest.MonkeyPatch, undo: float | None
) -> None:
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    attacked_store.ask("4h escalate bo", "8h reject", need="2 of bo, cy", undo=undo)
    attacked_store.vote("bo")
    needs = msgspec.structs.replace(terms("1 of bo", "1 of dan", timeline=("4h escalate bo", "8h reject")), policy="")
    needs = msgspec.structs.replace(needs, undo=undo)
    attacked_store.ledger.policies.renew_terms(attacked_store.p, needs, policy=None, actor="ada", why="files")
    assert attacked_store.p.status == "open"
    attacked_store.tick("4:00")
    assert (attacked_store.p.settles_at is None) == (undo is None)
    attacked_store.tick("5:00")
    assert attacked_store.sound() == "approve by bo"


def test_votes_that_are_enough_under_other_terms_decide(
    attacked_store: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    attacked_store.ask("8h reject", need="3 of bo, cy, dan")
    attacked_store.vote("cy")
    attacked_store.vote("bo")
    renewed = msgspec.structs.replace(terms("2 of bo, cy", timeline=("8h reject",)), policy="")
    assert (
        attacked_store.ledger.policies.renew_terms(
            attacked_store.p, renewed, policy=None, actor="ada", why="files"
        ).status
        == "decided"
    )
    assert attacked_store.ledger.runs.load(attacked_store.p.run).status == "ready"
    assert attacked_store.sound() == "approve by bo"


# What was taken back


def test_a_vote_that_was_removed_is_missed(attacked_store: Attacked) -> None:
    """Under "blind" one rejection is enough: it must not vanish."""
    attacked_store.ask(need="2 of bo, cy, dan", blind=True)
    attacked_store.vote("bo", "reject")
    attacked_store.forge(votes=())
    attacked_store.vote("cy")
    attacked_store.vote("dan")
    assert "the vote of bo is missing" in attacked_store.check_refused()


def test_where_only_signed_decisions_count_so_do_withdrawals(
    attacked_store: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    attacked_store.ask(need="1 of bo, cy", undo=3600.0)
    attacked_store.vote("bo")
    attacked_store.ledger.proposals.undo_approval(
        attacked_store.id, reviewer="bo"
    )  # by a process that says that it is bo
    attacked_store.vote("cy")
    attacked_store.tick("1:00")
    assert attacked_store.sound() == "approve by cy"
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    assert "bo took back their vote" in attacked_store.check_refused()


def test_a_signed_withdrawal_counts(attacked_store: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    attacked_store.ask(need="1 of bo, cy", undo=3600.0)
    attacked_store.vote("bo")
    with pytest.raises(NotAReviewer, match="take it back in JupyterLab"):
        attacked_store.ledger.proposals.undo_approval(attacked_store.id, reviewer="bo")
    attacked_store.ledger.proposals.undo_approval(attacked_store.id, reviewer="bo", attestation=signer("bo"))
    attacked_store.vote("cy")
    attacked_store.tick("1:00")
    assert attacked_store.sound() == "approve by cy"
