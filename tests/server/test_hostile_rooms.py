"""Hostile people in a room, over real sockets: each is answered with a sentence, and an honest pair types on.

The pair is in the same room all the time; in the end both have every letter that they typed, and so has the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hitl_nb_server import Server
from peer import Peer, awareness_message, prefix_size, update_message
from people import PEOPLE, Browser, start_server
from pycrdt import Doc, Text
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from hitl_nb.drafts.draft import Draft

sys.path.append(str(Path(__file__).parents[1] / "drafts"))

from test_update import REFUSED, base, spoil_update

PACE = 0.02
"""Seconds between two letters of one person."""
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("team"), PEOPLE)


class Pair:
    """Two honest people who type, each their own letter, until they are told to stop."""

    def __init__(self, ann: Peer, bob: Peer) -> None:
        self.ann, self.bob = ann, bob
        self.typed = {"α": 0, "β": 0}
        self.going = True

    async def type(self, peer: Peer, letter: str) -> None:
        while self.going:
            await peer.type(letter, at=0)
            self.typed[letter] += 1
            await asyncio.sleep(PACE)

    async def went_on(self, letters: int = 3) -> None:
        """Wait until each has typed some more, and the other has seen it."""
        told = {letter: count + letters for letter, count in self.typed.items()}
        await self.ann.until(lambda: self._closed() or str(self.ann.text).count("β") >= told["β"])
        await self.bob.until(lambda: self._closed() or str(self.bob.text).count("α") >= told["α"])
        assert not self._closed(), (self.ann.closed, self.bob.closed)

    def _closed(self) -> bool:
        return self.ann.closed is not None or self.bob.closed is not None


@contextlib.asynccontextmanager
async def type_pair(server: Server, p: Any, ann: Peer, bob: Peer) -> AsyncIterator[Pair]:
    """The pair, typing; in the end nothing of theirs is lost, and nothing is there twice."""
    await ann.join()
    await bob.join()
    pair = Pair(ann, bob)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pair.type(ann, "α"))
        tasks.create_task(pair.type(bob, "β"))
        try:
            yield pair
            await pair.went_on()
        finally:
            pair.going = False
    await ann.safe()
    await bob.safe()
    for one in (ann, bob):
        await one.until(lambda one=one: one.closed is not None or count_letters(one.text) == pair.typed)
        assert one.closed is None
    assert count_letters(Draft.for_proposal(server.ledger.store, p).read_value()) == pair.typed


def count_letters(text: Any) -> dict[str, int]:
    return {letter: str(text).count(letter) for letter in "αβ"}


def make_attack_test(story: Callable[[Server, Any, Pair], Awaitable[None]]) -> Callable[[Server], None]:
    """A test: while the pair types in a new draft of the module's server, `story` happens there."""

    async def play(server: Server) -> None:
        (p,) = server.pause_run("Dear Ann", agent=story.__name__)
        async with type_pair(server, p, peer(server, p), peer(server, p)) as pair:
            await story(server, p, pair)

    def test(server: Server) -> None:
        asyncio.run(play(server))

    test.__name__, test.__doc__ = story.__name__, story.__doc__
    return test


def peer(server: Server, p: Any, **headers: str) -> Peer:
    return Peer(server.port, server.token, p.id, **headers)


async def sent_away(bad: Peer, code: int, says: str) -> None:
    """Wait until somebody is sent away with this code, and a sentence that says why."""
    await bad.until(lambda: bad.closed is not None)
    assert bad.closed is not None
    assert bad.closed[0] == code, bad.closed
    assert says in bad.closed[1], bad.closed
    assert len(bad.closed[1].encode()) <= 120


async def open_deaf(server: Server, p: Any) -> WebSocketClientConnection:
    """A window with the draft open, which reads one message, and then waits for somebody who takes it."""
    window = peer(server, p).window
    deaf = await websocket_connect(HTTPRequest(window.url, headers=window.headers), max_message_size=1 << 30)
    await deaf.write_message(json.dumps({"type": "open", "channel": 1, "draft": p.id}))
    return deaf


def memory(server: Server) -> int:
    """Bytes that the server holds."""
    return psutil.Process(server.process.pid).memory_info().rss


# Messages that are none


