"""What running as an agent cell costs code that does not pause, against the same cell run natively in the same IPython.

saving   200 statements, each asleep for 20 ms, beside the state they build: the whole cell, which is saved on the way
         and is a recorded run at its end.
loop     100,000 cheap iterations that cannot pause: from the statement in front of the loop to the one behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measuring import Line, at_most, interleaved, milliseconds

STATEMENTS = 200
SLEEPING = "import time\nnotes = []\n" + "".join(
    f"time.sleep(0.02); notes.append({{'order': {n}, 'text': 'Dear Ann, your refund is on its way.'}})\n"
    for n in range(STATEMENTS)
)
LOOPING = """
import time
total = 0
began = time.perf_counter()
for i in range(100_000):
    total += i * i % 7
ended = time.perf_counter()
"""


class Notebook:
    """An IPython with the extension loaded."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        self.shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        self.run("%load_ext hitl_nb")

    def run(self, source: str) -> None:
        self.shell.run_cell(source).raise_error()

    def names(self) -> dict[str, Any]:
        return self.shell.user_ns


def measure(folder: Path, rounds: int = 5) -> list[Line]:
    notebook = Notebook()

    def whole(source: str) -> Callable[[], float]:
        return lambda: milliseconds(lambda: notebook.run(source))

    def loop(source: str) -> Callable[[], float]:
        def run() -> float:
            notebook.run(source)
            names = notebook.names()
            return (names["ended"] - names["began"]) * 1000

        return run

    saved, unsaved = interleaved(rounds, whole(f"%%agent sleeping --restart\n{SLEEPING}"), whole(SLEEPING), warm=0)
    exact, native = interleaved(rounds * 8, loop(f"%%agent looping --restart\n{LOOPING}"), loop(LOOPING))
    return [
        at_most("200 statements asleep for 20 ms each, saved", saved, unsaved, "native", 1.05),
        at_most("a loop of 100,000 iterations that cannot pause", exact, native, "native", 1.1),
    ]
