"""Evidence in the browser (A28): drawn in the card, on the page and in an export; no SVG runs its script."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe import needs_axe, violations
from lab import Lab, Notebook, Page, shot
from letters import LOAD, card, eventually, list_waiting

from tests.evidence.pictures import SCRIPTED_SVG, png

pytestmark = [pytest.mark.ui, pytest.mark.slow]

AGENT = """%%agent refunds
import pathlib
import matplotlib.pyplot as plt
import pandas as pd
figure, axes = plt.subplots(figsize=(5, 2.5))
axes.bar(range(12), [9, 14, 7, 11, 18, 12, 9, 15, 22, 17, 10, 86])
plt.close(figure)
orders = pd.DataFrame({"order": [str(40215 - i) for i in range(11)], "paid": [1299.0 - i for i in range(11)]})
decision = hitl.checkpoint(
    {"order": "40215", "amount": 1299},
    title="Refund order 40215",
    context={
        "customer": "Stefan Brandt, standard, since 2019",
        "receipt": hitl.link("https://shop.example/r/40215", "dhl-00340434.pdf"),
        "Refunds of 12 months": hitl.image(figure, alt="This refund is the highest by far"),
        "orders": orders,
        "dot": hitl.image(PNG, alt="A red dot"),
        "drawn": hitl.image(pathlib.Path("drawn.svg"), alt="A drawing"),
        "letter": hitl.diff("Dear Stefan, we refund 99 EUR.", "Dear Stefan, we refund 1299 EUR."),
        "raw": {"lines": [{"sku": "A", "n": [1, 2]}], "n": 1},
    },
)
"""
RAN = "() => window.evidenceRan === undefined && window.top.evidenceRan === undefined"
DRAWN = "all => all.every(one => one.complete && one.naturalWidth > 0)"


@pytest.fixture(scope="module")
def paused_notebook(page: Page, lab: Lab) -> Iterator[Notebook]:
    (lab.folder / "drawn.svg").write_text(SCRIPTED_SVG)
    nb = page.open("refunds.ipynb", LOAD, AGENT.replace("PNG", repr(png(8, 8))))
    nb.run_all()
    card(nb).wait_for()
    nb.until_kernel()
    yield nb
    nb.close()


def check_drawn(shown: Any) -> None:
    """The evidence of a card is drawn in full, and nothing in it has run."""
    evidence = shown.get_by_role("region", name="Evidence")
    show_all = evidence.get_by_role("button", name="Show all").last
    if show_all.is_visible():
        show_all.click()
    images = evidence.locator("img")
    for alt in ("This refund is the highest by far", "A red dot", "A drawing"):
        evidence.get_by_alt_text(alt).wait_for()
    shown.page.wait_for_function(f"() => ({DRAWN})([...document.querySelectorAll('.jp-hitl-evidence img')])")
    assert images.count() == 3
    assert all(address.startswith("data:image/") for address in images.evaluate_all("all => all.map(one => one.src)"))
    assert "Stefan Brandt, standard, since 2019" in evidence.inner_text()
    assert evidence.get_by_role("link", name="dhl-00340434.pdf").get_attribute("href") == "https://shop.example/r/40215"
    assert "5 of 11 rows" in evidence.inner_text()
    assert evidence.locator("del", has_text="99").count() == 1
    assert shown.page.evaluate(RAN)


def test_evidence_is_drawn_in_the_card(paused_notebook: Notebook) -> None:
    shown = card(paused_notebook)
    asked: list[str] = []
    paused_notebook.page.on("request", lambda request: asked.append(request.url))
    check_drawn(shown)
    shot(shown, "evidence-card")
    evidence = shown.get_by_role("region", name="Evidence")
    blocks = evidence.locator(".jp-hitl-blocks > *").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().x)"
    )
    assert blocks[0] < blocks[1]  # two columns
    name, value = (evidence.get_by_text(text).bounding_box() for text in ("customer", "Stefan Brandt"))
    assert name["x"] < value["x"], evidence.locator("dl").evaluate(
        "dl => [getComputedStyle(dl).display, getComputedStyle(dl).gridTemplateColumns, dl.offsetWidth,"
        " getComputedStyle(dl.firstElementChild).display, dl.outerHTML.slice(0, 300)]"
    )
    evidence.get_by_role("button", name="Open", exact=True).click()
    dialog = paused_notebook.page.get_by_role("dialog", name="orders")
    assert dialog.locator("tbody tr").count() == 11
    shot(paused_notebook.page, "evidence-large")
    paused_notebook.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert paused_notebook.page.evaluate("() => document.activeElement.textContent") == "Open"
    evidence.get_by_role("button", name="Open large: A drawing").click()
    paused_notebook.page.get_by_role("dialog", name="drawn").locator("img").wait_for()
    paused_notebook.page.get_by_role("button", name="Close", exact=True).last.click()
    assert paused_notebook.page.evaluate(RAN)
    assert [url for url in asked if "127.0.0.1:9/" in url or "shop.example" in url] == []


@needs_axe
def test_evidence_is_accessible(paused_notebook: Notebook) -> None:
    assert violations(paused_notebook.page, ".jp-hitl-evidence") == []


def test_evidence_is_drawn_on_the_page_of_a_phone(browser: Any, lab: Lab, paused_notebook: Notebook) -> None:
    (proposal,) = list_waiting(lab, "refunds.ipynb")
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    phone = context.new_page()
    complaints: list[str] = []
    phone.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    phone.goto(f"{lab.url}/hitl_nb/review/{proposal.id}?token={lab.token}")
    shown = phone.locator(".jp-hitl-page .jp-hitl-card")
    shown.get_by_role("heading", name=proposal.title).wait_for()
    shown.get_by_text("Show the picture").first.wait_for()
    shot(phone, "evidence-phone-folded")
    for folded in shown.get_by_text("Show the picture").all():
        folded.tap()
    check_drawn(shown)
    shot(phone, "evidence-phone")
    xs = shown.locator(".jp-hitl-blocks > *").evaluate_all("all => all.map(one => one.getBoundingClientRect().x)")
    assert len(set(xs)) == 1  # one column
    assert phone.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    address = shown.get_by_alt_text("A drawing")
    assert address.count() == 1
    assert complaints == []
    sha = next(block.sha256 for block in proposal.evidence if block.name == "drawn")
    phone.goto(f"{lab.url}/hitl_nb/api/proposals/{proposal.id}/evidence/{sha}")  # alone, as nobody should
    assert phone.evaluate("() => window.evidenceRan === undefined")
    context.close()


def test_evidence_is_drawn_in_an_exported_notebook(
    browser: Any, lab: Lab, paused_notebook: Notebook, tmp_path: Path
) -> None:
    source = lab.folder / "refunds.ipynb"
    paused_notebook.command("docmanager:save")
    eventually(lambda: source.read_text().count("data:image/") >= 3)
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", str(tmp_path), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = browser.new_page()
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.goto((tmp_path / "refunds.html").as_uri())
    evidence = page.locator(".hitl-nb")
    images = evidence.locator("img")
    images.last.wait_for()
    assert images.count() == 3
    assert images.evaluate_all(DRAWN)
    assert evidence.locator("td", has_text="Stefan Brandt, standard, since 2019").count() == 1
    assert evidence.locator("td", has_text="40205").count() == 1
    assert evidence.get_by_role("link", name="dhl-00340434.pdf").count() == 1
    assert page.evaluate("() => window.evidenceRan === undefined")
    page.close()
