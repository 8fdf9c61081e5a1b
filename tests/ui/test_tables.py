"""Tables and changes in a browser: columns in line, removed rows in two windows, pasted ranges, and no diff text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lab import Lab, shot
from letters import OUT_OF_LINE, button, eventually, ledger

from hitl_nb.drafts.draft import Draft
from hitl_nb.kinds.questions import build_question
from hitl_nb.records import Proposal, Snapshot

pytestmark = [pytest.mark.ui, pytest.mark.slow]

SIZE = {"width": 620, "height": 900}
"""Narrower than the table of seven columns, so that it scrolls sideways."""

PASTE = """(cell, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  cell.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def windows(browser: Any, lab: Lab) -> Iterator[list[Any]]:
    """Two people's browsers."""
    contexts = [browser.new_context(viewport=SIZE) for _ in range(2)]
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def ask_question(lab: Lab, value: Any, title: str, **more: Any) -> Proposal:
    """A proposal that waits."""
    log = ledger(lab)
    _, claim = log.runs.open(agent=title.replace(" ", "-"), notebook=str(lab.folder / "tables.ipynb"))
    (p,) = log.runs.pause(claim, Snapshot(envelope=b"state"), [build_question(value, title=title, **more)]).proposals
    return p


def open_card(window: Any, lab: Lab, p: Proposal) -> Any:
    """The proposal's card, once its draft has come (a locator)."""
    window.goto(f"{lab.url}/hitl_nb/review/{p.id}?token={lab.token}")
    card = window.locator(".jp-hitl-page article").first
    card.locator('.jp-hitl-value:not([aria-busy="true"])').wait_for()
    return card


def rows(lab: Lab, p: Proposal) -> Any:
    """The rows of a table's draft, as the server has them."""
    return Draft.for_proposal(ledger(lab).store, p).read_value()["rows"]


def frame(columns: int = 3, count: int = 6) -> Any:
    import pandas as pd

    names = [f"column {n}" for n in range(columns)]
    return pd.DataFrame({name: [n * 10 + i for n in range(count)] for i, name in enumerate(names)})


def test_heads_are_in_line_with_their_cells_and_the_buttons_are_in_sight(windows: list[Any], lab: Lab) -> None:
    """A1, on the page of its own; test_editors.py looks at a cell."""
    card = open_card(windows[0], lab, ask_question(lab, frame(7), "Seven columns"))
    grid = card.get_by_role("grid")
    card.get_by_label("column 0, row 1", exact=True).wait_for()
    remove, outer = card.get_by_label("Remove row 1", exact=True), grid.bounding_box()
    for left in (0, 100_000):
        grid.evaluate("(node, left) => { node.scrollLeft = left }", left)
        assert grid.evaluate(OUT_OF_LINE) == 0
        box = remove.bounding_box()
        assert outer["x"] <= box["x"]
        assert box["x"] + box["width"] <= outer["x"] + outer["width"]
    assert grid.evaluate("node => node.scrollLeft") > 0
    shot(card, "table-seven-columns")


def test_a_row_removed_in_one_window_is_struck_in_the_other_which_puts_it_back(windows: list[Any], lab: Lab) -> None:
    p = ask_question(lab, frame(), "Struck")
    one, two = [open_card(window, lab, p) for window in windows]
    button(one, "Remove row 2").click()
    back = two.get_by_label("Put row 2 back", exact=True)
    back.wait_for()
    assert two.locator(".jp-hitl-row.gone").count() == 1
    eventually(lambda: len(rows(lab, p)) == 5)
    shot(two, "table-struck")
    back.click()
    one.get_by_label("Remove row 2", exact=True).wait_for()
    eventually(lambda: len(rows(lab, p)) == 6 and rows(lab, p)[1] == [10, 11, 12])


def test_a_pasted_range_is_undone_at_once_and_a_message_names_its_row(windows: list[Any], lab: Lab) -> None:
    p = ask_question(lab, frame(), "Pasted")
    card = open_card(windows[0], lab, p)
    cell = card.get_by_label("column 1, row 5", exact=True)
    cell.click()
    cell.evaluate(PASTE, "1\t2\n3\t4\n5\tmuch")
    eventually(lambda: rows(lab, p)[4:] == [[40, 1, 2], [50, 3, 4], [None, 5, "much"]], windows[0])
    message = card.locator(".jp-hitl-table-errors").get_by_text("Row 7, column 2:")
    message.wait_for()
    assert card.get_by_label("column 2, row 7", exact=True).get_attribute("aria-invalid") == "true"
    cell.press("Control+z")
    eventually(lambda: rows(lab, p)[4:] == [[40, 41, 42], [50, 51, 52]], windows[0])
    message.wait_for(state="detached")


EDITS = [
    ("text", "One\ntwo", "One\nthree", {}),
    ("markdown", "# One\n\ntwo", "# One\n\nthree", {}),
    ("code", "a = 1\nb = 2", "a = 1\nb = 3", {}),
    ("json", {"text": "One\ntwo", "n": 1}, {"text": "One\nthree", "n": 2}, {}),
    ("plan", ["one\ntwo", "b"], ["one\nthree", "b", "c"], {}),
    ("choice", "left", "right", {"options": ["left", "right"]}),
]


@pytest.mark.parametrize(("kind", "before", "after", "more"), EDITS, ids=[edit[0] for edit in EDITS])
def test_the_changes_of_a_kind_are_not_diff_text(
    windows: list[Any], lab: Lab, kind: str, before: Any, after: Any, more: dict[str, Any]
) -> None:
    p = ask_question(lab, before, f"Changed {kind}", kind=kind, **more)
    Draft.for_proposal(ledger(lab).store, p).write_value(after, "bo")
    card = open_card(windows[0], lab, p)
    button(card, "Changes").click()
    changes = card.locator(".jp-hitl-changes")
    changes.locator("ins, del, mark, .a, .d").first.wait_for()
    shown = changes.inner_text()
    assert "\\n" not in shown
    assert "@@" not in shown
