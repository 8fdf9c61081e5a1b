"""Lists of proposals: searching, sorting, the views of the inbox, and pages of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from office import Office

from hitl_nb.drafts.draft import Draft
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Terms, now
from hitl_nb.server.lists import open_index
from hitl_nb.server.messages import request_schemas as bodies
from hitl_nb.server.messages.response_types.proposals import ProposalPage
from hitl_nb.server.overviews.proposal_lists import list_proposals
from hitl_nb.storage import open_store
from tests.policies.casework import terms


@pytest.fixture(autouse=True)
def _drafts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_index, "DRAFT_SECONDS", 0.0)


def ids(office: Office, user: str = "bo", **wanted: Any) -> list[str]:
    return [row.id for row in office.list_of(user, **wanted)]


def write_draft(office: Office, p: Proposal, value: Any, author: str = "bo") -> None:
    Draft.for_proposal(office.ledger.store, p).write_value(value, author)


def test_words_are_found_in_everything_that_people_read(office: Office) -> None:
    first, second = office.propose({"to": "Ångström", "amount": 12.5}, {"to": "Bo"}, context={"why": "Goods received"})
    (third,) = office.propose("Dear Cy", agent="mails", title="Reply")
    for searched, found in {
        "ÅNGSTRÖM": [first.id],
        "12.5 goods": [first.id],
        "goods": [first.id, second.id],
        "reply": [third.id],
        "mails dear": [third.id],
        "dear goods": [],
        "letter": [first.id, second.id],
        "amount": [],  # names of fields are not searched
        "   ": [first.id, second.id, third.id],
    }.items():
        assert ids(office, search=searched) == found, searched


def test_a_search_knows_drafts_comments_and_people_as_they_are_now(office: Office) -> None:
    (p,) = office.propose("Dear Ann")
    assert ids(office, search="zebra") == ids(office, search="why?") == ids(office, search="dora") == []
    write_draft(office, p, "Dear zebra")
    assert ids(office, search="zebra") == [p.id]
    office.ledger.comments.add(p.id, "Why? says Eve", author="eve")
    assert ids(office, search="why? zebra eve") == [p.id]
    office.ledger.proposals.assign(p.id, "dora", actor="bo")
    assert ids(office, search="dora zebra") == [p.id]
    (later,) = office.propose("A zebra too", agent="later")
    assert ids(office, search="zebra") == [p.id, later.id]
    office.decide("bo", p)
    assert ids(office, search="zebra") == [later.id]
    assert ids(office, search="ann bo", status="decided") == [p.id]
    office.ledger.runs.forget(agent="later", notebook="/n.ipynb")
    assert ids(office, search="zebra") == []


def test_a_search_knows_what_another_process_wrote(tmp_path: Path) -> None:
    office = Office()
    office.ledger = Ledger(open_store(f"diskcache://{tmp_path / 'store'}"))
    (p,) = office.propose("Dear Ann")
    assert ids(office, search="ann") == [p.id]
    beside = Ledger(open_store(f"diskcache://{tmp_path / 'store'}"))
    beside.proposals.decide(p.id, "approve", reviewer="cy")
    assert ids(office, search="ann") == []
    beside.store.close()
    office.ledger.store.close()


def test_orders(office: Office) -> None:
    plain = office.propose({"amount": 5}, {"amount": "70.50"}, {"other": 1}, agent="B")
    (call,) = office.propose({"name": "pay", "arguments": {"amount": 30}}, agent="a", kind="tool_call")
    everything = [*(p.id for p in plain), call.id]
    assert ids(office) == ids(office, sort="oldest") == everything
    assert ids(office, sort="newest") == everything[::-1]
    assert ids(office, sort="agent") == [call.id, *everything[:3]]
    assert ids(office, sort="amount:amount") == [plain[1].id, call.id, plain[0].id, plain[2].id]
    lines = office.propose(*({"lines": [{"sku": "A"}, {"price": price}]} for price in (5, 70)), agent="C")
    assert ids(office, sort="amount:lines/1/price", agent="C") == [lines[1].id, lines[0].id]
    office.propose(*({"texts": [1] * 5000, "amount": n} for n in range(2)), agent="D")
    assert ids(office, sort="amount:amount", agent="D") == ids(office, sort="newest", agent="D")


def test_what_is_due_first_comes_first_and_what_is_assigned_to_me_before_it(office: Office) -> None:
    never, late, soon = office.ask(
        terms("1 of bo", timeline=("1m remind",)),
        terms("1 of bo", timeline=("5h reject",)),
        terms("1 of bo, cy", timeline=("1h remind", "3h approve")),
    )
    assert ids(office, sort="due") == [soon.id, late.id, never.id]
    office.ledger.proposals.assign(never.id, "bo", actor="cy")
    assert ids(office, sort="due", mine="1") == [never.id, soon.id, late.id]
    assert ids(office, "cy", sort="due", mine="1") == [soon.id]
    assert ids(office, "cy", sort="due", status="waiting", mine="1", search="refund") == [soon.id]


def test_a_page_begins_behind_the_one_before_although_that_was_decided_meanwhile(office: Office) -> None:
    made = office.propose(*({"amount": n} for n in range(6)))

    def page(cursor: str | None) -> ProposalPage:
        query = bodies.ProposalQuery(limit=2, cursor=cursor, sort="amount:amount")
        return list_proposals(office.make_request("bo", query=query))

    first = page(None)
    assert ([row.id for row in first.proposals], first.total) == ([made[5].id, made[4].id], 6)
    for p in (made[4], made[3]):
        office.decide("bo", p)
    second = page(first.next)
    assert [row.id for row in second.proposals] == [made[2].id, made[1].id]
    last = page(second.next)
    assert ([row.id for row in last.proposals], last.next) == ([made[0].id], None)
    office.desk.lists = type(office.desk.lists)()  # another server knows nothing of a proposal that was closed before
    assert [row.id for row in page(first.next).proposals] == [made[2].id, made[1].id]


def test_edited_ones(office: Office) -> None:
    first, second, _ = office.propose("Dear Ann", "Dear Bo", "Dear Cy")
    write_draft(office, first, "Dear Anna")
    write_draft(office, second, "Dear B")
    write_draft(office, second, "Dear Bo")  # as it was
    assert ids(office, edited="1") == [first.id]


@pytest.fixture
def closed(office: Office) -> dict[str, Proposal]:
    approved, rejected, edited = office.propose("Dear Ann", "Dear Bo", "Dear Cy")
    office.decide("bo", approved)
    office.decide("cy", rejected, "reject", reason="wrong address")
    office.decide("bo", edited, "edit", value="Dear Dora")
    (passed,) = office.ask(Terms(rules=("small",)), agent="other", verdict="pass")
    return {"approved": approved, "rejected": rejected, "edited": edited, "passed": passed}


def test_the_views_of_closed_proposals(office: Office, closed: dict[str, Proposal]) -> None:
    def names(**wanted: Any) -> list[str]:
        known = {p.id: name for name, p in closed.items()}
        return [known[one] for one in ids(office, **wanted)]

    assert names(status="decided") == ["passed", "edited", "rejected", "approved"]
    assert names(status="passed") == ["passed"]
    assert names(status="decided", passed="0") == ["edited", "rejected", "approved"]
    assert names(status="decided", passed="0", person="bo") == ["edited", "approved"]
    assert names(status="decided", verdict="reject") == ["rejected"]
    assert names(status="closed", rule="small") == names(status="closed", kind="json") == ["passed"]
    assert names(status="decided", search="dora") == ["edited"]
    assert names(status="decided", search="wrong address cy") == ["rejected"]
    assert names(status="decided", agent="letters", verdict="approve") == ["approved"]
    at = office.ledger.proposals.load(closed["edited"].id).decision
    assert at is not None
    assert names(status="closed", since=at.decided_at) == ["passed", "edited"]
    assert names(status="closed", until=at.decided_at) == ["rejected", "approved"]
    assert names(status="closed", since=now() + timedelta(hours=1)) == []


def test_a_search_in_many_closed_ones_goes_on_page_by_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hitl_nb.server.overviews.proposal_lists._MAX_SCANNED", 200)
    made = office.propose("The first", *(f"Dear {n}" for n in range(449)))
    for p in made:
        office.ledger.proposals.decide(p.id, "approve", reviewer="bo")
    query = bodies.ProposalQuery(status="decided", search="first")
    page = list_proposals(office.make_request("bo", query=query))
    assert (page.proposals, page.next is not None) == ([], True)
    assert ids(office, status="decided", search="first") == [made[0].id]
