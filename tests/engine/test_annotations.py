"""`__annotations__` of the namespace has what an agent cell annotated before a pause, too."""

from __future__ import annotations

from typing import Any

import pytest
from desk import Desk

ABOVE = "above: float = 1.0\n"
CELL = """
import threading
class K: pass
x: int = 1
k: K | None = K()
many: dict[str, list[K]] = {}
odd: threading.Lock() = 1
if x:
    inner: "a text" = 2
hitl.checkpoint("q", title="q")
last: str = "a"
found = dict(__annotations__)
"""


@pytest.mark.parametrize("is_restarted", [False, True])
def test_annotations_of_before_a_pause_are_there_behind_it(is_restarted: bool) -> None:
    desk = Desk()
    desk.cell(ABOVE)
    desk.run(CELL)
    desk.answer()
    if is_restarted:
        desk.new_kernel()
        desk.cell(ABOVE)
    assert desk.run(CELL).status == "finished"
    found: dict[str, Any] = desk.ns["found"]
    kind = desk.ns["K"]
    assert found.pop("odd", None) is None or not is_restarted  # it is no type, and a lock cannot be saved
    assert found == {
        "above": "float",  # of a cell with `from __future__ import annotations`, as the file of `Desk` has it
        "x": int,
        "k": kind | None,
        "many": dict[str, list[kind]],
        "inner": "a text",
        "last": str,
    }
