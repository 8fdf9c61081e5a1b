"""What a screen reader and a keyboard find in the card, the inbox and the timeline, in every theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe import needs_axe, violations_in_themes
from lab import Lab, Page, shot
from letters import LOAD, agent, button, card, effects, eventually, ready, reject, type_over

pytestmark = [pytest.mark.ui, pytest.mark.slow, needs_axe]

CARD = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-pause"


def picture(what: Any, name: str) -> Callable[[str], None]:
    """A function that takes a picture in the theme that it is called with."""
    return lambda theme: shot(what, f"{name}-{theme}")


def test_axe_finds_nothing(page: Page, lab: Lab) -> None:
    window = page.page
    nb = page.open("story.ipynb", LOAD, agent("story.txt"))
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    found = {"waiting": violations_in_themes(page, CARD, picture(card(nb), "card-waiting"))}

    with window.expect_response(lambda r: "/check" in r.url):
        type_over(card(nb, "Letter to Ann"), "Dear Ann, of another mind.")
    ready(card(nb), "Approve with edits").wait_for()
    found["edited"] = violations_in_themes(page, CARD, picture(card(nb), "card-edited"))
    button(card(nb), "Changes").click()
    found["changes"] = violations_in_themes(page, CARD, picture(card(nb), "card-changes"))
    for opens in ("Reject…", "More ways to approve"):
        button(card(nb), opens).click()
        found[opens] = violations_in_themes(page, CARD)
        window.keyboard.press("Escape")

    button(card(nb), "Approve with edits").click()
    card(nb, "Letter to Bo").wait_for()
    nb.until_kernel()
    window.evaluate("() => window.jupyterapp.commands.execute('hitl-nb:open-inbox')")
    window.get_by_role("option", name="Letter to Bo").wait_for()
    inbox = window.locator(".jp-hitl-inbox")
    found["inbox"] = violations_in_themes(page, ".jp-hitl-inbox", picture(window, "inbox"))
    window.get_by_role("listbox", name="Proposals that wait").focus()
    window.keyboard.press("x")
    window.keyboard.press("?")
    window.get_by_role("dialog").wait_for()
    found["keys"] = violations_in_themes(page, ".jp-hitl-inbox")
    window.keyboard.press("Escape")
    window.get_by_role("listbox", name="Proposals that wait").focus()
    window.keyboard.press("a")
    window.get_by_role("dialog", name="Approve 1 proposal").wait_for()
    found["inbox confirming"] = violations_in_themes(page, ".jp-hitl-inbox", picture(inbox, "inbox-confirming"))
    window.keyboard.press("Escape")
    window.get_by_role("listbox", name="Proposals that wait").focus()
    window.keyboard.press("x")
    window.keyboard.press("Enter")
    window.locator(".jp-hitl-detail .jp-hitl-card").wait_for()
    found["inbox open"] = violations_in_themes(page, ".jp-hitl-inbox", picture(inbox, "inbox-open"))

    window.get_by_role("button", name="Timeline", exact=True).click()
    timeline = window.locator(".jp-hitl-timeline")
    timeline.get_by_role("button", name="Waiting for Letter to Bo").click()
    found["timeline"] = violations_in_themes(page, ".jp-hitl-timeline", picture(timeline, "timeline"))
    window.evaluate("() => window.jupyterapp.shell.currentWidget.close()")
    page.show("story.ipynb")

    window.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    reject(window.locator(".jp-hitl-detail .jp-hitl-card"))
    decided = card(nb, "Letter to Bo")
    decided.get_by_text("Rejected", exact=True).wait_for()
    button(decided, "Start a kernel and continue").wait_for()
    found["decided without a kernel"] = violations_in_themes(page, CARD, picture(decided, "card-decided"))
    button(decided, "Start a kernel and continue").click()
    nb.until(1, "all done")
    nb.until_kernel()
    nb.close()
    inbox.get_by_role("button", name="Back").click()
    wrong = [f"{state}: {one}" for state, all_ in found.items() for one in all_]
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
