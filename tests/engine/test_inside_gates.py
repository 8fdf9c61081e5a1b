"""What a gated function does once it was approved: it may ask, or fail, and its own approval stands."""

from __future__ import annotations

import pytest
import world
from desk import Desk, effects

import hitl_nb as hitl
from hitl_nb.review.decide_from_text import decide_from_text

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
    assert len(desk.ledger.proposals.list_of_run(desk.record().id, 1)) == desk.record().pauses == 1


APPROVED_IN_HELPERS = {
    "gather": """
@hitl.gate(title="{n}", key=lambda n: n)
async def send(n):
    return world.effect("send", n)
sent = await asyncio.gather(send(0), send(1), send(2))
""",
    "task group": """
@hitl.gate(title="{n}", key=lambda n: n)
async def send(n):
    return world.effect("send", n)
async def send_all():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(n)) for n in range(3)]
    return [task.result() for task in tasks]
async def one(n):
    return await send(n)
sent = await send_all()
""",
    "helper": """
@hitl.gate(title="{n}")
def send(n):
    return world.effect("send", n)
def send_all():
    return [send(n) for n in range(3)]
sent = send_all()
""",
    "that fails": """
@hitl.gate(title="{n}")
def send(n):
    world.effect("send", n)
    raise hitl.Rejected(f"{n} bounced", "full")
def try_all():
    for n in range(3):
        try:
            send(n)
        except hitl.Rejected as error:
            yield int(error.reason == "full") and n
sent = list(try_all())
""",
}


@pytest.mark.parametrize("kind", APPROVED_IN_HELPERS)
def test_an_approved_call_is_made_once_though_the_code_around_it_is_made_again(desk: Desk, kind: str) -> None:
    made: list[str] = []
    source = "import asyncio, world\n" + APPROVED_IN_HELPERS[kind]
    while desk.run(source).status == "waiting":
        desk.answer()
        made += effects()
        desk.new_kernel()
    assert [*made, *effects()] == [f"send({n},)" for n in range(3)]
    assert desk.ns["sent"] == [0, 1, 2]


def test_calls_inside_an_approved_call_are_told_from_those_around_it(desk: Desk) -> None:
    source = """
import world
@hitl.step
def look(what):
    return world.effect("look", what)
@hitl.gate(title="gate")
def send(n):
    return look("inside"), hitl.checkpoint("ask inside", title="inside").value
def work():
    mine = send(1), look("around"), hitl.checkpoint("ask around", title="around").value
    return *mine, hitl.checkpoint(3, title="3").value
done = work()
"""
    asked: list[str] = []
    made: list[str] = []
    while (outcome := desk.run(source)).status == "waiting":
        asked.append(outcome.proposals[0].title)
        desk.answer()
        made += effects()
        desk.new_kernel()
    assert asked == ["gate", "inside", "around", "3"]
    assert [*made, *effects()] == ["look('inside',)", "look('around',)"]
    assert desk.ns["done"] == (("inside", "ask inside"), "around", "ask around", 3)


def test_an_approval_of_another_value_is_another_call(desk: Desk) -> None:
    definitions = """
import world
@hitl.gate(title="Send")
def send(n):
    return world.effect("send", n)
def work():
    return send(len(world.outside)), hitl.checkpoint(1, title="q").value
"""
    world.outside.clear()
    desk.cell(definitions)  # its code is not instrumented: `work()` is made again
    source = "done = work()"
    desk.run(source)
    desk.answer()
    desk.run(source)
    desk.answer()
    desk.new_kernel()
    desk.cell(definitions)
    world.outside["more"] = 1
    assert desk.run(source).proposals[0].value["arguments"] == {"n": 1}
    desk.answer()
    assert desk.run(source).status == "finished"
    assert desk.ns["done"] == (1, 1)


