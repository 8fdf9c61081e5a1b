"""Source that was edited while a run waits: later code counts as it is now, what led to the place must be the same."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from hitl_nb.engine.compile import Unit, compile_unit
from hitl_nb.engine.compile.runtime.runtime import Unwind
from hitl_nb.engine.position.driver import Driver
from hitl_nb.engine.position.frames.edits import PlaceChangedError, move_frame
from hitl_nb.engine.position.frames.frames import SavedStack

CELL = '''
out = []
def work(n):
    """What it does."""
    x = n + 1
    for i in range(3):
        if i == 1:
            y = ask(x)
            out.append(("asked", y))
        out.append(i)
    return x
for k in [1]:
    r = work(k)
    out.append("after")
'''

PLAIN = [0, ("asked", 10), 1, 2, "after"]


class Run:
    """A run of `CELL` that waits in `work`."""

    def __init__(self) -> None:
        self.driver = Driver()
        self.unit = compile_unit(CELL, "<cell>")
        self.namespace: dict[str, Any] = {"ask": self.ask, "__name__": "__main__"}
        self.stack: SavedStack | None = None
        with pytest.raises(Unwind):
            self.driver.start(types.FunctionType(self.unit.code, self.namespace))

    def ask(self, value: int) -> int:
        assert value == 2
        self.stack = self.driver.read_stack(sys._getframe(1), lambda function: function is Run.ask)
        raise Unwind

    def move(self, source: str) -> Unit:
        assert self.stack is not None
        unit = compile_unit(source, "<cell>")
        for saved in self.stack.frames:
            move_frame(saved, self.unit, unit)
        return unit

    def resume(self) -> list[Any]:
        assert self.stack is not None
        self.driver.resume(self.stack, [10].pop)
        return self.namespace["out"]


def edit_cell(old: str, new: str) -> str:
    assert old in CELL
    return CELL.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "out"),
    [
        ("x = n + 1", "# said\n    x = n + 1", PLAIN),
        ('"after"', '"AFTER"', [*PLAIN[:-1], "AFTER"]),
        ('("asked", y)', '("ASKED", y)', [0, ("ASKED", 10), *PLAIN[2:]]),
        ("        out.append(i)\n", "        out.append(-i)\n", [0, ("asked", 10), -1, -2, "after"]),
        ("    return x", '    out.append("end")\n    return x', [*PLAIN[:-1], "end", "after"]),
    ],
    ids=["a comment", "behind the call", "in the branch", "in a loop's body that has run", "at the end"],
)
def test_what_comes_later_may_be_new(old: str, new: str, out: list[Any]) -> None:
    run = Run()
    run.move(edit_cell(old, new))
    assert run.resume() == out


@pytest.mark.parametrize(
    ("old", "new", "function"),
    [
        ("n + 1", "n + 2", "work"),
        ("range(3)", "range(4)", "work"),
        ("i == 1", "i == 2", "work"),
        ("ask(x)", "ask(x + 1)", "work"),
        ("work(n)", "work(n, m=1)", "<module>"),
        ("out = []", "out = [0]", "<module>"),
        ("def work", "def other(): ...\ndef work", "<module>"),
        ("def work(n)", "def renamed(n)", "<module>"),
        ("[1]", "[1, 2]", "<module>"),
    ],
)
def test_what_led_to_the_place_must_be_the_same(old: str, new: str, function: str) -> None:
    run = Run()
    with pytest.raises(PlaceChangedError) as caught:
        run.move(edit_cell(old, new))
    assert caught.value.function == function
    assert "already ran (line " in str(caught.value)
    assert run.resume() == PLAIN  # nothing is lost: undone, the edit does no harm
