"""Effects in doubt: all of a run are asked about at once, nothing is chosen for people, and each answer is taken."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import world
from forks import ChildDied, Forks

from hitl_nb.errors import HitlError, InvalidEdit
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.review.decide_from_text import decide_from_text
from hitl_nb.storage import open_store

PAYMENTS = """
import asyncio
from decimal import Decimal
@hitl.step
async def pay(name, amount=1, password="hush"):
    effect("pay", name)
    await waits(name)
    return f"paid {name}"
@hitl.step(idempotent=True)
async def look(name):
    effect("look", name)
    await waits(name)
    return f"seen {name}"
async def all_of():
    return await asyncio.gather(pay("A"), pay("B", amount=2), pay("C", password="x"), look("D"))
before = effect("before", 1)
got = await all_of()
effect("after", *got)
"""

TYPED = """
from dataclasses import dataclass
from decimal import Decimal
@dataclass
class Receipt:
    number: int
    amount: Decimal
@hitl.step
def pay(amount: Decimal) -> Receipt:
    effect("pay")
    die()
    return Receipt(1, amount)
got = pay(Decimal("12.50"))
effect("after", got)
"""


class Fate:
    """Whether this process dies, and when. Not in the cell's variables: those come from the process that saved them."""

    flag = Path()
    dies = False
    running: ClassVar[set[str]] = set()


def die() -> None:
    if Fate.flag.exists():
        Fate.flag.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


async def waits(name: str) -> None:
    Fate.running.add(name)
    if len(Fate.running) == 4:
        die()
    if Fate.dies:
        await asyncio.Event().wait()


def run(source: str, url: str, flag: str, restart: bool = False) -> world.Result:
    """Run the cell in this process; it dies where it is told to while the file `flag` is there."""
    Fate.flag = Path(flag)
    Fate.dies = Fate.flag.exists()
    made: Callable[[Any], dict[str, Any]] = world._namespace

    def namespace(told: Any) -> dict[str, Any]:
        import hitl_nb as hitl

        ns = made(told)
        ns.update(die=die, waits=waits, hitl=hitl, effect=world.effect)
        return ns

    world._namespace = namespace
    run = Ledger(open_store(url)).runs.find(agent="a", notebook="nb")
    assert run is None or run.status != "waiting"
    return world.engine(source, url, "a", options={"restart": restart})


class Crashed:
    """A run whose process died while steps were under way, and that was gone on with once."""

    def __init__(self, forks: Forks, folder: Path, source: str) -> None:
        self.forks, self.source, self.flag = forks, source, folder / "flag"
        self.url = f"diskcache://{folder}/store"
        self.crash()
        self.result = self.run()

    def crash(self) -> None:
        self.flag.touch()
        with pytest.raises(ChildDied):
            self.run()

    def run(self, restart: bool = False) -> world.Result:
        return self.forks(run, self.source, self.url, str(self.flag), restart)

    def open(self) -> list[Any]:
        return self.forks(list_waiting, self.url)

    def answer(self, title: str, value: Any) -> Any:
        return self.forks(answer, self.url, title, value)


def list_waiting(url: str) -> list[Any]:
    return Ledger(open_store(url)).proposals.list_open()


def answer(url: str, title: str, value: Any) -> Any:
    """A person's answer, as the command line takes it; the run then."""
    ledger = Ledger(open_store(url))
    [p] = [p for p in ledger.proposals.list_open() if p.title == title]
    try:
        decide_from_text(ledger, p, "edit", json.dumps(value), reviewer="ann")
    except InvalidEdit as error:
        return error.fields
    return ledger.runs.load(p.run)


TITLES = ["Did pay('A') happen?", "Did pay('B', amount=2) happen?", "Did pay('C', password=…) happen?"]


