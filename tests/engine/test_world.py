"""What a program did before is not taken for what the watched one does."""

from __future__ import annotations

import gc

import pytest
from desk import Desk, effects

LEFT = """
def left():
    try:
        yield
    finally:
        effect("closed")
class Left:
    def __del__(self):
        effect("ended")
kept = [left(), Left()]
next(kept[0])
"""


@pytest.mark.parametrize("held", ["in a cycle", "elsewhere"])
def test_what_earlier_tests_left_ends_unnoticed(held: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "test_before (call)")
    before = Desk()
    before.cell(LEFT)
    kept = before.ns["kept"]
    if held == "in a cycle":
        kept.append(kept)
    del before
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "test_now (call)")
    desk = Desk()
    desk.cell("effect('mine')")
    del kept
    gc.collect()
    assert effects() == ["mine()"]


def test_what_the_same_test_left_is_noticed() -> None:
    desk = Desk()
    desk.cell(LEFT)
    desk.cell("kept.clear()")
    assert effects() == ["ended()", "closed()"]
