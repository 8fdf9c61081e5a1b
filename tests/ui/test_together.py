"""Several people in one draft, each in a browser of their own: everything is everywhere, and nobody loses a letter."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from lab import Lab, shot
from letters import button, eventually, ledger

from hitl_nb.drafts.draft import Draft
from hitl_nb.kinds.questions import build_question
from hitl_nb.records import Proposal, Snapshot

pytestmark = [pytest.mark.ui, pytest.mark.slow]

SIZE = {"width": 700, "height": 900}


@pytest.fixture
def windows(browser: Any, lab: Lab) -> Iterator[list[Any]]:
    """Three people's browsers."""
    contexts = [browser.new_context(viewport=SIZE) for _ in range(3)]
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def ask_question(lab: Lab, value: Any, title: str, **more: Any) -> Proposal:
    """A proposal that waits."""
    log = ledger(lab)
    _, claim = log.runs.open(agent=title.replace(" ", "-"), notebook=str(lab.folder / "together.ipynb"))
    (p,) = log.runs.pause(claim, Snapshot(envelope=b"state"), [build_question(value, title=title, **more)]).proposals
    return p


def open_card(window: Any, lab: Lab, p: Proposal) -> Any:
    """The proposal's card, once its draft has come (a locator)."""
    window.goto(f"{lab.url}/hitl_nb/review/{p.id}?token={lab.token}")
    card = window.locator(".jp-hitl-page article").first
    card.locator('.jp-hitl-value:not([aria-busy="true"])').wait_for()
    return card


def draft(lab: Lab, p: Proposal) -> Any:
    return Draft.for_proposal(ledger(lab).store, p).read_value()


def text_of(card: Any) -> str:
    """What the text editor shows, without the names of those who are in it."""
    lines = """node => [...node.querySelectorAll('.cm-line')].map(line => {
        const copy = line.cloneNode(true);
        copy.querySelectorAll('.jp-hitl-cursor').forEach(cursor => cursor.remove());
        return copy.textContent;
    }).join('\\n')"""
    return str(card.locator(".cm-content").first.evaluate(lines))


def start(card: Any, key: str) -> None:
    """Put the cursor at the text's beginning or end."""
    card.locator(".cm-content").first.click()
    card.page.keyboard.press(key)


def type_by_turns(cards: list[Any], words: list[str]) -> None:
    """Each types a word, letter by letter, all at once; in an order that is the same each time."""
    turns = [n for n, word in enumerate(words) for _ in word]
    random.Random(7).shuffle(turns)
    left = [iter(word) for word in words]
    for n in turns:
        cards[n].page.keyboard.type(next(left[n]))


def test_three_type_into_one_text_and_every_letter_is_there(windows: list[Any], lab: Lab) -> None:
    p = ask_question(lab, "Dear Ann,\nthe middle.", "Three at once")
    cards = [open_card(window, lab, p) for window in windows]
    words = ["first-person " * 3, "second-person " * 3, " third-person" * 3]
    for card, key in zip(cards, ["Control+Home", "Home", "Control+End"], strict=True):
        start(card, key)
    cards[1].locator(".cm-line").last.click()
    cards[1].page.keyboard.press("Home")
    type_by_turns(cards, words)
    letters = Counter(p.value + "".join(words))
    for card in cards:
        eventually(lambda card=card: Counter(text_of(card)) == letters, card.page)
    assert text_of(cards[0]) == text_of(cards[1]) == text_of(cards[2])
    eventually(lambda: draft(lab, p) == text_of(cards[0]))
    assert "first-person first-person first-person Dear Ann" in draft(lab, p)
    assert draft(lab, p).endswith("the middle." + words[2])
    shot(cards[0], "together-text")


def test_two_edit_a_table_and_both_cells_and_the_new_row_are_there(windows: list[Any], lab: Lab) -> None:
    import pandas as pd

    p = ask_question(lab, pd.DataFrame({"name": ["Ann", "Bo"], "amount": [1, 2]}), "A shared table")
    one, two, three = [open_card(window, lab, p) for window in windows]
    one.get_by_label("name, row 1", exact=True).fill("Anna")
    two.get_by_label("amount, row 1", exact=True).fill("10")
    three.get_by_role("button", name="Add a row").click()
    expected = [["Anna", 10], ["Bo", 2]]
    eventually(lambda: draft(lab, p)["rows"][:2] == expected and len(draft(lab, p)["rows"]) == 3)
    for card in (one, two, three):
        eventually(lambda card=card: card.get_by_label("name, row 1", exact=True).input_value() == "Anna", card.page)
        eventually(lambda card=card: card.get_by_label("amount, row 1", exact=True).input_value() == "10", card.page)
    shot(two, "together-table")


