"""What a person sees and does in a real JupyterLab: pauses, edits, decisions, dead kernels, themes, the keyboard."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from lab import Lab, Notebook, Page, write_notebook

from hitl_nb.drafts.draft import Draft
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.storage import open_store

pytestmark = [pytest.mark.ui, pytest.mark.slow]

LOAD = """%load_ext hitl_nb
import hitl_nb as hitl
from pydantic import BaseModel, Field

class Refund(BaseModel):
    order: str
    amount: float = Field(ge=0, le=500, description="in EUR")
    email: str

@hitl.step
def send(refund, file):
    with open(file, "a") as f:
        print(refund.order, refund.amount, file=f)
"""

AGENT = """%%agent refunds
print("before the loop")
for order in ("5678", "5679"):
    print("drafting", order)
    refund = Refund(order=order, amount=120.5, email="Dear Ann,\\nyour refund is on its way.")
    decision = hitl.checkpoint(refund, title=f"Refund order {order}", context={"why": "above the limit of 100 EUR"})
    send(decision.value, FILE)
    print("sent", order, decision.value.amount)
"all sent"
"""


@pytest.fixture(scope="module")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Without the extension, so that the panel of ipywidgets is what people see."""
    server = Lab(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("state"), extension=False)
    yield server
    server.close()


@pytest.fixture
def open_notebook(page: Page) -> Iterator[Callable[..., Notebook]]:
    """Opens a notebook; it is closed, and its kernel gone, after the test."""
    notebooks: list[Notebook] = []

    def open_one(name: str, *cells: str) -> Notebook:
        notebooks.append(page.open(name, *cells))
        return notebooks[-1]

    yield open_one
    for notebook in notebooks:
        if not notebook.closed:
            notebook.close()


@pytest.fixture
def ledger(lab: Lab) -> Ledger:
    return Ledger(open_store(lab.env["HITL_NB_STORE"]))


def proposal(ledger: Ledger, notebook: Notebook) -> Proposal:
    """The oldest open proposal of a notebook."""
    return ledger.proposals.list_open(notebook=str((notebook.lab.folder / notebook.name).resolve()))[0]


