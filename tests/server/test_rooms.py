"""Rooms: several people write one draft at once, over real sockets of a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from peer import Peer
from pycrdt import Doc, Text

from hitl_nb.drafts.draft import Draft, capture_updates
from hitl_nb.ledger.documents.update_log import new_update


def in_a_room(story: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test."""

    def test(server: Any) -> None:
        asyncio.run(story(server))

    test.__name__, test.__doc__ = story.__name__, story.__doc__
    return test


def peer(server: Any, document: str, **headers: str) -> Peer:
    return Peer(server.port, server.token, document, **headers)


@in_a_room
async def test_two_type_and_both_have_every_letter(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="both-type")
    one, two = await peer(server, p.id).join(), await peer(server, p.id).join()
    assert str(one.text) == str(two.text) == "Dear Ann"
    for letter in "abc":
        await one.type(letter)
        await two.type(letter.upper(), at=0)
    await one.safe()
    await two.safe()
    await one.until(lambda: len(one.text) == 14)
    await two.until(lambda: len(two.text) == 14)
    assert str(one.text) == str(two.text)
    assert Draft.for_proposal(server.ledger.store, p).read_value() == str(one.text)
    assert sorted(str(one.text)) == sorted("Dear AnnabcABC")


@in_a_room
async def test_what_is_acknowledged_is_in_the_log(server: Any) -> None:
    (p,) = server.pause_run("x", agent="acknowledged")
    one = await peer(server, p.id).join()
    for letter in "yz":
        await one.type(letter)
        await one.safe()
        assert Draft.for_proposal(server.ledger.store, p).read_value() == str(one.text)


@in_a_room
async def test_what_was_typed_offline_merges_and_nothing_is_there_twice(server: Any) -> None:
    (p,) = server.pause_run("middle", agent="offline")
    one, two = await peer(server, p.id).join(), await peer(server, p.id).join()
    one.cut_connection()
    await one.type("before ", at=0)
    await two.type(" after")
    await two.safe()
    await one.join()
    await one.safe()
    await two.until(lambda: str(two.text) == "before middle after")
    assert str(one.text) == "before middle after"


@in_a_room
async def test_what_another_process_writes_arrives(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="elsewhere")
    one = await peer(server, p.id).join()
    await asyncio.to_thread(Draft.for_proposal(server.ledger.store, p).write_value, "Dear Ann and Bob", "kernel")
    await one.until(lambda: str(one.text) == "Dear Ann and Bob")


@in_a_room
async def test_what_another_process_writes_at_once_arrives_at_once(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="stream")
    draft = Draft.for_proposal(server.ledger.store, p)
    one = await peer(server, p.id).join()
    arrived: list[bytes] = []
    one.doc.observe(lambda event: arrived.append(event.update))
    doc = draft.load().doc
    text = doc.get("source", type=Text)
    made = [capture_updates(doc, lambda word=word: text.insert(len(text), word))[0] for word in (" and", " Bob", ".")]
    draft.log.submit(lambda tx: [draft.log.add(tx, new_update(data, "", "")) for data in made]).result()
    await one.until(lambda: str(one.text) == "Dear Ann and Bob.")
    assert len(arrived) == 1


@in_a_room
async def test_a_log_with_what_no_draft_has_is_read_and_not_written(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="foreign")
    draft = Draft.for_proposal(server.ledger.store, p)
    draft.write_initial()
    foreign: Doc[Any] = Doc()
    foreign.get("foreign", type=Text).insert(0, "x")
    draft.log.append(new_update(foreign.get_update(), "")).result()
    one = await peer(server, p.id).join()
    assert str(one.text) == "Dear Ann"
    last = draft.log.last_number()
    await one.type("!")
    await one.until(lambda: one.closed is not None)
    assert one.closed is not None
    assert one.closed[0] == 1011
    assert (
        "the log of this draft has unexpected content: documents have no shared type named 'foreign'" in one.closed[1]
    )
    assert one.saved < one.sent
    assert draft.log.last_number() == last


