"""Two people at one notebook: exactly one decision counts, and the other one is told who decided what."""

from __future__ import annotations

from typing import Any

import pytest
from lab import Lab, Notebook, Page, shot
from letters import (
    LOAD,
    Held,
    agent,
    button,
    card,
    confirm,
    effects,
    events,
    eventually,
    ledger,
    list_waiting,
    of,
    reject,
)

pytestmark = [pytest.mark.ui, pytest.mark.slow]

DECISION = "**/hitl_nb/api/proposals/*/decision*"
DECISIONS = "**/hitl_nb/api/decisions*"
RESUME = "**/hitl_nb/api/runs/*/resume*"


@pytest.fixture(scope="module")
def second(browser: Any, lab: Lab) -> Page:
    """Somebody else's browser."""
    return Page(browser.new_context(viewport={"width": 1300, "height": 1400}).new_page(), lab)


def open_paused(page: Page, name: str) -> Notebook:
    """A notebook whose agent waits, saved so that others see that."""
    nb = page.open(f"{name}.ipynb", LOAD, agent(f"{name}.txt"))
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    return nb


def me(page: Any) -> str:
    """Whom the server takes the person at this browser for."""
    return str(page.evaluate("() => window.jupyterapp.serviceManager.user.identity.username"))


def test_of_two_decisions_at_once_one_counts_and_the_other_person_is_told(page: Page, second: Page, lab: Lab) -> None:
    nb = open_paused(page, "once")
    second.show("once.ipynb")
    windows = {"approve": page.page, "reject": second.page}
    held = []
    # The agent waits until the alert was seen: its next question replaces the card.
    resumed = [Held(window, RESUME) for window in windows.values()]
    for action, window in windows.items():
        held.append(Held(window, DECISION))
        shown = card(window, "Letter to Ann")
        reject(shown) if action == "reject" else button(shown, "Approve").click()
    for calls in held:
        calls.until_called()
    asked = list_waiting(lab, "once.ipynb")[0].id
    for calls in held:
        calls.let_go()

    taken = eventually(lambda: ledger(lab).proposals.load(asked).decision, page.page)
    assert taken.reviewer == me(windows[taken.action])
    loser = windows["reject" if taken.action == "approve" else "approve"]
    told = card(loser, "Letter to Ann").get_by_role("alert")
    told.get_by_text("a guest").first.wait_for()  # the server knows its token only
    told.get_by_text("Approved" if taken.action == "approve" else "Rejected").first.wait_for()
    shot(card(loser, "Letter to Ann"), "card-somebody-was-first")
    for calls in resumed:
        calls.let_go()

    eventually(lambda: list_waiting(lab, "once.ipynb"), page.page)  # Bo's
    sent = ["Dear Ann, hello."] if taken.action == "approve" else []
    assert effects(lab, "once.txt") == sent
    assert events(lab, "once.ipynb").count("run.resumed") == 1
    nb.close()


def test_a_decision_from_a_stale_view_changes_nothing(page: Page, second: Page, lab: Lab) -> None:
    nb = open_paused(page, "stale")
    second.show("stale.ipynb")
    late, idle = Held(second.page, DECISION), Held(second.page, RESUME)  # the first window goes on with the cell
    reject(card(second.page, "Letter to Ann"))
    late.until_called()
    button(card(page.page, "Letter to Ann"), "Approve").click()
    eventually(lambda: effects(lab, "stale.txt"), page.page)
    eventually(lambda: list_waiting(lab, "stale.ipynb"), page.page)

    late.let_go()
    told = card(second.page, "Letter to Ann").get_by_role("alert")
    told.get_by_text("Approved").first.wait_for()
    assert [p.title for p in list_waiting(lab, "stale.ipynb")] == ["Letter to Bo"]
    idle.let_go()

    # The second letter is decided by the other person, whose window knows it from the inbox alone.
    window = second.page
    window.evaluate("() => window.jupyterapp.commands.execute('hitl-nb:open-inbox')")
    window.get_by_label("Search titles, values, evidence").fill("stale.ipynb")
    window.get_by_role("option", name="Letter to Bo").click()
    button(window.locator(".jp-hitl-detail .jp-hitl-card"), "Approve").click()
    run = ledger(lab).runs.list_newest(notebook=of(lab, "stale.ipynb"))[0].id
    eventually(lambda: ledger(lab).runs.load(run).status == "finished", page.page)
    assert effects(lab, "stale.txt") == ["Dear Ann, hello.", "Dear Bo, hello."]
    assert events(lab, "stale.ipynb").count("run.resumed") == 2
    nb.close()


def test_an_inbox_that_is_late_says_who_decided_and_decides_nothing(page: Page, second: Page, lab: Lab) -> None:
    nb = open_paused(page, "late")
    window = second.page
    window.evaluate("() => window.jupyterapp.commands.execute('hitl-nb:open-inbox')")
    if (back := window.get_by_role("button", name="Back", exact=True)).is_visible():
        back.click()  # the test before left its card open
    window.get_by_label("Search titles, values, evidence").fill("late.ipynb")
    window.get_by_role("option", name="Letter to Ann").wait_for()
    late = Held(window, DECISIONS)
    window.get_by_role("listbox", name="Proposals that wait").focus()
    window.keyboard.press("r")
    window.get_by_role("dialog", name="Reject 1 proposal").get_by_text("Letter to Ann").wait_for()
    confirm(window, "Reject 1 proposal")
    late.until_called()
    button(card(page.page, "Letter to Ann"), "Approve").click()
    card(nb, "Letter to Bo").wait_for()
    nb.until_kernel()
    window.get_by_role("option", name="Letter to Bo").wait_for()

    late.let_go()
    window.locator(".jp-hitl-batch-result").get_by_text("0 rejected, 1").wait_for()
    shot(window, "inbox-somebody-was-first")
    assert effects(lab, "late.txt") == ["Dear Ann, hello."]
    assert events(lab, "late.ipynb").count("run.resumed") == 1
    assert [p.title for p in list_waiting(lab, "late.ipynb")] == ["Letter to Bo"]
    nb.close()
