"""The review in JupyterLab by hitl_nb's own extension: the card in a cell's output, and how the agent goes on."""

from __future__ import annotations

import os
import signal

import pytest
from lab import Lab, Page
from letters import button, card, ledger, list_waiting, of, type_over

pytestmark = [pytest.mark.ui, pytest.mark.slow]

LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl"
AGENT = """%%agent letters
for name in ["Ann", "Bo"]:
    print("drafting for", name)
    decision = hitl.checkpoint(f"Dear {name}, hello.", title=f"Letter to {name}")
    print("SENT:", decision.value)
"""


def test_a_person_edits_in_the_card_and_the_agent_goes_on_by_itself(page: Page, lab: Lab) -> None:
    nb = page.open("letters.ipynb", LOAD, AGENT)
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    assert nb.panel.count() == 0
    type_over(card(nb, "Letter to Ann"), "Dear Ann, hello again.")
    button(card(nb, "Letter to Ann"), "Approve with edits").click()
    nb.until(1, "SENT: Dear Ann, hello again.")
    button(card(nb, "Letter to Bo"), "Approve").click()
    nb.until(1, "SENT: Dear Bo, hello.")
    nb.until_kernel()
    assert nb.text(1).count("drafting for Ann") == 1
    decided = ledger(lab).runs.list_newest(notebook=of(lab, "letters.ipynb"))
    assert [run.status for run in decided] == ["finished"]
    nb.close()


def test_the_card_outlives_its_kernel_and_goes_on_in_a_new_one(page: Page) -> None:
    nb = page.open("killed.ipynb", LOAD, AGENT)
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    os.kill(nb.kernel_pid(), signal.SIGKILL)
    nb.accept()
    nb.until_kernel()
    type_over(card(nb, "Letter to Ann"), "Dear Ann, after the kill.")
    button(card(nb, "Letter to Ann"), "Approve with edits").click()
    nb.until(1, "SENT: Dear Ann, after the kill.")
    assert nb.text(1).count("drafting for Ann") == 1
    nb.close()


def test_a_decision_taken_elsewhere_lets_the_open_notebook_go_on(page: Page, lab: Lab) -> None:
    nb = page.open("elsewhere.ipynb", LOAD, AGENT)
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    (p,) = list_waiting(lab, "elsewhere.ipynb")
    ledger(lab).proposals.decide(p.id, "edit", value="Dear Ann, from the terminal.", reviewer="ann")
    nb.until(1, "SENT: Dear Ann, from the terminal.")
    card(nb, "Letter to Bo").wait_for()
    nb.close()


def test_a_table_is_edited_cell_by_cell(page: Page) -> None:
    table = (
        "%%agent rows\nimport pandas as pd\n"
        "frame = pd.DataFrame({'order': [f'o{i}' for i in range(10_000)], 'amount': range(10_000)})\n"
        "kept = hitl.checkpoint(frame, title='Rows to keep').value\nprint(len(kept), kept.amount[0], kept.order[1])"
    )
    nb = page.open("table.ipynb", LOAD, table)
    nb.run_all()
    card(nb, "Rows to keep").wait_for()
    cells = card(nb, "Rows to keep")
    assert cells.locator(".jp-hitl-row").count() < 60
    cells.get_by_label("amount, row 1", exact=True).fill("much")
    cells.locator(".jp-hitl-table-errors").get_by_text("Row 1, amount:").wait_for()
    assert cells.get_by_role("button", name="Approve with edits", exact=True).is_disabled()
    cells.get_by_label("amount, row 1", exact=True).fill("77")
    cells.get_by_label("Remove row 2", exact=True).click()
    cells.get_by_text("9999 rows").wait_for()
    cells.locator("button:enabled", has_text="Approve with edits").click()
    nb.until(1, "9999 77 o2")
    nb.close()
