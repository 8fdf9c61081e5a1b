"""The inbox with 68 proposals that wait: keys, search, edits of others, and several decided by mouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lab import Lab, Page, shot, write_notebook
from letters import eventually, of

from hitl_nb.drafts.draft import Draft
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Snapshot
from hitl_nb.storage import open_store

pytestmark = [pytest.mark.ui, pytest.mark.slow]

WAITING = 68
SEEN_ROWS = """() => {
  const list = document.querySelector('#hitl-nb-inbox [role=listbox]').getBoundingClientRect();
  const rows = [...document.querySelectorAll('#hitl-nb-inbox [role=option]')].map(row => row.getBoundingClientRect());
  const bottom = Math.min(list.bottom, window.innerHeight);
  return rows.filter(row => row.top >= list.top - 1 && row.bottom <= bottom + 1).length;
}"""
"""The number of rows that are wholly in sight."""
CURRENT = """title => {
  const list = document.querySelector('#hitl-nb-inbox [role=listbox]');
  const row = document.getElementById(list?.getAttribute('aria-activedescendant'));
  const card = document.querySelector('#hitl-nb-inbox .jp-hitl-detail article.jp-hitl-card h3');
  return row?.querySelector('strong').innerText === title && card?.innerText === title;
}"""
"""Whether the row that the keyboard is at, and the card beside the list, are the ones with this title."""


@dataclass
class Inbox:
    """The inbox in a tab of its own, and the store that it shows."""

    window: Any
    ledger: Ledger
    asked: list[Proposal]

    @property
    def list(self) -> Any:
        return self.window.get_by_role("listbox", name="Proposals that wait")

    @property
    def result(self) -> Any:
        """The line that says what a batch did."""
        return self.window.locator(".jp-hitl-batch-result")

    def search(self, words: str, found: int) -> None:
        """Search, and wait until so many are found."""
        self.window.get_by_role("searchbox", name="Search titles, values, evidence").fill(words)
        self.window.locator(".jp-hitl-find").get_by_text(f"{found} of {self.count_waiting()}", exact=True).wait_for()

    def focus(self, number: int) -> None:
        """Give the list the focus, and wait until keys may decide the current row, which is that of an order."""
        self.list.focus()
        self.window.wait_for_function(CURRENT, arg=title(number))
        self.window.wait_for_timeout(450)  # the time in which no key decides: only real time ends it

    def tick(self, *numbers: int) -> None:
        """Press the check boxes of orders with the mouse."""
        for number in numbers:
            row = self.window.locator("#hitl-nb-inbox .jp-hitl-item").filter(has_text=title(number))
            row.locator("input").click()

    def decision(self, number: int) -> Any:
        """The decision about an order, or None."""
        return self.ledger.proposals.load(self.asked[number].id).decision

    def count_waiting(self) -> int:
        return len(self.ledger.proposals.list_open(limit=WAITING))


def title(number: int) -> str:
    return f"Refund order {4000 + number}"


@pytest.fixture(scope="module")
def inbox(browser: Any, lab: Lab) -> Iterator[Inbox]:
    """All that waits is asked by one agent. Bo has edited one of the drafts before the window is opened."""
    ledger = Ledger(open_store(lab.env["HITL_NB_STORE"]))
    _, claim = ledger.runs.open(agent="refunds", notebook=of(lab, "refunds.ipynb"))
    reasons = ["It came late. " * 12 + ("Marmalade!" if n == 40 else "") for n in range(WAITING)]
    questions = [
        build_question({"order": 4000 + n, "amount": 10.0 + n, "reason": reason}, title=title(n))
        for n, reason in enumerate(reasons)
    ]
    asked = list(ledger.runs.pause(claim, Snapshot(envelope=b"state"), questions).proposals)
    write_notebook(lab.folder / "refunds.ipynb", "%%agent refunds")
    Draft.for_proposal(ledger.store, asked[10]).write_value({**asked[10].value, "amount": 19.5}, "bo", "Bo")
    window = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    Page(window, lab)
    window.get_by_role("button", name=f"{WAITING} for you", exact=True).click()
    yield Inbox(window, ledger, asked)
    window.context.close()
    ledger.store.close()


def test_of_many_ten_are_in_sight_and_a_key_decides_one_at_a_time(inbox: Inbox) -> None:
    """A21."""
    window = inbox.window
    window.get_by_role("option", name=title(0)).wait_for()
    assert window.evaluate(SEEN_ROWS) >= 10  # beside the notebook
    window.get_by_role("button", name="In a tab of its own").click()
    window.locator(".jp-hitl-inbox.jp-mod-wide .jp-hitl-detail article").wait_for()
    assert window.evaluate(SEEN_ROWS) >= 10
    shot(window, "inbox-68")

    inbox.focus(0)
    window.keyboard.press("a")
    inbox.focus(1)
    for _ in range(5):
        window.keyboard.down("a")  # from the second on it is a repetition
    inbox.focus(2)
    for _ in range(5):
        window.keyboard.down("a")
    window.keyboard.up("a")
    eventually(lambda: inbox.decision(1), window)
    inbox.search("marmalade", 1)  # a word that no row shows
    window.get_by_role("option", name=title(40)).wait_for()
    inbox.search("", WAITING - 2)
    decided = {n: inbox.decision(n).action for n in range(WAITING) if inbox.decision(n)}
    assert decided == {0: "approve", 1: "approve"}


def test_a_key_on_an_edited_draft_names_the_edits_and_decides_with_them(inbox: Inbox) -> None:
    """A4."""
    window = inbox.window
    inbox.search("4010", 1)
    window.get_by_role("option", name=title(10)).get_by_role("img", name="Edited", exact=True).wait_for()
    inbox.focus(10)
    window.keyboard.press("a")
    asked = window.get_by_role("dialog", name="Approve 1 proposal")
    asked.get_by_text("edited by Bo").wait_for()
    line = asked.get_by_role("row").filter(has_text=title(10))
    # A screen reader hears "removed:" and "added:" before them.
    assert [one.split()[-1] for one in line.locator("del, ins").all_inner_texts()] == ["20.0", "19.5"]
    assert asked.get_by_role("radio", name="Approve with Bo’s edits").is_checked()
    shot(window, "inbox-edited-by-bo")
    assert inbox.decision(10) is None
    asked.get_by_role("button", name="Approve 1", exact=True).click()
    inbox.result.get_by_text("1 approved, 1 with edits").wait_for()
    decision = inbox.decision(10)
    assert (decision.action, decision.value) == ("edit", {**inbox.asked[10].value, "amount": 19.5})


def test_three_are_decided_by_mouse_alone(inbox: Inbox) -> None:
    """A13."""
    window = inbox.window
    inbox.search("402", 10)
    inbox.tick(20, 22, 23)
    bar = window.get_by_role("toolbar", name="Selected proposals")
    bar.get_by_text("3 selected").wait_for()
    card = window.locator(".jp-hitl-detail .jp-hitl-card")
    card.get_by_text("Keys act on the 3 selected").wait_for()
    bar.get_by_role("button", name="Approve 3…").click()
    asked = window.get_by_role("dialog", name="Approve 3 proposals")
    assert asked.get_by_role("rowheader").all_inner_texts() == [title(20), title(22), title(23)]
    assert inbox.decision(20) is None
    asked.get_by_role("button", name="Approve 3", exact=True).click()
    inbox.result.get_by_text("3 approved", exact=True).wait_for()
    decided = [inbox.decision(n) for n in range(20, 30)]
    assert [one.action if one else "" for one in decided] == ["approve", "", "approve", "approve", *[""] * 6]


def test_what_changed_while_the_dialog_was_open_is_left_out_and_named(inbox: Inbox) -> None:
    """A24: of four, one is decided by somebody else, and the draft of another one is edited."""
    window, ledger = inbox.window, inbox.ledger
    inbox.search("403", 10)
    inbox.tick(30, 31, 32, 33)
    window.get_by_role("toolbar").get_by_role("button", name="Approve 4…").click()
    asked = window.get_by_role("dialog", name="Approve 4 proposals")
    asked.get_by_text("4 as proposed").wait_for()
    ledger.proposals.decide(inbox.asked[31].id, "reject", reviewer="cy")
    gone = asked.get_by_role("row").filter(has_text=title(31))
    gone.get_by_text("no longer waits").wait_for()
    asked.get_by_text("3 as proposed, 1 left out").wait_for()
    edited = inbox.asked[32]
    Draft.for_proposal(ledger.store, edited).write_value({**edited.value, "amount": 1.0}, "bo", "Bo")
    shot(window, "inbox-changed-meanwhile")
    asked.get_by_role("button", name="Approve ").first.click()
    inbox.result.get_by_text("2 approved").wait_for()
    inbox.result.get_by_role("button", name="Show").click()
    left = inbox.result.get_by_role("list", name="Left out").get_by_role("listitem").all_inner_texts()
    shot(window, "inbox-left-out")
    assert sorted(left) == [f"{title(31)} was decided by cy (unsigned) meanwhile", f"{title(32)} was changed meanwhile"]
    decided = [inbox.decision(n) for n in range(30, 34)]
    assert [one.action if one else "" for one in decided] == ["approve", "reject", "", "approve"]