def test_all_effects_in_doubt_are_asked_about_at_once_and_nothing_is_called(forks: Forks, tmp_path: Path) -> None:
    crashed = Crashed(forks, tmp_path, PAYMENTS)
    assert crashed.result.status == "waiting"
    assert crashed.result.journal == []
    asked = crashed.open()
    assert [p.title for p in asked] == TITLES
    assert {(p.kind, str(p.value), p.allow, p.pause) for p in asked} == {("json", "{'happened': None}", ("edit",), 1)}
    doubt = asked[1].doubt
    assert (doubt.call, doubt.step) == ("pay('B', amount=2)", "pay")
    assert doubt.arguments == {"name": "'B'", "amount": "2"}
    assert doubt.died
    assert doubt.began < doubt.noticed
    assert len(doubt.idempotency_key) == 32
    crashed.answer(TITLES[0], {"happened": True, "result": "paid long ago"})
    crashed.answer(TITLES[1], {"happened": False})
    assert crashed.answer(TITLES[2], {"happened": True, "result": "paid C"}).status == "ready"
    done = crashed.run()
    assert done.status == "finished"
    assert sorted(done.journal[1:3]) == [("look", "('D',)"), ("pay", "('B',)")]
    assert done.journal[3:] == [("after", "('paid long ago', 'paid B', 'paid C', 'seen D')")]


def test_stopping_the_run_ends_it_and_nothing_is_called(forks: Forks, tmp_path: Path) -> None:
    crashed = Crashed(forks, tmp_path, PAYMENTS)
    crashed.answer(TITLES[0], {"happened": False})
    stopped = crashed.answer(TITLES[1], {"happened": "stop"})
    assert (stopped.status, stopped.open) == ("cancelled", 0)
    assert crashed.open() == []
    again = crashed.run()
    assert again.status == "failed"
    assert again.journal == []
    assert "ann stopped it" in str(again.error)
    assert TITLES[1].replace("'", "") in str(again.error).replace("\\", "").replace("'", "")
    assert "--restart runs it again from the start" in str(again.error)
    anew = crashed.run(restart=True)
    assert anew.status == "finished"
    assert [name for name, _ in anew.journal].count("pay") == 3


def test_an_answer_is_for_one_try_only(forks: Forks, tmp_path: Path) -> None:
    crashed = Crashed(forks, tmp_path, PAYMENTS)
    for title in TITLES:
        crashed.answer(title, {"happened": False})
    crashed.crash()
    assert crashed.run().status == "waiting"
    assert [p.title for p in crashed.open()] == TITLES
    for title in TITLES:
        crashed.answer(title, {"happened": True, "result": "found"})
    done = crashed.run()
    assert done.journal[-1] == ("after", "('found', 'found', 'found', 'seen D')")
    assert [name for name, _ in done.journal] == ["before", "look", "after"]


def test_the_result_comes_in_the_type_that_the_step_returns(forks: Forks, tmp_path: Path) -> None:
    crashed = Crashed(forks, tmp_path, TYPED)
    [p] = crashed.open()
    assert p.title == "Did pay(Decimal('12.50')) happen?"
    assert p.doubt.arguments == {"amount": "Decimal('12.50')"}
    crashed.answer(p.title, {"happened": True, "result": {"number": 7, "amount": "12.50"}})
    assert crashed.run().journal == [("after", "(Receipt(number=7, amount=Decimal('12.50')),)")]


def test_an_answer_that_says_nothing_or_does_not_fit_is_refused(forks: Forks, tmp_path: Path) -> None:
    crashed = Crashed(forks, tmp_path, TYPED)
    unfit: list[tuple[Any, str]] = [
        ({"happened": True}, "result"),
        ({"happened": True, "result": {"number": "x", "amount": "1"}}, "result/number"),
        ({"happened": None}, "happened"),
        ({"happened": "maybe"}, "happened"),
        ({"result": 1}, "happened"),
        ({"happened": False, "why": "?"}, ""),
        (None, ""),
    ]
    for value, place in unfit:
        assert list(crashed.answer("Did pay(Decimal('12.50')) happen?", value)) == [place], value
    assert len(crashed.open()) == 1


def test_no_short_way_decides_it(forks: Forks, tmp_path: Path) -> None:
    crashed = Crashed(forks, tmp_path, PAYMENTS)
    for way in ("approve", "reject", "nothing said", "policy", "deadline", "batch"):
        assert forks(try_refused, crashed.url, way), way
    assert len(crashed.open()) == 3


