"""Several that watch one store, killed in the middle: each step of a timeline once, each notice at least once."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb.ledger.decisions.notices import Notice
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Need, Question, Snapshot, Terms, TimelineStep
from hitl_nb.storage import open_store
from tests.commands import Command, Commands
from tests.policies.casework import T0
from tests.review.notifications.sinks import Webhook

STEPS = (TimelineStep(does="remind", seconds=60), TimelineStep(does="escalate", seconds=120, people=("lea",)))
DEADLINE = 120.0
"""Seconds after which the watchers count as hung; a safety net, never part of a check."""


@pytest.fixture
def sink() -> Iterator[Webhook]:
    sink = Webhook()
    yield sink
    sink.close()


@pytest.fixture
def env(tmp_path: Path, sink: Webhook) -> dict[str, str]:
    (tmp_path / "config").mkdir()
    file = tmp_path / "config" / "channels.toml"
    file.write_text(f'ada = {{ urls = ["{sink.url}"] }}\nlea = {{ urls = ["{sink.url}"] }}\n')
    file.chmod(0o600)
    places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    store = {"HITL_NB_STORE": f"diskcache://{tmp_path}/store"}
    return {**os.environ, **store, **{name: str(tmp_path / place) for name, place in places.items()}}


def ask(ledger: Ledger, count: int, monkeypatch: pytest.MonkeyPatch, steps: int = 1) -> list[str]:
    """Proposals that were asked long ago, so that their first step is due."""
    monkeypatch.setattr(judged, "now", lambda: T0)
    terms = Terms(needs=(Need(people=("ada",), text="1 of ada"),), timeline=STEPS[:steps])
    questions = [Question(title=f"Refund {n}", kind="text", value="x", position=f"0/{n}") for n in range(count)]
    _, claim = ledger.runs.open(agent="refunds", notebook="/a.ipynb")
    plans = [Plan("ask", ("r",), (), terms, ("approve", "reject"))] * count
    asked = ledger.runs.pause(claim, Snapshot(envelope=b"s"), questions, plans=plans).proposals
    monkeypatch.undo()
    return [p.id for p in asked]


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_quiet(ledger: Ledger) -> bool:
    """Whether no step is due and no notice waits."""
    due = ledger.timers.next_due()
    return ledger.notices.next_due() is None and (due is None or due > ledger.now())


def end(command: Command, number: int = signal.SIGTERM) -> str:
    os.kill(command.pid, number)
    return command.communicate(30)[1]


def check(ledger: Ledger, sink: Webhook, ids: list[str]) -> None:
    """Each step of the clock once, and each notice at least once: asked and reminded, of every proposal."""
    events = ledger.audit.read_events(limit=100_000)
    reminded = Counter(e.proposal for e in events if e.type == "proposal.reminded")
    assert reminded == Counter(ids)
    told = Counter((e.proposal, (e.data or {})["kind"]) for e in events if e.type == "notice.sent")
    assert told == Counter({(one, kind): 1 for one in ids for kind in ("asked", "reminded")})
    sent = {(e.data or {})["id"] for e in events if e.type == "notice.sent"}
    assert sent == {one for ids in sink.ids for one in ids.split(",")}
    assert ledger.audit.verify().ok


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watch_does_what_is_due_and_ends_when_it_is_told_to(
    commands: Commands, tmp_path: Path, env: dict[str, str], sink: Webhook, monkeypatch: Any, number: int
) -> None:
    ledger = Ledger(open_store(env["HITL_NB_STORE"]))
    ids = ask(ledger, 2, monkeypatch)
    watch = commands.start(["watch", "--public-url", "https://hub.example/"], cwd=tmp_path, env=env)
    until(lambda: is_quiet(ledger))
    assert [one.label for one in ledger.watchers.list_running(ledger.now())] == ["watch"]
    said = end(watch, number)
    assert watch.wait() == 0
    assert said.splitlines() == [f"watching {env['HITL_NB_STORE']}; Ctrl-C ends it", "stopped watching"]
    assert ledger.watchers.list_running(ledger.now()) == []
    check(ledger, sink, ids)
    links = {body["message"].splitlines()[-1] for body in sink.bodies}
    assert links == {f"https://hub.example/hitl_nb/review/{one}" for one in ids}


def test_of_two_that_watch_one_is_killed_in_the_middle_and_nothing_is_lost(
    commands: Commands, tmp_path: Path, env: dict[str, str], sink: Webhook, monkeypatch: Any
) -> None:
    ledger = Ledger(open_store(env["HITL_NB_STORE"]))
    ids = ask(ledger, 40, monkeypatch)
    first, second = (commands.start(["watch"], cwd=tmp_path, env=env) for _ in range(2))
    until(lambda: len(sink.ids) > 10)
    os.kill(first.pid, signal.SIGKILL)
    _expire_leases(ledger, lambda: is_quiet(ledger))
    end(second)
    check(ledger, sink, ids)


def _expire_leases(ledger: Ledger, done: Callable[[], bool]) -> None:
    """Wait until `done`. A lease of the dead ends after a minute: it is ended here, once nothing else is left."""

    def end_leases(tx: Any, at: datetime) -> None:
        for key, raw in tx.scan("notice/", "notice0"):
            notice = msgspec.structs.replace(rows.decode_record(raw, Notice, key), due=at)
            tx.delete(key)
            tx.put(f"notice/{layout.sortable_time(notice.due)}-{notice.id}", notice.json())

    def look() -> bool:
        if 0 < len(ledger.store.scan("notice/", "notice0", limit=3)) < 3:
            ledger.store.transact(partial(end_leases, at=ledger.now()))
        return done()

    until(look)


@pytest.mark.faults_long
def test_two_servers_and_watch_take_each_of_500_steps_once(
    commands: Commands, tmp_path: Path, env: dict[str, str], sink: Webhook, monkeypatch: Any
) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "server"))
    from hitl_nb_server import Server

    ledger = Ledger(open_store(env["HITL_NB_STORE"]))
    servers = [Server(tmp_path), Server(tmp_path)]
    try:
        ids = ask(ledger, 500, monkeypatch)
        kills = 0
        watch = commands.start(["watch"], cwd=tmp_path, env=env)
        for mark in range(100, 900, 100):
            until(lambda mark=mark: len(sink.ids) > mark)
            os.kill(watch.pid, signal.SIGKILL)
            kills += 1
            watch = commands.start(["watch"], cwd=tmp_path, env=env)
        os.kill(servers[0].process.pid, signal.SIGKILL)
        until(lambda: is_quiet(ledger))
        end(watch)
        assert kills == 8
        check(ledger, sink, ids)
    finally:
        for server in servers:
            server.close()
