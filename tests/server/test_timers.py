"""A server watches its store from its start: no browser and no call is needed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets import TraitError

from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Need, Question, Snapshot, Terms, TimelineStep
from hitl_nb.server.base.context import HitlNb
from hitl_nb.server.base.timers import DeadlineTimers
from tests.policies.casework import T0


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_step_is_taken_and_who_watches_is_known(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged, "now", lambda: T0)
    terms = Terms(needs=(Need(people=("ada",), text="1 of ada"),), timeline=(TimelineStep(does="remind", seconds=60),))
    _, claim = server.ledger.runs.open(agent="refunds", notebook="/a.ipynb")
    question = Question(title="Refund", kind="text", value="x", position="0")
    plans = [Plan("ask", (), (), terms, ("approve", "reject"))]
    _, [p] = server.ledger.runs.pause(claim, Snapshot(envelope=b"s"), [question], plans=plans)
    store = server.ledger.store  # its reads let no clock act, as the ledger's do
    until(lambda: any(e.type == "proposal.reminded" and e.proposal == p.id for e in server.ledger.audit.read_events()))
    until(lambda: bool(store.scan("watching/", "watching0")))
    assert [one.label for one in server.ledger.watchers.list_running(server.ledger.now())] == ["server"]


def test_after_a_bug_it_watches_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, again = list[int](), asyncio.Event()

    async def watch(self: DeadlineTimers) -> None:
        looks.append(1)
        if len(looks) == 1:
            raise KeyError("a bug")
        again.set()
        await asyncio.Event().wait()

    async def run() -> None:
        timers = DeadlineTimers(desk, logging.getLogger("test"))
        timers.start()
        await again.wait()
        assert desk.watches_deadlines

    desk: Any = SimpleNamespace(settings=HitlNb(), open_ledger=None, watches_deadlines=False)
    monkeypatch.setattr(DeadlineTimers, "_run", watch)
    monkeypatch.setattr("hitl_nb.server.base.timers._RESTART_SECONDS", 0.0)
    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_public_url_that_links_cannot_begin_with_is_refused() -> None:
    assert HitlNb(public_url="https://hub.example/user/ada/").public_url == "https://hub.example/user/ada"
    with pytest.raises(TraitError, match="public URL"):
        HitlNb(public_url="hub.example")
