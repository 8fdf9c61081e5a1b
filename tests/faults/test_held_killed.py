"""Programs that hold a question and are killed: who reads the store next withdraws the question."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from processes import output, start

import hitl_nb as hitl
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.storage import Store, open_store

HOLDER = """
import asyncio
import hitl_nb as hitl

async def main():
    async with hitl.held("rm -rf build", title="Run it?", agent="chat", store=open_store(url)) as question:
        print(question.id, flush=True)
        {then}

asyncio.run(main())
"""


def hold(root: Path, then: str = "print((await question).action)") -> tuple[subprocess.Popen[str], str]:
    """Start a program that holds a question; return it with the id of the proposal."""
    program = start(HOLDER.format(then=then), root)
    assert program.stdout is not None
    return program, program.stdout.readline().strip()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"diskcache://{tmp_path / 'store'}")


def kill(program: subprocess.Popen[str]) -> None:
    program.kill()
    program.communicate()


def test_a_decision_of_another_process_comes_to_the_program(tmp_path: Path, store: Store) -> None:
    program, _ = hold(tmp_path / "store")
    [shown] = hitl.inbox(store=store)
    hitl.decide(shown, "approve", reviewer="ann", store=store)
    assert output(program).strip() == "approve"


def test_the_question_of_a_killed_program_is_withdrawn(tmp_path: Path, store: Store) -> None:
    program, _ = hold(tmp_path / "store")
    other, kept = hold(tmp_path / "store")
    shown = next(one for one in hitl.inbox(store=store) if one.id != kept)
    kill(program)
    with pytest.raises(hitl.AlreadyDecided, match="the program that asked no longer waits for an answer"):
        hitl.decide(shown, "approve", reviewer="ann", store=store)
    ledger = Ledger(store)
    found = ledger.proposals.load(shown.id)
    assert (found.status, found.decision) == ("superseded", None)
    run = ledger.runs.load(shown.run)
    assert (run.status, run.error) == ("cancelled", "the program that asked has ended")
    assert [one.id for one in hitl.inbox(store=store)] == [kept]
    kill(other)
    assert hitl.inbox(store=store) == []
    assert ledger.audit.verify().ok
    assert store.scan("held/", "held0") == []


def test_a_decision_from_before_the_death_is_kept(tmp_path: Path, store: Store) -> None:
    program, _ = hold(tmp_path / "store", "await asyncio.sleep(1000)")
    [shown] = hitl.inbox(store=store)
    hitl.decide(shown, "approve", reviewer="ann", store=store)
    kill(program)
    ledger = Ledger(store)
    found: Proposal = ledger.proposals.load(shown.id)
    assert found.status == "decided"
    assert found.decision is not None
    assert found.decision.reviewer == "ann"
    assert ledger.runs.load(shown.run).error == "the program ended before it used the decision"


def test_a_program_that_is_killed_before_it_asks_leaves_nothing_open(tmp_path: Path, store: Store) -> None:
    breaks = "import hitl_nb.ledger.open.held_questions as broken\nbroken.pause_run = lambda *_, **__: os._exit(9)"
    program = start(HOLDER.format(then="pass"), tmp_path / "store", breaks=breaks)
    program.communicate()
    assert program.returncode == 9
    [run] = Ledger(store).runs.list_newest()
    assert (run.status, run.error) == ("cancelled", "the program that asked has ended")
    assert store.scan("held/", "held0") == []
