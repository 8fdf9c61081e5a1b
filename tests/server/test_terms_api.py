"""What the API tells of proposals that have terms, to whom: by calling the routes' functions, without a server."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from office import STATE, Office, as_described

from hitl_nb.errors import HitlError
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Terms
from hitl_nb.server.calls import people, policies, proposals, runs
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.response_types.errors import ConflictResponse
from hitl_nb.server.messages.response_types.policies import AppliedPolicy, VotingFigures
from hitl_nb.server.messages.response_types.proposals import ProposalRecord
from hitl_nb.server.messages.response_types.review_state import MayDecide
from hitl_nb.server.messages.response_types.runs import TimelineResponse
from tests.indoubt import in_doubt
from tests.policies.casework import terms


def finance(**more: Any) -> Terms:
    return terms("2 of ada, bo, cy", four_eyes=True, **more)


def test_two_people_decide_and_each_is_told_what_is_still_needed(office: Office) -> None:
    (p,) = office.ask(finance())
    shown = office.show("bo", p)
    assert (shown.why, shown.rules) == (("amount is big",), p.terms.rules if p.terms else ())
    assert [(need.have, need.count, need.waiting) for need in shown.needs] == [(0, 2, ["bo", "cy"])]
    assert isinstance(shown.may, MayDecide)
    assert shown.may.decide

    first = office.decide("bo", p)
    assert (first.status, first.needs[0].have, first.needs[0].voted) == ("open", 1, ["bo"])
    assert [(one.reviewer, one.action, one.known, one.counts) for one in first.votes] == [
        ("bo", "approve", "login", True)
    ]
    (row,) = office.list_of("cy")
    assert (row.needs[0].have, row.votes[0].reviewer) == (1, "bo")
    assert office.decide("cy", p).status == "decided"


def test_who_asked_for_it_is_told_why_they_may_not_approve(office: Office) -> None:
    (p,) = office.ask(finance())
    shown = office.show("ada", p)
    assert isinstance(shown.may, MayDecide)
    assert (shown.may.decide, shown.may.actions) == (False, ["reject"])
    assert shown.may.why_not == "You asked for this, so somebody else must approve it: bo or cy"


def test_an_edit_is_what_people_vote_on_then(office: Office) -> None:
    (p,) = office.ask(finance())
    office.decide("bo", p)
    edited = office.decide("cy", p, "edit", value={"amount": 5})
    assert edited.candidate == {"amount": 5}
    assert '+  "amount": 5' in edited.changes
    assert [(one.reviewer, one.counts) for one in edited.votes] == [("bo", False), ("cy", True)]
    assert office.show("bo", p).draft == {"amount": 5}, "who votes next has it in the editor"
    done = office.decide("bo", p, drafted=True)
    assert done.decision is not None
    assert (done.status, done.decision.action, done.decision.value) == ("decided", "edit", {"amount": 5})


def test_hidden_votes_are_not_in_any_answer_to_others(office: Office) -> None:
    (p,) = office.ask(finance(blind=True))
    office.decide("bo", p, "reject", reason="no iban")
    assert [one.reason for one in office.show("bo", p).votes] == ["no iban"]
    for shown in (office.show("cy", p), office.list_of("cy")[0]):
        assert (shown.votes, shown.blind, shown.needs[0].voted) == ([], True, [])
    told = runs.get_timeline(office.make_request("cy", p.run))
    assert "no iban" not in str(told)
    assert [entry.what for entry in told.entries if entry.type == "vote"] == ["a hidden vote: Refund 0"]


def test_a_hidden_vote_that_is_taken_back_stays_hidden(office: Office) -> None:
    (p,) = office.ask(finance(blind=True))
    office.decide("bo", p, "reject", reason="no iban")
    office.ledger.proposals.undo_approval(p.id, reviewer="bo")
    told = runs.get_timeline(office.make_request("cy", p.run))
    votes = [entry for entry in told.entries if entry.type == "vote"]
    assert [(entry.what, entry.actor, entry.detail) for entry in votes] == [
        ("a hidden vote: Refund 0", "", {}),
        ("a hidden vote taken back: Refund 0", "", {}),
    ]


def test_the_timeline_says_in_sentences_what_people_the_clock_and_policies_did(office: Office) -> None:
    late = terms("2 of ada, bo, cy", timeline=("1h escalate lea", "2h reject"), undo=30.0)
    (p,) = office.ask(late)
    asked_at = p.created_at
    office.decide("bo", p)
    office.ledger.timers.run_due_steps(asked_at + timedelta(hours=1))
    office.ledger.timers.run_due_steps(asked_at + timedelta(hours=2))
    told = runs.get_timeline(office.make_request("cy", p.run))
    assert [(entry.type, entry.what) for entry in told.entries if entry.type in ("vote", "clock")] == [
        ("vote", "vote, approved: Refund 0 (1 of 2 of ada, bo, cy)"),
        ("clock", "escalated to lea: Refund 0"),
    ]
    decided = next(entry for entry in told.entries if entry.type == "decision")
    assert (decided.what, decided.actor) == ("rejected by the deadline: Refund 0", "the deadline")
    as_described(told, TimelineResponse)

    (passed,) = office.ask(Terms(rules=("small",)), agent="other", verdict="pass")
    (entry,) = (one for one in runs.get_timeline(office.make_request("cy", passed.run)).entries if one.type == "policy")
    assert (entry.what, entry.actor) == ("passed by policy: Refund 0 (big)", "the policy big")


def test_mine_is_where_i_have_a_seat_first_what_is_assigned_to_me(office: Office) -> None:
    bos, anyones, assigned, cys = office.ask(terms("1 of bo"), None, terms("1 of bo, cy"), terms("1 of cy"))
    office.ledger.proposals.assign(assigned.id, "bo", actor="ada")
    assert [row.id for row in office.list_of("bo", mine="1")] == [assigned.id, bos.id, anyones.id]
    assert [row.id for row in office.list_of("cy", mine="1")] == [anyones.id, assigned.id, cys.id]
    assert [row.id for row in office.list_of("zed", mine="1")] == [anyones.id]
    assert len(office.list_of("zed")) == 4


def test_passed_is_what_a_policy_passed_or_blocked(office: Office) -> None:
    (by_hand,) = office.ask(None)
    office.decide("bo", by_hand)
    passed = office.ask(Terms(rules=("small",)), agent="other", verdict="pass")
    blocked = office.ask(Terms(rules=("embargo",)), agent="third", verdict="block")
    rows = office.list_of("bo", passed="1")
    assert [row.id for row in rows] == [blocked[0].id, passed[0].id]
    assert [row.decision.action for row in rows if row.decision] == ["reject", "approve"]
    assert all(row.decision and row.decision.by == "policy" for row in rows)
    assert [row.id for row in office.list_of("bo", status="closed")][-1] == by_hand.id


def test_alike_are_those_that_differ_in_values_and_numbers_alone(office: Office) -> None:
    first, second, other = office.ask(terms("1 of bo"), terms("1 of bo"), terms("1 of cy"))
    rows = {row.id: row.alike for row in office.list_of("bo")}
    assert rows[first.id] == rows[second.id] != rows[other.id]


def test_a_refusal_names_the_proposal_without_hidden_votes(office: Office) -> None:
    (p,) = office.ask(finance(blind=True))
    office.decide("bo", p, "reject", reason="no iban")
    error = ValueError("no")
    error.proposal = office.ledger.proposals.load(p.id)
    said = answers.error_response(office.desk, office.ledger, error)
    assert "no iban" not in str(said)
    assert isinstance(said, ConflictResponse)
    as_described(said.proposal, ProposalRecord)


def test_figures_are_a_persons_own(office: Office) -> None:
    (p,) = office.ask(finance())
    office.show("bo", p)
    office.decide("bo", p)
    office.decide("cy", p)  # who was never shown it
    own = as_described(people.show_figures(office.make_request("bo")), VotingFigures)
    assert (own.votes, own.timed, own.approvals_in_a_row, own.last_hour) == (1, 1, 1, 1)
    assert own.median_seconds is not None
    assert as_described(people.show_figures(office.make_request("cy")), VotingFigures).timed == 0
    assert as_described(people.show_figures(office.make_request("zed")), VotingFigures).votes == 0


def test_how_long_a_vote_took_is_not_recorded_where_that_is_off(office: Office) -> None:
    office.desk.settings.record_seconds = False
    (p,) = office.ask(finance())
    office.show("bo", p)
    office.decide("bo", p)
    assert office.ledger.proposals.load(p.id).votes[0].seconds is None


def test_which_policy_files_and_rules_apply_to_a_notebook(office: Office, tmp_path: Path) -> None:
    office.desk.root = tmp_path
    (tmp_path / ".git").mkdir()

    def applied_policy() -> AppliedPolicy:
        found = policies.get_policy(office.make_request("bo", query=bodies.PolicyQuery("n.ipynb")))
        return as_described(found, AppliedPolicy)

    assert (applied_policy().files, applied_policy().sha256, applied_policy().problem) == ([], None, None)
    rule = '[[rule]]\nid = "big"\ndo = "ask"\ntool = "refund"\nwhen = "arguments.amount > 100"\nneeds = ["1 of bo"]\n'
    (tmp_path / "hitl-policy.toml").write_text(f"version = 1\n{rule}")
    said = applied_policy()
    assert [Path(one.path).name for one in said.files] == ["hitl-policy.toml"]
    (one,) = said.rules
    assert (one.id, one.do, one.scope, one.needs) == ("big", "ask", {"tool": "refund"}, ["1 of bo"])
    (tmp_path / "hitl-policy.toml").write_text("version = 1\nfoo = 2\n")
    assert "foo" in (applied_policy().problem or "")


def test_neither_a_deadline_nor_a_batch_decides_an_effect_in_doubt(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    under = msgspec.structs.replace(terms("1 of bo", timeline=("1h remind", "2h reject")), policy="")
    _, claim = office.ledger.runs.open(agent="refunds", notebook="/n.ipynb")
    plans = [Plan("ask", ("r",), (), under, ("edit",))]
    (p,) = office.ledger.runs.pause(claim, STATE, [in_doubt()], plans=plans).proposals
    later = p.created_at + timedelta(hours=3)
    monkeypatch.setenv("HITL_NB_CLOCK", later.isoformat())
    shown = office.show("bo", p)
    assert (shown.status, shown.about) == ("open", "effect")
    for action in ("approve", "reject", "respond"):
        with pytest.raises((ValueError, TypeError, HitlError)):
            office.decide("bo", p, action, **({"value": "x"} if action == "respond" else {}))
    many = bodies.BulkDecisionRequest(
        action="approve",
        proposals=[bodies.ProposalVersion(id=p.id, revision=shown.revision, fingerprint=shown.fingerprint)],
    )
    with pytest.raises(ValueError, match="is decided by itself"):
        proposals.decide_many(office.make_request("bo", body=many))
    assert office.ledger.proposals.load(p.id).status == "open"
