"""What JupyterLab tells a person who is not looking: a notification, and why a card cannot be drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab import Lab, Page, shot

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Question, Snapshot
from hitl_nb.storage import open_store

pytestmark = [pytest.mark.ui, pytest.mark.slow]

AGENT = """%%agent letters
decision = hitl.checkpoint("Dear Ann, hello.", title="Letter to Ann")
print("SENT:", decision.value)
"""


def test_another_window_is_notified_and_led_to_the_cell(browser: Any, page: Page, lab: Lab) -> None:
    other = browser.new_context(viewport={"width": 1300, "height": 900}).new_page()
    Page(other, lab)
    other.get_by_role("button", name="none for you").wait_for()
    nb = page.open("letters.ipynb", "%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT)
    nb.run_all()
    nb.until(1, "Letter to Ann")
    nb.command("docmanager:save")
    toast = other.locator(".Toastify__toast").filter(has_text="Letter to Ann waits for you")
    toast.get_by_role("button", name="Review").click()
    other.locator(".jp-hitl-card").filter(has_text="Letter to Ann").wait_for()
    nb.close()


RECORD = """
const Real = window.Notification;
window.outside = [];
window.Notification = class extends Real {
  constructor(title, options) {
    super(title, options);
    const said = { title, body: options.body, tag: options.tag, permission: Real.permission, events: [] };
    ['show', 'close', 'error'].forEach(name => this.addEventListener(name, () => said.events.push(name)));
    window.outside.push(Object.assign(said, { click: () => this.dispatchEvent(new Event('click')) }));
  }
};
"""
"""Records the browser's notifications, which are shown all the same."""


def test_a_window_in_the_background_is_told_by_the_browser_and_a_click_opens_the_card(browser: Any, lab: Lab) -> None:
    window = browser.new_context(viewport={"width": 1300, "height": 900}, permissions=["notifications"])
    window.add_init_script(RECORD)
    page = window.new_page()
    Page(page, lab)
    page.evaluate("() => window.jupyterapp.commands.execute('hitl-nb:ask-browser-notifications')")
    # A browser without a screen hides no page.
    page.evaluate("() => Object.defineProperty(document, 'hidden', { get: () => true })")

    ledger = Ledger(open_store(lab.env["HITL_NB_STORE"]))
    _, claim = ledger.runs.open(agent="away", notebook="/elsewhere/away.ipynb")
    question = Question(title="Refund \u202eorder 7", kind="text", value="pay 400", position="0/0")
    (p,) = ledger.runs.pause(claim, Snapshot(envelope=b"state"), [question]).proposals
    page.wait_for_function("() => window.outside.some(one => one.events.length > 0)")
    shown = page.evaluate("() => window.outside.map(({ click, ...said }) => said)")
    said = {"title": "Refund ⟨U+202E⟩order 7 waits for you", "body": "", "tag": p.id}
    assert shown == [{**said, "permission": "granted", "events": ["show"]}]

    assert page.locator(".jp-hitl-card").count() == 0
    page.evaluate("() => window.outside[0].click()")
    page.locator(".jp-hitl-card", has_text="Refund").wait_for()
    page.wait_for_function("() => window.outside[0].events.includes('close')")
    shot(page, "notification")
    window.close()
    ledger.runs.cancel(p.run, actor="test")


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
    assert card.get_by_role("button", name="Approve", exact=True).get_attribute("aria-disabled") == "true"
    assert told.count() == 1
    window.close()
    nb.close()
