"""What 20 connected browsers cost while nothing happens.

CPU seconds (user and system, all threads) of the Jupyter server's process over 20 s with 20 feeds connected and 200
proposals waiting, less the same over 20 s with nobody connected, in percent of one core; in turns. The feeds are bare
websockets: what else an open JupyterLab asks its server for is not hitl_nb's.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from benchmarks import front
from benchmarks.measuring import Line, below, known, skipped

FEEDS, WAITING, SECONDS = 20, 200, 20
SETTLE = 2.0
LIMIT = 1


async def connect(server: Any) -> Any:
    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    url = f"ws://127.0.0.1:{server.port}/hitl_nb/api/feed"
    feed = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {server.token}"}))
    assert json.loads(await feed.read_message() or "null")["type"] == "hello"
    return feed


async def turns(server: Any, rounds: int) -> list[tuple[float, float]]:
    """Percent of a core with all feeds connected, and with none, in each round."""
    import psutil

    process = psutil.Process(server.process.pid)

    async def percent() -> float:
        await asyncio.sleep(SETTLE)
        before = process.cpu_times()
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(SECONDS)
        after = process.cpu_times()
        took = asyncio.get_running_loop().time() - began
        return (after.user + after.system - before.user - before.system) / took * 100

    found: list[tuple[float, float]] = []
    for _ in range(rounds):
        alone = await percent()
        feeds = await asyncio.gather(*(connect(server) for _ in range(FEEDS)))
        connected = await percent()
        for feed in feeds:
            feed.close()
        found.append((connected, alone))
    return found


def measure(folder: Path, rounds: int = 3) -> list[Line]:
    if why := front.no_server():
        return [skipped("idle cost of connected browsers", why)]
    (folder / "served").mkdir()
    with front.server(folder / "served") as server:
        front.waiting(server.ledger, server.folder / "refunds.ipynb", WAITING)
        found = asyncio.run(turns(server, rounds))
    return [
        below(f"idle: {FEEDS} feeds, of a core", [with_ - without for with_, without in found], LIMIT, "%"),
        known("idle: the server with nobody connected", [without for _, without in found], "%"),
    ]
