"""`--restart` that stays in a cell: the run that it began continues until it has finished; it does not begin again."""

from __future__ import annotations

import pytest
from desk import Desk, effects

from hitl_nb.engine.run.run_display import RunDisplay
from hitl_nb.errors import CellChanged
from hitl_nb.records import Run

CELL = "effect('before', 'x')\nd = hitl.checkpoint('go', title='Go?')\neffect('after', 'x')\n"


class Told(RunDisplay):
    def __init__(self) -> None:
        self.runs: list[str] = []

    def show_continued(self, run: Run) -> None:
        self.runs.append(run.id)


class Restarting(Desk):
    """A desk whose cell says `--restart`, and is run in a new kernel each time."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = self.told = Told()

    def run_again(self, source: str = CELL, **options: bool) -> list[str]:
        """What it did."""
        self.new_kernel()
        self.run(source, **({"restart": True} | options))
        return effects()


@pytest.fixture
def desk() -> Restarting:
    return Restarting()


def test_a_run_that_restart_began_continues_in_every_kernel(desk: Restarting) -> None:
    assert desk.run_again() == ["before('x',)"]
    run = desk.record().id
    assert (desk.run_again(), desk.told.runs) == ([], [run])
    desk.answer()
    assert (desk.run_again(), desk.told.runs) == (["after('x',)"], [run, run])
    assert (desk.record().id, desk.record().status) == (run, "finished")


def test_a_finished_run_begins_again(desk: Restarting) -> None:
    desk.run_again()
    desk.answer()
    desk.run_again()
    run = desk.record().id
    assert desk.run_again() == ["before('x',)"]
    assert (desk.record().id != run, desk.told.runs) == (True, [run])


def test_a_cancelled_run_begins_again(desk: Restarting) -> None:
    desk.run_again()
    desk.ledger.runs.cancel(desk.record().id, actor="ann")
    assert desk.run_again() == ["before('x',)"]


def test_restart_begins_again_what_it_did_not_begin(desk: Restarting) -> None:
    desk.run_again(restart=False)
    desk.answer()
    assert desk.run_again() == ["before('x',)"]
    assert desk.told.runs == []


def test_the_flag_put_back_begins_again(desk: Restarting) -> None:
    desk.run_again()
    assert desk.run_again(restart=False) == []
    desk.answer()
    run = desk.record().id
    assert desk.run_again() == ["before('x',)"]
    assert desk.record().id != run


def test_a_run_that_has_failed_behind_a_pause_continues(desk: Restarting) -> None:
    failing = CELL + "1 / zero"
    desk.run_again(failing)
    desk.answer()
    with pytest.raises(NameError):
        desk.run_again(failing)
    desk.new_kernel()
    desk.ns["zero"] = 1
    desk.run(failing, restart=True)
    assert (effects(), desk.record().status) == ([], "finished")


def test_a_run_that_has_failed_before_any_pause_begins_again(desk: Restarting) -> None:
    failing = "effect('before', 'x')\n1 / 0\n" + CELL
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            desk.run_again(failing)
        assert effects() == ["before('x',)"]


def test_an_edited_cell_begins_again_while_it_waits(desk: Restarting) -> None:
    desk.run_again()
    assert desk.run_again("# a comment\n" + CELL) == []
    assert desk.run_again(CELL.replace("before", "BEFORE")) == ["BEFORE('x',)"]


def test_an_edit_never_loses_a_decision(desk: Restarting) -> None:
    desk.run_again()
    desk.answer()
    with pytest.raises(CellChanged):
        desk.run_again(CELL.replace("before", "BEFORE"))
    assert effects() == []
    assert desk.run_again(CELL + "effect('more', 'x')") == ["after('x',)", "more('x',)"]


def test_each_key_has_its_own(desk: Restarting) -> None:
    desk.run_again()
    desk.new_kernel()
    desk.run(CELL, name="other", restart=True)
    assert effects() == ["before('x',)"]
    assert desk.run_again() == []


@pytest.mark.parametrize("finished", [False, True])
def test_a_run_that_a_person_started_over_is_followed_by_a_new_one(desk: Restarting, finished: bool) -> None:
    desk.run_again(restart=False)
    first = desk.record().id
    if finished:
        desk.answer()
        assert desk.run_again(restart=False) == ["after('x',)"]
    desk.ledger.run_facts.start_over(first, actor="ada")
    assert desk.run_again(restart=False) == ["before('x',)"]
    second = desk.record()
    assert (second.id != first, second.status, second.generation) == (True, "waiting", 2)
    desk.answer()
    assert desk.run_again(restart=False) == ["after('x',)"]
    assert desk.record().id == second.id
