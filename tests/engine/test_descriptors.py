"""Descriptors of the notebook in its classes hold data, as other class attributes do."""

from __future__ import annotations

import pytest
from desk import Desk

ASK = "hitl.checkpoint(1, title='T')\n"
COUNTED = """\
class Counted:
    made = []
    def __init__(self, function):
        self.function, self.calls = function, 0
        Counted.made.append(self)
    def __get__(self, shop, kind=None):
        return self if shop is None else lambda: self(shop)
    def __call__(self, shop):
        self.calls += 1
        return self.function(shop)
class Shop:
    @Counted
    def total(self): return 5
"""


@pytest.mark.parametrize("is_above", [True, False])
def test_what_a_descriptor_counted_comes_back(is_above: bool) -> None:
    desk = Desk()
    above, inside = (COUNTED, "") if is_above else ("", COUNTED)
    source = f"{inside}Shop().total()\n{ASK}Shop().total()\n{ASK}x = Shop().total(), Shop.total.calls\n"
    desk.cell(above)
    for _ in range(2):
        desk.run(source)
        desk.answer()
        desk.new_kernel()
        desk.cell(above)
    desk.run(source)
    assert desk.ns["x"] == (5, 3)
    assert desk.ns["Counted"].made == [desk.ns["Shop"].total]


def test_a_descriptor_that_the_run_did_not_change_is_as_the_notebook_has_it() -> None:
    desk = Desk()
    desk.cell(COUNTED)
    source = f"shop = Shop()\n{ASK}x = shop.total()\n"
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.cell(COUNTED.replace("return 5", "return 7"))
    desk.run(source)
    assert desk.ns["x"] == 7
