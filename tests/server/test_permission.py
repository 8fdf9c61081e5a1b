"""Who loses the right to read is cut off from rooms and from the feed within seconds, also if nothing is said there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hitl_nb_server import Server
from peer import Peer
from people import PEOPLE, Browser, start_server
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClosedError, websocket_connect

REVOKED = """
from pathlib import Path
careful = Careful.is_authorized
Careful.is_authorized = lambda self, handler, user, action, resource: (
    not Path(f"revoked-{user.username}-{action}").exists() and careful(self, handler, user, action, resource))
People.get_user_now = People.get_user
async def get_user(self, handler):
    user = await People.get_user_now(self, handler)
    return None if user and Path(f"out-{user.username}").exists() else user
People.get_user = get_user
"""


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from start_server(tmp_path_factory.mktemp("revoking"), PEOPLE + REVOKED)


@pytest.mark.parametrize("how", ["revoked-{}-read", "out-{}"], ids=["authorizer", "logged out"])
def test_who_may_not_read_any_more_is_cut_off_and_others_are_not(team: Server, how: str) -> None:
    p, other = team.pause_run("Dear Ann", "Dear Bob", agent=f"cut {how}")
    name = f"cy{len(how)}"
    gone, stays = Browser(team, name), Browser(team, "dee")

    async def story() -> None:
        peers = [await Peer(team.port, "", p.id, Authorization="", Cookie=one.cookies).join() for one in (gone, stays)]
        second = await Peer(0, "", other.id, window=peers[0].window).join()
        url = f"ws://127.0.0.1:{team.port}/hitl_nb/api/feed"
        feed = await websocket_connect(HTTPRequest(url, headers={"Cookie": gone.cookies}))
        assert json.loads(await feed.read_message() or "")["type"] == "hello"
        (team.folder / how.format(name)).touch()
        for draft in (peers[0], second):  # all drafts of the window
            await draft.until(lambda draft=draft: draft.closed is not None)
            assert draft.closed == (4403, "you may not read this draft any more")
        while await asyncio.wait_for(feed.read_message(), 30) is not None:
            continue
        assert (feed.close_code, feed.close_reason) == (4403, "you may not read proposals any more")
        await peers[1].type("! ")
        await peers[1].safe()
        assert peers[1].closed is None
        peers[1].cut_connection()

    asyncio.run(story())


def test_who_may_not_write_any_more_may_still_read(team: Server) -> None:
    (p,) = team.pause_run("Dear Ann", agent="read on")
    browser, other = Browser(team, "eve"), Browser(team, "fay")

    async def story() -> None:
        eve, fay = [
            await Peer(team.port, "", p.id, Authorization="", Cookie=one.cookies).join() for one in (browser, other)
        ]
        (team.folder / "revoked-eve-write").touch()
        with suppress(WebSocketClosedError):  # it may be closed while she types
            while eve.closed is None:
                await eve.type("x")
                await eve.safe()
                await asyncio.sleep(0.2)  # who writes without a rest is cut off for that
        await eve.until(lambda: eve.closed is not None)
        assert eve.closed is not None
        assert eve.closed[0] == 4403
        assert fay.closed is None
        fay.cut_connection()

    asyncio.run(story())