def eventually(condition: Callable[[], Any]) -> None:
    """Wait until another process has made `condition` true."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def effects(notebook: Notebook, name: str) -> list[str]:
    path = notebook.lab.folder / name
    return path.read_text().splitlines() if path.exists() else []


def approve_with_reason(nb: Notebook, reason: str) -> None:
    nb.button("Approve with a reason…").click()
    nb.field("Reason").fill(reason)
    nb.button("Approve with this reason").click()


# --- the story ------------------------------------------------------------------------------------------------------


def test_a_loop_pauses_is_edited_and_goes_on_in_the_same_cell(open_notebook: Callable[..., Notebook]) -> None:
    nb = open_notebook("loop.ipynb", LOAD, AGENT.replace("FILE", "'loop.txt'"), "print('the cell below')")
    nb.run_all()
    nb.until(1, "Refund order 5678 Waits for 1 person")
    nb.button("Approve").wait_for()
    assert "before the loop\ndrafting 5678" in nb.text(1)
    assert nb.panel.get_by_text("Refund order 5678", exact=True).is_visible()
    assert nb.panel.get_by_text("above the limit of 100 EUR").first.is_visible()
    assert nb.panel.get_by_text("in EUR").is_visible()
    nb.until_prompt(2, "[ ]:")
    assert nb.reds() == 0
    assert effects(nb, "loop.txt") == []

    nb.field("Amount").fill("99.5")
    nb.panel.locator("del", has_text="120.5").first.wait_for()
    approve_with_reason(nb, "only the shipping")
    nb.until(1, "Refund order 5679 Waits for 1 person")
    shown = nb.text(1)
    assert shown.index("before the loop") < shown.index("Approved with edits Refund order 5678")
    assert shown.index("99.5") < shown.index("sent 5678 99.5") < shown.index("Refund order 5679 Waits")
    assert "only the shipping" in shown
    assert effects(nb, "loop.txt") == ["5678 99.5"]

    nb.button("Approve").click()
    nb.until(1, "all sent")
    nb.until_kernel()
    assert nb.panel.count() == 0
    nb.until_prompt(2, "[ ]:")
    assert nb.reds() == 0
    finished = nb.text(1)
    assert finished.count("before the loop") == finished.count("sent 5679 120.5") == 1

    nb.run(1)
    nb.until_ran(1)
    nb.until(1, "all sent")
    nb.until(1, "Nothing was run again")
    assert nb.text(1).startswith(finished)
    assert effects(nb, "loop.txt") == ["5678 99.5", "5679 120.5"]


def test_what_was_decided_here_is_recorded_and_passes_under_nbval(open_notebook: Callable[..., Notebook]) -> None:
    nb = open_notebook("recorded.ipynb", LOAD, AGENT.replace("FILE", "'recorded.txt'"), "print('the cell below')")
    nb.run_all()
    nb.field("Amount").fill("99.5")
    approve_with_reason(nb, "only the shipping")
    nb.until(1, "Refund order 5679 Waits")
    nb.button("Approve").click()
    nb.until(1, "all sent")
    nb.run(2)
    nb.until(2, "the cell below")
    nb.until_kernel()
    nb.close()

    def works(*command: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=nb.lab.folder,
            env=nb.lab.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    works("hitl_nb.cli", "record", "recorded.ipynb")
    works("pytest", "-p", "no:cacheprovider", "--nbval", "recorded.ipynb")
    assert effects(nb, "recorded.txt") == ["5678 99.5", "5679 120.5"] * 2  # once by people, once by the script


def test_a_killed_kernel_loses_nothing(open_notebook: Callable[..., Notebook], ledger: Ledger) -> None:
    prepare = "open('prepared.txt', 'a').write('x')\nlimit = 100"
    agent = AGENT.replace("FILE", "'killed.txt'") + "limit\n"
    nb = open_notebook("killed.ipynb", LOAD, prepare, agent)
    nb.run_all()
    nb.button("Approve").wait_for()
    nb.field("Email").fill("Dear Ann,\nsorry.")
    asked = proposal(ledger, nb)
    eventually(lambda: "sorry." in str(Draft.for_proposal(ledger.store, asked).read_value()))
    os.kill(nb.kernel_pid(), signal.SIGKILL)
    nb.accept()
    nb.until_kernel()

    write = "%load_ext hitl_nb\nimport hitl_nb as hitl"
    nb.page.evaluate(
        "text => window.jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.setSource(text)", write
    )
    nb.run(0)
    nb.until_ran(0)
    nb.run(2)
    nb.until(2, "Refund order 5678 Waits for 1 person")
    assert nb.field("Email").input_value() == "Dear Ann,\nsorry."
    assert proposal(ledger, nb).id == asked.id
    nb.button("Approve with edits").click()
    nb.until(2, "Refund order 5679 Waits")
    assert "before the loop" in nb.text(2)
    nb.button("Approve").click()
    nb.until(2, "sent 5679")
    nb.until_kernel()
    assert nb.reds() == 0
    assert (nb.lab.folder / "prepared.txt").read_text() == "x"
    assert effects(nb, "killed.txt") == ["5678 120.5", "5679 120.5"]


def test_restart_and_run_all_shows_the_proposal_again(open_notebook: Callable[..., Notebook]) -> None:
    nb = open_notebook("restart.ipynb", LOAD, AGENT.replace("FILE", "'restart.txt'"), "print('below')")
    nb.run_all()
    nb.button("Approve").click()
    nb.until(1, "Refund order 5679 Waits")
    nb.command("notebook:restart-run-all")
    nb.accept()
    nb.panel.wait_for(state="hidden")
    nb.until(1, "Refund order 5679 Waits")
    nb.button("Approve").wait_for()
    assert "Approved Refund order 5678" in nb.text(1)
    nb.until_prompt(2, "[ ]:")
    assert nb.reds() == 0
    assert effects(nb, "restart.txt") == ["5678 120.5"]


def test_decided_on_the_command_line_and_run_again_by_hand(
    open_notebook: Callable[..., Notebook], ledger: Ledger
) -> None:
    nb = open_notebook("line.ipynb", LOAD, AGENT.replace("FILE", "'line.txt'"))
    nb.run_all()
    nb.button("Approve").wait_for()

    def on_the_command_line(action: str, *more: str) -> None:
        command = [sys.executable, "-m", "hitl_nb.cli", action, proposal(ledger, nb).id, *more]
        subprocess.run(command, env=nb.lab.env, capture_output=True, check=True)

    on_the_command_line("approve")
    nb.run(1)
    nb.until(1, "Refund order 5679 Waits")
    assert "Approved Refund order 5678" in nb.text(1)
    nb.button("Approve").wait_for()
    on_the_command_line("reject", "--reason", "too much")
    nb.button("Approve").click()  # too late: what was decided first counts
    nb.until(1, "AttributeError")  # the agent uses the value of a rejected proposal: None
    assert "Rejected Refund order 5679" in nb.text(1)
    assert "too much" in nb.text(1)
    assert effects(nb, "line.txt") == ["5678 120.5"]


# --- editing --------------------------------------------------------------------------------------------------------


def test_an_edit_that_breaks_the_schema_says_so_at_the_field(
    open_notebook: Callable[..., Notebook], ledger: Ledger
) -> None:
    nb = open_notebook("schema.ipynb", LOAD, AGENT.replace("FILE", "'schema.txt'"))
    nb.run_all()
    nb.button("Approve").wait_for()
    nb.field("Amount").fill("900")
    message = nb.panel.locator(".hitl-nb-field", has=nb.page.get_by_label("Amount")).get_by_text("⚠ 900")
    message.wait_for()
    assert "maximum of 500" in message.inner_text()
    assert nb.button("Approve with edits").is_disabled()
    assert proposal(ledger, nb).status == "open"
    nb.field("Amount").fill("499")
    message.wait_for(state="hidden")
    assert effects(nb, "schema.txt") == []


def test_several_proposals_are_approved_in_one_go(open_notebook: Callable[..., Notebook]) -> None:
    agent = """%%agent several
