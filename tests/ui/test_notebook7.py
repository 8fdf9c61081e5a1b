"""The review in Notebook 7: the same card, by the same extension."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from lab import Lab, Notebook, Page, shot, write_notebook
from letters import LOAD, agent, button, card, effects, events, list_waiting, type_over, until_kept

pytestmark = [pytest.mark.ui, pytest.mark.slow]


@pytest.fixture(scope="module")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder, state = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("state")
    server = Lab(folder, state, app="notebook")
    yield server
    server.close()


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1300, "height": 1600})
    yield context.new_page()
    context.close()


def open_paused(window: Any, lab: Lab, name: str) -> Notebook:
    """A notebook in a page of its own, whose agent waits."""
    write_notebook(lab.folder / f"{name}.ipynb", LOAD, agent(f"{name}.txt"))
    Page(window, lab, f"notebooks/{name}.ipynb")
    nb = Notebook(window, lab, f"{name}.ipynb")
    nb.run_all()
    card(nb, "Letter to Ann").wait_for()
    return nb


def test_a_person_edits_in_the_card_and_the_agent_goes_on(window: Any, lab: Lab) -> None:
    nb = open_paused(window, lab, "story")
    assert nb.panel.count() == 0
    type_over(card(nb, "Letter to Ann"), "Dear Ann, in Notebook 7.")
    shot(window, "notebook7-edited")
    button(card(nb, "Letter to Ann"), "Approve with edits").click()
    nb.until(1, "ended Ann edit")
    button(card(nb, "Letter to Bo"), "Approve").click()
    nb.until(1, "all done")
    shot(window, "notebook7-finished")
    assert effects(lab, "story.txt") == ["Dear Ann, in Notebook 7.", "Dear Bo, hello."]
    assert events(lab, "story.ipynb").count("run.resumed") == 2
    assert nb.text(1).count("drafting for Ann") == 1


def test_it_outlives_a_reload_and_a_dead_kernel(window: Any, lab: Lab) -> None:
    nb = open_paused(window, lab, "lives")
    typed = "Dear Ann, before the reload."
    type_over(card(nb, "Letter to Ann"), typed)
    until_kept(lab, "lives.ipynb", typed)
    window.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    Page(window, lab, "notebooks/lives.ipynb")
    nb = Notebook(window, lab, "lives.ipynb")
    os.kill(nb.kernel_pid(), signal.SIGKILL)
    nb.accept()
    nb.until_kernel()
    card(nb, "Letter to Ann").locator(".cm-content").first.get_by_text(typed, exact=True).wait_for()
    button(card(nb, "Letter to Ann"), "Approve with edits").click()
    nb.until(1, "ended Ann edit")
    card(nb, "Letter to Bo").wait_for()
    assert effects(lab, "lives.txt") == [typed]
    assert [p.title for p in list_waiting(lab, "lives.ipynb")] == ["Letter to Bo"]


def test_the_list_of_files_opens_without_the_card_in_its_way(window: Any, lab: Lab) -> None:
    wrong: list[str] = []
    window.on("pageerror", lambda error: wrong.append(str(error.stack)))
    write_notebook(lab.folder / "listed.ipynb", "1 + 1")
    Page(window, lab, "tree")
    window.get_by_text("listed.ipynb").wait_for()
    shot(window, "notebook7-tree")
    assert [error for error in wrong if "hitl" in error] == []