@make_attack_test
async def test_random_garbage(server: Server, p: Any, pair: Pair) -> None:
    chance = random.Random(5)
    bad = await peer(server, p).join()
    for n in range(150):
        with contextlib.suppress(WebSocketClosedError):
            await bad.send(bytes([n % 5]) * (n % 3) + chance.randbytes(chance.randint(0, 60)))
        if n % 5 == 0:
            await pair.went_on(1)
        if bad.closed is not None:
            assert bad.closed[0] == 4400, bad.closed
            assert bad.closed[1].startswith("malformed message: ")
            bad = await peer(server, p).join()


@make_attack_test
async def test_updates_that_are_cut_off_or_spoiled(server: Server, p: Any, pair: Pair) -> None:
    chance = random.Random(6)
    honest: list[bytes] = []
    doc: Doc[Any] = Doc()
    doc.observe(lambda event: honest.append(event.update))
    for n in range(20):
        doc.get("source", type=Text).insert(0, f"{n}é😀")
    made = [one[:at] for one in honest[:2] for at in range(len(one))]
    made += [spoil_update(chance.choice(honest), honest, chance) for _ in range(80)]
    bad = await peer(server, p).join()
    await bad.safe()
    for data in made:
        if bad.closed is not None:
            assert bad.closed[0] == 4400, bad.closed
            bad = await peer(server, p).join()
            await bad.safe()
        before = bad.saved
        await bad.send(update_message(data))
        await bad.until(lambda bad=bad, before=before: bad.closed is not None or bad.saved > before)


@make_attack_test
async def test_updates_that_pycrdt_dies_of(server: Server, p: Any, pair: Pair) -> None:
    first = await peer(server, p).join()
    await first.send(update_message(base()))
    for name, (data, _) in REFUSED.items():
        bad = await peer(server, p).join()
        await bad.send(update_message(data))
        await bad.until(lambda bad=bad: bad.closed is not None)
        assert bad.closed is not None
        assert (name, *bad.closed) == (name, 4400, bad.closed[1])
        assert bad.closed[1].startswith("malformed message: ")


MALFORMED = {
    "a type that there is not": (b"\x07", "there is no message of type 7"),
    "a sync message that there is not": (b"\x00\x05" + prefix_size(b""), "there is no sync message 5"),
    "an update that is longer than its message": (b"\x00\x02\x7fabc", "the message is cut off"),
    "a number that never ends": (b"\x00" + b"\xff" * 40, "a number of the message is too large"),
    "a message with something behind it": (b"\x03\x00", "has extra bytes at its end"),
    "nothing": (b"", "a number of the message is cut off"),
    "a state vector that is none": (b"\x00\x00" + prefix_size(b"\xff\xff\xff"), "the state vector ends too early"),
    "1,001 states": (awareness_message(*((n, 1, {}) for n in range(1001))), "1001 awareness states at once"),
    "1,000 people": (awareness_message(*((n, 1, {}) for n in range(1000))), "uses at most 4 client ids"),
    "a state of 1 MB": (awareness_message((1, 1, {"focus": "x" * MEGABYTE})), "bytes is too long"),
    "a state that is no JSON": (b"\x01" + prefix_size(b"\x01\x01\x01" + prefix_size(b"{")), "is not valid JSON"),
    "a state that is no object": (awareness_message((1, 1, [1])), "an awareness state is not a JSON object"),
    "a number that is none": (
        b"\x01" + prefix_size(b"\x01\x01\x01" + prefix_size(b'{"focus":NaN}')),
        "is not valid JSON",
    ),
    "a state that is nested deep": (
        b"\x01" + prefix_size(b"\x01\x01\x01" + prefix_size(b'{"x":' + b"[" * 980 + b"]" * 980 + b"}")),
        "",  # it may be read, and is not passed on
    ),
    "a cursor that is none": (awareness_message((1, 1, {"cursor": {"anchor": 5}})), "an awareness state is malformed"),
    "a focus that is none": (awareness_message((1, 1, {"focus": [[[]]]})), "an awareness state is malformed"),
    "a clock that browsers cannot read": (awareness_message((1, 1 << 60, {})), "a number of the message is too large"),
    "a clock at its end": (awareness_message((1, (1 << 53) - 1, {})), "which is too large"),
}


@make_attack_test
async def test_messages_that_are_none_get_a_sentence(server: Server, p: Any, pair: Pair) -> None:
    for name, (message, says) in MALFORMED.items():
        bad = await peer(server, p).join()
        await bad.send(message)
        if says:
            await sent_away(bad, 4400, says)
        else:
            await pair.went_on(1)
            bad.cut_connection()
        late = await peer(server, p).join()
        assert set(late.people) <= {1}, name
        late.cut_connection()


