"""Runs follow the id of their notebook, and no other notebook takes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hitl_nb.errors import HitlError, RunClaimed
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import SCRIPT, Question, Run, Snapshot
from hitl_nb.storage import open_store

A, B, C = "/w/a.ipynb", "/w/b.ipynb", "/w/c.ipynb"


class Desk:
    """A ledger, and the files that there are: path to the id in each."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.files: dict[str, str] = {}

    def is_gone(self, path: str, notebook_id: str) -> bool:
        return self.files.get(path, "another") not in ("", notebook_id)

    def look(self, path: str) -> None:
        self.ledger.notebooks.recognize(path, self.files[path], self.is_gone)

    def pause(self, path: str, agent: str = "mail", *, saves: bool = True) -> Run:
        """A run there that waits; the id is then in the file, if `saves`."""
        self.look(path)
        run, claim = self.ledger.runs.open(agent=agent, notebook=path, notebook_id=self.files[path])
        self.ledger.runs.pause(claim, Snapshot(envelope=b"x"), [Question(title="Send?", kind="text", value="hello")])
        if saves:
            self.files[path] = self.ledger.notebooks.find_id(path)
        return self.ledger.runs.load(run.id)

    def of(self, path: str, agent: str = "mail") -> Run | None:
        self.look(path)
        return self.ledger.runs.find(agent=agent, notebook=path)


@pytest.fixture
def desk() -> Iterator[Desk]:
    store = open_store("memory:")
    yield Desk(Ledger(store))
    store.close()


def test_a_moved_notebook_takes_its_runs_along(desk: Desk) -> None:
    desk.files[A] = ""
    run = desk.pause(A)
    assert run.notebook_id == desk.files[A] != ""
    desk.files[B] = desk.files.pop(A)
    assert desk.of(B) == desk.ledger.runs.load(run.id)
    assert desk.ledger.runs.load(run.id).notebook == desk.ledger.proposals.list_open()[0].notebook == B
    assert desk.ledger.audit.read_events()[-1].type == "run.moved"
    desk.files[C] = desk.files.pop(B)
    assert desk.of(C) is not None


def test_a_copy_begins_its_own(desk: Desk) -> None:
    desk.files[A] = ""
    first = desk.pause(A)
    desk.files[B] = desk.files[A]
    assert desk.of(B) is None
    second = desk.pause(B)
    assert second.notebook_id == desk.files[B] != first.notebook_id
    assert desk.of(A) == first
    assert desk.of(B) == second


def test_a_copy_that_is_not_saved_keeps_its_runs_when_the_original_is_gone(desk: Desk) -> None:
    desk.files[A] = ""
    first = desk.pause(A)
    desk.files[B] = desk.files[A]
    second = desk.pause(B, saves=False)
    del desk.files[A]
    assert desk.of(B) == second
    assert desk.ledger.runs.load(first.id).notebook == A


def test_a_notebook_in_the_place_of_another_does_not_take_its_runs(desk: Desk) -> None:
    desk.files[A] = ""
    first = desk.pause(A)
    desk.look(A)
    desk.files[B] = ""
    second = desk.pause(B)
    desk.files[A] = desk.files.pop(B)  # mv b.ipynb a.ipynb
    assert desk.of(A) == desk.ledger.runs.load(second.id)
    left = desk.ledger.notebooks.list_orphans(desk.files.__contains__)
    assert [run.id for run in left] == [first.id]
    assert desk.ledger.runs.load(first.id).status == "waiting"


def test_a_stranger_in_the_place_of_another_begins_its_own(desk: Desk) -> None:
    desk.files[A] = ""
    first = desk.pause(A)
    desk.look(A)
    desk.files[A] = "aaaaaaaaaaaa"  # a colleague's, whose store this is not
    assert desk.of(A) is None
    assert desk.pause(A).notebook_id == "aaaaaaaaaaaa"
    assert [run.id for run in desk.ledger.notebooks.list_orphans(desk.files.__contains__)] == [first.id]


def test_a_notebook_moved_and_another_put_into_its_place(desk: Desk) -> None:
    desk.files[A] = ""
    first = desk.pause(A)
    desk.files[B] = desk.files[A]
    desk.files[A] = "aaaaaaaaaaaa"
    assert desk.of(B) == desk.ledger.runs.load(first.id)
    assert desk.of(A) is None


def test_an_id_that_was_stripped_changes_nothing(desk: Desk) -> None:
    desk.files[A] = ""
    first = desk.pause(A)
    desk.look(A)
    desk.files[A] = ""
    assert desk.of(A) == first


def test_an_id_follows_a_rename_through_the_server(desk: Desk) -> None:
    desk.files[A] = ""
    run = desk.pause(A)
    desk.files[B] = desk.files.pop(A)
    desk.ledger.notebooks.rename(A, B)
    assert desk.ledger.notebooks.find_id(A) == ""
    assert desk.ledger.notebooks.find_id(B) == run.notebook_id
    assert desk.of(B) is not None


def test_orphans_are_runs_of_notebooks_that_are_gone(desk: Desk) -> None:
    desk.files |= {A: "", B: ""}
    gone = desk.pause(A)
    desk.pause(B)
    for place in (f"{SCRIPT}nightly", "package.module", "/w/script.py"):
        desk.ledger.runs.open(agent="mail", notebook=place)
    del desk.files[A]
    assert [run.id for run in desk.ledger.notebooks.list_orphans(desk.files.__contains__)] == [gone.id]


def test_a_run_is_adopted(desk: Desk) -> None:
    desk.files |= {A: "", B: ""}
    run = desk.pause(A)
    del desk.files[A]
    desk.pause(B, "other")
    adopted = desk.ledger.notebooks.adopt_run(run.id, B, actor="ann")
    assert (adopted.notebook, adopted.notebook_id) == (B, desk.ledger.notebooks.find_id(B))
    event = desk.ledger.audit.read_events()[-1]
    assert desk.of(B) == adopted
    assert (event.type, event.actor, event.run) == ("run.moved", "ann", run.id)
    assert event.data["from"] == A
    assert desk.ledger.notebooks.adopt_run(run.id, B, actor="ann") == adopted


def test_a_run_is_not_adopted_over_a_living_one(desk: Desk) -> None:
    desk.files |= {A: "", B: ""}
    run, own = desk.pause(A), desk.pause(B)
    with pytest.raises(HitlError, match=own.id):
        desk.ledger.notebooks.adopt_run(run.id, B, actor="ann")
    desk.ledger.runs.cancel(own.id, actor="ann")
    assert desk.ledger.notebooks.adopt_run(run.id, B, actor="ann").generation == 2
    script, _ = desk.ledger.runs.open(agent="mail", notebook=f"{SCRIPT}nightly")
    with pytest.raises(HitlError, match="no notebook's"):
        desk.ledger.notebooks.adopt_run(script.id, B, actor="ann")
    running, _ = desk.ledger.runs.open(agent="runs", notebook=C)
    with pytest.raises(RunClaimed):
        desk.ledger.notebooks.adopt_run(running.id, B, actor="ann")
