"""Every dead end has a door: a cell that is gone, an agent that has finished before, a server without hitl_nb."""

from __future__ import annotations

from typing import Any

import pytest
from axe import violations
from lab import Lab, Page, shot
from letters import LOAD, agent, card, effects, eventually, ledger, list_waiting, of

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Question, Snapshot
from hitl_nb.storage import open_store

pytestmark = [pytest.mark.ui, pytest.mark.slow]

LEFT_EDGE = "() => document.querySelector('.jp-hitl-status-item').getBoundingClientRect().x"


def pause_run(store: Ledger, count: int) -> str:
    """Let an agent outside of the tested notebooks ask `count` questions. Return its run."""
    run, claim = store.runs.open(agent="counted", notebook="/elsewhere/counted.ipynb")
    questions = [Question(title=f"Refund {i}", kind="text", value=str(i), position=f"{i}/0") for i in range(count)]
    store.runs.pause(claim, Snapshot(envelope=b"state"), questions)
    return run.id


def test_the_status_item_stays_in_its_place_whatever_it_counts(page: Page, lab: Lab) -> None:
    window, store = page.page, Ledger(open_store(lab.env["HITL_NB_STORE"]))
    window.get_by_role("button", name="none for you").wait_for()
    edges = [window.evaluate(LEFT_EDGE)]
    for count in (9, 68):
        run = pause_run(store, count)
        window.get_by_role("button", name=f"{count} for you", exact=True).wait_for()
        edges.append(window.evaluate(LEFT_EDGE))
        tab = window.locator(f'.lm-TabBar-tab[data-hitl-count="{count}"]')
        tab.wait_for()
        shot(window.locator("#jp-main-statusbar"), f"status-{count}")
        store.runs.cancel(run, actor="test")
    assert edges == [edges[0]] * 3


def test_a_cell_that_was_deleted_is_put_back_and_the_decision_resumes_it(page: Page, lab: Lab) -> None:
    nb = page.open("gone.ipynb", LOAD, agent("gone.txt"), "x = 1")
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.command("docmanager:save")
    page.page.evaluate(
        """() => {
          const notebook = window.jupyterapp.shell.currentWidget.content;
          notebook.deselectAll();
          notebook.activeCellIndex = 1;
          window.jupyterapp.commands.execute('notebook:delete-cell');
        }"""
    )
    (p,) = list_waiting(lab, "gone.ipynb")
    page.page.evaluate("id => window.jupyterapp.commands.execute('hitl-nb:open-inbox', { proposal: id })", p.id)
    inbox = page.page.locator("#hitl-nb-inbox .jp-hitl-card")
    inbox.get_by_text("Cell is gone").wait_for()
    shot(inbox, "cell-is-gone")
    assert violations(page.page, "#hitl-nb-inbox .jp-hitl-card") == []
    inbox.get_by_role("button", name="Put the cell back").click()
    inbox.get_by_text("Your decision").wait_for()
    sources = page.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets.map(one => one.model.sharedModel.getSource())"
    )
    assert [source.strip() for source in sources] == [LOAD.strip(), agent("gone.txt").strip(), "x = 1"]  # where it was
    assert effects(lab, "gone.txt") == []  # it was not run by that
    inbox.get_by_role("button", name="Approve", exact=True).click()
    card(nb, "Letter to Bo").wait_for()
    assert effects(lab, "gone.txt") == ["Dear Ann, hello."]
    ledger(lab).runs.cancel(p.run, actor="test")
    nb.close()


def test_an_agent_that_has_finished_before_calls_nothing_again(page: Page, lab: Lab) -> None:
    cell = """%%agent done
decision = hitl.checkpoint("Dear Ann", title="Letter to Ann")
send(decision.value, "done.txt")"""
    nb = page.open("done.ipynb", LOAD, cell)
    nb.run_all()
    card(nb, "Letter to Ann").get_by_role("button", name="Approve", exact=True).click()
    nb.until(1, "1 question: 1 approved.")
    nb.until_kernel()
    shot(nb.cell(1), "finished")
    nb.run(1)
    nb.until(1, "This agent has finished before")
    nb.until_ran(1)
    assert "nothing was called again" in nb.text(1)
    assert effects(lab, "done.txt") == ["Dear Ann"]
    shot(nb.cell(1), "finished-before")
    assert violations(page.page, ".jp-hitl-bar-alone") == []
    page.page.get_by_role("button", name="Start over…").click()
    dialog = page.page.get_by_role("dialog", name="Start “done” over?")
    shot(page.page, "start-over")
    assert "All steps are called again" in dialog.inner_text()
    dialog.get_by_role("button", name="Start over", exact=True).click()
    eventually(lambda: len(list_waiting(lab, "done.ipynb")) == 1, page.page)
    runs = ledger(lab).runs.list_newest(notebook=of(lab, "done.ipynb"))
    assert [run.status for run in runs] == ["waiting", "finished"]
    nb.close()


def test_a_server_without_hitl_nb_says_how_it_is_installed(browser: Any, page: Page, lab: Lab) -> None:
    """The server answers as Jupyter does without the extension: a page of HTML with the status 404."""
    nb = page.open("bare.ipynb", LOAD, agent("bare.txt"))
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    nb.command("docmanager:save")
    (p,) = list_waiting(lab, "bare.ipynb")
    window = browser.new_context(viewport={"width": 1300, "height": 900})
    window.route(
        "**/hitl_nb/api/**",
        lambda route: route.fulfill(status=404, content_type="text/html", body="<h1>404 : Not Found</h1>"),
    )
    seen = Page(window.new_page(), lab).show("bare.ipynb")
    seen.until(1, "The review cards need hitl_nb on this Jupyter server.")
    text = seen.text(1)
    assert "Run pip install hitl_nb where the server runs, restart it, and reload." in text
    assert "Until then: %hitl widget letters" in text
    assert "404" not in seen.page.locator("body").inner_text()
    seen.page.locator(".jp-hitl-alert").get_by_role("button", name="Try again").click()
    shot(seen.cell(1), "server-without-hitl-nb")
    window.close()
    ledger(lab).runs.cancel(p.run, actor="test")
    nb.close()