@in_a_room
async def test_a_decision_ends_the_room_with_a_sentence_and_later_edits_change_nothing(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="decided")
    one = await peer(server, p.id).join()
    decided = await asyncio.to_thread(
        server.call,
        "POST",
        f"proposals/{p.id}/decision",
        {"action": "approve", "revision": 1, "fingerprint": p.fingerprint, "drafted": True},
    )
    assert decided[0] == 200, decided
    await one.until(lambda: one.closed is not None)
    assert one.closed is not None
    assert one.closed[0] == 4409
    assert "approved" in one.closed[1]
    await one.connect()
    await one.until(lambda: one.closed is not None)
    assert one.closed[0] == 4409
    assert Draft.for_proposal(server.ledger.store, p).read_value() == "Dear Ann"


@in_a_room
async def test_a_decision_is_not_made_on_what_the_reviewer_has_not_seen(server: Any) -> None:
    (p,) = server.pause_run("Dear Ann", agent="unseen")
    one = await peer(server, p.id).join()
    await one.type("!")
    await one.safe()
    body = {"action": "approve", "revision": 1, "fingerprint": p.fingerprint, "drafted": True}
    status, said = await asyncio.to_thread(server.call, "POST", f"proposals/{p.id}/decision", body)
    assert (status, said["error"]) == (409, "StaleDraft")
    assert said["difference"] == {"draft": {"shown": "Dear Ann", "now": "Dear Ann!"}}
    assert server.ledger.proposals.load(p.id).status == "open"
    body |= {"action": "edit", "value": "Dear Ann!"}
    status, said = await asyncio.to_thread(server.call, "POST", f"proposals/{p.id}/decision", body)
    assert (status, said["proposal"]["decision"]["value"]) == (200, "Dear Ann!")


@in_a_room
async def test_people_of_a_room_see_who_is_there_and_nobody_is_somebody_else(server: Any) -> None:
    from peer import awareness_message

    (p,) = server.pause_run("Dear Ann", agent="people")
    one, two = await peer(server, p.id).join(), await peer(server, p.id).join()
    forged = {"user": {"username": "the-boss", "name": "The Boss"}, "typing": True, "visible": True, "evil": "x"}
    await one.send(awareness_message((one.doc.client_id, 1, forged)))
    await two.until(lambda: one.doc.client_id in two.people)
    seen = two.people[one.doc.client_id]
    assert seen["typing"] is True
    assert seen["user"]["username"] != "the-boss"
    assert "evil" not in seen
    await two.until(lambda: bool(two.readers))
    assert [reader["username"] for reader in two.readers] == [seen["user"]["username"]]
    one.cut_connection()
    await two.until(lambda: one.doc.client_id not in two.people)


@in_a_room
async def test_an_unknown_draft_and_a_malformed_message_get_a_sentence(server: Any) -> None:
    nobody = await peer(server, "aaaaaaaaaaaa").connect()
    await nobody.until(lambda: nobody.closed is not None)
    assert nobody.closed == (4404, "there is no such draft")
    (p,) = server.pause_run("Dear Ann", agent="malformed")
    good, bad = await peer(server, p.id).join(), await peer(server, p.id).join()
    await bad.send(b"\x00\x02\x05garbage")
    await bad.until(lambda: bad.closed is not None)
    assert bad.closed is not None
    assert bad.closed[0] == 4400
    await good.type("!")
    await good.safe()
    assert Draft.for_proposal(server.ledger.store, p).read_value() == "Dear Ann!"


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "token wrong"}])
def test_nobody_enters_without_credentials(server: Any, headers: dict[str, str]) -> None:
    from tornado.httpclient import HTTPClientError

    (p,) = server.pause_run("Dear Ann", agent="strangers")
    with pytest.raises(HTTPClientError) as refused:
        asyncio.run(peer(server, p.id, **headers).connect())
    assert refused.value.code == 403
