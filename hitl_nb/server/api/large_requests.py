"""Requests about something large are answered by worker processes.

Reading, checking and writing JSON of some MB are calls that let no other thread of a process run. In a process of their
own they hold up only each other. A worker has the store open as another server has; the server process hands it what
came, and hands on what it answers, as bytes.
"""

from __future__ import annotations

import atexit
import os
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hitl_nb.errors import HitlError, StoreBusy
from hitl_nb.ledger.decisions.signatures import SigningKey
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.server.api.routes import ROUTES, Route
from hitl_nb.server.base.context import Desk, HitlNb, Lane
from hitl_nb.server.base.identity import Person
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.request import Sent
from hitl_nb.structs import prepare_structs
from hitl_nb.worker_process import WorkerProcess, answer_requests

SECONDS = 300.0
"""How long a request may take in a worker: more than the time limit of any check."""
_LANES: dict[Lane, Lane] = {"checks": "large checks", "records": "large lists"}


class _Facts(msgspec.Struct, frozen=True):
    """What a worker's desk is made of."""

    store: str
    root: str
    key: str
    alone: bool
    id: str
    reviewers: tuple[str, ...]
    signed_only: bool
    headless: bool
    allow_token_decisions: bool | None


class _Order(msgspec.Struct, frozen=True):
    """A request on its way to a worker; the body follows."""

    facts: _Facts
    method: str
    path: str
    who: Person
    id: str
    query: dict[str, str]


class _Head(msgspec.Struct, frozen=True):
    """What comes before the body of a worker's answer. `failed` is the traceback of a bug."""

    status: int = 200
    failed: str = ""


@dataclass(frozen=True)
class Said:
    """An answer: its status, and its JSON."""

    status: int
    body: bytes


def large_lane(lane: Lane) -> Lane:
    """What a large request waits for, whose small ones wait for `lane`."""
    return _LANES.get(lane, "large")


def answer(desk: Desk, ledger: Ledger, route: Route, sent: Sent) -> bytes:
    """The JSON of a route's answer. Raises what the route's function does."""
    return msgspec.json.encode(route.answer(route.read(desk, ledger, sent)))


class LargeWork:
    """The workers of one server: one a lane."""

    def __init__(self) -> None:
        self._workers: dict[Lane, WorkerProcess] = {}
        self._locks: dict[Lane, threading.Lock] = {lane: threading.Lock() for lane in ("large", *_LANES.values())}
        atexit.register(self.close)

    def answer(self, desk: Desk, ledger: Ledger, route: Route, sent: Sent) -> Said:
        """The answer to a request. Blocks. Raises StoreBusy if the worker does not come to an end."""
        if ledger.store.url.startswith("memory:"):  # no other process has it
            return Said(200, answer(desk, ledger, route, sent))
        order = _Order(_facts(desk, ledger), route.method, route.path, sent.who, sent.id, sent.query)
        lane = large_lane(route.lane_of(sent))
        with self._locks[lane]:
            said = self._ask(lane, msgspec.json.encode(order) + b"\n" + sent.body)
        raw, _, body = said.partition(b"\n")
        head = msgspec.json.decode(raw, type=_Head)
        if head.failed:
            raise RuntimeError(f"a worker process failed:\n{head.failed}")
        return Said(head.status, body)

    def _ask(self, lane: Lane, request: bytes) -> bytes:
        worker = self._workers.pop(lane, None)
        if worker is not None and not worker.is_fresh():
            worker.end()
            worker = None
        worker = worker or WorkerProcess(
            "hitl_nb.server.api.large_requests:serve", "answers requests about large values"
        )
        try:
            said = worker.ask(request, SECONDS)
        except TimeoutError:
            worker.end()
            raise StoreBusy(f"the request took longer than {SECONDS:.0f} s; look whether it was done") from None
        except BaseException:
            worker.end()
            raise
        if said is None:
            worker.end()
            raise StoreBusy("the process that worked on the request ended; look whether it was done, then try again")
        self._workers[lane] = worker
        return said

    def close(self) -> None:
        """End the workers."""
        while self._workers:
            self._workers.popitem()[1].end()


def serve() -> None:
    """The worker: answers requests until nobody asks any more."""
    if hasattr(os, "nice"):
        os.nice(5)  # small requests, which the server answers itself, go first
    routes = {(route.method, route.path): route for route in ROUTES}
    desks: dict[_Facts, Desk] = {}

    def respond(request: bytes) -> bytes:
        raw, _, body = request.partition(b"\n")
        order = msgspec.json.decode(raw, type=_Order)
        try:
            if order.facts not in desks:
                desks[order.facts] = _desk(order.facts)
            sent = Sent(order.who, order.id, order.query, body)
            head, said = _respond(desks[order.facts], routes[order.method, order.path], sent)
        except Exception:  # noqa: BLE001  # a bug: the server logs it, as one of its own
            head, said = _Head(failed=traceback.format_exc()), b""
        return msgspec.json.encode(head) + b"\n" + said

    answer_requests(respond)


def _respond(desk: Desk, route: Route, sent: Sent) -> tuple[_Head, bytes]:
    try:
        return _Head(), answer(desk, desk.ledger(), route, sent)
    except Exception as error:
        status = answers.status_of(error)
        if status is None:
            raise
        has_proposal = getattr(error, "proposal", None) is not None
        return _Head(status), msgspec.json.encode(answers.failure(desk, desk.ledger() if has_proposal else None, error))


def _facts(desk: Desk, ledger: Ledger) -> _Facts:
    own = desk.settings
    return _Facts(
        store=ledger.store.url,
        root=str(desk.root),
        key=desk.key.public,
        alone=desk.alone,
        id=desk.id,
        reviewers=tuple(own.reviewers),
        signed_only=own.signed_only,
        headless=own.headless,
        allow_token_decisions=own.allow_token_decisions,
    )


def _desk(facts: _Facts) -> Desk:
    """The desk of the server, in a worker. Raises HitlError if the signing key is another one by now."""
    key = SigningKey.of_this_user()
    if key.public != facts.key:
        raise HitlError("the server's signing key was replaced after the server was started; start the server again")
    settings = HitlNb(
        store=facts.store,
        reviewers=list(facts.reviewers),
        signed_only=facts.signed_only,
        headless=facts.headless,
        allow_token_decisions=facts.allow_token_decisions,
    )
    return Desk(settings, Path(facts.root), key, alone=facts.alone, id=facts.id)


prepare_structs(globals())
