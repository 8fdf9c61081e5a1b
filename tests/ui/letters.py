"""What the tests of the review in the browser share: an agent, its card, and what became of both."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lab import Lab, Notebook

from hitl_nb.drafts.draft import Draft
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.storage import open_store

LOAD = """%load_ext hitl_nb
import hitl_nb as hitl

@hitl.step
def send(text, file):
    with open(file, "a") as f:
        print(text, file=f)
"""
AGENT = """%%agent letters
for name in ["Ann", "Bo"]:
    print("drafting for", name)
    decision = hitl.checkpoint(f"Dear {name}, hello.", title=f"Letter to {name}")
    if decision.approved:
        send(decision.value, FILE)
    print("ended", name, decision.action)
"all done"
"""


OPEN_CARD = ".jp-hitl-card:not(.jp-hitl-decided .jp-hitl-card)"
DECIDED_CARD = ".jp-hitl-decided"
OUT_OF_LINE = """grid => {
  const ends = row => [...row.children].map(cell => cell.getBoundingClientRect()).map(box => [box.left, box.right]);
  const head = ends(grid.querySelector('.jp-hitl-rows-head'));
  return [...grid.querySelectorAll('.jp-hitl-row')].flatMap(ends)
    .filter(([left, right], i) => Math.abs(left - head[i % head.length][0]) > 1
      || Math.abs(right - head[i % head.length][1]) > 1).length;
}"""
"""The number of cells whose ends are more than 1 px from those of their head."""


def agent(file: str) -> str:
    """An agent that writes two letters, and sends what was approved into a file."""
    return AGENT.replace("FILE", repr(file))


def card(where: Any, title: str = "") -> Any:
    """A card in a cell's output of the notebook in front, of a page or a notebook (a locator)."""
    page = where.page if isinstance(where, Notebook) else where
    parts = [f".jp-NotebookPanel:not(.lm-mod-hidden) .jp-hitl-pause {one}" for one in (OPEN_CARD, DECIDED_CARD)]
    return page.locator(", ".join(parts)).filter(has_text=title)


def button(card: Any, name: str) -> Any:
    """A button of a card (a locator)."""
    return card.get_by_role("button", name=name, exact=True)


def ready(card: Any, name: str) -> Any:
    """A button that can be pressed now (a locator)."""
    return button(card, name).and_(card.page.locator("button:not(:disabled):not([aria-disabled])"))


def confirm(window: Any, name: str) -> None:
    """Press Enter in the dialog of a batch once it lets people decide: all of its rows were on screen."""
    verb, number, _ = name.split()
    ready(window.get_by_role("dialog", name=name), f"{verb} {number}").wait_for()
    window.keyboard.press("Enter")


def reject(card: Any, reason: str = "") -> None:
    """Reject in the pop-up, as a person does."""
    button(card, "Reject…").click()
    dialog = card.page.get_by_role("dialog").filter(has_text="Why?")
    dialog.get_by_role("textbox").fill(reason)
    dialog.get_by_role("button", name="Reject", exact=True).click()


def type_over(card: Any, text: str) -> None:
    """Replace the text in a card's editor, as a person does."""
    box = card.locator('.jp-hitl-value:not([aria-busy="true"]) .cm-content').first  # its draft has come
    box.click()
    box.press("Control+a")
    card.page.keyboard.type(text)


def ledger(lab: Lab) -> Ledger:
    return Ledger(open_store(lab.env["HITL_NB_STORE"]))


def until_kept(lab: Lab, notebook: str, text: str) -> None:
    """Wait until the draft of the first open proposal says this."""
    (p, *_) = list_waiting(lab, notebook)
    draft = Draft.for_proposal(ledger(lab).store, p)
    eventually(lambda: draft.read_value() == text)


def of(lab: Lab, name: str) -> str:
    """A notebook as the records name it."""
    return str((lab.folder / name).resolve())


def list_waiting(lab: Lab, name: str) -> list[Proposal]:
    """What waits in a notebook, oldest first."""
    return list(ledger(lab).proposals.list_open(notebook=of(lab, name)))


def events(lab: Lab, name: str) -> list[str]:
    """What happened in the runs of a notebook, as the audit log has it."""
    log = ledger(lab)
    return [
        event.type
        for run in log.runs.list_newest(notebook=of(lab, name))
        for event in log.audit.read_run_events(run.id)
    ]


def effects(lab: Lab, file: str) -> list[str]:
    path = lab.folder / file
    return path.read_text().splitlines() if path.exists() else []


def eventually(condition: Callable[[], Any], page: Any = None) -> Any:
    """Wait until another process has made `condition` true; the page goes on meanwhile."""
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come true"
        if page is None:
            time.sleep(0.02)
        else:
            page.wait_for_timeout(20)
    return found


class Held:
    """The calls of a browser to `url`, held back until they are let go."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.calls: list[Any] = []
        page.route(url, lambda call: self.calls.append(call))

    def until_called(self) -> None:
        eventually(lambda: self.calls, self.page)

    def let_go(self) -> None:
        for call in self.calls:
            call.continue_()
        self.page.unroute(self.url)
