"""Takes the README's pictures again: the refunds example in a real JupyterLab; its card, the inbox, the timeline.

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

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "ui"), str(ROOT / "examples")]

from demo import forget_outputs  # noqa: E402
from lab import Lab, Notebook, Page, launch  # noqa: E402

from hitl_nb.ledger.ledger import Ledger  # noqa: E402
from hitl_nb.storage import open_store  # noqa: E402

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
    card = waiting(nb)
    card.get_by_label("Amount", exact=True).fill("1199")
    card.get_by_text('+  "amount": 1199').wait_for()
    email = card.get_by_label("Email", exact=True)  # a guardrail asks again for one that names another amount
    email.fill(email.input_value().replace("1299.00", "1199.00"))
    card.get_by_label("Reason", exact=True).fill("They keep the charger")
    card.get_by_label("Reason", exact=True).blur()
    picture(nb, "paused.png", card, AGENT)
    page.theme("JupyterLab Dark")
    picture(nb, "paused-dark.png", card, AGENT)
    page.theme("JupyterLab Light")
    inbox(page)
    card.get_by_role("button", name="Approve with edits", exact=True).click()
    finish(nb, ledger)
    picture(nb, "finished.png", nb.cell(AGENT).locator(".jp-hitl-card").first, AGENT)
    timeline(page, ledger.runs()[0].id)


def waiting(nb: Notebook) -> Any:
    """The card that waits (a locator)."""
    return nb.page.locator(".jp-hitl-pause .jp-hitl-card.jp-mod-open").last


def inbox(page: Page) -> None:
    """The side panel, with its card."""
    window = page.page
    window.evaluate("() => window.jupyterapp.commands.execute('hitl-nb:open-inbox')")
    window.locator(".jp-hitl-list [role=option]").first.click()
    window.locator(".jp-hitl-detail .jp-hitl-card").wait_for()
    window.evaluate("() => window.jupyterapp.shell._hsplitPanel.setRelativeSizes([0, 0.5, 0.5])")
    shoot(window.locator("#hitl-nb-inbox"), "inbox.png")
    window.evaluate("() => window.jupyterapp.shell.collapseRight()")


def timeline(page: Page, run: str) -> None:
    window = page.page
    window.evaluate("run => window.jupyterapp.commands.execute('hitl-nb:open-timeline', {run})", run)
    window.locator(".jp-hitl-entries li").first.wait_for()
    shoot(window.locator(".jp-hitl-timeline"), "timeline.png", height=620)


def finish(nb: Notebook, ledger: Ledger) -> None:
    """Approve what the agent asks, until it is through."""
    answered: set[str] = set()
    while ledger.runs()[0].status != "finished":
        for asked in ledger.inbox():
            if asked.id not in answered:
                card = waiting(nb)
                card.get_by_text(asked.title, exact=True).wait_for()
                card.get_by_role("button", name="Approve", exact=True).click()
                answered.add(asked.id)
        nb.page.wait_for_timeout(50)
    nb.until_kernel()


def shoot(what: Any, name: str, height: int = 900) -> None:
    """Write a part of the window to a file in docs/, from its top."""
    what.page.mouse.move(0, 0)
    box = what.bounding_box()
    path = DOCS / name
    clip = {**box, "height": min(box["height"], height)}
    what.page.screenshot(path=str(path), clip=clip)
    if path.stat().st_size > LIMIT:
        sys.exit(f"{path} has {path.stat().st_size:,} bytes, and pictures in docs/ have at most {LIMIT:,}")


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
