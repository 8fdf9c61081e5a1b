"""Opening a draft that was edited 100,000 times.

server   a new connection to its room, where nobody is, until the document is there (a Python peer in this process): the
         room is made from the log, the document is sent, and the peer takes it in. Beside it what nobody can avoid:
         taking in the whole document as one update, which is a part of that.
browser  a new window of JupyterLab that has come to rest; the proposal is opened in its inbox: from the making of the
         drafts' WebSocket until the frame in which the editor shows the text (a MutationObserver sees it; the clock is
         read behind the next frame).
first    the same as "server" for a log that nobody has ever folded, as no server has ever had it open: for information.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pycrdt import Doc

from benchmarks import front
from benchmarks.keystrokes import AGENT, LOAD
from benchmarks.measuring import Line, below, interleaved, known, milliseconds, skipped
from hitl_nb.drafts.draft import Draft
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store

EDITS = 100_000
LIMIT = 300
SETTLE = 2.0
"""Seconds in which a window comes to rest."""
SELECTOR = '.jp-hitl-value:not([aria-busy="true"]) .cm-content'
WATCH = (
    "(() => {"
    + front.PAINTED
    + """
  const bench = window.hitlOpening = { began: 0, shown: 0 };
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(url, protocols) {
      super(url, protocols);
      if (new URL(url, location.href).pathname.endsWith('/drafts/rooms')) {
        bench.began ||= performance.now();
      }
    }
  };
  let seen = false;
  const look = () => {
    const content = document.querySelector(SELECTOR);
    if (!seen && bench.began && content?.getBoundingClientRect().height > 0 && content.innerText.trim() !== '') {
      seen = true;
      painted(at => { bench.shown = at; });
    }
  };
  document.addEventListener('DOMContentLoaded', () => new MutationObserver(look).observe(
    document.body, { childList: true, subtree: true, attributes: true, characterData: true }));
})()""".replace("SELECTOR", repr(SELECTOR))
)


def joined(port: int, token: str, document: str) -> float:
    """Milliseconds until a peer that connects has the document."""
    peer = front.of_the_tests("server", "peer")

    async def play() -> float:
        loop = asyncio.get_running_loop()
        one = peer.Peer(port, token, document)
        began = loop.time()
        await one.join()
        took = (loop.time() - began) * 1000
        assert len(one.text) > EDITS / 2
        one.cut_connection()
        return took

    with ThreadPoolExecutor(1) as thread:  # Playwright has an event loop in this one
        return thread.submit(lambda: asyncio.run(play())).result()


def shown(window: Any) -> float:
    """Milliseconds until a new window shows the draft, once it asks for it."""
    page = window(WATCH).page
    badge = page.get_by_role("button", name="1 waits", exact=True)
    badge.wait_for(timeout=60_000)
    time.sleep(SETTLE)
    badge.click()
    page.get_by_role("option", name="Letter to Ann").click()
    page.get_by_role("listbox", name="Proposals that wait").press("Enter")
    page.wait_for_function("() => window.hitlOpening.shown", timeout=60_000)
    took = page.evaluate("() => window.hitlOpening.shown - window.hitlOpening.began")
    page.context.close()
    return float(took)


def measure(folder: Path, rounds: int = 10) -> list[Line]:
    if why := front.no_browser():
        return [skipped(f"opening a draft of {EDITS:,} edits", why)]
    name = "letters.ipynb"
    with front.jupyterlab(folder) as (lab, window):
        page = window()
        nb = page.open(name, LOAD, AGENT)
        nb.run(0)
        nb.until_ran(0)
        nb.run(1)
        page.page.locator(SELECTOR).wait_for(timeout=60_000)
        nb.until_kernel()
        page.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        page.page.context.close()
        ledger = Ledger(open_store(lab.env["HITL_NB_STORE"]))
        (p,) = ledger.proposals.list_open(notebook=str((lab.folder / name).resolve()))
        draft = Draft.for_proposal(ledger.store, p)
        front.of_the_tests("server", "longdraft").edited(draft, EDITS)
        whole = draft.load().doc.get_update()
        first = joined(lab.port, lab.token, p.id)

        def raw() -> float:
            return milliseconds(lambda: Doc().apply_update(whole))

        server, limit, browser = interleaved(
            rounds, lambda: joined(lab.port, lab.token, p.id), raw, lambda: shown(window), warm=1
        )
    what = f"opening a draft of {EDITS:,} edits"
    return [
        below(f"{what}: in a browser", browser, LIMIT),
        below(f"{what}: the server alone", server, LIMIT),
        known("of it: taking in the document", limit, beside="pycrdt"),
        known(f"{what}: the server, from a log never folded", [first]),
    ]