asked = [hitl.proposal(f"Letter {i}", title=f"Letter to {name}") for i, name in enumerate(("Ann", "Bob", "Cy"))]
[d.value for d in hitl.checkpoint_all(asked)]
"""
    nb = open_notebook("several.ipynb", LOAD, agent)
    nb.run_all()
    nb.button("Approve all 3").wait_for()
    assert nb.panel.get_by_role("button", name="Reject…").count() == 3
    nb.button("Reject…", 1).click()
    nb.button("Reject").click()  # the button of the form that was opened
    nb.panel.get_by_text("Rejected Letter to Bob").wait_for()
    nb.button("Approve all 2").click()
    nb.until(1, "['Letter 0', None, 'Letter 2']")
    assert "Approved Letter to Ann" in nb.text(1)
    assert "Rejected Letter to Bob" in nb.text(1)


def test_what_an_agent_wrote_runs_nowhere(open_notebook: Callable[..., Notebook]) -> None:
    agent = """%%agent hostile
bad = "<script>window.owned = 1</script><img src=x onerror='window.owned = 2'> $x^2$ \\\\(y\\\\)"
schema = {"properties": {"n": {"title": bad, "description": bad}}}
d = hitl.checkpoint_all([
    hitl.proposal({bad: bad, "n": 1}, title=bad, context={bad: bad}, schema=schema),
    hitl.proposal(bad, title=bad, context=bad),
    hitl.proposal(bad, title=bad, options=[bad, "x"]),
    hitl.proposal([[bad]], title=bad),
])
"""
    nb = open_notebook("hostile.ipynb", LOAD, agent)
    nb.run_all()
    nb.button("Approve all 4").wait_for()
    nb.panel.locator("textarea").first.fill("<img src=x onerror='window.owned = 3'>")
    nb.panel.get_by_text("onerror='window.owned = 23'").first.wait_for()  # 2 is struck, 3 is new
    assert nb.page.evaluate("() => window.owned") is None
    front = nb.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea")
    assert front.locator("script, img, mjx-container, .MathJax").count() == 0
    assert nb.panel.get_by_text("$x^2$ \\(y\\)").count() > 0
    assert "<script>window.owned = 1</script>" in nb.text(1)


def test_the_keyboard_is_enough(open_notebook: Callable[..., Notebook], ledger: Ledger) -> None:
    nb = open_notebook("keyboard.ipynb", LOAD, AGENT.replace("FILE", "'keyboard.txt'"))
    nb.run_all()
    nb.button("Approve").wait_for()
    keys = nb.page.keyboard
    nb.field("Order").focus()
    keys.press("Tab")
    assert nb.field("Amount").evaluate("one => one === document.activeElement")
    keys.press("ControlOrMeta+a")
    keys.type("80")
    nb.page.wait_for_function("one => !one.disabled", arg=nb.button("Approve with edits").element_handle())
    keys.press("Tab")
    assert nb.button("Take back").evaluate("one => one === document.activeElement")
    keys.press("Tab")
    assert nb.field("Email").evaluate("one => one === document.activeElement")
    keys.press("Tab")
    assert nb.button("Approve with edits").evaluate("one => one === document.activeElement")
    keys.press("Enter")
    nb.until(1, "Refund order 5679 Waits")
    assert effects(nb, "keyboard.txt") == ["5678 80.0"]
    nb.button("Approve").focus()
    keys.press("Space")
    nb.until(1, "all sent")


CONTRAST = """root => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = one => {
    for (; one; one = one.parentElement) {
      const found = rgb(getComputedStyle(one).backgroundColor);
      if (found.length < 4 || found[3] > 0.9) return found;
    }
    return [255, 255, 255];
  };
  const ratio = one => {
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const shown = [...root.querySelectorAll('.hitl-nb-words, .widget-label, input, textarea, button:not([disabled])')]
    .filter(one => one.offsetParent && (one.value ?? one.innerText));
  return shown.map(one => [one.className || one.tagName, ratio(one)]).filter(([, found]) => found < 4.5);
}"""


def test_it_can_be_read_in_both_themes(open_notebook: Callable[..., Notebook], page: Page) -> None:
    nb = open_notebook("themes.ipynb", LOAD, AGENT.replace("FILE", "'themes.txt'"))
    nb.run_all()
    nb.field("Amount").fill("900")
    nb.panel.get_by_text("⚠ 900").wait_for()
    try:
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            page.theme(theme)
            assert nb.panel.evaluate(CONTRAST) == []
    finally:
        page.theme("JupyterLab Light")


def test_it_fits_a_narrow_window(open_notebook: Callable[..., Notebook]) -> None:
    nb = open_notebook("narrow.ipynb", LOAD, AGENT.replace("FILE", "'narrow.txt'"))
    nb.run_all()
    nb.button("Approve").wait_for()
    for width in (1300, 800, 640):
        nb.page.set_viewport_size({"width": width, "height": 2400})
        out = """root => [...root.querySelectorAll('input, textarea, button')]
          .filter(one => one.offsetParent && one.getBoundingClientRect().right > root.getBoundingClientRect().right)
          .map(one => one.title)"""
        assert nb.panel.evaluate(out) == []
    nb.page.set_viewport_size({"width": 1300, "height": 2400})


# --- interrupts and errors ------------------------------------------------------------------------------------------


def test_an_interrupted_agent_goes_on_where_it_was(open_notebook: Callable[..., Notebook]) -> None:
    agent = """%%agent patient
