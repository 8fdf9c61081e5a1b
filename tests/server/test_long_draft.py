"""A draft with 100,000 edits: it is opened, read and written as any other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from longdraft import edit_many_times
from peer import Peer

from hitl_nb.drafts.draft import Draft
from hitl_nb.records import Proposal

EDITS = 100_000


@pytest.fixture(scope="module")
def long(server: Any) -> Proposal:
    (p,) = server.pause_run("Dear Ann", agent="long")
    edit_many_times(Draft.for_proposal(server.ledger.store, p), EDITS)
    return p


def test_it_is_opened_and_written(server: Any, long: Proposal) -> None:
    draft = Draft.for_proposal(server.ledger.store, long)
    before = draft.read_value()
    assert len(before) > EDITS / 2

    async def play() -> None:
        one, two = [await Peer(server.port, server.token, long.id).join() for _ in range(2)]
        assert str(one.text) == str(two.text) == before
        await one.type("!")
        await one.safe()
        await two.until(lambda: str(two.text) == before + "!")
        one.cut_connection()
        two.cut_connection()
        again = await Peer(server.port, server.token, long.id).join()
        assert str(again.text) == before + "!"

    asyncio.run(play())
    assert draft.read_value() == before + "!"
    status, said = server.call("GET", f"proposals/{long.id}")
    assert (status, said["draft"] == before + "!", said["has_draft"]) == (200, True, True)


def test_it_can_be_read_at_any_version_and_nothing_of_its_history_is_gone(server: Any, long: Proposal) -> None:
    draft = Draft.for_proposal(server.ledger.store, long)
    assert draft.load().uncompacted < EDITS  # opening it has folded the log
    some = {n: one for n in (0, EDITS // 2, EDITS - 1) for n, one in draft.updates_after(after=n, limit=1)}
    assert [one.author for one in some.values()] == ["", "person 4", "person 9"]
    half = draft.value_in(draft.load(upto=EDITS // 2).doc)
    assert 0 < len(half) < len(draft.read_value())
    assert draft.value_in(draft.load(upto=1).doc) == "Dear Ann"
