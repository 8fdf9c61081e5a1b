"""A keystroke in one browser until it is painted in another, while ten people type in one text.

Two windows of Chromium and eight Python peers (`crowd.py`) have one draft open, each typing five keys a second. Timed:
from the browser's key event in one window until the frame in which the other one shows what was typed (a
MutationObserver in its editor; the clock is read behind the next frame), in both directions. The clocks of the windows
are both held against the machine's. Beside it, in turns, the same with a text file that jupyter-collaboration shares
(its default settings; the tests' own environment `.venv-rtc`): the same editor, the same browser, the same crowd. The
windows of the one are closed while the other is measured: four of them are more than two cores can draw.
"""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import front
from benchmarks.crowd import crowd
from benchmarks.measuring import Line, known, p95, percentiles, skipped
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store

LIMIT = 50
OTHERS, SECOND = 8, 5
WARM = 10
"""Keys typed in each window before anything is timed."""
ROWS = 12
"""Rows of the text: each window types digits into a row of its own, the others letters into those behind."""
AGENT = f'%%agent letters\ndecision = hitl.checkpoint("\\n" * {ROWS}, title="Letter to Ann")'
LOAD = "%load_ext hitl_nb\nimport hitl_nb as hitl"
EDITOR = '.jp-NotebookPanel .jp-hitl-value:not([aria-busy="true"]) .cm-content'

WATCH = (
    "([selector, theirs]) => {"
    + front.PAINTED
    + r"""
  const content = document.querySelector(selector);
  const keys = window.hitlKeys = { pressed: [], painted: [] };
  const clock = at => performance.timeOrigin + at;
  content.addEventListener('keydown', event => {
    if (/^\d$/.test(event.key)) {
      keys.pressed.push(clock(event.timeStamp));
    }
  }, true);
  const digits = () => (content.querySelectorAll('.cm-line')[theirs]?.textContent.match(/\d/g) ?? []).length;
  const before = digits();
  let seen = before;
  new MutationObserver(() => {
    const now = digits();
    if (now > seen) {
      seen = now;
      painted(at => {
        while (keys.painted.length < now - before) {
          keys.painted.push(clock(at));
        }
      });
    }
  }).observe(content, { childList: true, subtree: true, characterData: true });
}"""
)
OFFSET = """async () => {
  const found = [];
  for (let i = 0; i < 300; i++) {
    found.push(performance.timeOrigin + performance.now() - Date.now());
    await new Promise(done => setTimeout(done, 1));
  }
  return found.reduce((sum, one) => sum + one, 0) / found.length;
}"""
"""How far the window's clock is from the machine's."""


class Windows:
    """Two windows with one shared text, and the address of its room for others.

    Args:
        document: id of the draft; "" for a WebSocket that is one room.
    """

    def __init__(self, pages: list[Any], selector: str, url: str, headers: dict[str, str], document: str = "") -> None:
        self.pages = pages
        self.room = {"url": url, "headers": headers, "document": document}
        for row, page in enumerate(pages):
            page.locator(f"{selector} .cm-line").nth(row).click()
            page.evaluate(WATCH, [selector, 1 - row])
        self.offsets = [float(page.evaluate(OFFSET)) for page in pages]
        self.pressed = 0

    def type(self, keys: int, second: float = SECOND) -> list[float]:
        """So many keys in each window, in turns; milliseconds from each to its paint in the other."""
        for i in range(keys):
            for page in self.pages:
                began = time.perf_counter()
                page.keyboard.press(str(i % 10))
                time.sleep(max(0.0, 1 / second / len(self.pages) - (time.perf_counter() - began)))
        before, self.pressed = self.pressed, self.pressed + keys
        for page in self.pages:
            page.wait_for_function("n => window.hitlKeys.painted.length >= n", arg=self.pressed, timeout=30_000)
        found: list[float] = []
        for at, there in ((0, 1), (1, 0)):
            pressed = self.pages[at].evaluate("() => window.hitlKeys.pressed")[before:]
            painted = self.pages[there].evaluate("() => window.hitlKeys.painted")[before:]
            apart = self.offsets[at] - self.offsets[there]
            found += [shown - key + apart for key, shown in zip(pressed, painted, strict=True)]
        return found

    def close(self) -> None:
        for page in self.pages:
            page.context.close()

    def among(self, others: int, keys: int) -> tuple[list[float], list[float]]:
        """The same while others type; and how long their keystrokes took to be acknowledged."""
        with crowd(**self.room, people=others, second=SECOND, from_row=2) as acknowledged:
            took = self.type(keys)
        return took, acknowledged


