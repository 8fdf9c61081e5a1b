"""The review where JupyterLab is another: with shared notebooks, with outputs that the server keeps, and the oldest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from environments import python_of
from lab import Lab, Notebook, Page, shot
from letters import (
    LOAD,
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
    type_over,
    until_kept,
)

pytestmark = [pytest.mark.ui, pytest.mark.slow]

MIME = "application/vnd.hitl-nb.proposal+json"
RUN = "**/hitl_nb/api/runs/*"
everywhere = pytest.mark.parametrize("lab", ["rtc", "jsd", "lab42"], indirect=True)
shared = pytest.mark.parametrize("lab", ["rtc", "jsd"], indirect=True)
oldest = pytest.mark.parametrize("lab", ["lab42"], indirect=True)


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder, state = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("state")
    server = Lab(folder, state, python=python_of(request.param))
    yield server
    server.close()


@pytest.fixture(scope="module")
def page(browser: Any, lab: Lab) -> Iterator[Page]:
    yield from window(browser, lab)


@pytest.fixture(scope="module")
def second(browser: Any, lab: Lab) -> Iterator[Page]:
    """Somebody else's browser."""
    yield from window(browser, lab)


def window(browser: Any, lab: Lab) -> Iterator[Page]:
    """A browser's window, closed before its server: one with shared notebooks does not end while they are open."""
    context = browser.new_context(viewport={"width": 1300, "height": 1400})
    yield Page(context.new_page(), lab)
    context.close()


def open_paused(page: Page, name: str) -> Notebook:
    """A notebook whose agent waits."""
    nb = page.open(f"{name}.ipynb", LOAD, agent(f"{name}.txt"))
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.until_kernel()
    return nb


def until_saved(nb: Notebook) -> None:
    """Wait until the card is in the file; a notebook that is shared is saved by the server, by itself."""
    nb.page.evaluate(
        """async () => {
          const { context } = window.jupyterapp.shell.currentWidget;
          if (!context.model.collaborative) { await context.save(); }
        }"""
    )
    eventually(lambda: MIME in (nb.lab.folder / nb.name).read_text(), nb.page)


def check_ended(nb: Notebook, lab: Lab, sent: list[str]) -> None:
    """Both letters were decided, and nothing happened twice."""
    nb.until(1, "all done")
    nb.until_kernel()
    run = ledger(lab).runs.list_newest(notebook=of(lab, nb.name))[0]
    assert run.status == "finished"
    assert effects(lab, nb.name.replace("ipynb", "txt")) == sent
    assert events(lab, nb.name).count("run.resumed") == 2
    assert [nb.text(1).count(f"drafting for {name}") for name in ("Ann", "Bo")] == [1, 1]


@everywhere
def test_a_person_edits_in_the_card_and_the_agent_goes_on_by_itself(page: Page, lab: Lab) -> None:
    nb = open_paused(page, "story")
    type_over(card(nb, "Letter to Ann"), "Dear Ann, hello again.")
    button(card(nb, "Letter to Ann"), "Approve with edits").click()
    nb.until(1, "ended Ann edit")
    button(card(nb, "Letter to Bo"), "Approve").click()
    check_ended(nb, lab, ["Dear Ann, hello again.", "Dear Bo, hello."])


@everywhere
def test_it_outlives_a_reload_and_a_restarted_kernel(page: Page, lab: Lab) -> None:
    nb = open_paused(page, "lives")
    until_saved(nb)
    typed = "Dear Ann, before the reload."
    type_over(card(nb, "Letter to Ann"), typed)
    until_kept(lab, "lives.ipynb", typed)
    page.load()
    nb = page.show("lives.ipynb")
    card(nb, "Letter to Ann").locator(".cm-content").first.get_by_text(typed, exact=True).wait_for()
    button(card(nb, "Letter to Ann"), "Approve with edits").click()
    card(nb, "Letter to Bo").wait_for()
    nb.until_kernel()

    before = nb.kernel_pid()
    page.page.evaluate("() => { window.restarted = window.jupyterapp.commands.execute('kernelmenu:restart') }")
    nb.accept()
    page.page.evaluate("() => window.restarted")
    nb.until_kernel()
    assert nb.kernel_pid() != before
    button(card(nb, "Letter to Bo"), "Approve").click()
    check_ended(nb, lab, [typed, "Dear Bo, hello."])


@shared
def test_two_people_see_the_card_and_one_browser_goes_on(page: Page, second: Page, lab: Lab) -> None:
    nb = open_paused(page, "shared")
    other = second.show("shared.ipynb")
    typed = "Dear Ann, from the other one."
    type_over(card(other, "Letter to Ann"), typed)
    card(nb, "Letter to Ann").locator(".cm-content").first.get_by_text(typed).wait_for()  # the typist's name follows
    button(card(other, "Letter to Ann"), "Approve with edits").click()
    for one in (nb, other):
        one.until(1, "ended Ann edit")
        card(one, "Letter to Bo").wait_for()
    assert events(lab, "shared.ipynb").count("run.resumed") == 1

    # Neither of them decides this one, and the first window hears of it first. With server documents the kernel listens
    # to the newest window alone: the first must not keep the second from going on.
    held: list[Any] = []
    other.page.route(RUN, lambda call: held.append(call))
    with nb.page.expect_response(RUN):
        ledger(lab).proposals.decide(list_waiting(lab, "shared.ipynb")[0].id, "approve", reviewer="cy")
    eventually(lambda: held, other.page)
    for call in held:
        call.continue_()
    other.page.unroute(RUN)
    for one in (nb, other):
        check_ended(one, lab, [typed, "Dear Bo, hello."])
    shot(other.page, "shared-finished")


@oldest
def test_the_oldest_decides_with_the_keyboard_and_shows_the_timeline(page: Page, lab: Lab) -> None:
    window = page.page
    assert window.evaluate("() => window.jupyterapp.version") == "4.2.0"
    nb = open_paused(page, "keyboard")
    window.get_by_role("button", name="1 for you").click()
    window.get_by_role("option", name="Letter to Ann").wait_for()
    window.get_by_role("listbox", name="Proposals that wait").focus()
    for key in ("x", "a"):
        window.keyboard.press(key)
    confirm(window, "Approve 1 proposal")
    nb.until(1, "ended Ann approve")

    window.get_by_role("option", name="Letter to Bo").wait_for()
    window.keyboard.press("Enter")
    window.locator(".jp-hitl-detail .jp-hitl-card").wait_for()
    shot(window, "lab42-inbox")
    window.get_by_role("button", name="Timeline", exact=True).click()
    lanes = window.locator(".jp-hitl-timeline")
    lanes.locator(".jp-hitl-entries button", has_text="for Letter to Ann").first.click()
    lanes.locator(".jp-hitl-entry-detail").get_by_text("pause").wait_for()
    shot(window, "lab42-timeline")
    window.evaluate("() => window.jupyterapp.shell.currentWidget.close()")

    page.show("keyboard.ipynb")
    reject(window.locator(".jp-hitl-detail .jp-hitl-card"))
    check_ended(nb, lab, ["Dear Ann, hello."])
    window.get_by_role("button", name="none for you").wait_for()
