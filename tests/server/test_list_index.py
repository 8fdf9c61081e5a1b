"""The index in a server's memory: it is as the store is, also after an error, and it is small."""

from __future__ import annotations

import msgspec
import pandas as pd
import pytest
from office import NOTEBOOK, STATE, Office

from hitl_nb.drafts.draft import Draft
from hitl_nb.errors import StoreBusy
from hitl_nb.evidence.context import convert_context
from hitl_nb.kinds.questions import build_question
from hitl_nb.records import Question
from hitl_nb.server.lists import row_parts, searchable_text


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
