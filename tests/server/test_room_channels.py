"""All drafts of a browser window over one WebSocket: each has a channel, and none disturbs the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hitl_nb_server import Server
from peer import WITHIN, Peer, Window, awareness_message, number, update_message
from people import PEOPLE, Browser, start_server
from pycrdt import Doc, Text

from hitl_nb.drafts.draft import Draft

BLOCKED = """
import time
from pathlib import Path
from hitl_nb.server.live import rooms
index = rooms._index_document
def index_when_told(whole):
    while b"SLOW" in whole and not Path("go-on").exists():
        Path("blocked").touch()
        time.sleep(0.02)
    return index(whole)
rooms._index_document = index_when_told
"""
"""A server that cannot take a change of a draft with the word SLOW before it is told to."""
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("team"), PEOPLE + BLOCKED)


def window_of(server: Server, **headers: str) -> Window:
    return Window.to_server(server.port, server.token, **headers)


def draft_in(window: Window, p: Any) -> Peer:
    return Peer(0, "", p.id, window=window)


def read_stored(server: Server, p: Any) -> Any:
    return Draft.for_proposal(server.ledger.store, p).read_value()


async def until_closed(one: Peer) -> tuple[int, str]:
    await one.until(lambda: one.closed is not None)
    assert one.closed is not None
    return one.closed


def test_two_drafts_over_one_websocket(server: Server) -> None:
    p, q = server.pause_run("Dear Ann", "Dear Bob", agent="two drafts")

    async def play() -> None:
        window, other = window_of(server), window_of(server)
        ann, bob = await draft_in(window, p).join(), await draft_in(window, q).join()
        ann2, bob2 = await draft_in(other, q).join(), await draft_in(other, p).join()
        assert (str(ann.text), str(bob.text)) == ("Dear Ann", "Dear Bob")
        for letter in "abc":
            await ann.type(letter)
            await bob.type(letter.upper())
        await ann.safe()
        await bob.safe()
        assert (read_stored(server, p), read_stored(server, q)) == ("Dear Annabc", "Dear BobABC")
        await bob2.until(lambda: str(bob2.text) == "Dear Annabc")
        await ann2.until(lambda: str(ann2.text) == "Dear BobABC")
        await ann.send(awareness_message((ann.doc.client_id, 1, {"typing": True})))
        await bob2.until(lambda: ann.doc.client_id in bob2.people)
        await ann.leave()
        await bob2.until(lambda: ann.doc.client_id not in bob2.people)
        await bob.type("!")
        await bob.safe()
        assert bob.closed is None
        again = await draft_in(window, p).join()
        assert str(again.text) == "Dear Annabc"

    asyncio.run(play())


def test_what_is_refused_or_closed_is_one_draft_and_not_the_window(server: Server) -> None:
    p, q = server.pause_run("Dear Ann", "Dear Bob", agent="refused")

    async def play() -> None:
        window = window_of(server)
        stays = await draft_in(window, q).join()
        assert await until_closed(await Peer(0, "", "a" * 12, window=window).connect()) == (
            4404,
            "there is no such draft",
        )
        bad = await draft_in(window, p).join()
        await bad.send(b"\x07")
        await bad.send(b"\x03")  # it is on its way while the server closes the channel
        assert await until_closed(bad) == (4400, "malformed message: there is no message of type 7")
        flood = await draft_in(window, p).join()
        for _ in range(1100):
            await flood.send(b"\x03")
        assert await until_closed(flood) == (4429, "more than 200 messages per second; connecting again")
        decided = await draft_in(window, p).join()
        body = {"action": "approve", "revision": 1, "fingerprint": p.fingerprint, "drafted": True}
        status, _ = await asyncio.to_thread(server.call, "POST", f"proposals/{p.id}/decision", body)
        assert status == 200
        assert (await until_closed(decided))[0] == 4409
        await stays.type("!")
        await stays.safe()
        assert (stays.closed, read_stored(server, q)) == (None, "Dear Bob!")

    asyncio.run(play())


def test_who_may_only_read_is_sent_away_from_the_draft_that_they_change(team: Server) -> None:
    p, q = team.pause_run("Dear Ann", "Dear Bob", agent="reads")

    async def play() -> None:
        window = window_of(team, Authorization="", Cookie=Browser(team, "reader").cookies)
        one, other = await draft_in(window, p).join(), await draft_in(window, q).join()
        await one.type("graffiti")
        assert await until_closed(one) == (4403, "you may read this draft, but not change it")
        writer = await Peer(team.port, team.token, q.id).join()
        await writer.type("!")
        await other.until(lambda: str(other.text) == "Dear Bob!")
        assert other.closed is None

    asyncio.run(play())


def test_messages_of_a_draft_are_handled_in_their_order_and_before_it_is_left(server: Server) -> None:
    p, q = server.pause_run("", "", agent="order")

    async def play() -> None:
        window = window_of(server)
        one, other = await draft_in(window, p).join(), await draft_in(window, q).join()
        for n in range(300):  # each update builds on the one before, and is refused without it
            await (one, other)[n % 2].type(f"{n} ")
        await one.leave()
        await other.safe()
        reader = await draft_in(window, p).join()
        await reader.until(lambda: str(reader.text) == "".join(f"{n} " for n in range(0, 300, 2)))
        assert str(other.text) == read_stored(server, q) == "".join(f"{n} " for n in range(1, 300, 2))

    asyncio.run(play())


OPENED = '{"type": "open", "channel": 1, "draft": "aaaaaaaaaaaa"}'
MALFORMED = {
    "no JSON": (["{"], "it is text, but not valid JSON"),
    "no object": (["[1]"], "it is not a message about a channel"),
    "nested deep": (['{"type": ' + "[" * 900], "it is text, but not valid JSON"),
    "no type": (['{"channel": 1}'], "it is not a message about a channel"),
    "a type of the server": (
        ['{"type": "closed", "channel": 1, "code": 1, "reason": ""}'],
        "it is not a message about a channel",
    ),
    "no draft": (['{"type": "open", "channel": 1}'], "it is not a message about a channel"),
    "a draft that is no text": (['{"type": "open", "channel": 1, "draft": 5}'], "it is not a message about a channel"),
    "another field": (
        ['{"type": "close", "channel": 1, "why": "x"}'],
        "it is not a message about a channel",
    ),
    "a channel that is no number": (
        ['{"type": "open", "channel": "1", "draft": "a"}'],
        "it is not a message about a channel",
    ),
    "channel 0": (['{"type": "open", "channel": 0, "draft": "a"}'], "it is not a message about a channel"),
    "a channel that browsers cannot count": (
        ['{"type": "open", "channel": 9007199254740992, "draft": "a"}'],
        "it is not a message about a channel",
    ),
    "a very long draft": (
        ['{"type": "open", "channel": 1, "draft": "' + "a" * 2000 + '"}'],
        "a text of 2043 characters is too long",
    ),
    "a channel opened twice": ([OPENED, OPENED], "channel 1 was opened before"),
    "a smaller channel": ([OPENED.replace("1", "5", 1), OPENED], "channel 1 was opened before"),
    "a channel closed that was never opened": (['{"type": "close", "channel": 1}'], "channel 1 was never opened"),
    "a message for a channel that was never opened": ([b"\x02\x03"], "channel 2 was never opened"),
    "a message for channel 0": ([b"\x00\x03"], "channel 0 was never opened"),
    "a channel that never ends": ([b"\xff" * 20], "a number of the message is too large"),
    "nothing": ([b""], "a number of the message is cut off"),
}


def test_malformed_frames_end_the_window_with_a_sentence(server: Server) -> None:
    (p,) = server.pause_run("Dear Ann", agent="frames")

    async def play() -> None:
        for name, (sent, says) in MALFORMED.items():
            window = window_of(server)
            watching = Peer(0, "", p.id, window=window)
            await window.connect()
            window.peers[99] = watching  # it is open, as far as the window knows
            assert window.socket is not None
            for frame in sent:
                await window.socket.write_message(frame, binary=isinstance(frame, bytes))
            code, reason = await until_closed(watching)
            assert (name, code) == (name, 4400)
            assert says in reason, name
            assert reason.startswith("malformed message: "), name
        honest = await Peer(server.port, server.token, p.id).join()
        assert (honest.closed, str(honest.text)) == (None, "Dear Ann")

    asyncio.run(play())


def test_a_window_has_at_most_500_channels(server: Server) -> None:
    (p,) = server.pause_run("Dear Ann", agent="crowded")

    async def play() -> None:
        window = window_of(server)
        peers = [await draft_in(window, p).join() for _ in range(500)]
        more = await draft_in(window, p).connect()
        assert await until_closed(more) == (
            4429,
            "more than 500 drafts are open in one window; connecting again",
        )
        await peers[0].leave()
        while (await more.join()).closed is not None:  # the channel that was left has not ended yet
            continue
        await more.type("!")
        await peers[-1].until(lambda: str(peers[-1].text) == "Dear Ann!")

    asyncio.run(play())


def test_a_room_that_is_blocked_does_not_hold_up_other_drafts(team: Server) -> None:
    p, q, r = team.pause_run("SLOW", "Dear Bob", "Dear Cy", agent="blocked")
    before = psutil.Process(team.process.pid).memory_info().rss

    async def play() -> None:
        window = window_of(team)
        slow, quick = await draft_in(window, p).join(), await draft_in(window, q).join()
        await slow.type("!")
        await asyncio.to_thread(until_exists, team.folder / "blocked")
        for letter in "abc":
            await slow.type(letter)
            await quick.type(letter)
        await quick.safe()
        assert read_stored(team, q) == "Dear Bobabc"
        late = await draft_in(window, r).join()
        await late.type("!")
        await late.safe()
        assert read_stored(team, r) == "Dear Cy!"
        assert slow.saved < slow.sent
        # More than the server keeps for a window waits in the network. The rest of the window waits then, too.
        typing = asyncio.create_task(send_much(slow))
        typed = asyncio.create_task(quick.type("!"))
        await asyncio.wait([typing], timeout=1)
        assert psutil.Process(team.process.pid).memory_info().rss - before < 60 * MEGABYTE
        (team.folder / "go-on").touch()
        await typing
        await typed
        await slow.safe()
        await quick.safe()
        assert (slow.closed, quick.closed) == (None, None)
        assert (read_stored(team, p), read_stored(team, q)) == ("SLOW!abc", "Dear Bobabc!")

    asyncio.run(play())


def until_exists(file: Path) -> None:
    deadline = time.monotonic() + WITHIN
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def send_much(one: Peer) -> None:
    """Write 40 MB, each of them in place of the one before."""
    for _ in range(40):
        await one.edit(lambda: one.map("state").__setitem__("big", "x" * MEGABYTE))


def test_a_huge_reply_to_one_draft_does_not_end_the_window(server: Server) -> None:
    """A window that asks for a large draft in many places gets them one after the other."""
    p, q = server.pause_run("", "Dear Bob", agent="huge")

    async def play() -> None:
        writer = await Peer(server.port, server.token, p.id).join()
        await writer.type("x" * (8 * MEGABYTE))
        await writer.safe()
        window = window_of(server)
        many = [await draft_in(window, p).connect() for _ in range(10)]  # more than a browser may leave unread
        quick = await draft_in(window, q).join()
        await quick.type("!")
        await quick.safe()
        for one in many:
            await one.until(lambda one=one: one.synced or one.closed is not None)
            assert (one.closed, len(one.text)) == (None, 8 * MEGABYTE)

    asyncio.run(play())


def test_updates_after_a_channel_was_closed_are_not_kept(server: Server) -> None:
    (p,) = server.pause_run("Dear Ann", agent="late")

    async def play() -> None:
        window = window_of(server)
        stays, bad = await draft_in(window, p).join(), await draft_in(window, p).join()
        doc: Doc[Any] = Doc()
        doc.get("source", type=Text).insert(0, "late")
        assert window.socket is not None
        assert bad.channel is not None
        await bad.send(b"\x07")
        await window.socket.write_message(number(bad.channel) + update_message(doc.get_update()), binary=True)
        await until_closed(bad)
        await stays.type("!")
        await stays.safe()
        assert read_stored(server, p) == "Dear Ann!"

    asyncio.run(play())
