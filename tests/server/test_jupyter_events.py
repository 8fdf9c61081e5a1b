"""Events of the server in Jupyter's own event system: in order, and without anything that an agent proposed."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hitl_nb_server import Server
from jupyter_events import EventLogger
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from hitl_nb.errors import StoreBusy
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Question, Snapshot, Terms, new_id
from hitl_nb.server.live import log_poller
from hitl_nb.server.live.jupyter_events import PROPOSAL_EVENTS, RUN_EVENTS, JupyterEvents
from hitl_nb.server.live.log_poller import LogPoller
from hitl_nb.server.live.rooms import Rooms
from hitl_nb.server.messages.request_weights import LARGE_BYTES
from hitl_nb.storage import open_store

SECRET = "the bride's account is DE89"
CONFIG = """
import logging
c.EventLogger.handlers = [logging.FileHandler({log!r})]
"""


@pytest.fixture(scope="module")
def logging_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("events")
    (folder / "config").mkdir()
    (folder / "config" / "jupyter_server_config.py").write_text(CONFIG.format(log=str(folder / "events.log")))
    started = Server(folder)
    yield started
    started.close()


def events_in(log: Path, run: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [one for one in lines if one["__schema__"] in (PROPOSAL_EVENTS, RUN_EVENTS) and one["run"] == run]


def wait_for(found: Callable[[], list[Any]], count: int) -> list[Any]:
    end = time.monotonic() + 60
    while len(found()) < count:
        assert time.monotonic() < end, found()
        time.sleep(0.05)
    return found()


def test_a_handler_of_the_operator_gets_the_events_in_order_without_any_browser(logging_server: Server) -> None:
    ledger, log = logging_server.ledger, logging_server.folder.parent / "events.log"
    first, second = logging_server.pause_run(SECRET, "b", agent="letters")
    run = first.run
    ledger.proposals.decide(first.id, "approve", reviewer="ann")
    assert logging_server.call(
        "POST",
        f"proposals/{second.id}/decision",
        {"action": "reject", "reason": SECRET, "revision": second.revision, "fingerprint": second.fingerprint},
    )[0] in (200, 201)
    _, claim = ledger.runs.claim(run)
    ledger.runs.fail(claim, None, f"ValueError: {SECRET}")
    ledger.runs.cancel(run, actor="cy")
    found = wait_for(lambda: events_in(log, run), 6)
    numbers = [one["number"] for one in found]
    assert numbers == sorted(numbers)
    assert [
        (one["action"], one.get("proposal"), one.get("verdict"), one.get("by"), one.get("known"), one["agent"])
        for one in found
    ] == [
        ("asked", first.id, None, None, None, "letters"),
        ("asked", second.id, None, None, None, "letters"),
        ("decided", first.id, "approve", "person", "unsigned", "letters"),
        ("decided", second.id, "reject", "person", "token", "letters"),
        ("failed", None, None, None, None, "letters"),
        ("cancelled", None, None, None, None, "letters"),
    ]
    assert (found[0]["kind"], found[2]["actor"], found[5]["actor"], found[5]["superseded"]) == ("text", "ann", "cy", [])
    assert SECRET not in log.read_text()
    assert first.title not in log.read_text()


def test_a_front_end_subscribes_as_to_other_events_of_jupyter(logging_server: Server) -> None:
    ledger = logging_server.ledger

    async def hear() -> list[Any]:
        url = f"ws://127.0.0.1:{logging_server.port}/api/events/subscribe"
        given = {"Authorization": f"token {logging_server.token}"}
        socket_ = await websocket_connect(HTTPRequest(url, headers=given))
        (p,) = await asyncio.to_thread(logging_server.pause_run, "x", agent="subscribed")
        ledger.proposals.decide(p.id, "approve", reviewer="ann")
        _, claim = ledger.runs.claim(p.run)
        ledger.runs.finish(claim, Snapshot(envelope=b"s"))
        heard: list[Any] = []
        while not heard or heard[-1].get("action") != "finished":
            said = json.loads(await asyncio.wait_for(socket_.read_message(), 60) or "null")
            heard += [said] if said.get("run") == p.run else []
        socket_.close()
        return heard

    heard = asyncio.run(hear())
    assert [(one["schema_id"], one["action"]) for one in heard] == [
        (PROPOSAL_EVENTS, "asked"),
        (PROPOSAL_EVENTS, "decided"),
        (RUN_EVENTS, "finished"),
    ]


class Desk:
    """A server without its web part: a reader of the log, an event logger, and what they said."""

    def __init__(self) -> None:
        self.ledger = Ledger(open_store(f"memory:{new_id()}"))
        self.events: list[dict[str, Any]] = []
        self.event_logger = EventLogger()
        self.failures = 0

        async def run_in_lane(work: Callable[[Ledger], Any], lane: str = "records") -> Any:
            return await asyncio.to_thread(work, self.ledger)

        context: Any = SimpleNamespace(run_in_lane=run_in_lane, has_store=lambda: True)
        self.poller = LogPoller(context)
        self.emitter = JupyterEvents(self.event_logger, logging.getLogger("hitl_nb.test"))
        self.poller.add_listener(self.emitter.prepare, self._fail)
        for schema in (PROPOSAL_EVENTS, RUN_EVENTS):
            self.event_logger.add_listener(schema_id=schema, listener=self._hear)

    def _fail(self) -> None:
        self.failures += 1

    async def _hear(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        self.events.append(data)

    def ask(self, *questions: Question, plans: Any = None) -> list[Any]:
        _, claim = self.ledger.runs.open(agent=new_id(), notebook="/a.ipynb")
        return self.ledger.runs.pause(claim, Snapshot(envelope=b"s"), list(questions), plans=plans).proposals

    async def catch_up(self) -> list[tuple[str, str | None]]:
        await self.hear()
        said, self.events = self.events, []
        return [(one["action"], one.get("proposal")) for one in said]

    async def hear(self) -> None:
        await self.poller.catch_up()
        await self.emitter.wait_until_emitted()
        await self.event_logger.gather_listeners()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.ledger.store.close()


def question(value: str = "x", n: int = 0) -> Question:
    return Question(title="Refund", kind="text", value=value, position=f"0/{n}")


def test_what_happened_before_the_server_started_is_not_emitted(desk: Desk) -> None:
    desk.ask(question())

    async def run() -> None:
        assert await desk.catch_up() == []
        (p,) = desk.ask(question())
        assert await desk.catch_up() == [("asked", p.id)]
        assert await desk.catch_up() == []

    asyncio.run(run())


def test_a_proposal_that_a_policy_decided_was_not_asked(desk: Desk) -> None:
    plans = [
        Plan("ask", (), (), Terms(), ("approve", "reject")),
        Plan("pass", ("small",), (), Terms(), ("approve", "reject")),
    ]

    async def run() -> None:
        await desk.catch_up()
        asked, passed = desk.ask(question(), question(n=1), plans=plans)
        await desk.hear()
        said = [(one["action"], one["proposal"], one.get("by"), one.get("known")) for one in desk.events]
        assert said == [("asked", asked.id, None, None), ("decided", passed.id, "policy", "policy")]

    asyncio.run(run())


def test_a_large_or_forgotten_proposal_is_named_by_its_ids_only(desk: Desk) -> None:
    async def run() -> None:
        await desk.catch_up()
        (large,) = desk.ask(question("x" * LARGE_BYTES))
        (gone,) = desk.ask(question())
        run = desk.ledger.runs.load(gone.run)
        desk.ledger.runs.forget(agent=run.agent, notebook=run.notebook)
        await desk.hear()
        first, second = desk.events
        assert (first["proposal"], "kind" in first, "agent" in first) == (large.id, False, True)
        assert (second["proposal"], "kind" in second, "agent" in second) == (gone.id, False, False)

    asyncio.run(run())


def test_many_events_do_not_hold_up_other_requests(desk: Desk) -> None:
    """Other work of the event loop has its turn after each event, and the order stays."""
    turns: list[int] = []

    async def work() -> None:
        while True:
            turns.append(len(desk.events))
            await asyncio.sleep(0)

    async def run() -> None:
        await desk.catch_up()
        asked = desk.ask(*[question(n=n) for n in range(100)])
        working = asyncio.create_task(work())
        heard = await desk.catch_up()
        working.cancel()
        assert heard == [("asked", p.id) for p in asked]
        assert max(after - before for before, after in pairwise(turns)) <= 2

    asyncio.run(run())


def test_a_modifier_that_fails_stops_neither_the_reader_nor_later_events(desk: Desk) -> None:
    failing = [True]

    def modify(schema_id: str, data: dict[str, Any]) -> dict[str, Any]:
        if failing[0]:
            raise KeyError("of another extension")
        return data

    desk.event_logger.add_modifier(schema_id=PROPOSAL_EVENTS, modifier=modify)

    async def run() -> None:
        await desk.catch_up()
        desk.ask(question())
        assert await desk.catch_up() == []
        failing[0] = False
        (p,) = desk.ask(question())
        assert await desk.catch_up() == [("asked", p.id)]

    asyncio.run(run())


def test_while_the_store_cannot_be_read_events_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener that could not read what it needs gets the same events again; the others get them once."""
    others: list[int] = []
    desk.poller.add_listener(lambda ledger, events: lambda: others.extend(event.n for event in events))

    async def run() -> None:
        await desk.catch_up()
        (p,) = desk.ask(question())
        with monkeypatch.context() as busy:
            busy.setattr("hitl_nb.ledger.rows.stored_records.load_run", raise_busy)
            with pytest.raises(StoreBusy):
                await desk.catch_up()
        assert others == []
        assert await desk.catch_up() == [("asked", p.id)]
        assert len(others) == len(set(others)) > 0

    asyncio.run(run())


