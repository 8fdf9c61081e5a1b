"""The card lives on: after a reload, a restart of the server or the kernel, and in a notebook that was closed."""

from __future__ import annotations

from typing import Any

import pytest
from lab import Lab, Notebook, Page, shot
from letters import LOAD, agent, button, card, effects, events, eventually, list_waiting, type_over, until_kept

pytestmark = [pytest.mark.ui, pytest.mark.slow]

TYPED = "Dear Ann, as typed before."


def draft_typed(page: Page, lab: Lab, name: str) -> Notebook:
    """A notebook whose agent waits, saved, with something typed in its card."""
    nb = page.open(f"{name}.ipynb", LOAD, agent(f"{name}.txt"))
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    type_over(card(nb, "Letter to Ann"), TYPED)
    until_kept(lab, f"{name}.ipynb", TYPED)
    return nb


def goes_on(nb: Notebook, lab: Lab, name: str) -> None:
    """The draft is there, and what was typed is what is sent, once."""
    shown = card(nb, "Letter to Ann")
    shown.locator(".cm-content").first.get_by_text(TYPED, exact=True).wait_for()
    button(shown, "Approve with edits").click()
    nb.until(1, "ended Ann edit")
    card(nb, "Letter to Bo").wait_for()
    assert effects(lab, f"{name}.txt") == [TYPED]
    assert nb.text(1).count("drafting for Ann") == 1
    assert events(lab, f"{name}.ipynb").count("run.resumed") == 1
    assert [p.title for p in list_waiting(lab, f"{name}.ipynb")] == ["Letter to Bo"]


def test_a_reload_keeps_the_draft(page: Page, lab: Lab) -> None:
    nb = draft_typed(page, lab, "reload")
    page.load()
    nb = page.show("reload.ipynb")
    goes_on(nb, lab, "reload")
    shot(nb.page, "notebook-went-on-after-reload")
    nb.close()


def test_a_notebook_that_was_closed_and_opened_again_goes_on(page: Page, lab: Lab) -> None:
    nb = draft_typed(page, lab, "closed")
    nb.close()
    nb = page.show("closed.ipynb")
    goes_on(nb, lab, "closed")
    nb.close()


def test_a_kernel_that_was_restarted_from_the_menu_goes_on(page: Page, lab: Lab) -> None:
    nb = draft_typed(page, lab, "restarted")
    window = page.page
    window.locator(".lm-MenuBar-item").get_by_text("Kernel", exact=True).click()
    window.locator('.lm-Menu-item[data-command="kernelmenu:restart"]').click()
    nb.accept()
    window.locator(".jp-Dialog").wait_for(state="detached")
    nb.until_kernel()
    goes_on(nb, lab, "restarted")
    nb.close()


def test_the_server_is_killed_and_started_again_with_the_page_open(page: Page, lab: Lab) -> None:
    nb = draft_typed(page, lab, "crash")
    window = page.page
    lab.kill()
    dialogs = window.locator(".jp-Dialog")
    dialogs.get_by_text("Server Connection Error").wait_for()
    shot(window, "server-gone")
    window.add_locator_handler(dialogs, lambda shown: shown.locator(".jp-Dialog-button").last.click())
    lab.restart()
    shown = card(nb, "Letter to Ann")
    shown.locator(".cm-content").first.get_by_text(TYPED, exact=True).wait_for()
    button(shown, "Approve with edits").click()
    shown.get_by_text("Approved with edits", exact=True).wait_for()
    assert list_waiting(lab, "crash.ipynb") == []
    shot(shown, "card-after-crash")
    # The kernels went with the server: the agent goes on in a new one, from where it stood.
    shown.get_by_role("button", name="Start a kernel and continue").click()
    card(nb, "Letter to Bo").wait_for()
    assert effects(lab, "crash.txt") == [TYPED]


def test_nothing_moves_when_a_card_is_drawn_again(page: Page, lab: Lab) -> None:
    below = "# what stands below the card"
    nb = page.open("still.ipynb", LOAD, agent("still.txt"), below)
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    stood = nb.cell(2).bounding_box()["y"]

    page.load()
    held: list[Any] = []
    page.page.route("**/hitl_nb/api/pauses*", lambda route: held.append(route))
    nb = page.show("still.ipynb")
    page.page.locator(".jp-hitl-pause").first.wait_for(state="attached")
    eventually(lambda: held, page.page)
    assert card(nb).count() == 0
    assert abs(nb.cell(2).bounding_box()["y"] - stood) <= 1
    for route in held:
        route.continue_()
    page.page.unroute("**/hitl_nb/api/pauses*")
    card(nb, "Letter to Ann").wait_for()
    assert abs(nb.cell(2).bounding_box()["y"] - stood) <= 1
    nb.close()
