"""Which statements of a saved frame may have run, and which may still run."""

from __future__ import annotations

import ast

import pytest
from desk import Desk

from hitl_nb.engine.compile import compile_unit
from hitl_nb.engine.position.frames.edits import find_poll_place
from hitl_nb.engine.position.frames.frames import SavedFrame
from hitl_nb.engine.snapshot.variables.frame_source import FrameSource, find_unmet_names

CELL = """
a = 1
if a: b = 1
else:
    c = 2
for i in range(2):
    d = 1
    if i: e = 1
    else: f = 1
try:
    g = 1
except ValueError:
    h = 1
j = 1
"""
BEHIND = {
    1: ("a", "bcdefghij"),
    2: ("abc", "bcdefghij"),  # a statement as a whole may still run: which part of it is not known
    3: ("abcdefi", "defghij"),
    4: ("abcdefghi", "ghj"),
    5: ("abcdefghij", "j"),
}


@pytest.mark.parametrize("count", BEHIND)
def test_behind_a_statement(count: int) -> None:
    unit = compile_unit(CELL, "<cell>", shows_last=True)
    frame = SavedFrame(unit.key, 0, find_poll_place(unit, count), "call", {}, {}, {})
    source = FrameSource(frame)
    stored = [n for n in ast.walk(ast.parse(CELL)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    met, left = BEHIND[count]
    assert {n.id for n in stored if source.may_have_run(n)} == {*met}
    assert {n.id for n in stored if source.may_run(n)} >= {*left}
    assert not find_unmet_names(frame) & {*met}
    assert find_unmet_names(frame) >= {*"abcdefghij"} - {*met} - {"i"}


def test_what_only_the_rest_binds_is_not_saved(desk: Desk) -> None:
    desk.cell("later, text = (c for c in 'ab'), 'x'")
    [proposal] = desk.run("d = hitl.checkpoint('go', title='Go?')\nif text:\n    later = 1\n").proposals
    assert not any("later" in note for note in proposal.notes)


@pytest.fixture
def desk() -> Desk:
    return Desk()
