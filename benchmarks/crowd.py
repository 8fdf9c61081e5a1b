r"""Other people in a shared text: a process of its own with so many Python peers over WebSockets, who type.

    python -m benchmarks.crowd \
        '{"url": ..., "headers": {...}, "document": ..., "people": 8, "second": 5, "from_row": 3}'

`document` is the id of the draft; "" where the WebSocket is one room, as jupyter-collaboration's.

Says "ready" when all are there; types letters, `second` of them a second and person, in rows from `from_row` on, until
its standard input ends; then says as JSON how long each keystroke took until it was acknowledged, in milliseconds
(nothing where nobody acknowledges). The peer is the tests' own (`tests/server/peer.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks import front

_ROWS = 6
"""How many rows each person types in, at random."""


class Crowd:
    """The process, as a benchmark drives it."""

    def __init__(self, **given: Any) -> None:
        command = [sys.executable, "-m", "benchmarks.crowd", json.dumps(given)]
        self._process = subprocess.Popen(
            command, cwd=front.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "the crowd could not enter"

    def leave(self) -> list[float]:
        """Send them away; how long their keystrokes took to be acknowledged."""
        said, _ = self._process.communicate("")
        return list(json.loads(said))


@contextlib.contextmanager
def crowd(**given: Any) -> Iterator[list[float]]:
    """People who type meanwhile; the list is filled when they have left."""
    there, took = Crowd(**given), list[float]()
    yield took
    took += there.leave()


async def typing(
    url: str, headers: dict[str, str], document: str, people: int, second: float, from_row: int
) -> list[float]:
    peer = front.of_the_tests("server", "peer")
    peers = []
    for _ in range(people):
        made = peer.Peer(0, "", document, window=peer.Window(url, headers, channels=bool(document)))
        peers.append(await made.join())
        assert made.closed is None, made.closed
    print("ready", flush=True)
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), over.set)
    took: list[float] = []
    await asyncio.gather(*(_type(one, second, from_row, over, took) for one in peers))
    return took


async def _type(one: Any, second: float, from_row: int, over: asyncio.Event, took: list[float]) -> None:
    chance = random.Random(id(one))
    noting: set[asyncio.Task[None]] = set()

    async def note(sent: int, began: float) -> None:
        await one.until(lambda: one.saved >= sent or one.closed is not None)
        took.append((time.perf_counter() - began) * 1000)

    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), chance.uniform(0.5, 1.5) / second)
        rows = str(one.text).split("\n")
        row = chance.randrange(from_row, min(from_row + _ROWS, len(rows)))
        began = time.perf_counter()
        await one.type(chance.choice("abcdefgh"), at=len("\n".join(rows[: row + 1]).encode()))
        if one.saved:
            noting.add(asyncio.create_task(note(one.sent, began)))
    if noting:
        await asyncio.wait(noting)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(typing(**json.loads(sys.argv[1])))))
