"""The card in JupyterLab: from the output's arrival to the card on the screen, in Chromium.

A paused cell is run again and again; each time its output is made anew. Timed in the page: from the kernel's message
with the output, before JupyterLab has looked at it, until the frame in which a card with the proposed text is painted
(a MutationObserver sees the card; the clock is read behind the next frame). Reading the proposal from the server is in
it. The first card in a window, which loads parts of the extension, is a line of its own.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks import front
from benchmarks.measuring import Line, known, percentiles, skipped

LIMIT = 65
QUEUE = 0.5
"""Seconds behind a pause: a kernel drops what is queued behind a cell that stopped, a moment longer than it says."""
AGENT = '%%agent letters\ndecision = hitl.checkpoint("Dear Ann, hello.", title="Letter to Ann")'

WATCH = (
    "() => {"
    + front.PAINTED
    + """
  const bench = window.hitlBench = { arrived: 0, seen: false, shown: 0 };
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.anyMessage.connect((_, { msg, direction }) => {
    if (direction === 'recv' && msg.content?.data?.['application/vnd.hitl-nb.proposal+json'] && !bench.arrived) {
      bench.arrived = performance.now();
    }
  });
  const look = () => {
    if (!bench.arrived || bench.seen) {
      return;
    }
    const cards = [...document.querySelectorAll('.jp-hitl-pause .jp-hitl-card:not([data-old])')];
    if (cards.some(card => card.getBoundingClientRect().height > 0 && card.innerText.includes('Dear Ann'))) {
      bench.seen = true;
      painted(at => { bench.shown = at; });
    }
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
)
AGAIN = """() => {
  document.querySelectorAll('.jp-hitl-card').forEach(card => { card.dataset.old = '1'; });
  Object.assign(window.hitlBench, { arrived: 0, seen: false, shown: 0 });
}"""


def measure(folder: Path, rounds: int = 20) -> list[Line]:
    if why := front.no_browser():
        return [skipped("card: output to card on the screen", why)]
    with front.jupyterlab(folder) as (_, window):
        page = window()
        nb = page.open("letters.ipynb", "%load_ext hitl_nb\nimport hitl_nb as hitl", AGENT)
        nb.run(0)
        nb.until_ran(0)
        nb.page.evaluate(WATCH)

        def shown() -> float:
            nb.page.evaluate(AGAIN)
            nb.run(1)
            nb.page.wait_for_function("() => window.hitlBench.shown", timeout=30_000)
            took = nb.page.evaluate("() => window.hitlBench.shown - window.hitlBench.arrived")
            nb.until_ran(1)
            time.sleep(QUEUE)
            return float(took)

        first, *others = [shown() for _ in range(rounds + 1)]
        nb.close()
    return [
        *percentiles("card: output to card on the screen", others, LIMIT),
        known("card: the first in a window", [first]),
    ]
