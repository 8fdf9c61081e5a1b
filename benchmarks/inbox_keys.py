"""Keys in the inbox of JupyterLab, in Chromium: a key's visible answer, the search, and a batch of alike proposals.

key     from the event of the key until the frame in which its answer is painted: J until another row is the current
        one, X until the number of selected rows is there, R until the dialog is there, Escape until it is gone. Timed
        in the page (a MutationObserver sees the answer; the clock is read behind the next frame).
search  5,000 wait. The request of the list with a word that one value has (`GET proposals?q=`), and for information
        from the last key to the frame with that row alone; the inbox waits 150 ms after a key before it asks the
        server.
batch   twenty alike proposals, by keys from a script: all are selected, A, each row of the dialog is read, Enter,
        until all are decided in the store. The keys' way from the script into the browser is in it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks import front
from benchmarks.measuring import Line, below, known, milliseconds, percentiles, skipped
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Question, Snapshot
from hitl_nb.storage import open_store

WAITING, ALIKE = 5_000, 20
KEY_LIMIT, SEARCH_LIMIT, BATCH_LIMIT = 100, 150, 3_000
NAME = f"inbox of {WAITING:,}"
WORD = "zirconium"
LIST = "#hitl-nb-inbox [role=listbox]"
KEYS = {
    "j": f"() => {{ const list = document.querySelector('{LIST}'); const now = list.getAttribute("
    "'aria-activedescendant'); const was = window.hitlRow ?? now; window.hitlRow = now; return now !== was; }",
    "x": "() => document.querySelector('#hitl-nb-inbox').textContent.includes('1 selected')",
    "r": "() => document.querySelector('[role=dialog]:not([hidden])') !== null",
    "Escape": "() => document.querySelector('[role=dialog]:not([hidden])') === null",
}
WATCH = (
    "condition => { const answered = eval(condition); answered();"
    + front.PAINTED
    + """
  window.hitlAnswer = new Promise(done => document.addEventListener('keydown', event => {
    const observer = new MutationObserver(() => {
      if (answered()) {
        observer.disconnect();
        painted(at => done(at - event.timeStamp));
      }
    });
    observer.observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
  }, { capture: true, once: true }));
}"""
)
FOUND = (
    "title => { const answered = () => { const rows = document.querySelectorAll('#hitl-nb-inbox [role=option]');"
    "return rows.length === 1 && rows[0].textContent.includes(title); };"
    + front.PAINTED
    + """
  window.hitlAnswer = new Promise(done => {
    let last = 0;
    document.addEventListener('input', event => { last = event.timeStamp; }, { capture: true });
    const observer = new MutationObserver(() => {
      if (last && answered()) {
        observer.disconnect();
        painted(at => done(at - last));
      }
    });
    observer.observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
  });
}"""
)


def measure(folder: Path, rounds: int = 12) -> list[Line]:
    if why := front.no_browser():
        return [skipped("keys in the inbox", why)]
    with front.jupyterlab(folder) as (lab, window):
        ledger = Ledger(open_store(lab.env["HITL_NB_STORE"]))
        front.waiting(ledger, lab.folder / "refunds.ipynb", WAITING)
        rare = _ask(ledger, lab.folder / "metals.ipynb", "Order of metals", [f"Two bars of {WORD}."])
        page = window().page
        page.get_by_role("button", name=f"{WAITING + 1} for you", exact=True).click(timeout=60_000)
        page.locator(LIST).focus()
        lines = _measure_keys(page, rounds) + _measure_search(lab, page, rare[0].title, rounds)
        return [*lines, *_measure_batches(ledger, lab, page, max(3, rounds // 4))]


def _measure_keys(page: Any, rounds: int) -> list[Line]:
    took: dict[str, list[float]] = {key: [] for key in KEYS}
    for _ in range(rounds):
        for key, condition in KEYS.items():
            page.evaluate(WATCH, condition)
            page.keyboard.press(key)
            took[key].append(float(page.evaluate("() => window.hitlAnswer")))
        page.locator(LIST).focus()
        page.keyboard.press("x")
    every = [one for some in took.values() for one in some[1:]]
    return [
        *percentiles(f"{NAME}: a key to its visible answer", every, KEY_LIMIT),
        *(known(f"{NAME}: {key}", some) for key, some in took.items()),
    ]


def _measure_search(lab: Any, page: Any, title: str, rounds: int) -> list[Line]:
    path = f"hitl_nb/api/proposals?q={quote(WORD)}"
    first = milliseconds(lambda: lab.get(path))
    asked = [milliseconds(lambda: lab.get(path)) for _ in range(rounds)]
    field = page.get_by_role("searchbox", name="Search titles, values, evidence")
    painted: list[float] = []
    for _ in range(rounds):
        field.fill("")
        page.wait_for_function(f"() => document.querySelectorAll('{LIST} [role=option]').length > 1")
        page.evaluate(FOUND, title)
        field.press_sequentially(WORD)
        painted.append(float(page.evaluate("() => window.hitlAnswer")))
    field.fill("")
    return [
        below(f"{NAME}: search in values, request", asked, SEARCH_LIMIT),
        known("the same, the first since the server started", [first]),
        known(f"{NAME}: search in values, last key to its row on the screen", painted),
    ]


def _measure_batches(ledger: Ledger, lab: Any, page: Any, rounds: int) -> list[Line]:
    field = page.get_by_role("searchbox", name="Search titles, values, evidence")
    took: list[float] = []
    for n in range(rounds):
        made = _ask(ledger, lab.folder / f"alike-{n}.ipynb", f"Refund batch{n}", [f"Refund {i}" for i in range(ALIKE)])
        field.fill(f"batch{n}")
        page.wait_for_function(f"() => document.querySelectorAll('{LIST} [role=option]').length === {ALIKE}")
        page.locator(LIST).focus()
        began = time.perf_counter()
        for key in ("Home", "x", *["Shift+ArrowDown"] * (ALIKE - 1), "a"):
            page.keyboard.press(key)
        dialog = page.get_by_role("dialog", name=f"Approve {ALIKE} proposals")
        dialog.wait_for()
        assert len(dialog.get_by_role("rowheader").all_inner_texts()) == ALIKE
        while any(ledger.proposals.load(p.id).decision is None for p in made):
            if dialog.is_visible():
                page.keyboard.press("Enter")  # until the last row was on screen, it shows the next ones
            page.wait_for_timeout(20)
        took.append((time.perf_counter() - began) * 1000)
        dialog.wait_for(state="detached")
    return [below(f"{ALIKE} alike proposals read and decided by keys, one batch", took, BATCH_LIMIT)]


def _ask(ledger: Ledger, notebook: Path, title: str, values: list[str]) -> list[Any]:
    _, claim = ledger.runs.open(agent="refunds", notebook=str(notebook), key=title)
    questions = [Question(title=f"{title} {n}", kind="text", value=value) for n, value in enumerate(values)]
    return list(ledger.runs.pause(claim, Snapshot(envelope=b""), questions).proposals)
