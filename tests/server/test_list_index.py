"""The index in a server's memory: it is as the store is, also after an error, and it is small."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from office import NOTEBOOK, STATE, Office

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import StoreBusy
from hitl_nb.evidence.context import convert_context
from hitl_nb.kinds.questions import build_question
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Question
from hitl_nb.server.base.context import HitlNb, ServerContext
from hitl_nb.server.lists import open_index, row_parts, run_index, searchable_text
from hitl_nb.server.lists.log_follower import LogFollower
from hitl_nb.storage import open_store


def test_a_change_is_not_lost_if_the_store_is_busy_while_it_is_read(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = office.propose("Dear Ann", "Dear Bo")
    assert len(office.list_of("bo", search="dear")) == 2
    office.ledger.proposals.assign(first.id, "dora", actor="bo")
    office.ledger.comments.add(second.id, "a zebra", author="bo")
    read = office.ledger.store.get

    def get(key: str) -> bytes | None:
        if key == f"proposal/{first.id}":
            raise StoreBusy("the store is busy")
        return read(key)

    with monkeypatch.context() as patch:
        patch.setattr(office.ledger.store, "get", get)
        with pytest.raises(StoreBusy):
            office.list_of("bo", search="dear")
    assert [row.id for row in office.list_of("bo", search="dear")] == [first.id, second.id]
    assert [row.id for row in office.list_of("bo", search="dora")] == [first.id]
    assert [row.id for row in office.list_of("bo", search="zebra")] == [second.id]


def test_a_workspace_that_asks_again_is_compared_with_what_it_asks_now(office: Office) -> None:
    _, claim = office.ledger.runs.open(agent="reports", notebook=NOTEBOOK)
    workspace = office.ledger.workspaces.open(claim, title="Report", template="Hello", position="1")
    draft = Draft.for_workspace(office.ledger.store, workspace)
    draft.write_initial()

    def ask(value: str, position: str) -> str:
        question = Question(title="Report", kind="markdown", value=value, document=workspace.id, position=position)
        return office.ledger.runs.pause(claim, STATE, [question]).proposals[0].id

    first = ask("Hello", "0/1")
    draft.write_value("Hello Ann", "bo")
    (row,) = office.list_of("bo")
    assert (row.id, row.edits) == (first, 1)
    office.ledger.proposals.decide(first, "approve", reviewer="bo")
    _, claim = office.ledger.runs.claim(claim.run)
    second = ask("Hello Ann", "0/2")
    (row,) = office.list_of("bo")
    assert (row.id, row.edits) == (second, 0)


def test_drafts_of_another_opened_store_are_read_again(office: Office) -> None:
    (p,) = office.propose("Dear Ann")
    parts = row_parts.RowParts()
    assert parts.draft_changes(office.ledger, p, 7).total == 0
    Draft.for_proposal(office.ledger.store, p).write_value("Dear Anna", "bo")
    parts.forget(row_parts.LoggedChanges(is_everything=True))
    assert parts.draft_changes(office.ledger, p, 7).total == 1  # the versions of two stores may be equal


def test_what_nobody_searches_is_not_kept(office: Office) -> None:
    table = pd.DataFrame({"note": ["y" * 300] * 100})
    evidence = convert_context({"table": table})
    question = build_question("Dear Ann", title="Letter", context=evidence.context)
    question = msgspec.structs.replace(question, evidence=evidence.blocks, notes=("a note",))
    _, claim = office.ledger.runs.open(agent="shows", notebook=NOTEBOOK)
    (p,) = office.ledger.runs.pause(claim, STATE, [question]).proposals
    for n in range(30):
        office.ledger.comments.add(p.id, f"number{n} " + "x" * 1000, author="bo")
    (entry,) = office.desk.lists.look(office.ledger).list_open()
    assert len(msgspec.json.encode(entry.proposal)) < 3000
    assert len(entry.comments) <= searchable_text.MAX_TEXT_CHARS
    assert "number29" in entry.comments


# While the index is being read


class SlowReading:
    """Lets `during` run on another thread while the index of open proposals is being read."""

    def __init__(self, office: Office, during: Callable[[], Any]) -> None:
        self._office, self._during, self._read = office, during, open_index.iterate_open
        self.readings = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.readings += 1
        found = list(self._read(*args, **kwargs))
        if self.readings == 1:
            meanwhile = threading.Thread(target=self._during)
            meanwhile.start()
            meanwhile.join(60)
            assert not meanwhile.is_alive(), "it waited for the index"
        return iter(found)


def test_what_happens_while_the_index_is_read_is_in_it_and_lists_do_not_wait(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = office.propose("Dear Ann", "Dear Bo", "Dear Cy")
    seen: list[list[str]] = []

    def work() -> None:
        office.decide("bo", first)
        office.ledger.comments.add(second.id, "a zebra", author="bo")
        seen.append([row.id for row in office.list_of("bo")])
        Draft.for_proposal(office.ledger.store, third).write_value("a panda", "bo")
        office.ledger.proposals.assign(third.id, "dora", actor="bo")
        (fourth,) = office.propose("Dear Dan", agent="later")
        seen.append([row.id for row in office.list_of("bo")])
        assert seen == [[second.id, third.id], [second.id, third.id, fourth.id]]

    reading = SlowReading(office, work)
    monkeypatch.setattr(open_index, "iterate_open", reading)
    office.desk.lists.fill(office.ledger)
    everything = [row.id for row in office.list_of("bo", search="dear")]
    assert (len(seen), everything[:2], len(everything)) == (2, [second.id, third.id], 3)
    for word, found in {"zebra": second, "dora": third}.items():
        assert [row.id for row in office.list_of("bo", search=word)] == [found.id], word
    monkeypatch.setattr(open_index, "DRAFT_SECONDS", 0.0)
    assert [row.id for row in office.list_of("bo", search="panda")] == [third.id]
    assert reading.readings == 1


@pytest.mark.parametrize("times", [1, 100])
def test_an_index_is_read_again_if_too_much_has_changed_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    (p,) = office.propose("Dear Ann")
    office.propose("Dear Bo", agent="gone")
    look, looks = LogFollower.poll, list[int]()

    def poll(self: LogFollower, ledger: Any) -> Any:
        looks.append(1)
        found = look(self, ledger)
        return open_index.LoggedChanges(is_everything=True) if len(looks) <= 1 + times else found

    monkeypatch.setattr(LogFollower, "poll", poll)
    forget = SlowReading(office, lambda: office.ledger.runs.forget(agent="gone", notebook=NOTEBOOK))
    monkeypatch.setattr(open_index, "iterate_open", forget)
    office.desk.lists.open.fill(office.ledger)
    assert forget.readings > 1
    with monkeypatch.context() as patch:
        patch.setattr(LogFollower, "poll", look)
        assert [row.id for row in office.list_of("bo", search="dear")] == [p.id]


def test_a_server_reads_the_index_before_it_is_asked_but_creates_no_store(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"diskcache://{tmp_path / 'store'}"
    desk = ServerContext(HitlNb(store=url), tmp_path, office.desk.key, alone=True)
    asyncio.run(desk.fill_lists())
    assert not desk.has_store()
    office.ledger = Ledger(open_store(url))
    (p,) = office.propose("Dear Ann")
    Draft.for_proposal(office.ledger.store, p).write_value("a panda", "bo")
    asyncio.run(desk.fill_lists())
    for name in ("iterate_open", "_read_changed_drafts"):
        monkeypatch.setattr(open_index, name, None)
    office.desk, office.ledger = desk, desk.open_ledger()
    assert [row.id for row in office.list_of("bo", search="panda")] == [p.id]


def test_two_first_searches_read_the_store_once_and_both_are_right(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposals = office.propose(*[f"Dear {n}" for n in range(20)])
    found: list[list[str]] = []

    def search() -> None:
        found.append([row.id for row in office.list_of("bo", search="dear")])

    other = threading.Thread(target=search)
    reading = SlowReading(office, other.start)
    monkeypatch.setattr(open_index, "iterate_open", reading)
    search()
    other.join(60)
    assert found == [[p.id for p in proposals]] * 2
    assert reading.readings == 1


def test_comments_that_were_read_while_another_was_added_are_not_kept(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    (p,) = office.propose("Dear Ann")
    read = office.ledger.comments.list_on_document

    def read_slowly(document: str) -> Any:
        found = read(document)
        office.ledger.comments.add(p.id, "Why?", author="bo")
        office.desk.lists.look(office.ledger)
        return found

    reader = office.desk.lists.look(office.ledger)
    with monkeypatch.context() as patch:
        patch.setattr(office.ledger.comments, "list_on_document", read_slowly)
        assert reader.read_extras(p).comments.comments == 0
    assert reader.read_extras(p).comments.comments == 1


def test_figures_that_were_read_while_the_run_changed_are_not_kept(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = office.propose("Dear Ann", "Dear Bo")
    run = office.ledger.runs.load(first.run)
    read = run_index.read_run_figures
    reader = office.desk.lists.look(office.ledger)

    def read_slowly(*args: Any) -> Any:
        found = read(*args)
        office.ledger.proposals.decide(first.id, "approve", reviewer="bo")
        office.desk.lists.look(office.ledger)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(run_index, "read_run_figures", read_slowly)
        assert reader.read_run_figures(run).people == 0
    assert reader.read_run_figures(run).people == 1
    office.ledger.proposals.decide(second.id, "approve", reviewer="bo")
    assert office.desk.lists.look(office.ledger).read_run_figures(run).people == 2
