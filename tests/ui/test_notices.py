"""What JupyterLab tells a person who is not looking: a notification, and why a card cannot be drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab import Lab, Page, shot

pytestmark = [pytest.mark.ui, pytest.mark.slow]

AGENT = """%%agent letters
decision = hitl.checkpoint("Dear Ann, hello.", title="Letter to Ann")
print("SENT:", decision.value)
"""


def test_another_window_is_notified_and_led_to_the_cell(browser: Any, page: Page, lab: Lab) -> None:
    other = browser.new_context(viewport={"width": 1300, "height": 900}).new_page()
    Page(other, lab)
    other.get_by_role("button", name="0 waiting").wait_for()
    nb = page.open("letters.ipynb", "%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT)
    nb.run_all()
    nb.until(1, "Letter to Ann")
    nb.command("docmanager:save")
    other.get_by_text("Waiting: Letter to Ann").wait_for()
    other.get_by_role("button", name="Go to the cell").click()
    other.locator(".jp-hitl-card").filter(has_text="Letter to Ann").wait_for()
    nb.close()


def test_a_kernel_with_another_store_is_told_apart(page: Page, lab: Lab, tmp_path: Path) -> None:
    elsewhere = f"import os\nos.environ['HITL_NB_STORE'] = 'diskcache://{tmp_path}/store'"
    load = f"{elsewhere}\n%load_ext hitl_nb\nimport hitl_nb as hitl"
    nb = page.open("elsewhere.ipynb", load, AGENT)
    nb.run_all()
    nb.until(1, f"keeps its proposals in diskcache://{tmp_path}/store")
    assert "Paused: Letter to Ann (waiting for a decision)" in nb.text(1)
    assert lab.env["HITL_NB_STORE"] in nb.text(1)
    nb.close()


def test_a_page_of_another_version_is_told_once_and_decides_nothing(browser: Any, page: Page, lab: Lab) -> None:
    nb = page.open("versions.ipynb", "%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT)
    nb.run_all()
    nb.until(1, "Letter to Ann")
    nb.command("docmanager:save")

    def newer(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"version": "9.0.0", "api": 9})

    window = browser.new_context(viewport={"width": 1300, "height": 900})
    window.route("**/hitl_nb/api/status*", newer)
    other = window.new_page()
    seen = Page(other, lab).show("versions.ipynb")
    told = other.locator(".Toastify__toast").filter(has_text="the server of 9.0.0: reload the page")
    told.get_by_role("button", name="Reload the page").wait_for()
    shot(other, "another-version")
    card = seen.page.locator(".jp-hitl-card")
    card.get_by_text("Until then nothing can be decided here.").wait_for()
    assert card.get_by_role("button", name="Approve", exact=True).is_disabled()
    assert told.count() == 1
    window.close()
    nb.close()
