"""Proposals under terms, in the page of its own: who still must decide, who may not, and what can be taken back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "server"))

from hitl_nb_server import Server
from letters import Held, button, eventually, ready
from people import PASSWORD, PEOPLE, start_server

from hitl_nb import settings
from hitl_nb.ledger.rows.requesters import replace_requesters
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import ACTIONS, Need, Proposal, Question, Snapshot, Terms, TimelineStep

pytestmark = [pytest.mark.ui, pytest.mark.slow]

FINANCE = Terms(
    rules=("big-refund",),
    needs=(Need(count=2, people=("ann", "bo", "cy"), text="2 of @finance"),),
    timeline=(
        TimelineStep(does="escalate", seconds=4 * 3600, people=("lea",), text="4h escalate @leads"),
        TimelineStep(does="reject", seconds=8 * 3600, text="8h reject"),
    ),
)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("team"), PEOPLE)


@pytest.fixture(autouse=True)
def _trust_server_key(team: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.SERVER_KEY.name, team.public_key())


@pytest.fixture
def card_of(browser: Any, team: Server) -> Iterator[Callable[[str, Proposal], Any]]:
    """The card of a proposal in somebody's own browser."""
    contexts: list[Any] = []

    def show(user: str, p: Proposal) -> Any:
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        url = f"http://127.0.0.1:{team.port}"
        page.goto(f"{url}/login")
        xsrf = next(one["value"] for one in context.cookies() if one["name"] == "_xsrf")
        form = {"password": PASSWORD, "username": user, "_xsrf": xsrf}
        context.request.post(f"{url}/login", form=form, max_redirects=0)
        page.goto(f"{url}/hitl_nb/review/{p.id}")
        card = page.locator(".jp-hitl-card")
        card.wait_for()
        return card

    yield show
    for context in contexts:
        context.close()


def ask_question(team: Server, terms: Terms, agent: str) -> Proposal:
    (team.folder / "letters.ipynb").touch()  # without it, the card says that the notebook is gone
    _, claim = team.ledger.runs.open(agent=agent, notebook=str(team.folder / "letters.ipynb"))
    question = Question(title="Refund order 5678", kind="json", value={"amount": 400}, position="0/0")
    plan = Plan("ask", terms.rules, ("amount is above 100",), terms, ACTIONS)
    return team.ledger.runs.pause(claim, Snapshot(envelope=b"state"), [question], plans=[plan]).proposals[0]


def test_two_people_decide_and_each_sees_what_the_other_did(
    team: Server, card_of: Callable[[str, Proposal], Any]
) -> None:
    p = ask_question(team, FINANCE, "two")
    bos, cys, eves = card_of("bo", p), card_of("cy", p), card_of("eve", p)
    needed = bos.get_by_role("group", name="Needed")
    needed.get_by_text("from @finance; ann, bo or cy can give the next").wait_for()
    bos.get_by_role("group", name="Until").get_by_text("then it is rejected").wait_for()
    assert eves.get_by_role("button", name="Approve").count() == 0
    eves.get_by_text("This needs @finance: ann, bo or cy", exact=True).wait_for()

    button(bos, "Approve, 1st of 2").click()
    bos.get_by_text("You approved, 1 of 2").wait_for()
    cys.get_by_role("group", name="Needed").get_by_text("given by bo; ann or cy can give the next").wait_for()
    assert cys.get_by_role("list", name="Votes").get_by_title("Bo (bo), logged in").inner_text() == "Approved by Bo"
    button(cys, "Approve, 2nd of 2").click()
    for card in (bos, cys):
        card.page.locator(".jp-hitl-decided").get_by_title("Cy (cy), logged in").wait_for()
    decided = team.ledger.proposals.list_of_run(p.run)[0]
    assert [vote.reviewer for vote in decided.votes] == ["bo", "cy"]


