"""A question whether an effect happened, under terms: people answer it, together; the clock never does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb import settings
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation, SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Doubt, Proposal, Question, Snapshot
from hitl_nb.storage.memory import MemoryStore
from tests.policies.casework import T0, terms

DOUBT = Doubt(call="pay(12)", step="pay", arguments={}, began=T0, noticed=T0, died=True, idempotency_key="k")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(judged, "now", lambda: T0)
    monkeypatch.setenv(settings.CLOCK.name, T0.isoformat())
    return Ledger(MemoryStore())


def ask_question(ledger: Ledger, *needs: str, **more: Any) -> Proposal:
    _, claim = ledger.runs.open(agent="refunds", notebook="/n.ipynb")
    plan = Plan("ask", ("r",), (), msgspec.structs.replace(terms(*needs, **more), policy=""), ("edit", "reject"))
    question = Question(title="Did it happen?", kind="json", value={}, allow=("edit",), doubt=DOUBT)
    return ledger.runs.pause(claim, Snapshot(envelope=b""), [question], plans=[plan]).proposals[0]


def answer(ledger: Ledger, p: Proposal, user: str, happened: Any) -> Proposal:
    attest = ReviewerAttestation(SigningKey.of_this_user(), user, "login", "A0")
    return ledger.proposals.decide(p.id, "edit", value={"happened": happened}, reviewer=user, attestation=attest)


@pytest.mark.parametrize(("happened", "status"), [(False, "ready"), ("stop", "cancelled")])
def test_two_people_answer_the_same(ledger: Ledger, happened: Any, status: str) -> None:
    p = ask_question(ledger, "2 of bo, cy")
    assert answer(ledger, p, "bo", happened).status == "open"
    assert ledger.runs.load(p.run).status == "waiting"
    assert answer(ledger, p, "cy", happened).status == "decided"
    assert ledger.runs.load(p.run).status == status
    assert ledger.audit.verify().ok


def test_what_is_no_answer_is_refused_and_nothing_is_recorded(ledger: Ledger) -> None:
    p = ask_question(ledger, "1 of bo")
    head = ledger.audit.newest_event_number()
    with pytest.raises(ValueError, match="say what happened"):
        answer(ledger, p, "bo", "perhaps")
    assert ledger.audit.newest_event_number() == head


def test_an_answer_that_settles_stops_the_run_when_it_is_the_decision(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = ask_question(ledger, "1 of bo", undo=30.0)
    answer(ledger, p, "bo", "stop")
    assert ledger.runs.load(p.run).status == "waiting"
    monkeypatch.setenv(settings.CLOCK.name, (T0 + timedelta(seconds=30)).isoformat())
    ledger.timers.run_due_steps()
    assert ledger.runs.load(p.run).status == "cancelled"
    assert ledger.audit.verify().ok


@pytest.mark.parametrize("last", ["reject", "approve"])
def test_the_clock_never_says_what_happened(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    p = ask_question(ledger, "1 of bo", timeline=(f"1h {last}",))
    monkeypatch.setenv(settings.CLOCK.name, (T0 + timedelta(hours=1)).isoformat())
    ledger.timers.run_due_steps()
    p = ledger.proposals.load(p.id)
    assert (p.status, p.overdue) == ("open", True)
    assert answer(ledger, p, "bo", False).status == "decided"
