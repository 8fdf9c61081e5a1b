"""What a screen reader and a keyboard find in the card, the inbox and the timeline, in every theme."""

from __future__ import annotations

import pytest
from axe import needs_axe, violations
from lab import Lab, Page, shot
from letters import LOAD, agent, button, card, effects, eventually, ready, reject, type_over

pytestmark = [pytest.mark.ui, pytest.mark.slow, needs_axe]

THEMES = ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]
CARD = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-pause"


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing(page: Page, lab: Lab, theme: str) -> None:
    window = page.page
    page.theme(theme)
    name = theme.lower().replace(" ", "-")
    nb = page.open(f"{name}.ipynb", LOAD, agent(f"{name}.txt"))
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    found = {"waiting": violations(window, CARD)}
    shot(card(nb), f"card-waiting-{name}")

    with window.expect_response(lambda r: "/check" in r.url):
        type_over(card(nb, "Letter to Ann"), "Dear Ann, of another mind.")
    ready(card(nb), "Approve with edits").wait_for()
    found["edited"] = violations(window, CARD)
    shot(card(nb), f"card-edited-{name}")
    button(card(nb), "Changes").click()
    found["changes"] = violations(window, CARD)
    shot(card(nb), f"card-changes-{name}")
    for opens in ("Reject…", "More ways to approve"):
        button(card(nb), opens).click()
        found[opens] = violations(window, CARD)
        window.keyboard.press("Escape")

    button(card(nb), "Approve with edits").click()
    card(nb, "Letter to Bo").wait_for()
    nb.until_kernel()
    window.evaluate("() => window.jupyterapp.commands.execute('hitl-nb:open-inbox')")
    window.get_by_role("option", name="Letter to Bo").wait_for()
    found["inbox"] = violations(window, ".jp-hitl-inbox")
    shot(window, f"inbox-{name}")
    window.get_by_role("listbox", name="Proposals that wait").focus()
    window.keyboard.press("x")
    window.keyboard.press("?")
    window.get_by_role("dialog").wait_for()
    found["keys"] = violations(window, ".jp-hitl-inbox")
    window.keyboard.press("Escape")
    window.get_by_role("listbox", name="Proposals that wait").focus()
    window.keyboard.press("a")
    window.get_by_role("dialog", name="Approve 1 proposal").wait_for()
    found["inbox confirming"] = violations(window, ".jp-hitl-inbox")
    shot(window.locator(".jp-hitl-inbox"), f"inbox-confirming-{name}")
    window.keyboard.press("Escape")
    window.get_by_role("listbox", name="Proposals that wait").focus()
    window.keyboard.press("x")
    window.keyboard.press("Enter")
    window.locator(".jp-hitl-detail .jp-hitl-card").wait_for()
    found["inbox open"] = violations(window, ".jp-hitl-inbox")
    shot(window.locator(".jp-hitl-inbox"), f"inbox-open-{name}")

    window.get_by_role("button", name="Timeline", exact=True).click()
    window.locator(".jp-hitl-timeline").get_by_role("button", name="Waiting for Letter to Bo").click()
    found["timeline"] = violations(window, ".jp-hitl-timeline")
    shot(window.locator(".jp-hitl-timeline"), f"timeline-{name}")
    window.evaluate("() => window.jupyterapp.shell.currentWidget.close()")
    page.show(f"{name}.ipynb")

    reject(window.locator(".jp-hitl-detail .jp-hitl-card"))
    nb.until(1, "all done")
    nb.until_kernel()
    nb.close()
    window.locator(".jp-hitl-inbox").get_by_role("button", name="Back").click()
    wrong = [f"{state}: {one}" for state, all_ in found.items() for one in all_]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_a_card_that_somebody_decided(page: Page, lab: Lab, theme: str) -> None:
    page.theme(theme)
    name = "decided-" + theme.lower().replace(" ", "-")
    nb = page.open(f"{name}.ipynb", LOAD, agent(f"{name}.txt"))
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    reject(card(nb, "Letter to Ann"))
    card(nb).get_by_text("Rejected", exact=True).wait_for()
    button(card(nb), "Start a kernel and continue").wait_for()
    wrong = violations(page.page, CARD)
    shot(card(nb), f"card-{name}")
    nb.close()
    assert not wrong, "\n".join(wrong)


def test_approve_is_reached_and_pressed_with_the_keyboard_alone(page: Page, lab: Lab) -> None:
    nb = page.open("keyboard.ipynb", LOAD, agent("keyboard.txt"))
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    window = page.page
    window.evaluate("() => document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-card').focus()")
    card(nb).locator(".cm-content").first.focus()
    window.keyboard.press("Escape")
    reached = "() => document.activeElement.textContent"
    for _ in range(20):
        if window.evaluate(reached).startswith("Approve"):
            break
        window.keyboard.press("Tab")
    assert window.evaluate(reached).startswith("Approve")
    shot(card(nb), "card-focus")
    window.keyboard.press("Enter")
    eventually(lambda: effects(lab, "keyboard.txt"), window)
    assert effects(lab, "keyboard.txt") == ["Dear Ann, hello."]
    card(nb, "Letter to Bo").wait_for()
    nb.close()
