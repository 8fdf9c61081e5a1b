"""The report's story: two people and an agent write one document, one of them goes offline, the kernel is restarted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lab import Lab, Page, shot
from letters import button, eventually, ledger, of

from hitl_nb.drafts.draft import Draft
from hitl_nb.records import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "examples"
WORDS = 20
"""How many words are typed offline."""
PACE = "        await asyncio.sleep(PACE)\n"
UNTIL_PEOPLE_WRITE = """\
    while name == OUTLINE[-1] and not __import__("os").path.exists("people-write"):
        await asyncio.sleep(0.05)
"""


@pytest.fixture
def report(page: Page, lab: Lab) -> Any:
    """The example as somebody opens it, with an agent that writes as slowly as a model does, and ends behind people."""
    pytest.importorskip("palmerpenguins")
    desk = (EXAMPLES / "report_desk.py").read_text()
    assert "PACE = 0.01" in desk
    assert desk.count(PACE) == 1
    desk = desk.replace("PACE = 0.01", "PACE = 0.05").replace(PACE, PACE + UNTIL_PEOPLE_WRITE)
    (lab.folder / "report_desk.py").write_text(desk)
    for name in ("report.ipynb", "model.py"):
        shutil.copy(EXAMPLES / name, lab.folder)
    written = nbformat.read(lab.folder / "report.ipynb", 4)
    for cell in written.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(written, lab.folder / "report.ipynb")
    nb = page.show("report.ipynb")
    yield nb
    nb.close()


def workspace(lab: Lab) -> Workspace | None:
    log = ledger(lab)
    runs = log.runs.list_newest(notebook=of(lab, "report.ipynb"))
    return next(iter(log.workspaces.list_of_run(runs[0].id)), None) if runs else None


def text(lab: Lab, record: Workspace) -> str:
    return str(Draft.for_workspace(ledger(lab).store, record).read_value())


def box(where: Any) -> Any:
    """The editor of the document, once it can be written."""
    return where.locator('.jp-hitl-value:not([aria-busy="true"]) .jp-hitl-text .cm-content').last


def at_title(where: Any) -> None:
    box(where).click()
    box(where).press("Control+Home")
    box(where).press("End")


def test_every_word_is_there_in_the_end(page: Page, browser: Any, lab: Lab, report: Any) -> None:
    report.run_all()
    record = eventually(lambda: workspace(lab), page.page)
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    context = browser.new_context(viewport={"width": 1300, "height": 1400})
    other = context.new_page()
    other.goto(f"{lab.url}/hitl_nb/workspace/{record.id}?token={lab.token}")
    notebook = page.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    box(other).wait_for()
    at_title(notebook)
    page.page.keyboard.type(" by Ann", delay=20)
    eventually(lambda: "by Ann" in text(lab, record), page.page)
    other.get_by_text("by Ann").wait_for()

    context.set_offline(True)
    at_title(other)
    (lab.folder / "people-write").touch()  # so the agent asks while they do, however slow this machine is
    words = ["by", "Ann"]
    for n in range(WORDS):
        for window, name in ((other, "offline"), (page.page, "online")):
            words.append(f"{name}{n}")
            window.keyboard.type(f" {name}{n}", delay=5)
    other.get_by_text("Not connected", exact=True).wait_for()
    shot(other, "report-offline")
    # The agent has asked whether it is done; neither of them lost a letter by that.
    eventually(lambda: getattr(workspace(lab), "proposal", None), page.page)
    notebook.get_by_text("report asks whether it is done.").wait_for()
    context.set_offline(False)
    eventually(lambda: set(words) <= set(text(lab, record).split()), page.page)
    shot(page.page, "report-asked-while-they-type")

    report.until_kernel()
    report.command("kernelmenu:restart")
    report.accept()
    report.until_kernel()
    box(notebook).click()
    box(notebook).press("Control+End")
    page.page.keyboard.type("\n\nThe end.")
    eventually(lambda: text(lab, record).endswith("The end."), page.page)
    box(other).get_by_text("The end.").wait_for()
    asked = getattr(workspace(lab), "proposal", "")
    button(other, "Decide").click()
    button(other.locator(".jp-hitl-card").last, "Done").click()

    run = record.run
    eventually(lambda: ledger(lab).runs.load(run).status == "finished", page.page)
    notebook.get_by_text("done: edit").wait_for()
    shot(page.page, "report-done")
    decision = ledger(lab).proposals.load(asked).decision
    assert decision is not None
    final = str(decision.value)
    assert [word for word in words if final.split().count(word) != 1] == []
    headings = ("## Where they live", "## How large they are", "## How heavy they are")
    assert [final.count(one) for one in headings] == [1, 1, 1]
    assert final.endswith("The end.")
    assert text(lab, record) == final
    context.close()