def asked(lab: Any, window: Callable[[], Any], name: str = "letters.ipynb") -> None:
    """Let an agent propose a text in a notebook, and leave."""
    page = window()
    nb = page.open(name, LOAD, AGENT)
    nb.run(0)
    nb.until_ran(0)
    nb.run(1)
    page.page.locator(EDITOR).wait_for(timeout=60_000)
    nb.until_kernel()
    page.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    page.page.context.close()


def draft(lab: Any, window: Callable[[], Any], name: str = "letters.ipynb") -> Windows:
    """Two windows of the notebook in which an agent has proposed a text."""
    pages = [window() for _ in range(2)]
    for one in pages:
        one.show(name)
        one.page.locator(EDITOR).wait_for(timeout=60_000)
    (p,) = Ledger(open_store(lab.env["HITL_NB_STORE"])).proposals.list_open(notebook=str((lab.folder / name).resolve()))
    url = f"ws://127.0.0.1:{lab.port}/hitl_nb/api/drafts/rooms"
    return Windows([one.page for one in pages], EDITOR, url, {"Authorization": f"token {lab.token}"}, p.id)


def shared_file(lab: Any, window: Callable[[], Any]) -> Windows:
    """Two windows of one text file, `notes.txt`, which jupyter-collaboration shares."""
    pages = [window().page for _ in range(2)]
    selector = ".jp-FileEditor .cm-content"
    for page in pages:
        page.evaluate("() => { window.jupyterapp.commands.execute('docmanager:open', {path: 'notes.txt'}) }")
        page.wait_for_function(
            f"() => document.querySelectorAll('{selector} .cm-line').length > {ROWS}", timeout=60_000
        )
    headers = {"Authorization": f"token {lab.token}"}
    session = urllib.request.Request(
        f"{lab.url}/api/collaboration/session/notes.txt",
        json.dumps({"format": "text", "type": "file"}).encode(),
        {**headers, "Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(session) as answer:
        said = json.load(answer)
    room = f"{said['format']}:{said['type']}:{said['fileId']}?sessionId={said['sessionId']}"
    return Windows(pages, selector, f"ws://127.0.0.1:{lab.port}/api/collaboration/room/{room}", headers)


def measure(folder: Path, rounds: int = 4, keys: int = 40) -> list[Line]:
    what = "keystroke to paint elsewhere, 10 people type"
    if why := front.no_browser():
        return [skipped(what, why)]
    rtc = front.ROOT / ".venv-rtc" / "bin" / "python"
    pythons = [None, str(rtc)] if rtc.exists() else [None]
    ours: list[float] = []
    theirs: list[float] = []
    acknowledged: list[float] = []
    with front.jupyterlabs(folder, *pythons) as labs:
        asked(*labs[0])
        for lab, _ in labs[1:]:
            (lab.folder / "notes.txt").write_text("\n" * ROWS)
        for _ in range(rounds):
            for shared, one, kept in zip((draft, shared_file), labs, (ours, theirs), strict=False):
                windows = shared(*one)
                windows.among(OTHERS, WARM)
                took, known_safe = windows.among(OTHERS, keys)
                windows.close()
                kept += took
                acknowledged += known_safe
    lines = [*percentiles(what, ours, LIMIT), known("the others' keystrokes to their acknowledgement", acknowledged)]
    if not theirs:
        return [*lines, skipped(f"{what}, beside", "no .venv-rtc with jupyter-collaboration (the UI tests make it)")]
    name = "jupyter-collaboration's"
    for share, median in (("p50", statistics.median), ("p95", p95)):
        mine, other = median(ours), median(theirs)
        met = mine <= other if share == "p95" else None
        lines.append(Line(f"{what}, {share}", mine, name, other, mine / other, "<= 1x" if met is not None else "", met))
    return lines
