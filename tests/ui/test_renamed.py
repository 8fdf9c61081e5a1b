"""A notebook that is renamed while it waits: its card, its kernel and its runs follow it, and nothing runs again."""

from __future__ import annotations

import pytest
from lab import Lab, Page

pytestmark = [pytest.mark.ui, pytest.mark.slow]

AGENT = """%%agent letters
print("drafting")
with open("effects.txt", "a") as file:
    file.write("drafted ")
decision = hitl.checkpoint("Dear Ann, hello.", title="Letter to Ann")
print("SENT:", decision.value)
"""


@pytest.mark.parametrize("kernel", ["the same kernel", "a new kernel"])
def test_a_paused_notebook_is_renamed(page: Page, lab: Lab, kernel: str) -> None:
    name = f"before {kernel}.ipynb"
    nb = page.open(name, "%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT.replace("effects.txt", f"{kernel}.txt"))
    nb.run_all()
    card = page.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-card")
    card.wait_for()
    page.page.evaluate(
        """async paths => {
          await window.jupyterapp.shell.currentWidget.context.save();
          await window.jupyterapp.serviceManager.contents.rename(...paths);
        }""",
        [name, f"after {kernel}.ipynb"],
    )
    page.page.wait_for_function(
        "path => window.jupyterapp.shell.currentWidget?.context?.path === path", arg=f"after {kernel}.ipynb"
    )
    if kernel == "a new kernel":
        nb.close()
        nb = page.show(f"after {kernel}.ipynb")
        card.wait_for()
    card.get_by_role("button", name="Approve", exact=True).click()
    nb.until(1, "SENT: Dear Ann, hello.")
    assert (lab.folder / f"{kernel}.txt").read_text() == "drafted "
    nb.close()


def test_a_saved_notebook_is_moved_outside_of_jupyter(page: Page, lab: Lab) -> None:
    nb = page.open("here.ipynb", "%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT.replace("effects.txt", "moved.txt"))
    nb.run_all()
    card = page.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-card")
    card.wait_for()
    page.page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.model.getMetadata('hitl_nb')?.id")
    page.page.evaluate("async () => await window.jupyterapp.shell.currentWidget.context.save()")
    card.get_by_role("button", name="Approve", exact=True).wait_for()
    nb.close()
    (lab.folder / "elsewhere").mkdir()
    (lab.folder / "here.ipynb").rename(lab.folder / "elsewhere" / "there.ipynb")
    nb = page.show("elsewhere/there.ipynb")
    nb.run_all()
    card.get_by_role("button", name="Approve", exact=True).click()
    nb.until(1, "SENT: Dear Ann, hello.")
    assert (lab.folder / "moved.txt").read_text() == "drafted "
    nb.close()