@make_attack_test
async def test_a_text_frame(server: Server, p: Any, pair: Pair) -> None:
    bad = await peer(server, p).join()
    await bad.window.text("hello")
    await sent_away(bad, 4400, "malformed message: it is text, but not valid JSON")


@make_attack_test
async def test_who_was_sent_away_is_not_heard_any_more(server: Server, p: Any, pair: Pair) -> None:
    bad = peer(server, p)
    await bad.join()
    bad.text.insert(0, "late")
    late = bad.doc.get_update()
    await bad.send(b"\x07")
    with contextlib.suppress(WebSocketClosedError):
        await bad.send(update_message(late))
    await sent_away(bad, 4400, "type 7")
    await pair.went_on()
    assert "late" not in str(pair.ann.text)


# Too much


@make_attack_test
async def test_messages_of_100_megabytes(server: Server, p: Any, pair: Pair) -> None:
    before = memory(server)
    for _ in range(3):
        bad = await peer(server, p).join()
        with contextlib.suppress(WebSocketClosedError):
            await bad.send(b"\x00\x02" + prefix_size(bytes(100 * MEGABYTE)))
        await bad.until(lambda bad=bad: bad.closed is not None)
        assert bad.closed is not None
        # The connection is cut while the rest is on its way, so the reason may not arrive.
        assert bad.closed[0] in (1009, 1006), bad.closed
        await pair.went_on()
    assert memory(server) - before < 60 * MEGABYTE


@make_attack_test
async def test_a_document_that_grows_too_large(server: Server, p: Any, pair: Pair) -> None:
    bad = await peer(server, p).join()
    for _ in range(2):
        await bad.type("x" * (12 * MEGABYTE))
        await bad.safe()
        assert bad.closed is None
    await bad.type("x" * (12 * MEGABYTE))
    await sent_away(bad, 4413, "the document would be larger than 32 MB; the last edit was not kept")
    await pair.went_on()


@make_attack_test
async def test_a_flood_of_messages(server: Server, p: Any, pair: Pair) -> None:
    before = memory(server)
    for message in (b"\x03", awareness_message((77, 1, {"typing": True})), b"\x00\x00" + prefix_size(b"\x00")):
        bad = await peer(server, p).join()
        with contextlib.suppress(WebSocketClosedError):
            for _ in range(10_000):
                await bad.send(message)
        await sent_away(bad, 4429, "more than 200 messages per second; connecting again")
        await pair.went_on()
    assert memory(server) - before < 30 * MEGABYTE


@make_attack_test
async def test_somebody_who_asks_and_does_not_read(server: Server, p: Any, pair: Pair) -> None:
    long = await peer(server, p).join()
    await long.type("x" * (8 * MEGABYTE))
    await long.safe()
    long.cut_connection()
    before = memory(server)
    deaf = await open_deaf(server, p)
    for _ in range(100):
        await deaf.write_message(b"\x01\x00\x00" + prefix_size(b"\x00"), binary=True)
    await pair.went_on(30)
    assert memory(server) - before < 200 * MEGABYTE
    deaf.close()


@make_attack_test
async def test_somebody_who_does_not_read_what_others_write(server: Server, p: Any, pair: Pair) -> None:
    deaf = await open_deaf(server, p)
    before = memory(server)
    for _ in range(3):
        loud = await peer(server, p).join()
        for clock in range(1, 900):
            states = ((n, clock, {"focus": "x" * 15_000}) for n in range(4 * id(loud), 4 * id(loud) + 4))
            await loud.send(awareness_message(*states))
        await loud.until(lambda loud=loud: bool(loud.people) or loud.closed is not None)
        assert loud.closed is None
        await pair.went_on()
        loud.cut_connection()
    assert memory(server) - before < 40 * MEGABYTE  # about 4 are seen
    # Who is here may be left out for somebody who lags. What is written may not.
    loud = await peer(server, p).join()
    for _ in range(90):
        await loud.edit(lambda: loud.map("state").__setitem__("big", "x" * MEGABYTE))  # in place of the one before
        await loud.safe()
    assert loud.closed is None
    assert memory(server) - before < 250 * MEGABYTE
    while await deaf.read_message() is not None:
        continue
    # What was left unread stood before the reason.
    assert deaf.close_code in (4429, None)


# Somebody else