def raise_busy(*_: Any) -> None:
    raise StoreBusy("another process has it")


def test_the_task_reads_again_after_an_error_of_the_store_and_after_a_bug(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_poller, "RESTART_SECONDS", 0.05)
    bugs = [True]

    def fail_to_listen(ledger: Ledger, events: list[Any]) -> Callable[[], None]:
        if bugs:
            raise KeyError(bugs.pop())
        return lambda: None

    async def run() -> None:
        await desk.catch_up()
        desk.poller.seconds = 0.02
        desk.poller.add_listener(fail_to_listen)
        desk.poller.start()
        desk.ask(question())
        await asyncio.to_thread(wait_for, lambda: ["failed"] * desk.failures, 1)
        (p,) = desk.ask(question())
        await asyncio.to_thread(wait_for, lambda: desk.events, 1)
        assert [one["proposal"] for one in desk.events] == [p.id]

    asyncio.run(asyncio.wait_for(run(), 30))


def test_an_event_that_nobody_of_hitl_nb_wrote_stops_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    hostile: list[Any] = [
        None,
        {},
        {"proposals": [{"id": 1}]},
        {"action": "approve", "by": "root"},
        {"superseded": "x"},
    ]

    def write(tx: Any) -> None:
        for type_ in ("run.paused", "decision", "run.cancelled", "run.failed"):
            for data in hostile:
                chain.append_event(tx, type_, actor="eve", run="../xy", proposal="../x y", data=data)

    async def run() -> None:
        await desk.catch_up()
        desk.ledger.store.transact(write)
        (p,) = desk.ask(question())
        assert await desk.catch_up() == [*[("failed", None)] * len(hostile), ("asked", p.id)]

    asyncio.run(run())
    assert "no Jupyter event for event 1 of the audit log" in caplog.text


