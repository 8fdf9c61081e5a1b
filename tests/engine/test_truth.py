"""Special methods that ask: nothing is asked without end, and no call is made twice for them."""

from __future__ import annotations

from typing import Any

import pytest
from desk import Desk

from hitl_nb.errors import CannotPause

ABOVE = """\
def ask(v):
    return hitl.checkpoint(v, title=f"Ask {v}").value
class V:
    def __init__(self, n): self.n = n
    def __bool__(self): return ask(self.n) > 0
    def __lt__(self, other): return V(ask(self.n))
    def __iter__(self): return iter([ask(self.n)])
    @property
    def v(self): return V(ask(self.n))
    @property
    def text(self): return ask(str(self.n))
def make(n):
    made.append(n)
    return V(n)
made = []
one, zero = V(1), V(0)
"""

ENDS = {
    "x = (one.text and one.text, one.text)": (3, ("1", "1")),
    "x = [*[one.text], {**({'a': one.text} and {})}]": (2, ["1", {}]),
    "x = one.v and 5": (2, 5),
    "x = 1 if one.v else 2": (2, 1),
    "x = 1\nif zero.v: x = 2": (2, 1),
    "x = 1\nif one.v and zero.v: x = 2": (4, 1),
    "x = 0\nwhile one.v and x < 2: x += 1": (6, 2),
    "x, y = 0, [0]\nwhile one and len(y) < 4:\n    y.append(0)\n    x += 1": (4, 3),
    "x = [*map(ask, [1])][0]": (1, 1),
    "def g():\n    yield ask(1)\nx = [*g(), *map(ask, [2])]": (2, [1, 2]),
    "x = 1\nassert one.v": (2, 1),
    "x = not make(1)": (1, False),
    "x = (one and make(1)).n": (1, 1),
    "x = bool(make(1) < make(2))": (2, True),
    "x = (make(1) < make(2) < make(3)).n": (3, 2),
    "x = (one.v < make(2) < one.v).n": (5, 2),
    "x = []\nfor v in make(1): x.append(v)": (1, [1]),
    "def f(n):\n    for v in make(n): return v\nx = f(1)": (1, 1),
}
"""A program -> how many questions it asks, and what `x` is at the end."""

REFUSED = [
    "if make(1): pass",
    "while make(1): pass",
    "assert make(1)",
    "x = make(1) and make(2)",
    "x = one.n and make(1) or 3",
    "x = 1 if make(1) else 2",
    "x = [1 for v in (1, 2) if make(v)]",
    "f = lambda: make(1) or 2\nx = f()",
    "if (x := make(1)): pass",
    "match 1:\n    case 1 if make(1): pass",
    "print(*make(1), *make(2))",
    "x = [v for v in make(1)]",
]


@pytest.mark.parametrize("program", ENDS)
def test_each_question_is_asked_once(program: str) -> None:
    desk, source = Desk(), ABOVE + program
    questions, expected = ENDS[program]
    for _ in range(questions):
        assert desk.run(source).status == "waiting"
        desk.answer()
        desk.new_kernel()
    assert desk.run(source).status == "finished"
    assert desk.ns["x"] == expected
    calls: list[Any] = desk.ns["made"]
    assert len(calls) == len(set(calls))


@pytest.mark.parametrize("program", REFUSED)
def test_refused_where_a_call_would_be_made_again(program: str) -> None:
    desk = Desk()
    with pytest.raises(CannotPause, match=r"the call would be made again\. Assign the value to a name first"):
        desk.run(ABOVE + program)
    assert desk.open() == []
