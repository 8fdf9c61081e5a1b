"""A kernel streams 200 tokens a second into a draft while five people type in it.

The kernel is a process of its own that writes as an agent does (`review/stream.py`). Two of the people are windows of
Chromium, three are Python peers; each types five keys a second. Timed: from the browser's key event in one window until
it is painted in the other one, as in `keystrokes`; and each keystroke of a Python peer until the server says that it is
in the log. Beside both, in turns, the same without the kernel.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import front
from benchmarks.keystrokes import Windows, asked, draft
from benchmarks.measuring import Line, known, p95, skipped

LIMIT = 100
OTHERS = 3
TOKENS = 200
"""A second."""
STREAM = """
import sys, threading, time
from hitl_nb.drafts.draft import Draft
from hitl_nb.drafts.stream_writer import StreamWriter
from hitl_nb.drafts.agent_writer import AgentWriter
from hitl_nb.storage import open_store
from hitl_nb.ledger.ledger import Ledger
url, document, key, second = sys.argv[1:]
ledger = Ledger(open_store(url))
draft = Draft.for_proposal(ledger.store, ledger.proposals.load(document))
stream = StreamWriter(AgentWriter(ledger.store, draft, author="agent", name="agent", epoch=1), key)
began, n = time.monotonic(), 0
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
while not over.is_set():
    stream.add("words " if n % 12 else "words\\n")
    n += 1
    time.sleep(max(0.0, began + n / float(second) - time.monotonic()))
stream.end()
print(n, time.monotonic() - began)
"""


@contextlib.contextmanager
def kernel(url: str, document: str, key: str) -> Iterator[list[float]]:
    """A process that streams meanwhile; the list then has how many tokens a second it wrote."""
    command = [sys.executable, "-c", STREAM, url, document, key, str(TOKENS)]
    process = subprocess.Popen(command, cwd=front.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    rate: list[float] = []
    time.sleep(1)  # until it has begun
    yield rate
    said, _ = process.communicate("")
    count, took = map(float, said.split())
    rate.append(count / took)


def measure(folder: Path, rounds: int = 4, keys: int = 40) -> list[Line]:
    what = f"a kernel streams {TOKENS} tokens/s, 5 people type"
    if why := front.no_browser():
        return [skipped(what, why)]
    painted: dict[bool, list[float]] = {True: [], False: []}
    acknowledged: dict[bool, list[float]] = {True: [], False: []}
    rates: list[float] = []
    with front.jupyterlab(folder) as (lab, window):
        asked(lab, window)
        windows: Windows = draft(lab, window)
        document = windows.room["document"]
        for n in range(-1, rounds):
            for streams in (True, False):
                with contextlib.ExitStack() as stack:
                    if streams:
                        rate = stack.enter_context(kernel(lab.env["HITL_NB_STORE"], document, f"stream {n}"))
                    took, known_safe = windows.among(OTHERS, keys)
                if n >= 0:
                    painted[streams] += took
                    acknowledged[streams] += known_safe
                    rates += rate if streams else []
    lines: list[Line] = []
    for name, found in (("keystroke to its acknowledgement", acknowledged), ("keystroke to paint elsewhere", painted)):
        high, without = p95(found[True]), p95(found[False])
        beside = "the same without the kernel"
        lines.append(known(f"{what}: {name}, p50", found[True]))
        lines.append(
            Line(f"{what}: {name}, p95", high, beside, without, high / without, f"<= {LIMIT} ms", high <= LIMIT)
        )
    return [*lines, known("tokens a second that the kernel wrote", rates, "/s")]
