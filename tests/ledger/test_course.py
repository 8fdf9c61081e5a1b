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
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import requesters
from hitl_nb.ledger.rows import store_clock as clock
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
        _, claim = self.ledger.open_run(agent="refunds", notebook="/n.ipynb")
        question = Question(title="Refund", kind="json", value=40, position="0")
        [p] = self.ledger.pause_run(claim, Snapshot(envelope=b"s"), [question], plans=[plan])[1]
        self.id = p.id

    @property
    def p(self) -> Proposal:
        return self.ledger.load_proposal(self.id)

    def forge(self, **fields: Any) -> None:
        def work(tx: Any) -> None:
            p = rows.load_proposal(tx, self.id)
            assert p is not None
            rows.put_proposal(tx, msgspec.structs.replace(p, **fields))

        self.ledger.store.transact(work)

    def tick(self, when: str) -> None:
        self._monkeypatch.setenv(settings.CLOCK.name, at(when).isoformat())
        self.ledger.run_due_steps()

    def vote(self, user: str, action: Any = "approve", attest: ReviewerAttestation | None = None) -> None:
        self.ledger.submit_decision(
            self.id, SubmittedDecision(action=action, reviewer=user, attest=attest or signer(user))
        )

    def refused(self) -> str:
        """Why neither the run nor `--verify` takes it."""
        assert self.p.decision is not None
        with pytest.raises((StoreCorrupt, Untrusted)) as wrong:
            self.ledger.list_proposals(self.p.run)
        found = self.ledger.verify()
        assert (found.ok, [one.record for one in found.differs]) == (False, [f"proposal/{self.id}"])
        assert found.problem == str(wrong.value)
        return found.problem or ""

    def sound(self) -> str:
        found = self.ledger.verify()
        assert found.ok, found.problem
        [p] = self.ledger.list_proposals(self.p.run)
        assert p.decision is not None
        return f"{p.decision.action} by {p.decision.reviewer}"


def signer(user: str) -> ReviewerAttestation:
    return ReviewerAttestation(SigningKey.of_this_user(), user.title(), "login", "A0", "page")


@pytest.fixture
def attacked(monkeypatch: pytest.MonkeyPatch) -> Attacked:
    return Attacked(monkeypatch)


@pytest.mark.parametrize(
    ("forged", "says"),
    [
        ({"shift": -3600.0}, "its timeline is 0 s late, not -3600 s"),
        ({"created_at": T0 - timedelta(hours=1)}, "it was asked at"),
    ],
)
def test_an_approval_by_the_clock_before_its_time_is_not_used(
    attacked: Attacked, forged: dict[str, Any], says: str
) -> None:
    attacked.ask("1h approve", need="1 of anyone")
    attacked.forge(**forged)
    attacked.tick("0:00")
    assert says in attacked.refused()


def test_a_forged_asked_at_is_not_used(attacked: Attacked) -> None:
    """As if a decisions file answered: its clock is another one."""
    attacked.ask("1h approve", need="1 of anyone")
    attacked.forge(asked_at=T0 - timedelta(hours=1))
    clock.replace_clock(lambda: T0)
    try:
        attacked.ledger.run_due_steps_of(attacked.id)
    finally:
        clock.replace_clock(None)
    assert "no decisions file answered it" in attacked.refused()


def test_a_step_that_was_skipped_is_noticed(attacked: Attacked) -> None:
    attacked.ask(*LAST, need="1 of anyone")
    attacked.forge(step=2)
    attacked.tick("8:00")
    assert "0 steps of its timeline were taken, not 2" in attacked.refused()


def test_a_step_that_was_skipped_is_noticed_once_others_were_taken(attacked: Attacked) -> None:
    attacked.ask(*LAST, need="1 of anyone")
    attacked.forge(step=1)
    attacked.tick("4:00")
    attacked.tick("8:00")
    assert "step 1 of its timeline was skipped" in attacked.refused()


def test_a_reminder_before_its_time_is_noticed(attacked: Attacked) -> None:
    attacked.ask(*LAST, need="1 of anyone")
    attacked.forge(shift=-3600.0)
    attacked.tick("0:00")
    attacked.forge(shift=0.0)
    for when in ("4:00", "8:00"):
        attacked.tick(when)
    assert "step 1 of its timeline was due at" in attacked.refused()


def test_a_forged_deadline_is_noticed(attacked: Attacked) -> None:
    """It is what people were shown."""
    attacked.ask("8h reject")
    attacked.forge(deadline=at("2:00"))
    attacked.vote("bo")
    assert "it had another deadline" in attacked.refused()


def test_a_decision_after_a_deadline_that_was_put_off_is_not_used(attacked: Attacked) -> None:
    attacked.ask("1h reject")
    attacked.forge(shift=7200.0)
    attacked.tick("2:00")
    attacked.vote("bo")
    assert "came before the vote" in attacked.refused()


@pytest.mark.parametrize("forged", [at("0:05"), None])
def test_an_approval_that_could_not_be_taken_back_long_enough_is_not_used(attacked: Attacked, forged: Any) -> None:
    attacked.ask("5m approve" if forged is None else "8h reject", need="1 of anyone", undo=3600.0)
    attacked.vote("bo")
    attacked.forge(settles_at=forged)
    attacked.tick("0:05")
    says = "it was due at" if forged else "its timeline waited as long as"
    assert says in attacked.refused()