def test_a_store_that_was_replaced_is_followed_from_its_end(desk: Desk) -> None:
    desk.ask(question(), question(n=1))
    desk.ask(question())

    async def run() -> None:
        await desk.catch_up()
        before, old = desk.poller.head, desk.ledger.store
        desk.ledger = Ledger(open_store(f"memory:{new_id()}"))
        old.close()
        desk.ask(question())
        assert await desk.catch_up() == []
        assert desk.poller.head < before
        (p,) = desk.ask(question())
        assert await desk.catch_up() == [("asked", p.id)]

    asyncio.run(run())


def test_asking_for_a_look_while_the_store_fails_does_not_keep_the_loop_busy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def version() -> int:
        looks.append(1)
        raise StoreBusy("another process has it")

    async def run() -> None:
        monkeypatch.setattr(desk.ledger.store, "version", version)
        desk.poller.start()
        desk.poller.poll_now()
        await asyncio.sleep(0.5)
        assert len(looks) < 5

    asyncio.run(run())


def test_rooms_do_not_keep_the_loop_busy_either(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    async def fail(work: Any) -> None:
        looks.append(1)
        raise StoreBusy("another process has it")

    async def run() -> None:
        rooms = Rooms(SimpleNamespace(run_in_lane=fail))  # pyright: ignore[reportArgumentType]
        polling = asyncio.create_task(rooms._poll_logs())
        rooms.poll_now()
        await asyncio.sleep(0.5)
        polling.cancel()
        assert len(looks) < 10

    asyncio.run(run())


def test_the_page_of_the_events_has_every_field_and_action(desk: Desk) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "rest-api.md").read_text("utf-8")
    section = page.partition("## Events of Jupyter")[2].partition("\n## ")[0]
    for schema in (PROPOSAL_EVENTS, RUN_EVENTS):
        fields = desk.event_logger.schemas.get(schema).properties
        (row,) = [line for line in section.splitlines() if f"`{schema}`" in line]
        named = {*fields, *fields["action"]["enum"]} - {"action"}
        assert [name for name in sorted(named) if f"`{name}`" not in row] == []
