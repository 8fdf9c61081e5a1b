"""A decision that says "the draft is as I saw it" is refused if the draft is edited before the decision is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from office import Office

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import StaleDraft
from hitl_nb.records import Proposal
from hitl_nb.server.calls import proposals
from hitl_nb.server.messages import request_schemas as bodies


def open_draft(office: Office, p: Proposal) -> Draft:
    return Draft.for_proposal(office.ledger.store, p)


def decide_together(office: Office, *found: Proposal) -> list[str]:
    shown = [bodies.ProposalVersion(id=p.id, revision=p.revision, fingerprint=p.fingerprint) for p in found]
    body = bodies.BulkDecisionRequest(action="approve", proposals=shown, drafted=True)
    return [p.status for p in proposals.decide_many(office.make_request("bo", body=body)).proposals]


def before_storing(office: Office, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any]) -> None:
    """Let something happen once, after the checks of the next decision and before it is stored."""
    transact = office.ledger.store.transact

    def transact_once(work: Any, *args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(office.ledger.store, "transact", transact)
        happens()
        return transact(work, *args, **kwargs)

    monkeypatch.setattr(office.ledger.timers, "run_due_steps_quietly", lambda: None)
    monkeypatch.setattr(office.ledger.store, "transact", transact_once)


def test_none_of_several_is_approved_if_a_draft_is_edited_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = office.propose("Dear Ann", "Dear Bo")
    before_storing(office, monkeypatch, lambda: open_draft(office, second).write_value("Dearest Bo", "cy"))
    with pytest.raises(StaleDraft) as stale:
        decide_together(office, first, second)
    assert getattr(stale.value, "difference", {}).keys() == {"draft"}
    assert {office.ledger.proposals.load(p.id).status for p in (first, second)} == {"open"}
    assert open_draft(office, second).read_value() == "Dearest Bo"


@pytest.mark.parametrize(("action", "value"), [("approve", None), ("edit", "Dear Anna")])
def test_one_is_not_decided_if_its_draft_is_edited_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch, action: str, value: Any
) -> None:
    (p,) = office.propose("Dear Ann")
    if value is not None:
        open_draft(office, p).write_value(value, "bo")
    before_storing(office, monkeypatch, lambda: open_draft(office, p).write_value("Dear Annabel", "cy"))
    with pytest.raises(StaleDraft):
        office.decide("bo", p, action, value=value, drafted=True)
    assert office.ledger.proposals.load(p.id).status == "open"


def test_a_person_who_only_opens_the_draft_prevents_no_decision(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = office.propose("Dear Ann", "Dear Bo", "Dear Cy")
    before_storing(office, monkeypatch, open_draft(office, second).write_initial)
    assert decide_together(office, first, second) == ["decided", "decided"]
    before_storing(office, monkeypatch, open_draft(office, third).write_initial)
    assert office.decide("bo", third, drafted=True).status == "decided"
