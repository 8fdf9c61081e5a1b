"""The card in JupyterLab: from the output's arrival to the card on the screen, in Chromium.

A paused cell is run again and again; each time its output is made anew. Timed in the page: from the kernel's message
with the output, before JupyterLab has looked at it, until the frame in which a card with the proposed text is painted
(a MutationObserver sees the card; the clock is read behind the next frame). Reading the proposal from the server is in
it. The first card in a window, which loads parts of the extension, is a line of its own.

Then a notebook with 20 cards is opened in a new window: how many WebSockets of hitl_nb are open when all cards can be
edited.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import front
from benchmarks.measuring import Line, below, known, percentiles, skipped

LIMIT = 65
CARDS, SOCKETS = 20, 2
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

MANY = f"""%%agent many
hitl.checkpoint_all([hitl.proposal(f"Dear {{i}}", title=f"Letter {{i}}") for i in range({CARDS})])"""
OPEN_CARDS = '.jp-hitl-card .jp-hitl-value:not([aria-busy="true"])'


def open_sockets(window: Callable[[], Any]) -> int:
    """WebSockets of hitl_nb in a window that shows a notebook with open cards."""
    page = window()
    sockets: set[Any] = set()

    def forget(socket: Any) -> None:
        sockets.discard(socket)

    def count(socket: Any) -> None:
        if "/hitl_nb/api/" in socket.url:
            sockets.add(socket)
            socket.on("close", forget)

    page.page.on("websocket", count)
    page.load()  # the feed's is opened as soon as JupyterLab starts
    nb = page.open("many.ipynb", "%load_ext hitl_nb\nimport hitl_nb as hitl", MANY)
    nb.run(0)
    nb.until_ran(0)
    nb.run(1)
    page.page.wait_for_function(f"() => document.querySelectorAll('{OPEN_CARDS}').length >= {CARDS}", timeout=60_000)
    found = len(sockets)
    page.page.context.close()
    return found


def measure(folder: Path, rounds: int = 20) -> list[Line]:
    if why := front.no_browser():
        return [skipped("card: output to card on the screen", why)]
    with front.jupyterlab(folder) as (_, window):
        sockets = open_sockets(window)
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
        below(f"WebSockets of a notebook with {CARDS} open cards", [sockets], SOCKETS, ""),
    ]
