"""Takes the README's pictures again: the refunds example in a real JupyterLab, paused, decided and finished.

    python docs/pictures.py

It plays a copy of the example in a temporary folder, over the harness that the tests in `tests/ui` use.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
MARGIN = 12
LIMIT = 200_000

sys.path[:0] = [str(ROOT / "tests" / "ui"), str(ROOT / "examples")]

from demo import forget_outputs  # noqa: E402
from lab import Lab, Notebook, Page, launch  # noqa: E402

from hitl_nb.store import open_store  # noqa: E402
from hitl_nb.store.ledger import Ledger  # noqa: E402

AGENT = 7
ABOVE = 200
"""Pixels of the cell that are shown above its output."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        stage, state = Path(folder, "refunds"), Path(folder, "state")
        shutil.copytree(ROOT / "examples", stage, ignore=shutil.ignore_patterns("*.jsonl", "__pycache__"))
        forget_outputs(stage / "refunds.ipynb")
        state.mkdir()
        lab = Lab(stage, state)
        try:
            window = launch(playwright).new_context(viewport={"width": 1180, "height": 1900}).new_page()
            play(Page(window, lab), Ledger(open_store(lab.env["HITL_NB_STORE"])))
        finally:
            lab.close()


def play(page: Page, ledger: Ledger) -> None:
    page.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    nb = page.show("refunds.ipynb")
    nb.run_all()
    nb.field("Amount").fill("1199")
    nb.panel.get_by_text('+  "amount": 1199').wait_for()
    nb.field("Reason").fill("They keep the charger")
    nb.field("Reason").blur()
    picture(nb, "paused.png", nb.panel, AGENT)
    page.theme("JupyterLab Dark")
    picture(nb, "paused-dark.png", nb.panel, AGENT)
    page.theme("JupyterLab Light")
    nb.button("Approve with edits").click()
    finish(nb, ledger)
    picture(nb, "finished.png", nb.cell(AGENT).locator(".hitl-nb").first, AGENT)


def finish(nb: Notebook, ledger: Ledger) -> None:
    """Approve what the agent asks, until it is through."""
    answered: set[str] = set()
    while ledger.runs()[0].status != "finished":
        for asked in ledger.inbox():
            if asked.id not in answered:
                nb.panel.get_by_text(asked.title, exact=True).wait_for()
                nb.button("Approve").click()
                answered.add(asked.id)
        nb.page.wait_for_timeout(50)
    nb.until_kernel()


def picture(nb: Notebook, name: str, end: Any, cell: int) -> None:
    """Write the window, from somewhat above a cell's output down to the end of `end`, to a file in docs/."""
    nb.page.mouse.move(0, 0)
    end.evaluate("one => one.scrollIntoView({block: 'center'})")
    box, last = nb.cell(cell).bounding_box(), end.bounding_box()
    output = nb.cell(cell).locator(".jp-Cell-outputWrapper").bounding_box()
    top = max(output["y"] - ABOVE, 100)
    height = last["y"] + last["height"] - top + MARGIN
    clip = {"x": box["x"], "y": top, "width": box["width"], "height": height}
    path = DOCS / name
    nb.page.screenshot(path=str(path), clip=clip)
    if path.stat().st_size > LIMIT:
        sys.exit(f"{path} has {path.stat().st_size:,} bytes, and pictures in docs/ have at most {LIMIT:,}")


if __name__ == "__main__":
    main()