def try_refused(url: str, way: str) -> str:
    ledger = Ledger(open_store(url))
    asked = ledger.proposals.list_open()
    yes = {"happened": True, "result": None}
    tries: dict[str, Callable[[], Any]] = {
        "approve": lambda: ledger.proposals.decide(asked[0].id, "approve", reviewer="ann"),
        "reject": lambda: ledger.proposals.decide(asked[0].id, "reject", reviewer="ann"),
        "nothing said": lambda: ledger.proposals.decide(asked[0].id, "edit", value={"happened": None}, reviewer="ann"),
        "policy": lambda: ledger.proposals.decide(asked[0].id, "edit", value=yes, reviewer="rule", by="policy"),
        "deadline": lambda: ledger.proposals.decide(asked[0].id, "edit", value=yes, reviewer="clock", by="deadline"),
        "batch": lambda: ledger.proposals.decide_many(asked, "edit", value=yes, reviewer="ann"),
    }
    try:
        tries[way]()
    except (ValueError, HitlError) as error:
        return str(error)
    return ""


GATED = """
@hitl.gate(title="Pay?")
def pay(n):
    return [charge(n), charge(n + 1)]
@hitl.step
def charge(n):
    effect("charge", n)
    die()
    return n
got = pay(1)
effect("after", got)
"""


def approved(forks: Forks, folder: Path, source: str) -> Crashed:
    """A run whose gated call was approved, with 5 in place of 1, and that died while the call was made."""
    crashed = object.__new__(Crashed)
    crashed.forks, crashed.source, crashed.flag = forks, source, folder / "flag"
    crashed.url = f"diskcache://{folder}/store"
    assert crashed.run().status == "waiting"
    crashed.answer("Pay?", {"name": "pay", "arguments": {"n": 5}})
    crashed.crash()
    return crashed


def test_a_decided_gate_stays_decided_when_a_step_in_it_is_in_doubt(forks: Forks, tmp_path: Path) -> None:
    crashed = approved(forks, tmp_path, GATED)
    assert crashed.run().status == "waiting"
    assert [p.title for p in crashed.open()] == ["Did charge(5) happen?"]
    crashed.answer("Did charge(5) happen?", {"happened": True, "result": 5})
    assert crashed.run().journal == [("charge", "(6,)"), ("after", "([5, 6],)")]


KILLED_IN_GATE = """
@hitl.gate(title="Pay?")
def pay(n: int) -> int:
    effect("pay", n)
    die()
    return n
got = pay(1)
effect("after", got)
"""


def test_an_approved_call_that_was_being_made_is_in_doubt(forks: Forks, tmp_path: Path) -> None:
    crashed = approved(forks, tmp_path, KILLED_IN_GATE)
    resumed = crashed.run()
    assert (resumed.status, resumed.journal) == ("waiting", [])
    assert [p.title for p in crashed.open()] == ["Did pay(5) happen?"]
    crashed.answer("Did pay(5) happen?", {"happened": False})
    crashed.crash()  # it may be in doubt more than once
    crashed.run()
    crashed.answer("Did pay(5) happen?", {"happened": True, "result": 7})
    assert crashed.run().journal == [("after", "(7,)")]


ASKS_INSIDE = """
@hitl.gate(title="Pay?")
def pay(n):
    sure = hitl.checkpoint(n, title="Sure?").value
    effect("pay", n)
    die()
    return n
got = pay(1)
effect("after", got)
"""


def test_an_approved_call_that_asks_is_in_doubt_only_if_it_died(forks: Forks, tmp_path: Path) -> None:
    crashed = object.__new__(Crashed)
    crashed.forks, crashed.source, crashed.flag = forks, ASKS_INSIDE, tmp_path / "flag"
    crashed.url = f"diskcache://{tmp_path}/store"
    crashed.run()
    crashed.answer("Pay?", {"name": "pay", "arguments": {"n": 5}})
    crashed.run()
    assert [p.title for p in crashed.open()] == ["Sure?"]
    crashed.answer("Sure?", 5)
    crashed.crash()
    assert crashed.run().journal == []
    assert [p.title for p in crashed.open()] == ["Did pay(5) happen?"]
    crashed.answer("Did pay(5) happen?", {"happened": False})
    assert crashed.run().journal == [("pay", "(5,)"), ("after", "(5,)")]


def test_a_step_that_is_idempotent_by_now_is_called_again_without_a_question(forks: Forks, tmp_path: Path) -> None:
    crashed = object.__new__(Crashed)
    crashed.forks, crashed.source, crashed.flag = forks, TYPED, tmp_path / "flag"
    crashed.url = f"diskcache://{tmp_path}/store"
    crashed.crash()
    crashed.source = TYPED.replace("@hitl.step", "@hitl.step(idempotent=True)")
    assert crashed.run().status in ("finished", "failed")
    assert crashed.open() == []
