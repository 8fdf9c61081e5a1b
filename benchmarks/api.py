"""The REST API: decisions per second, and how long a list and a proposal take.

decisions  four threads, each with one connection that is kept open, POST the decisions of a round; timed from the first
           request to the last answer. Beside it the store's own limit: `ledger.proposals.decide` from four threads over
           a store that holds as many proposals. What the server adds is HTTP, the checks, the signature, and the whole
           proposal and run in the answer. Client and server share the machine's cores.
latency    one connection, one request after the other, while 5,000 proposals wait: request sent to answer read.
"""

from __future__ import annotations

import json
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import front
from benchmarks.measuring import WARM, Line, interleaved, known, milliseconds, p95, share, skipped
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.storage import open_store

WAITING = 5_000
THREADS = 4
A_ROUND = 200
LEAST, SHARE = 500, 0.5


class Connection:
    """One connection that is kept open, with the cookies that it was given, as a browser keeps them.

    Little more than a socket, so that the client costs little.
    """

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: token {token}\r\nContent-Type: application/json\r\n"
        self._set_cookies: list[str] = []
        self.ask(self.request("GET", "status"))
        self._head += f"Cookie: {'; '.join(self._set_cookies)}\r\n"

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """The bytes of a request."""
        raw = b"" if body is None else json.dumps(body).encode()
        head = f"{method} /hitl_nb/api/{path} HTTP/1.1\r\n{self._head}Content-Length: {len(raw)}\r\n\r\n"
        return head.encode() + raw

    def ask(self, request: bytes) -> bytes:
        """Send a request; the body of its answer."""
        self._socket.sendall(request)
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += self._more()
        head, body = heard.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200 "), heard[:1000]
        headers = [
            (name.lower(), value) for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n"))
        ]
        length = next(int(value) for name, value in headers if name == "content-length")
        self._set_cookies = [value.split(";")[0] for name, value in headers if name == "set-cookie"]
        parts, got = [body], len(body)
        while got < length:
            parts.append(self._more())
            got += len(parts[-1])
        return b"".join(parts)

    def _more(self) -> bytes:
        heard = self._socket.recv(1 << 18)
        if not heard:
            raise ConnectionError("the server closed the connection")
        return heard


class Deciding(ABC):
    """One round: so many decisions from all threads; decisions per second."""

    def __init__(self, proposals: Sequence[Proposal], count: int) -> None:
        self.pool = ThreadPoolExecutor(THREADS)
        self.left = list(proposals)
        self.count = count

    def __call__(self) -> float:
        mine, self.left = self.left[: self.count], self.left[self.count :]
        shares = [self.prepared(n, mine[n::THREADS]) for n in range(THREADS)]
        took = milliseconds(lambda: list(self.pool.map(lambda work: work(), shares)))
        return self.count / took * 1000

    @abstractmethod
    def prepared(self, thread: int, proposals: Sequence[Proposal]) -> Callable[[], None]:
        """What one thread does in a round; making it ready is not timed."""


class ThroughTheApi(Deciding):
    def __init__(self, server: Any, proposals: Sequence[Proposal], count: int) -> None:
        super().__init__(proposals, count)
        self.connections = [Connection(server.port, server.token) for _ in range(THREADS)]

    def prepared(self, thread: int, proposals: Sequence[Proposal]) -> Callable[[], None]:
        connection = self.connections[thread]
        requests = [
            connection.request(
                "POST",
                f"proposals/{p.id}/decision",
                {"action": "approve", "revision": p.revision, "fingerprint": p.fingerprint},
            )
            for p in proposals
        ]

        def work() -> None:
            for request in requests:
                connection.ask(request)

        return work


class InTheStore(Deciding):
    def __init__(self, ledger: Ledger, proposals: Sequence[Proposal], count: int) -> None:
        super().__init__(proposals, count)
        self.ledger = ledger

    def prepared(self, thread: int, proposals: Sequence[Proposal]) -> Callable[[], None]:
        def work() -> None:
            for p in proposals:
                self.ledger.proposals.decide(
                    p.id, "approve", reviewer="ann", fingerprint=p.fingerprint, revision=p.revision
                )

        return work


def latency(server: Any, proposals: Sequence[Proposal], rounds: int) -> list[Line]:
    connection = Connection(server.port, server.token)
    middle = connection.request("GET", f"proposals?limit=50&cursor={proposals[len(proposals) // 2].id}")
    asked = {
        f"GET proposals, the first 50 of {WAITING:,}": connection.request("GET", "proposals?limit=50"),
        "GET proposals, 50 in the middle": middle,
        "GET proposals/ID": connection.request("GET", f"proposals/{proposals[-1].id}"),
    }
    assert len(json.loads(connection.ask(middle))["proposals"]) == 50
    sides = [lambda request=request: milliseconds(lambda: connection.ask(request)) for request in asked.values()]
    found = interleaved(rounds * 10, *sides)
    return [known(what, took, beside=f"p95 {p95(took):.3g} ms") for what, took in zip(asked, found, strict=True)]


def measure(folder: Path, rounds: int = 10) -> list[Line]:
    if why := front.no_server():
        return [skipped("decisions through the API", why)]
    count = min(A_ROUND, WAITING // (rounds + WARM))
    beside = Ledger(open_store(f"diskcache://{folder / 'beside'}"))
    (folder / "served").mkdir()
    with front.server(folder / "served") as server:
        ours = front.waiting(server.ledger, server.folder / "refunds.ipynb", WAITING)
        theirs = front.waiting(beside, server.folder / "refunds.ipynb", WAITING)
        looked = latency(server, ours, rounds)
        api, store = interleaved(rounds, ThroughTheApi(server, ours, count), InTheStore(beside, theirs, count))
        decided = sum(1 for p in ours if server.ledger.proposals.load(p.id).status == "decided")
        assert decided == count * (rounds + min(WARM, rounds)), decided
    through = f"decisions through the API, {THREADS} connections"
    return [share(through, api, store, f"ledger.proposals.decide, {THREADS} threads", SHARE, LEAST), *looked]