import os, time
send(Refund(order="1", amount=1, email=""), "patient.txt")
print("waiting for a file")
while not os.path.exists("go"):
    time.sleep(0.01)
print("it is there")
"""
    nb = open_notebook("interrupt.ipynb", LOAD, agent)
    nb.run_all()
    nb.until(1, "waiting for a file")
    nb.command("notebook:interrupt-kernel")
    nb.until(1, "KeyboardInterrupt")
    nb.until_kernel()
    (nb.lab.folder / "go").touch()
    nb.run(1)
    nb.until(1, "it is there")
    nb.until_kernel()
    assert nb.reds() == 0
    assert effects(nb, "patient.txt") == ["1 1.0"]


def test_an_error_shows_the_users_lines_and_only_those(open_notebook: Callable[..., Notebook]) -> None:
    functions = """@hitl.agent
def share(total, people):
    print("sharing")
    return total / people
"""
    agent = """%%agent wrong
total = 10
d = hitl.checkpoint("go on?", title="Go on")
people = 0
share(total, people)
"""
    nb = open_notebook("error.ipynb", LOAD, functions, agent)
    nb.run_all()
    nb.button("Approve").click()
    nb.until(2, "ZeroDivisionError")
    shown = nb.text(2)
    assert re.findall(r"Cell In\[(\d+)\], line (\d+)", shown) == [("3", "5"), ("2", "4")]
    assert "hitl_nb" not in shown
    assert "site-packages" not in shown


# --- elsewhere ------------------------------------------------------------------------------------------------------


def test_notebook_7_shows_and_decides_the_same_panel(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder, state = tmp_path_factory.mktemp("seven"), tmp_path_factory.mktemp("state")
    write_notebook(folder / "seven.ipynb", LOAD, AGENT.replace("FILE", "'seven.txt'"), "print('below')")
    server = Lab(folder, state, app="notebook", extension=False)
    try:
        window = browser.new_context(viewport={"width": 1300, "height": 2400}).new_page()
        window.goto(f"{server.url}/notebooks/seven.ipynb?token={server.token}")
        window.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.content", timeout=90_000)
        nb = Notebook(window, server, "seven.ipynb")
        nb.run_all()
        nb.field("Amount").fill("7")
        nb.button("Approve with edits").click()
        nb.until(1, "Refund order 5679 Waits")
        nb.button("Approve").click()
        nb.until(1, "all sent")
        nb.until_prompt(2, "[ ]:")
        assert nb.reds() == 0
        assert (folder / "seven.txt").read_text().splitlines() == ["5678 7.0", "5679 120.5"]
    finally:
        server.close()