@make_attack_test
async def test_awareness_of_somebody_else(server: Server, p: Any, pair: Pair) -> None:
    ann = pair.ann.doc.client_id
    await pair.ann.send(awareness_message((ann, 1, {"focus": "mine", "typing": True})))
    await pair.bob.until(lambda: ann in pair.bob.people)
    bad = await peer(server, p, Cookie="").join()
    own = {"user": {"username": "root", "name": "The Boss"}, "focus": "hers", "name": "The Boss"}
    await bad.send(awareness_message((bad.doc.client_id, 1, own)))
    await pair.bob.until(lambda: bad.doc.client_id in pair.bob.people)
    assert "Boss" not in json.dumps(pair.bob.people[bad.doc.client_id])


def test_nobody_speaks_for_somebody_else(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="forged")

    async def play() -> None:
        ann, bob, mallory = (logged_in_peer(team, p, name) for name in ("ann", "bob", "mallory"))
        async with type_pair(team, p, ann, bob) as pair:
            await mallory.join()
            me = ann.doc.client_id
            await ann.send(awareness_message((me, 1, {"focus": "mine"})))
            await bob.until(lambda: me in bob.people)
            for clock, state in enumerate([None, {"focus": "forged"}, {"user": {"username": "ann"}}], 2):
                await mallory.send(awareness_message((me, clock, state)))
            mark = mallory.doc.client_id
            await mallory.send(awareness_message((mark, 1, {"user": {"username": "ann", "name": "Ann"}})))
            await bob.until(lambda: mark in bob.people)
            assert bob.people[me]["focus"] == "mine"
            assert [bob.people[one]["user"]["username"] for one in (me, mark)] == ["ann", "mallory"]
            mallory.cut_connection()
            await bob.until(lambda: mark not in bob.people)
            assert me in bob.people
            await pair.went_on()

    asyncio.run(play())


def logged_in_peer(server: Server, p: Any, name: str) -> Peer:
    """Somebody who logged in."""
    return peer(server, p, Authorization="", Cookie=Browser(server, name).cookies)


def test_who_may_only_read_reads(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="reading")

    async def play() -> None:
        async with type_pair(team, p, logged_in_peer(team, p, "ann"), logged_in_peer(team, p, "bob")) as pair:
            reader = await logged_in_peer(team, p, "reader").join()
            await pair.ann.edit(lambda: pair.ann.text.__delitem__(slice(len(pair.ann.text) - 1, len(pair.ann.text))))
            await pair.ann.safe()
            await reader.until(lambda: str(reader.text).endswith("Dear An"))
            reader.cut_connection()
            await reader.join()  # it tells the server what was ever deleted, as every browser does
            await reader.safe()
            await reader.until(lambda: str(reader.text).count("α") >= pair.typed["α"])
            assert reader.closed is None
            await reader.type("graffiti")
            await sent_away(reader, 4403, "you may read this draft, but not change it")
            await reader.connect()  # and brings it again
            await sent_away(reader, 4403, "you may read this draft, but not change it")
            eraser = await logged_in_peer(team, p, "reader").join()
            await eraser.edit(lambda: eraser.text.clear())
            await sent_away(eraser, 4403, "you may read this draft, but not change it")
            await eraser.connect()
            await sent_away(eraser, 4403, "you may read this draft, but not change it")
            await pair.went_on()
            assert str(pair.ann.text).endswith("Dear An")
            assert "graffiti" not in str(pair.ann.text)

    asyncio.run(play())


def test_who_may_not_see_proposals_does_not_enter(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="closed-door")

    async def play() -> None:
        async with type_pair(team, p, logged_in_peer(team, p, "ann"), logged_in_peer(team, p, "bob")):
            for stranger in (logged_in_peer(team, p, "no-proposals"), peer(team, p, Authorization="token guessed")):
                with pytest.raises(HTTPClientError) as no:
                    await stranger.connect()
                assert no.value.code == 403

    asyncio.run(play())


@make_attack_test
async def test_addresses_of_what_there_is_not(server: Server, p: Any, pair: Pair) -> None:
    (other,) = server.pause_run("x", agent="neighbour")
    near = (p.id[:-1], p.run, "a" * 12 + other.id, f"{p.id}\n", f"../drafts/{p.id}")
    for id_ in ("aaaaaaaaaaaa", *near, "..", "*", "é", ""):
        nobody = await Peer(server.port, server.token, id_).connect()
        await sent_away(nobody, 4404, "there is no such draft")
    long = await Peer(server.port, server.token, "a" * 5000).connect()
    await sent_away(long, 4400, "characters is too long")
