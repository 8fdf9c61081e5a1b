"""Going on after the decision, in JupyterLab and Chromium: from the click to the agent's next statement.

live  the notebook is open and its kernel lives: from the click on "Approve" (a listener in the page, which hears it
      first, reads the clock) until the statement behind the question reads the clock in the kernel. In between: the
      decision is committed, the server tells the browser, the browser is granted the run, and executes the cell. For
      information: the parts before and behind the message with which the page asks the kernel to execute the cell;
      the first and the last quarter of the rounds, since the output keeps the card of each decision; and beside it,
      in turns, running a cell of the same notebook that does nothing but read the clock.
cold  the kernel was shut down, the notebook is open: the same from the click on "Start a kernel and continue". Beside
      it what nobody can avoid, timed in the page: a session with a new kernel, and `1` executed in it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks import front
from benchmarks.measuring import Line, at_most, interleaved, known, more, percentiles, skipped

LIMIT, MORE = 150, 300
LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl"
AGENT = """%%agent letters
import time
from pathlib import Path
for number in range(1000):
    decision = hitl.checkpoint("Dear Ann, hello.", title=f"Letter {{number:04d}}")
    now = time.time_ns()
    Path({mark!r}).with_suffix(".new").write_text(f"{{number}} {{now}}")
    Path({mark!r}).with_suffix(".new").replace({mark!r})
"""
CLOCK = """import time
from pathlib import Path
plain = time.time_ns()
Path({mark!r}).with_suffix(".new").write_text(f"plain {{plain}}")
Path({mark!r}).with_suffix(".new").replace({mark!r})
"""
LISTEN = """() => {
  document.addEventListener('click', () => { window.hitlClicked = Date.now(); }, true);
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  kernel.anyMessage.connect((_, { msg, direction }) => {
    if (direction === 'send' && msg.header.msg_type === 'execute_request' && msg.content.store_history) {
      window.hitlSent = Date.now();
    }
  });
}"""
RUN = """() => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.deselectAll();
  notebook.activeCellIndex = 2;
  window.hitlClicked = Date.now();
  void window.jupyterapp.commands.execute('notebook:run-cell');
}"""
PLAIN = """async () => {
  const began = performance.now();
  const session = await window.jupyterapp.serviceManager.sessions.startNew(
    { path: 'plain.ipynb', name: 'plain.ipynb', type: 'notebook', kernel: { name: 'python3' } });
  await session.kernel.info;
  await session.kernel.requestExecute({ code: '1' }).done;
  const took = performance.now() - began;
  await session.shutdown();
  session.dispose();
  return took;
}"""


class Clicking:
    """Each round decides the next letter; milliseconds from the click that lets the agent go on."""

    def __init__(self, page: Any, mark: Path) -> None:
        self.mark = mark
        self.number = 0
        self.nb = page.open("letters.ipynb", LOAD, AGENT.format(mark=str(mark)), CLOCK.format(mark=str(mark)))
        self.page = self.nb.page
        self.page.evaluate(LISTEN)
        self.nb.run_all()

    def live(self) -> tuple[float, float]:
        """And of it, until the cell was sent to the kernel."""
        self.ready()
        self.click("Approve")
        took = self.went_on()
        return took, float(self.page.evaluate("() => window.hitlSent - window.hitlClicked"))

    def cold(self) -> float:
        self.ready()
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.click("Approve")
        self.click("Start a kernel and continue")
        return self.went_on()

    def clock(self) -> float:
        self.ready()
        self.page.evaluate(RUN)
        took = self.marked("plain")
        self.mark.unlink()
        return took

    def plain(self) -> float:
        return float(self.page.evaluate(PLAIN))

    def ready(self) -> None:
        """Wait until the next card is there and the kernel rests."""
        self.button("Approve").wait_for(timeout=60_000)
        self.nb.until_kernel()
        time.sleep(0.3)

    def button(self, name: str) -> Any:
        card = self.page.locator(".jp-hitl-pause .jp-hitl-card").filter(has_text=f"Letter {self.number:04d}")
        return card.get_by_role("button", name=name, exact=True)

    def click(self, name: str) -> None:
        self.button(name).click(timeout=60_000)

    def went_on(self) -> float:
        took = self.marked(str(self.number))
        self.number += 1
        return took

    def marked(self, name: str) -> float:
        """Milliseconds from what was clicked last to the mark of this name."""
        deadline = time.monotonic() + 60
        while True:
            found, at = self.mark.read_text().split() if self.mark.exists() else ("", "0")
            if found == name:
                return int(at) / 1e6 - float(self.page.evaluate("() => window.hitlClicked"))
            assert time.monotonic() < deadline, f"decided letter {self.number}; no mark {name!r} within a minute"
            time.sleep(0.01)


def measure(folder: Path, rounds: int = 20) -> list[Line]:
    if why := front.no_browser():
        return [skipped("going on: click to next statement", why)]
    with front.jupyterlab(folder) as (_, window):
        clicking = Clicking(window(), folder / "mark")
        live_and_sent, clock = interleaved(rounds, clicking.live, clicking.clock, warm=1)
        cold, plain = interleaved(max(2, rounds // 2), clicking.cold, clicking.plain, warm=1)
    live, sent = ([round_[i] for round_ in live_and_sent] for i in range(2))
    quarter = max(1, rounds // 4)
    return [
        *percentiles("going on, live kernel: click to next statement", live, LIMIT),
        known("of it: click to the cell sent to the kernel", sent),
        known("of it: cell sent to the next statement", [a - b for a, b in zip(live, sent, strict=True)]),
        known("of it: the first rounds", live[:quarter], beside=f"{quarter} of {rounds}"),
        known(
            "of it: the last rounds", live[-quarter:], beside=f"under {rounds - quarter + 1} to {rounds} decided cards"
        ),
        at_most("going on, live kernel, beside a plain cell", live, clock, "running a cell that reads the clock"),
        more("going on, cold kernel: click to next statement", cold, plain, "a kernel's start and `1`", MORE),
    ]