def test_an_edit_is_voted_on_anew(team: Server, card_of: Callable[[str, Proposal], Any]) -> None:
    """A26: an edit sets the count to 1 of 2 for the new value."""
    p = ask_question(team, FINANCE, "anew")
    bos, cys = card_of("bo", p), card_of("cy", p)
    button(bos, "Approve, 1st of 2").click()
    button(cys, "Approve, 2nd of 2").wait_for()
    cys.get_by_label("amount", exact=True).fill("350")
    ready(cys, "Approve with edits").click()
    cys.get_by_text("You approved, 1 of 2").wait_for()
    bos.get_by_text("(of another value: it does not count)").wait_for()
    assert bos.get_by_role("group", name="Needed").inner_text().startswith("1 of 2 votes")
    assert bos.get_by_label("amount", exact=True).input_value() == "350"
    assert team.ledger.proposals.load(p.id).status == "open"
    button(bos, "Approve, 2nd of 2").click()
    bos.page.locator(".jp-hitl-decided").get_by_text("Approved with edits").wait_for()
    decision = team.ledger.proposals.load(p.id).decision
    assert decision is not None
    assert (decision.action, decision.value) == ("edit", {"amount": 350})


def test_who_asked_has_no_primary_button_and_is_told_who_can_approve(
    team: Server, card_of: Callable[[str, Proposal], Any]
) -> None:
    """A27."""
    replace_requesters(("ann",))
    try:
        p = ask_question(team, msgspec.structs.replace(FINANCE, four_eyes=True), "own")
    finally:
        replace_requesters(None)
    anns = card_of("ann", p)
    anns.get_by_text("You asked for this, so somebody else must approve it: bo or cy", exact=True).wait_for()
    assert anns.locator("footer .jp-mod-primary").count() == 0
    assert anns.get_by_role("button", name="Approve").count() == 0
    anns.focus()
    anns.page.wait_for_timeout(450)  # the time in which no key decides: only real time ends it
    anns.page.keyboard.press("a")
    anns.page.keyboard.press("r")
    anns.page.get_by_role("dialog").filter(has_text="Why?").get_by_role("button", name="Reject", exact=True).click()
    anns.page.locator(".jp-hitl-decided").get_by_text("Rejected").wait_for()
    assert [vote.action for vote in team.ledger.proposals.load(p.id).votes] == ["reject"]


def test_an_approval_that_settles_is_taken_back_by_whose_it_is(
    team: Server, card_of: Callable[[str, Proposal], Any]
) -> None:
    terms = Terms(rules=("big-refund",), needs=(Need(people=("bo", "cy"), text="1 of bo, cy"),), undo=600.0)
    p = ask_question(team, terms, "settling")
    bos, cys = card_of("bo", p), card_of("cy", p)
    button(bos, "Approve").click()
    for card in (bos, cys):
        card.get_by_text("It is sent to the agent at").wait_for()
        assert card.get_by_role("button", name="Approve").count() == 0
    assert button(cys, "Take back").count() == 0
    bos.focus()
    bos.page.keyboard.press("u")
    button(bos, "Approve").wait_for()
    button(cys, "Approve").wait_for()
    assert eventually(lambda: team.ledger.proposals.load(p.id).votes == (), bos.page)
    assert team.ledger.proposals.load(p.id).status == "open"

    # It is taken back again, but the call comes only when the time is over: the time of the store is set.
    button(bos, "Approve").click()
    late = Held(bos.page, "**/hitl_nb/api/proposals/*/undo*")
    button(bos, "Take back").click()
    late.until_called()
    settles_at = team.ledger.proposals.load(p.id).settles_at
    assert settles_at is not None
    assert team.ledger.timers.run_due_steps(settles_at + timedelta(seconds=1)) == 1
    late.let_go()
    decided = bos.page.locator(".jp-hitl-decided")
    decided.get_by_text("Approved", exact=True).wait_for()
    decided.get_by_role("alert").get_by_text("can no longer be taken back").wait_for()
    assert decided.get_by_role("button", name="Take back").count() == 0
    assert team.ledger.proposals.load(p.id).status == "decided"
