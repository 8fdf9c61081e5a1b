"""What is large stays usable: an inbox of 5,000 proposals, and a table of eight megabytes."""

from __future__ import annotations

from typing import Any

import pytest
from lab import Lab, Page, shot
from letters import button, card, confirm, ledger, list_waiting

from hitl_nb.records import Question, Snapshot, canonical_json

pytestmark = [pytest.mark.ui, pytest.mark.slow]

WAITING = 5_000
ROWS = 100_000
DRAWN = 100
"""More rows than this are not in sight, however large the window."""

LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl\nimport pandas as pd"
TABLE = f"""%%agent rows
numbers = range({ROWS})
frame = pd.DataFrame({{
    "order": [f"order-{{n:06d}}" for n in numbers],
    "amount": [n / 4 for n in numbers],
    "note": [f"asked by customer {{n % 977}}, twice, by mail: the parcel never came" for n in numbers],
}})
kept = hitl.checkpoint(frame, title="Rows to refund").value
frame.loc[0, "amount"] = 77
meant = frame.drop(1).reset_index(drop=True)
print("KEPT:", kept.shape, kept.amount[0], kept.order[1], "as meant:", kept.equals(meant))
"""


def test_a_table_of_eight_megabytes_is_edited_and_goes_on_exactly_so(page: Page, lab: Lab) -> None:
    nb = page.open("large.ipynb", LOAD, TABLE)
    nb.run_all()
    shown = card(nb, "Rows to refund")
    shown.wait_for(timeout=60_000)
    first, last = shown.get_by_label("amount, row 1", exact=True), shown.get_by_label(f"order, row {ROWS}", exact=True)
    first.wait_for()
    rows = shown.locator(".jp-hitl-row")
    assert rows.count() < DRAWN
    (proposal,) = list_waiting(lab, "large.ipynb")
    assert len(canonical_json(proposal.value)) > 8_000_000

    first.fill("77")
    button(shown, "Remove row 2").click()
    shown.get_by_text(f"{ROWS - 1} rows, 1 removed").wait_for()
    assert shown.get_by_label("order, row 2, removed", exact=True).input_value() == "order-000001"
    shot(shown, "large-table")
    shown.locator(".jp-hitl-rows").evaluate("node => { node.scrollTop = node.scrollHeight }")
    last.wait_for()
    assert last.input_value() == f"order-{ROWS - 1:06d}"
    assert rows.count() < DRAWN
    button(shown, "Changes").click()
    shown.locator(".jp-hitl-changes tr.gone").get_by_text("order-000001").wait_for(timeout=60_000)

    button(shown, "Approve with edits").click()
    nb.until(1, "KEPT:")
    assert f"KEPT: ({ROWS - 1}, 3) 77.0 order-000002 as meant: True" in nb.text(1)
    nb.close()


@pytest.fixture
def many(lab: Lab) -> list[str]:
    """The ids of so many proposals that wait, oldest first."""
    log, notebook = ledger(lab), str(lab.folder / "refunds.ipynb")
    made: list[str] = []
    for start in range(0, WAITING, 50):
        _, claim = log.runs.open(agent="refunds", notebook=notebook, key=str(start))
        numbers = range(start, start + 50)
        questions = [Question(title=f"Refund order {n}", kind="text", value="Dear Ann, hello.") for n in numbers]
        made += [p.id for p in log.runs.pause(claim, Snapshot(envelope=b""), questions).proposals]
    return made


def test_among_thousands_exactly_those_selected_are_decided(browser: Any, lab: Lab, many: list[str]) -> None:
    window = browser.new_context(viewport={"width": 1300, "height": 900}).new_page()
    Page(window, lab)
    window.get_by_role("button", name=f"{WAITING} for you", exact=True).click()
    listed = window.get_by_role("listbox", name="Proposals that wait")
    rows = listed.get_by_role("option")
    rows.first.wait_for()
    listed.focus()
    for key, number in [("End", WAITING - 1), ("Home", 0), ("j", 1), ("End", WAITING - 1)]:
        window.keyboard.press(key)
        until_current(window, f"Refund order {number}")
        assert 0 < rows.count() < DRAWN

    search = window.get_by_role("searchbox", name="Search titles, values, evidence")
    search.fill("order 123")
    fitting = [n for n in range(WAITING) if "123" in str(n)]
    window.get_by_text(f"{len(fitting)} of {WAITING}", exact=True).wait_for()
    listed.focus()
    for key in ["Home", "x", "j", "x", "j", "j", "Space"]:
        window.keyboard.press(key)
    meant = [fitting[0], fitting[1], fitting[3]]
    window.get_by_text(f"{len(fitting)} of {WAITING}, 3 selected", exact=True).wait_for()
    window.keyboard.press("a")
    asked = window.get_by_role("dialog", name="Approve 3 proposals")
    asked.wait_for()
    assert asked.get_by_role("rowheader").all_inner_texts() == [f"Refund order {n}" for n in meant]
    shot(window, "large-inbox")
    window.keyboard.type("checked")
    confirm(window, "Approve 3 proposals")
    asked.wait_for(state="detached")

    window.get_by_role("button", name=f"{WAITING - 3} for you", exact=True).wait_for()
    search.fill("")
    window.get_by_text(f"{WAITING - 3} of {WAITING - 3}", exact=True).wait_for()
    log = ledger(lab)
    decided = {p.title: p.decision for p in map(log.proposals.load, many) if p.decision is not None}
    assert sorted(decided) == sorted(f"Refund order {n}" for n in meant)
    assert {(d.action, d.reason) for d in decided.values()} == {("approve", "checked")}
    window.context.close()


def until_current(window: Any, title: str) -> None:
    """Wait until the row that the keyboard is at is the one with `title`, and in sight."""
    window.wait_for_function(
        """title => {
          const list = document.querySelector('#hitl-nb-inbox [role=listbox]');
          const row = document.getElementById(list?.getAttribute('aria-activedescendant'));
          const [inner, outer] = [row, list].map(one => one?.getBoundingClientRect());
          return row?.querySelector('strong').innerText === title && inner.top >= outer.top - 1
            && inner.bottom <= outer.bottom + 1;
        }""",
        arg=title,
    )
