"""What a process keeps of the runs that it worked on: nothing of those that are over, and never without end."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from desk import Desk

import hitl_nb as hitl
from hitl_nb.engine.run import held_states as holding
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.storage import open_store


class Big:
    """Something that a run holds on to."""

    alive: weakref.WeakSet[Big] = weakref.WeakSet()

    def __init__(self) -> None:
        Big.alive.add(self)


seen: list[int] = []


@hitl.agent
def finishes(n: int) -> int:
    big = Big()
    return n if big else 0


@hitl.agent
def fails(n: int) -> int:
    big = Big()
    raise OSError("no line", bool(big))


@hitl.agent
def asks(n: int) -> int:
    big = Big()
    seen.append(n)
    answer = hitl.checkpoint(n, title="N").value
    return answer if big else 0


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("HITL_NB_STORE", f"diskcache://{tmp_path}/store")
    holding.held_states.clear()
    Big.alive.clear()
    seen.clear()


def alive() -> int:
    gc.collect()
    return len(Big.alive)


def run(agent: Any, key: str) -> Any:
    return asyncio.run(agent.run(1, key=key))


def test_nothing_is_kept_of_runs_that_finished_or_failed() -> None:
    for n in range(20):
        assert run(finishes, f"f{n}").status == "finished"
        with pytest.raises(OSError, match="no line"):
            run(fails, f"x{n}")
        with pytest.raises(OSError, match="no line"):
            run(fails, f"x{n}")
    assert alive() == 0
    assert holding.held_states == {}


def test_runs_that_waited_are_let_go_when_they_finish_here() -> None:
    ledger = Ledger(open_store())
    for n in range(5):
        run(asks, f"w{n}")
    assert alive() == 5
    for p in ledger.proposals.list_open():
        ledger.proposals.decide(p.id, "approve", reviewer="ann")
    for n in range(5):
        assert run(asks, f"w{n}").status == "finished"
    assert alive() == 0


def test_runs_that_went_on_elsewhere_are_let_go_when_they_are_seen_again() -> None:
    ledger = Ledger(open_store())
    for n in range(5):
        run(asks, f"w{n}")
    for p in ledger.proposals.list_open():
        ledger.proposals.decide(p.id, "approve", reviewer="ann")
    kept = dict(holding.held_states)
    holding.held_states.clear()  # another process, which has none of them
    for n in range(5):
        run(asks, f"w{n}")
    holding.held_states.update(kept)
    kept.clear()
    for n in range(5):
        assert run(asks, f"w{n}").result == 1
    assert alive() == 0


def test_live_objects_are_kept_of_so_many_runs_and_the_others_go_on_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(holding, "MAX_HELD_STATES", 3)
    for n in range(8):
        run(asks, f"w{n}")
    assert alive() == 3
    ledger = Ledger(open_store())
    for p in ledger.proposals.list_open():
        ledger.proposals.decide(p.id, "approve", reviewer="ann")
    assert [run(asks, f"w{n}").result for n in range(8)] == [1] * 8
    assert alive() == 0


def test_asking_for_the_result_of_a_finished_run_leaves_the_modules_variables_alone() -> None:
    ledger = Ledger(open_store())
    run(asks, "w")
    ledger.proposals.decide(ledger.proposals.list_open()[0].id, "approve", reviewer="ann")
    run(asks, "w")
    seen.append(99)
    before = list(seen)
    assert run(asks, "w").result == 1
    assert seen == before


def test_of_an_agent_cell_only_the_last_finished_run_is_kept() -> None:
    desk = Desk()
    desk.ns["Big"] = Big
    for _ in range(6):
        desk.run("big = Big()\nx = 1", restart=True)
    assert alive() == 1
    desk.ns["x"] = 2
    assert desk.run("big = Big()\nx = 1").status == "finished"
    assert desk.ns["x"] == 1
    assert alive() == 1