INTERRUPTED = {
    "exact": """
@hitl.gate(title="Pay?")
def pay(n: int) -> int:
    world.effect("pay", n)
    world.outside["interrupt"]()
    return n
got = pay(1)
""",
    "async": """
@hitl.gate(title="Pay?")
async def pay(n: int) -> int:
    world.effect("pay", n)
    world.outside["interrupt"]()
    return n
got = await pay(1)
""",
    "gather": """
@hitl.gate(title="Pay?")
async def pay(n: int) -> int:
    world.effect("pay", n)
    world.outside["interrupt"]()
    return n
[got] = await asyncio.gather(pay(1))
""",
    "helper": """
@hitl.gate(title="Pay?")
def pay(n: int) -> int:
    world.effect("pay", n)
    world.outside["interrupt"]()
    return n
def help(n):
    return pay(n)
got = help(1)
""",
    "thread": """
@hitl.gate(title="Pay?")
def pay(n: int) -> int:
    world.effect("pay", n)
    world.outside["interrupt"]()
    return n
got = await asyncio.to_thread(pay, 1)
""",
    "method": """
class Desk:
    @hitl.gate(title="Pay?")
    def pay(self, n: int) -> int:
        world.effect("pay", n)
        world.outside["interrupt"]()
        return n
got = Desk().pay(1)
""",
    "agent": """
@hitl.agent
def work():
    try:
        return pay(1)
    finally:
        world.effect("finally")
@hitl.gate(title="Pay?")
def pay(n: int) -> int:
    world.effect("pay", n)
    world.outside["interrupt"]()
    return n
got = work()
""",
    "beside a step": """
@hitl.step
def charge(n):
    return world.effect("charge", n)
@hitl.gate(title="Pay?")
def pay(n: int) -> int:
    world.effect("pay", n)
    charge(n)
    world.outside["interrupt"]()
    return n
got = pay(1)
""",
}


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("happened", [True, False])
@pytest.mark.parametrize("kind", INTERRUPTED)
def test_an_approved_call_that_did_not_end_is_in_doubt(desk: Desk, kind: str, happened: bool) -> None:
    source = "import asyncio, world\n" + INTERRUPTED[kind]
    desk.run(source)
    desk.answer("edit", {"name": "pay", "arguments": {"n": 5}})
    world.outside["interrupt"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        desk.run(source)
    desk.new_kernel()
    [doubt] = desk.run(source).proposals
    assert "pay(" in doubt.title
    assert doubt.doubt is not None
    assert doubt.doubt.arguments == {"n": "5"}
    assert effects() == []
    with pytest.raises(hitl.InvalidEdit, match="whole number"):
        decide_from_text(desk.ledger, doubt, "edit", '{"happened": true, "result": "x"}', reviewer="ann")
    desk.answer("edit", {"happened": happened, **({"result": 7} if happened else {})})
    world.outside["interrupt"] = int
    assert desk.run(source).status == "finished"
    assert desk.ns["got"] == (7 if happened else 5)
    assert [e for e in effects() if e != "finally()"] == ([] if happened else ["pay(5,)"])


def test_a_call_of_nothing_but_steps_is_not_in_doubt(desk: Desk) -> None:
    source = """
import world
@hitl.step(idempotent=True)
def read(n):
    return n
@hitl.step
def charge(n):
    return world.effect("charge", n)
@hitl.gate(title="Pay?")
async def pay(n: int):
    found = [charge(i) for i in range(n)]
    return sum(found) + look(n) + read(n)
@hitl.step(idempotent=True)
def look(n):
    world.outside["interrupt"]()
    return len(str(n))
got = await pay(2)
"""
    desk.run(source)
    desk.answer()
    world.outside["interrupt"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        desk.run(source)
    world.outside["interrupt"] = int
    assert desk.run(source).status == "finished"
    assert desk.ns["got"] == 4
    assert effects() == ["charge(0,)", "charge(1,)"]


UNRECORDABLE = """
import threading, world
@hitl.gate(title="{{n}}")
def open_line(n):
    world.effect("open", n)
    return threading.current_thread()
{decorated}
def open_all():
    return [type(open_line(1)).__name__, open_line(2).name]
"""


def test_an_approved_call_that_cannot_be_recorded_is_not_made_again(desk: Desk) -> None:
    desk.cell(UNRECORDABLE.format(decorated=""))
    source = "lines = open_all()"
    desk.run(source)
    desk.answer()
    with pytest.raises(hitl.CannotPause, match=r"line 1: .*gated call open_line\(\).*not by way of a library"):
        desk.run(source)
    assert effects() == ["open(1,)"]


def test_an_approved_call_that_cannot_be_recorded_is_made_once_in_exact_code(desk: Desk) -> None:
    source = UNRECORDABLE.format(decorated="@hitl.agent") + "lines = open_all()\n"
    while desk.run(source).status == "waiting":
        desk.answer()
    assert effects() == ["open(1,)", "open(2,)"]


def test_an_awaitable_of_a_function_that_is_not_declared_async_is_recorded(desk: Desk) -> None:
    source = """
import asyncio, world
@hitl.gate(title="{n}")
def send(n):
    async def sent():
        world.effect("send", n)
        return n
    return sent()
async def send_all():
    return [await send(1), await send(2)]
sent = await send_all()
"""
    while desk.run(source).status == "waiting":
        desk.answer()
    assert effects() == ["send(1,)", "send(2,)"]
    assert desk.ns["sent"] == [1, 2]
