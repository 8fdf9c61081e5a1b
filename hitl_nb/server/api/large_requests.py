"""Worker processes that answer requests about large values.

While a process decodes, checks or encodes JSON of some MB, no other thread of the process can run. In a worker process,
such requests delay only each other. A worker opens the store like another server. The server process sends the request
to the worker and forwards the answer, both as bytes.
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
from hitl_nb.server.api.route import Route
from hitl_nb.server.api.routes import ROUTES
from hitl_nb.server.base.context import HitlNb, Lane, ServerContext
from hitl_nb.server.base.identity import Person
from hitl_nb.server.messages import responses as answers
from hitl_nb.server.messages.request import RawRequest
from hitl_nb.storage.backends import is_shared
from hitl_nb.structs import prepare_structs
from hitl_nb.worker_process import WorkerProcess, answer_requests

WORK_SECONDS = 300.0
"""Maximum time of a request in a worker, in seconds. It is longer than the time limit of any check of a value."""
_LARGE_LANES: dict[Lane, Lane] = {
    "checks": "large checks",
    "records": "large lists",
    "lists": "large lists",
    "verification": "large verification",
}


class _WorkerSettings(msgspec.Struct, frozen=True):
    """Settings of a server from which a worker builds an equal `ServerContext`."""

    store: str
    root: str
    key: str
    alone: bool
    id: str
    reviewers: tuple[str, ...]
    signed_only: bool
    headless: bool
    allow_token_decisions: bool | None


class _WorkerRequest(msgspec.Struct, frozen=True):
    """A request for a worker. It is sent as one line of JSON, and the body of the HTTP request follows."""

    facts: _WorkerSettings
    method: str
    path: str
    who: Person
    id: str
    query: dict[str, str]


class _WorkerResponse(msgspec.Struct, frozen=True):
    """First line of a worker's answer, as JSON. The body of the HTTP response follows.

    Attributes:
        status: HTTP status.
        failed: Traceback of an unexpected error; "" if there was none.
    """

    status: int = 200
    failed: str = ""


@dataclass(frozen=True)
class WorkerAnswer:
    """Answer of a worker to one request.

    Attributes:
        status: HTTP status.
        body: JSON as bytes.
    """

    status: int
    body: bytes


def large_lane(lane: Lane) -> Lane:
    """Return the thread pool for a request about a large value. `lane` is the pool of this call for small values."""
    return _LARGE_LANES.get(lane, "large")


def answer_json(context: ServerContext, ledger: Ledger, route: Route, sent: RawRequest) -> bytes:
    """Decode a request, call the function of its route, and return the response as JSON.

    Errors of the function are raised unchanged.

    Args:
        context: State of the server.
        ledger: The ledger.
        route: The route of the request.
        sent: The request, whose user is authorized.

    Raises:
        ValueError: The body or the query is invalid.
    """
    return msgspec.json.encode(route.handler(route.read_request(context, ledger, sent)))


class LargeWork:
    """The worker processes of one server: one for each "large" lane. Each starts with its first request."""

    def __init__(self) -> None:
        self._workers: dict[Lane, WorkerProcess] = {}
        lanes: set[Lane] = {"large", *_LARGE_LANES.values()}
        self._locks = {lane: threading.Lock() for lane in lanes}
        atexit.register(self.close)

    def answer(self, context: ServerContext, ledger: Ledger, route: Route, sent: RawRequest) -> WorkerAnswer:
        """Answer a request in a worker process, and wait for the answer.

        If other processes cannot open the store (a store in memory), this process answers.

        Args:
            context: State of the server.
            ledger: The ledger.
            route: The route of the request.
            sent: The request, whose user is authorized.

        Returns:
            Status and JSON of the response, also for an expected error such as an unknown proposal.

        Raises:
            StoreBusy: The worker ended or took longer than WORK_SECONDS. The request may have taken effect.
            RuntimeError: An unexpected error occurred in the worker; the message has the traceback.
        """
        if not is_shared(ledger.store.url):  # no other process can read this store
            return WorkerAnswer(200, answer_json(context, ledger, route, sent))
        order = _WorkerRequest(
            _worker_settings(context, ledger), route.method, route.path, sent.person, sent.id, sent.query
        )
        lane = large_lane(route.lane_of(sent))
        with self._locks[lane]:
            said = self._ask_worker(lane, msgspec.json.encode(order) + b"\n" + sent.body)
        raw, _, body = said.partition(b"\n")
        head = msgspec.json.decode(raw, type=_WorkerResponse)
        if head.failed:
            raise RuntimeError(f"a worker process failed:\n{head.failed}")
        return WorkerAnswer(head.status, body)

    def _ask_worker(self, lane: Lane, request: bytes) -> bytes:
        worker = self._workers.pop(lane, None)
        if worker is not None and not worker.is_fresh():
            worker.kill()
            worker = None
        worker = worker or WorkerProcess(
            "hitl_nb.server.api.large_requests:serve_requests", "answers requests about large values"
        )
        try:
            said = worker.ask(request, WORK_SECONDS)
        except TimeoutError:
            worker.kill()
            raise StoreBusy(
                f"the request took longer than {WORK_SECONDS:.0f} s; check whether it took effect before you try again"
            ) from None
        except BaseException:
            worker.kill()
            raise
        if said is None:
            worker.kill()
            raise StoreBusy(
                "the process that handled the request ended; check whether it took effect before you try again"
            )
        self._workers[lane] = worker
        return said

    def close(self) -> None:
        """Stop the workers."""
        while self._workers:
            self._workers.popitem()[1].kill()


def serve_requests() -> None:
    """Answer requests of the server until the server closes the connection. This is the main function of a worker."""
    if hasattr(os, "nice"):
        os.nice(5)  # small requests, which the server answers itself, have priority
    routes = {(route.method, route.path): route for route in ROUTES}
    desks: dict[_WorkerSettings, ServerContext] = {}

    def respond(request: bytes) -> bytes:
        raw, _, body = request.partition(b"\n")
        order = msgspec.json.decode(raw, type=_WorkerRequest)
        try:
            if order.facts not in desks:
                desks[order.facts] = _make_context(order.facts)
            sent = RawRequest(order.who, order.id, order.query, body)
            head, said = _respond(desks[order.facts], routes[order.method, order.path], sent)
        except Exception:  # noqa: BLE001  # a bug: the server raises and logs it like a bug in its own process
            head, said = _WorkerResponse(failed=traceback.format_exc()), b""
        return msgspec.json.encode(head) + b"\n" + said

    answer_requests(respond)


def _respond(context: ServerContext, route: Route, sent: RawRequest) -> tuple[_WorkerResponse, bytes]:
    try:
        return _WorkerResponse(), answer_json(context, context.open_ledger(), route, sent)
    except Exception as error:
        status = answers.status_code_of(error)
        if status is None:
            raise
        has_proposal = getattr(error, "proposal", None) is not None
        return _WorkerResponse(status), msgspec.json.encode(
            answers.error_response(context, context.open_ledger() if has_proposal else None, error)
        )


def _worker_settings(context: ServerContext, ledger: Ledger) -> _WorkerSettings:
    own = context.settings
    return _WorkerSettings(
        store=ledger.store.url,
        root=str(context.root),
        key=context.key.public,
        alone=context.is_single_user,
        id=context.id,
        reviewers=tuple(own.reviewers),
        signed_only=own.signed_only,
        headless=own.headless,
        allow_token_decisions=own.allow_token_decisions,
    )


def _make_context(facts: _WorkerSettings) -> ServerContext:
    """Build a `ServerContext` in a worker from the settings of the server.

    Raises:
        HitlError: The signing key of this user has changed since the server was started.
    """
    key = SigningKey.of_this_user()
    if key.public != facts.key:
        raise HitlError("the server's signing key was replaced after the server started; restart the server")
    settings = HitlNb(
        store=facts.store,
        reviewers=list(facts.reviewers),
        signed_only=facts.signed_only,
        headless=facts.headless,
        allow_token_decisions=facts.allow_token_decisions,
    )
    return ServerContext(settings, Path(facts.root), key, alone=facts.alone, id=facts.id)


prepare_structs(globals())
