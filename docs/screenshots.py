"""Take the pictures of the documentation: the refunds example in a real JupyterLab, with its card, inbox and timeline.

    python docs/screenshots.py            # writes docs/images/*.png
    python docs/screenshots.py --check    # only plays the story, and checks that it contains every committed picture

A copy of the example runs in a temporary folder, with the harness of the tests in `tests/ui`. The card is pictured in
the light and in the dark theme.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
MARGIN = 12
LIMIT = 200_000
"""Largest picture, in bytes."""

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "ui"), str(ROOT / "examples")]

from demo import forget_outputs  # noqa: E402
from lab import Lab, Notebook, Page, launch  # noqa: E402

from hitl_nb.ledger.ledger import Ledger  # noqa: E402
from hitl_nb.storage import open_store  # noqa: E402

AGENT = 7
ABOVE = 200
"""Height of the part of the cell that is shown above its output, in pixels."""


def main() -> None:
    """Play the story. Write the pictures, or with `--check` compare only their names and sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a committed picture is not taken")
    only_check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as target:
        play_in_lab(Path(target) if only_check else IMAGES)
        if only_check:
            check_images(Path(target))


def check_images(taken: Path) -> None:
    """Fail if the committed pictures are not those of the story, or if one is too large."""
    names, committed = ({file.name for file in folder.glob("*.png")} for folder in (taken, IMAGES))
    if names != committed:
        sys.exit(f"docs/images has {sorted(committed)}, and the story takes {sorted(names)}; run docs/screenshots.py")
    for name in sorted(committed):
        check_size(IMAGES / name)
    print(f"the story runs, and takes {len(names)} pictures")


def check_size(path: Path) -> None:
    """Fail if the picture is above the limit."""
    if path.stat().st_size > LIMIT:
        sys.exit(f"{path} has {path.stat().st_size:,} bytes, and pictures in docs/images have at most {LIMIT:,}")


def play_in_lab(images: Path) -> None:
    """Play the story in its own JupyterLab, and write the pictures to a folder."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        stage, state = Path(folder, "refunds"), Path(folder, "state")
        shutil.copytree(ROOT / "examples", stage, ignore=shutil.ignore_patterns("*.jsonl", "__pycache__"))
        forget_outputs(stage / "refunds.ipynb")
        state.mkdir()
        lab = Lab(stage, state)
        try:
            window = launch(playwright).new_context(viewport={"width": 1180, "height": 1900}).new_page()
            play(Page(window, lab), Ledger(open_store(lab.env["HITL_NB_STORE"])), images)
        finally:
            lab.close()


def play(page: Page, ledger: Ledger, images: Path) -> None:
    """Play the story: edit the first proposal, approve all, look at the timeline."""
    page.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    nb = page.show("refunds.ipynb")
    nb.run_all()
    card = waiting_card(nb)
    card.get_by_label("Amount", exact=True).fill("1199")
    card.get_by_text("was").first.wait_for()
    email = card.get_by_label("Email", exact=True)  # a guardrail asks again for one that names another amount
    email.fill(email.input_value().replace("1299.00", "1199.00"))
    card.get_by_text("2 changes").wait_for()
    email.blur()
    picture(nb, images / "paused.png", card, AGENT)
    page.theme("JupyterLab Dark")
    picture(nb, images / "paused-dark.png", card, AGENT)
    page.theme("JupyterLab Light")
    inbox(page, images)
    card.get_by_role("button", name="Approve with edits", exact=True).click()
    finish(nb, ledger)
    picture(nb, images / "finished.png", nb.cell(AGENT).locator(".jp-hitl-bar-alone"), AGENT)
    timeline(page, ledger.runs.list_newest()[0].id, images)


def waiting_card(nb: Notebook) -> Any:
    """Return the card that waits (a locator)."""
    return nb.page.locator(".jp-hitl-pause .jp-hitl-card.jp-mod-open").last


def inbox(page: Page, images: Path) -> None:
    """Take a picture of the side panel with its card."""
    window = page.page
    window.evaluate("() => window.jupyterapp.commands.execute('hitl-nb:open-inbox')")
    window.locator(".jp-hitl-list [role=option]").first.click()
    window.locator(".jp-hitl-detail .jp-hitl-card").wait_for()
    window.evaluate("() => window.jupyterapp.shell._hsplitPanel.setRelativeSizes([0, 0.5, 0.5])")
    shoot(window.locator("#hitl-nb-inbox"), images / "inbox.png")
    window.evaluate("() => window.jupyterapp.shell.collapseRight()")


def timeline(page: Page, run: str, images: Path) -> None:
    """Take a picture of a run's timeline."""
    window = page.page
    window.evaluate("run => window.jupyterapp.commands.execute('hitl-nb:open-timeline', {run})", run)
    window.locator(".jp-hitl-entries li").first.wait_for()
    shoot(window.locator(".jp-hitl-timeline"), images / "timeline.png", height=620)


def finish(nb: Notebook, ledger: Ledger) -> None:
    """Approve the agent's questions until it has finished."""
    answered: set[str] = set()
    while ledger.runs.list_newest()[0].status != "finished":
        for asked in ledger.proposals.list_open():
            if asked.id not in answered:
                card = waiting_card(nb)
                card.get_by_text(asked.title, exact=True).wait_for()
                card.get_by_role("button", name="Approve", exact=True).click()
                answered.add(asked.id)
        nb.page.wait_for_timeout(50)
    nb.until_kernel()


def shoot(part: Any, path: Path, height: int = 900) -> None:
    """Write a part of the window to a file, from its top."""
    part.page.mouse.move(0, 0)
    box = part.bounding_box()
    part.page.screenshot(path=str(path), clip={**box, "height": min(box["height"], height)})
    check_size(path)


def picture(nb: Notebook, path: Path, end: Any, cell: int) -> None:
    """Write the window to a file: from a part of the cell above its output, to the end of `end`."""
    nb.page.mouse.move(0, 0)
    end.evaluate("one => one.scrollIntoView({block: 'center'})")
    box, last = nb.cell(cell).bounding_box(), end.bounding_box()
    output = nb.cell(cell).locator(".jp-Cell-outputWrapper").bounding_box()
    top = max(output["y"] - ABOVE, 100)
    height = last["y"] + last["height"] - top + MARGIN
    nb.page.screenshot(path=str(path), clip={"x": box["x"], "y": top, "width": box["width"], "height": height})
    check_size(path)


if __name__ == "__main__":
    main()
