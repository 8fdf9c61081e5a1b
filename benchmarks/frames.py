"""A paused cell with a DataFrame of 100 MB that two variables share.

stored   bytes in the store's directory after two pauses, the store closed, against the frame's own bytes.
again    the next pause, the frame unchanged: from the statement in front of `checkpoint()` until the cell has ended
         (its card drawn), against hashing the frame's buffers with the function that names them in the store. Beside it
         what pickling the frame takes, for information.
"""

from __future__ import annotations

import hashlib
import pickle
import time
from pathlib import Path
from typing import Any

import hitl_nb as hitl
from benchmarks.measuring import Line, at_most, interleaved, milliseconds
from benchmarks.overhead import Notebook
from hitl_nb.errors import Paused
from hitl_nb.ledger.ledger import Ledger

DATA = """
import time, numpy, pandas, hitl_nb
orders = pandas.DataFrame(numpy.random.default_rng(7).random((1_250_000, 10)))
same = orders
"""
CELL = """%%agent frames
while len(orders) == len(same):
    asked = time.perf_counter()
    decision = hitl_nb.checkpoint("Drop 17 rows?", title="Clean up")
"""


class Cleaning:
    """The paused cell. Each call decides what it waits for and runs it on to its next pause: milliseconds."""

    def __init__(self) -> None:
        self.notebook = Notebook()
        self.ledger = Ledger(hitl.open_store())
        self.notebook.run(DATA)
        self.first = self._pause()

    def _pause(self) -> float:
        try:
            self.notebook.run(CELL)
        except Paused:
            return (time.perf_counter() - self.names["asked"]) * 1000
        raise AssertionError("the cell did not pause")

    @property
    def names(self) -> dict[str, Any]:
        return self.notebook.names()

    def __call__(self) -> float:
        self.ledger.proposals.decide(self.ledger.proposals.list_open(limit=1)[0].id, "approve", reviewer="ann")
        return self._pause()


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def measure(folder: Path, rounds: int = 7) -> list[Line]:
    cleaning = Cleaning()
    orders = cleaning.names["orders"]
    buffers: list[pickle.PickleBuffer] = []
    pickle.dumps(orders, protocol=5, buffer_callback=buffers.append)
    own = sum(buffer.raw().nbytes for buffer in buffers)
    assert own == orders.memory_usage(index=False).sum() == 100_000_000, own
    again, hashed, pickled = interleaved(
        rounds,
        cleaning,
        lambda: milliseconds(lambda: [hashlib.sha256(buffer.raw()).hexdigest() for buffer in buffers]),
        lambda: milliseconds(lambda: pickle.dumps(orders, protocol=pickle.HIGHEST_PROTOCOL)),
        warm=1,
    )
    assert cleaning.names["same"] is cleaning.names["orders"]
    cleaning.ledger.store.close()
    stored = size(folder / "store")
    ratio = stored / own
    return [
        Line(
            "two names of one 100 MB frame, in the store",
            stored / 1e6,
            "the frame",
            own / 1e6,
            ratio,
            "<= 1.1x",
            ratio <= 1.1,
            "MB",
        ),
        at_most("pausing again, the 100 MB frame unchanged", again, hashed, "SHA-256 of its bytes", 1.2),
        at_most("pausing again, against pickling the frame", again, pickled, "pickle, protocol 5"),
        at_most("the first pause, the frame stored", [cleaning.first], hashed, "SHA-256 of its bytes"),
    ]