def test_two_edit_two_fields_of_a_form_and_undo_only_their_own(windows: list[Any], lab: Lab) -> None:
    p = ask_question(lab, {"order": "A-1", "to": {"street": "Elm 1", "zip": 1}, "express": False}, "A shared form")
    one, two, _ = [open_card(window, lab, p) for window in windows]
    one.get_by_label("order", exact=True).fill("B-2")
    two.get_by_label("street", exact=True).fill("Oak 2")
    two.get_by_label("express", exact=True).check()
    eventually(lambda: draft(lab, p) == {"order": "B-2", "to": {"street": "Oak 2", "zip": 1}, "express": True})
    eventually(lambda: one.get_by_label("street", exact=True).input_value() == "Oak 2", one.page)
    button(one, "Undo your last edit").click()
    eventually(lambda: draft(lab, p) == {"order": "A-1", "to": {"street": "Oak 2", "zip": 1}, "express": True})


def test_what_is_typed_without_a_network_is_there_once_when_it_is_back(windows: list[Any], lab: Lab) -> None:
    p = ask_question(lab, "middle", "Without a network")
    one, two, _ = [open_card(window, lab, p) for window in windows]
    two.page.context.set_offline(True)
    start(two, "Control+End")
    two.page.keyboard.type(" behind")
    start(one, "Control+Home")
    one.page.keyboard.type("before ")
    eventually(lambda: draft(lab, p) == "before middle")
    two.get_by_text("Not connected").first.wait_for()
    shot(two, "together-offline")
    two.page.context.set_offline(False)
    for card in (one, two):
        eventually(lambda card=card: text_of(card) == "before middle behind", card.page)
    eventually(lambda: draft(lab, p) == "before middle behind")


def test_the_server_is_killed_in_the_middle_of_a_word(windows: list[Any], lab: Lab) -> None:
    p = ask_question(lab, "begun ", "A killed server")
    one, two, _ = [open_card(window, lab, p) for window in windows]
    start(one, "Control+End")
    start(two, "Control+Home")
    type_by_turns([one, two], ["half", "HALF"])
    lab.kill()
    type_by_turns([one, two], ["-word", "-WORD "])
    lab.restart()
    for card in (one, two):
        eventually(lambda card=card: text_of(card) == "HALF-WORD begun half-word", card.page)
    eventually(lambda: draft(lab, p) == "HALF-WORD begun half-word")


def test_a_decision_is_made_on_what_was_shown_and_told_to_who_types(windows: list[Any], lab: Lab) -> None:
    p = ask_question(lab, "Dear Ann", "Decided together")
    one, two, _ = [open_card(window, lab, p) for window in windows]
    start(two, "Control+End")
    two.page.keyboard.type(", hello")
    eventually(lambda: text_of(one) == "Dear Ann, hello", one.page)
    button(one, "Approve with edits").click()
    decided = eventually(lambda: ledger(lab).proposals.load(p.id).decision)
    assert decided.value == "Dear Ann, hello"
    two.get_by_text("Approved with edits").first.wait_for()
    two.page.keyboard.type("too late")
    two.get_by_role("button", name="Show the details").click()
    assert text_of(two) == "Dear Ann, hello"


def test_people_see_each_other(windows: list[Any], lab: Lab) -> None:
    p = ask_question(lab, "Dear Ann", "Who is here")
    one, two, three = [open_card(window, lab, p) for window in windows]
    start(two, "Control+End")
    two.page.keyboard.type("!")
    eventually(lambda: one.locator(".jp-hitl-presence .jp-hitl-face").count() == 3, one.page)
    one.get_by_text("is typing").first.wait_for()
    one.locator(".jp-hitl-cursor").first.wait_for()
    shot(one, "together-presence")
    three.page.close()
    eventually(lambda: one.locator(".jp-hitl-presence .jp-hitl-face").count() == 2, one.page)
