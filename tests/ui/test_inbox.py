"""The inbox in JupyterLab: decided with the keyboard, from another window than the notebook's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, Page
from letters import confirm, ledger, of

from hitl_nb.kinds.questions import build_question
from hitl_nb.records import Snapshot

pytestmark = [pytest.mark.ui, pytest.mark.slow]

AGENT = """%%agent letters
for name in ["Ann", "Bo"]:
    decision = hitl.checkpoint(f"Dear {name}, hello.", title=f"Letter to {name}")
    print(decision.action, name, decision.reason)
"""


def test_another_window_decides_with_the_keyboard_and_the_cell_goes_on(browser: Any, page: Page, lab: Lab) -> None:
    nb = page.open("letters.ipynb", "%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT)
    nb.run_all()
    nb.until(1, "Letter to Ann")

    other = browser.new_context(viewport={"width": 1300, "height": 900}).new_page()
    Page(other, lab)
    other.get_by_role("button", name="1 for you").click()
    other.get_by_role("option", name="Letter to Ann").wait_for()
    other.get_by_role("listbox", name="Proposals that wait").focus()
    other.keyboard.press("x")
    other.keyboard.press("a")
    asked = other.get_by_role("dialog", name="Approve 1 proposal")
    asked.wait_for()
    other.keyboard.type("fine")
    confirm(other, "Approve 1 proposal")
    asked.wait_for(state="detached")

    nb.until(1, "approve Ann fine")
    other.get_by_role("option", name="Letter to Bo").wait_for()
    other.keyboard.press("r")
    other.keyboard.type("not him")
    confirm(other, "Reject 1 proposal")
    nb.until(1, "reject Bo not him")
    other.get_by_role("button", name="none for you").wait_for()  # the decided row stays until the next move
    nb.close()


def test_the_timeline_shows_work_and_waiting(page: Page) -> None:
    nb = page.open("lanes.ipynb", "%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT)
    nb.run_all()
    nb.until(1, "Letter to Ann")
    window = page.page
    window.get_by_role("button", name="1 for you").click()
    window.get_by_role("listbox", name="Proposals that wait").focus()
    window.keyboard.press("Enter")
    window.get_by_role("button", name="Timeline", exact=True).click()
    lanes = window.locator(".jp-hitl-timeline")
    lanes.get_by_role("heading", name="letters").wait_for()
    lanes.get_by_role("button", name="Waiting for Letter to Ann").click()
    lanes.locator(".jp-hitl-entry-detail").get_by_text("pause").wait_for()
    assert lanes.locator(".jp-hitl-bar.jp-mod-working").count() == 1


def test_the_export_of_a_run_equals_that_of_the_command_line(page: Page, lab: Lab, tmp_path: Path) -> None:
    """A30."""
    window, log = page.page, ledger(lab)
    _, claim = log.runs.open(agent="exported", notebook=of(lab, "exported.ipynb"))
    (p,) = log.runs.pause(claim, Snapshot(envelope=b"state"), [build_question("=1+1", title="Sum")]).proposals
    log.proposals.decide(p.id, "approve", reviewer="cy", reason="–")
    window.evaluate("() => window.jupyterapp.commands.execute('hitl-nb:open-inbox')")
    window.get_by_role("button", name="In a tab of its own").click()
    window.get_by_role("group", name="Views").get_by_role("button", name="Runs").click()
    window.get_by_role("table", name="Runs").get_by_role("row").filter(has_text="exported").get_by_role(
        "button"
    ).click()
    for choice, more in (("JSON Lines", []), ("CSV", ["--csv"])):
        window.get_by_role("button", name="Export", exact=True).click()
        with window.expect_download() as started:
            window.get_by_role("menuitem", name=choice).click()
        file = tmp_path / choice
        line = ["audit", "--export", str(file), "--run", p.run, *more, "--store", lab.env["HITL_NB_STORE"]]
        subprocess.run([sys.executable, "-m", "hitl_nb.cli", *line], check=True)
        assert started.value.path().read_bytes() == file.read_bytes()
    window.get_by_role("button", name="Beside the notebook").click()


SHORTCUTS = "@jupyterlab/shortcuts-extension:shortcuts"
REMAPPED = [
    {"command": "hitl-nb:approve-proposals", "keys": ["A"], "selector": ".jp-hitl-list", "disabled": True},
    {"command": "hitl-nb:approve-proposals", "keys": ["Q"], "selector": ".jp-hitl-list"},
]
SAVE = "([id, text]) => window.jupyterapp.serviceManager.settings.save(id, text)"


def test_another_key_for_approve_is_set_in_the_settings_and_decides(browser: Any, page: Page, lab: Lab) -> None:
    nb = page.open("remapped.ipynb", "%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT)
    nb.run_all()
    nb.until(1, "Letter to Ann")

    other = browser.new_context(viewport={"width": 1300, "height": 900}).new_page()
    Page(other, lab)
    other.evaluate(SAVE, [SHORTCUTS, json.dumps({"shortcuts": REMAPPED})])
    try:
        other.reload()
        Page(other, lab)
        other.evaluate("() => window.jupyterapp.commands.execute('settingeditor:open', {query: 'Keyboard Shortcuts'})")
        other.get_by_text("Approve the Selected Proposals").first.wait_for()
        other.evaluate("() => window.jupyterapp.shell.currentWidget.close()")

        other.locator(".jp-hitl-status-item").click()
        other.get_by_role("searchbox", name="Search titles, values, evidence").fill(
            "remapped"
        )  # other tests left theirs
        other.get_by_text("1 of", exact=False).first.wait_for()
        other.get_by_role("listbox", name="Proposals that wait").focus()
        other.keyboard.press("a")
        other.keyboard.press("x")
        other.get_by_text(", 1 selected").wait_for()
        asked = other.get_by_role("dialog", name="Approve 1 proposal")
        assert asked.count() == 0, "the old key does nothing any more"
        other.keyboard.press("q")
        asked.wait_for()
        other.keyboard.type("fine")
        confirm(other, "Approve 1 proposal")
        nb.until(1, "approve Ann fine")

        other.get_by_role("option", name="Letter to Bo").wait_for()
        other.keyboard.press("r")
        other.keyboard.type("not him")
        confirm(other, "Reject 1 proposal")
        nb.until(1, "reject Bo not him")
    finally:
        other.evaluate(SAVE, [SHORTCUTS, "{}"])
        other.context.close()
    nb.close()
