"""What a gated function does once it was approved: it may ask, or fail, and its own approval stands."""

from __future__ import annotations

import pytest
from desk import Desk

import hitl_nb as hitl

ASKS = """
@hitl.gate(title="outer")
{kind} send(to, text):
    return to, text, hitl.checkpoint("now?", title="inner").value
names = ["Ann"]
x = [{call}(names[0].upper(), f"Dear {{names[0]}}")]
y = hitl.checkpoint(1, title="behind").value
"""

FAILS = """
@hitl.gate(title="outer")
def send(to):
    return sent(to)
x = 1
{statement}
"""


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_gated_call_that_asks_again(desk: Desk, kind: str, fresh: bool) -> None:
    source = ASKS.format(kind=kind, call="await send" if kind == "async def" else "send")
    asked: list[str] = []
    while (outcome := desk.run(source)).status == "waiting":
        asked.append(outcome.proposals[0].title)
        assert len(asked) < 5
        desk.answer()
        if fresh:
            desk.new_kernel()
    assert asked == ["outer", "inner", "behind"]
    assert desk.ns["x"] == [("ANN", "Dear Ann", "now?")]


@pytest.mark.parametrize("fresh", [True, False])
def test_a_gated_call_that_fails_goes_on_with_its_decision(desk: Desk, fresh: bool) -> None:
    source = FAILS.format(statement="x = send(str(x + 1))")
    desk.run(source)
    desk.answer()
    with pytest.raises(NameError, match="sent"):
        desk.run(source)
    if fresh:
        desk.new_kernel()
    desk.cell("def sent(to):\n    return 'sent to ' + to")
    assert desk.run(source).status == "finished"
    assert desk.ns["x"] == "sent to 2"


def test_another_call_in_place_of_the_one_that_failed_is_asked_anew(desk: Desk) -> None:
    desk.run(FAILS.format(statement="send('2')"))
    desk.answer()
    with pytest.raises(NameError, match="sent"):
        desk.run(FAILS.format(statement="send('2')"))
    desk.new_kernel()
    desk.cell("def sent(to):\n    return to")
    mended = FAILS.format(statement="send('3')")
    assert desk.run(mended).proposals[0].value["arguments"] == {"to": "3"}
    desk.answer()
    assert desk.run(mended).status == "finished"


def test_a_rejection_stands(desk: Desk) -> None:
    source = FAILS.format(statement="send(str(x))")
    desk.run(source)
    desk.answer("reject")
    for _ in range(2):
        with pytest.raises(hitl.Rejected, match="because"):
            desk.run(source)
    assert len(desk.ledger.proposals(desk.record().id, 1)) == desk.record().pauses == 1