def test_a_decision_is_not_fresh_for_longer_than_its_terms_say(attacked: Attacked) -> None:
    attacked.ask("8h reject", fresh=60.0)
    attacked.vote("bo")
    made = attacked.p.decision
    assert made is not None
    assert attacked.sound() == "approve by bo"
    attacked.forge(decision=msgspec.structs.replace(made, valid_until=at("9:00")))
    with pytest.raises(StoreCorrupt, match="until another time"):
        attacked.ledger.list_proposals(attacked.p.run)


def test_a_machine_that_slept_is_believed(attacked: Attacked) -> None:
    attacked.ask(*LAST, need="1 of anyone")
    for when in ("72:00", "75:00", "80:00"):
        attacked.tick(when)
    assert attacked.p.decision is not None
    assert (attacked.p.step, attacked.p.shift) == (2, 71 * 3600)
    assert attacked.sound() == "approve by deadline"


def test_working_hours_are_believed(attacked: Attacked) -> None:
    attacked.ask("2h remind", "4h escalate lea", "6h reject", working=True, office=Office())
    for hours in (70, 100, 200, 300):
        attacked.tick(f"{hours}:00")
    assert attacked.sound() == "reject by deadline"


def test_what_was_taken_back_and_approved_late_is_believed(attacked: Attacked) -> None:
    attacked.ask(*LAST, need="1 of bo", undo=3600.0)
    attacked.tick("1:30")
    attacked.vote("bo")
    attacked.tick("2:00")
    attacked.ledger.undo_approval(attacked.id, reviewer="bo", attestation=signer("bo"))
    attacked.tick("5:00")
    attacked.vote("lea")
    attacked.tick("7:00")
    assert attacked.sound() == "approve by lea"


def test_terms_that_were_renewed_are_believed(attacked: Attacked) -> None:
    attacked.ask(*LAST)
    attacked.tick("2:00")
    for hours, timeline in ((3, ("1h remind", "2h reject")), (4, ("1h remind", "2h reject"))):
        renewed = msgspec.structs.replace(terms(f"1 of bo, {hours}", timeline=timeline), policy="")
        attacked.tick(f"{hours}:00")
        attacked.ledger.renew_terms(attacked.p, renewed, policy=None, actor="ada", why="files")
    for when in ("4:00", "5:00"):
        attacked.tick(when)
    assert attacked.sound() == "reject by deadline"


def test_an_escalation_since_nobody_could_be_told_is_believed(attacked: Attacked) -> None:
    attacked.ask(*LAST, need="1 of anyone")
    when = T0
    for wait in (*RETRY_DELAYS, timedelta(0)):
        notice = attacked.ledger.take_notice(when, sender="s")
        assert notice is not None
        attacked.ledger.fail_notice(notice, when, services=["0:json"], actor="s")
        when += wait
    assert attacked.p.step == 2
    attacked.tick("8:00")
    assert attacked.sound() == "approve by deadline"


# What is enough since others may decide


@pytest.mark.parametrize("undo", [None, 3600.0])
def test_an_escalation_that_makes_the_votes_enough_completes_them(
    attacked: Attacked, monkeypatch: pytest.MonkeyPatch, undo: float | None
) -> None:
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    attacked.ask("4h escalate bo", "8h reject", need="2 of bo, cy", undo=undo)
    attacked.vote("bo")
    needs = msgspec.structs.replace(terms("1 of bo", "1 of dan", timeline=("4h escalate bo", "8h reject")), policy="")
    needs = msgspec.structs.replace(needs, undo=undo)
    attacked.ledger.renew_terms(attacked.p, needs, policy=None, actor="ada", why="files")
    assert attacked.p.status == "open"
    attacked.tick("4:00")
    assert (attacked.p.settles_at is None) == (undo is None)
    attacked.tick("5:00")
    assert attacked.sound() == "approve by bo"


def test_votes_that_are_enough_under_other_terms_decide(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    attacked.ask("8h reject", need="3 of bo, cy, dan")
    attacked.vote("cy")
    attacked.vote("bo")
    renewed = msgspec.structs.replace(terms("2 of bo, cy", timeline=("8h reject",)), policy="")
    assert attacked.ledger.renew_terms(attacked.p, renewed, policy=None, actor="ada", why="files").status == "decided"
    assert attacked.ledger.load_run(attacked.p.run).status == "ready"
    assert attacked.sound() == "approve by bo"


# What was taken back


def test_a_vote_that_was_removed_is_missed(attacked: Attacked) -> None:
    """Under "blind" one rejection is enough: it must not vanish."""
    attacked.ask(need="2 of bo, cy, dan", blind=True)
    attacked.vote("bo", "reject")
    attacked.forge(votes=())
    attacked.vote("cy")
    attacked.vote("dan")
    assert "the vote of bo is missing" in attacked.refused()


def test_where_only_signed_decisions_count_so_do_withdrawals(
    attacked: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    attacked.ask(need="1 of bo, cy", undo=3600.0)
    attacked.vote("bo")
    attacked.ledger.undo_approval(attacked.id, reviewer="bo")  # by a process that says that it is bo
    attacked.vote("cy")
    attacked.tick("1:00")
    assert attacked.sound() == "approve by cy"
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    assert "bo took back their vote" in attacked.refused()


def test_a_signed_withdrawal_counts(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.SIGNED_ONLY.name, "1")
    attacked.ask(need="1 of bo, cy", undo=3600.0)
    attacked.vote("bo")
    with pytest.raises(NotAReviewer, match="take it back in JupyterLab"):
        attacked.ledger.undo_approval(attacked.id, reviewer="bo")
    attacked.ledger.undo_approval(attacked.id, reviewer="bo", attestation=signer("bo"))
    attacked.vote("cy")
    attacked.tick("1:00")
    assert attacked.sound() == "approve by cy"
