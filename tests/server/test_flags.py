"""A reviewer says of an approval, after the decision, that it was wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hitl_nb_server import Server
from office import Office, as_described
from people import PEOPLE, Browser, start_server

from hitl_nb.errors import HitlError
from hitl_nb.records import Proposal, Terms
from hitl_nb.server.calls import proposals, runs
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages.response_types.proposals import ProposalDetail


@pytest.fixture
def office() -> Office:
    return Office()


def flag(office: Office, user: str, p: Proposal, reason: str = "paid twice") -> ProposalDetail:
    request = office.make_request(user, p.id, bodies.FlagRequest(reason=reason))
    return as_described(proposals.flag_outcome(request).proposal, ProposalDetail)


def events_of(office: Office, p: Proposal) -> list[Any]:
    return [one for one in office.ledger.audit.read_events() if one.type == "outcome.flagged" and one.proposal == p.id]


def test_a_flag_is_in_the_record_and_in_the_log_and_the_decision_stays(office: Office) -> None:
    (p,) = office.propose("Dear Ann")
    before = office.decide("cy", p)
    said = flag(office, "bo", p, " paid twice ")
    assert said.flag is not None
    assert (said.flag.reviewer, said.flag.reason, said.flag.known) == ("bo", "paid twice", "login")
    assert (said.status, said.revision, said.decision) == ("decided", before.revision, before.decision)
    (event,) = events_of(office, p)
    assert (event.actor, event.run, event.data["reason"], event.data["decided_by"]) == ("bo", p.run, "paid twice", "cy")
    assert office.ledger.audit.verify().ok
    assert runs.verify_run(office.make_request("bo", p.run)).ok
    (row,) = office.list_of("bo", status="decided")
    assert row.flag == said.flag
    # The run goes on with its decision: the record is still the one that was decided.
    (used,) = office.ledger.proposals.list_of_run(p.run)
    assert used.decision is not None
    assert used.decision.reviewer == "cy"


def test_what_a_policy_passed_can_be_flagged_and_the_timeline_says_so(office: Office) -> None:
    (p,) = office.ask(Terms(rules=("small",)), verdict="pass")
    flag(office, "bo", p)
    last = runs.get_timeline(office.make_request("bo", p.run)).entries[-1]
    assert (last.type, last.titles, last.actor) == ("flag", ("Refund 0",), "Bo (bo)")
    assert last.detail["by"] == "policy"
    assert office.ledger.audit.verify().ok


def test_only_approvals_are_flagged_once_and_with_a_reason(office: Office) -> None:
    waits, rejected, approved = office.propose("a", "b", "c")
    office.decide("cy", rejected, "reject")
    office.decide("cy", approved)
    for p in (waits, rejected):
        with pytest.raises(HitlError, match="was not approved"):
            flag(office, "bo", p)
    with pytest.raises(ValueError, match="say what was wrong"):
        flag(office, "bo", approved, "  ")
    flag(office, "bo", approved)
    with pytest.raises(HitlError, match="bo has said before"):
        flag(office, "ada", approved)
    assert len(events_of(office, approved)) == 1


def test_a_forged_flag_reads_as_unsigned(office: Office) -> None:
    (p,) = office.propose("Dear Ann")
    office.decide("cy", p)
    flag(office, "bo", p)
    raw = office.ledger.store.get(f"proposal/{p.id}")
    assert raw is not None
    forged = raw.replace(b"paid twice", b"paid never")
    office.ledger.store.transact(lambda tx: tx.put(f"proposal/{p.id}", forged))
    said = office.show("bo", p)
    assert said.flag is not None
    assert (said.flag.reason, said.flag.known) == ("paid never", "unsigned")
    assert not runs.verify_run(office.make_request("bo", p.run)).ok


@pytest.fixture(scope="module")
def office_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("flags"), PEOPLE)


def test_who_may_decide_may_flag(office_server: Server) -> None:
    (p,) = office_server.pause_run("Dear Ann", agent="flagged")
    office_server.ledger.proposals.decide(p.id, "approve", reviewer="cy")
    assert Browser(office_server, "reader").call("POST", f"proposals/{p.id}/flag", {"reason": "x"})[0] == 403
    status, said = Browser(office_server, "ada").call("POST", f"proposals/{p.id}/flag", {"reason": "paid twice"})
    assert (status, said["proposal"]["flag"]["reviewer"], said["proposal"]["flag"]["known"]) == (200, "ada", "login")
    status, said = Browser(office_server, "bo").call("POST", f"proposals/{p.id}/flag", {"reason": "again"})
    assert (status, said["error"]) == (409, "HitlError")
