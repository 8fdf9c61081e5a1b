"""The inbox in JupyterLab with 5,000 proposals waiting: from its command to the first row on the screen, in Chromium.

Each round is a new window, so the inbox is drawn there for the first time. Timed in the page: from executing the
command until the frame in which a row of the list is painted (a MutationObserver sees the row; the clock is read behind
the next frame). Once when the badge says that 5,000 wait, so the list has been read; once with the command given as
soon as JupyterLab has started, so that reading the list is in it, and the end of JupyterLab's own start too.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import front
from benchmarks.measuring import Line, below, interleaved, skipped
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store

WAITING = 5_000
LIMIT, AT_ONCE = 30, 300
OPEN = (
    "() => new Promise(done => {"
    + front.PAINTED
    + """
  const began = performance.now();
  const row = () => {
    const found = document.querySelector('#hitl-nb-inbox [role=option]');
    return found && found.getBoundingClientRect().height > 0 && found.innerText.includes('Refund order');
  };
  if (row()) {
    done(-1);
    return;
  }
  const observer = new MutationObserver(() => {
    if (row()) {
      observer.disconnect();
      painted(at => done(at - began));
    }
  });
  observer.observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
  window.jupyterapp.commands.execute('hitl-nb:open-inbox');
})"""
)


def measure(folder: Path, rounds: int = 8) -> list[Line]:
    if why := front.no_browser():
        return [skipped(f"inbox of {WAITING:,}: first row on the screen", why)]
    with front.jupyterlab(folder) as (lab, window):
        ledger = Ledger(open_store(lab.env["HITL_NB_STORE"]))
        front.waiting(ledger, lab.folder / "refunds.ipynb", WAITING)

        def painted(already_read: bool) -> float:
            page = window().page
            badge = page.get_by_role("button", name=f"{WAITING} for you", exact=True)
            if already_read:
                badge.wait_for(timeout=60_000)
            took = float(page.evaluate(OPEN))
            badge.wait_for(timeout=60_000)
            page.context.close()
            assert took >= 0, "the inbox was open before its command"
            return took

        badge, at_once = interleaved(rounds, lambda: painted(True), lambda: painted(False), warm=1)
    return [
        below(f"inbox of {WAITING:,}: first row on the screen", badge, LIMIT),
        below("the same, as soon as JupyterLab has started", at_once, AT_ONCE),
    ]
