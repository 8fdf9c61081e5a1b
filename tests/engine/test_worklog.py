"""Statements that take long are noted with the event that ends the work, for the run's timeline."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

import hitl_nb as hitl
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.review.timeline import build_timeline
from hitl_nb.storage import open_store


@hitl.agent
def draft() -> str:
    time.sleep(0.03)
    text = "Dear Ann"
    answer = hitl.checkpoint(text, title="Letter").value
    time.sleep(0.02)
    return answer


def test_the_timeline_names_the_statements_that_took_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_NB_STORE", f"diskcache://{tmp_path}/store")
    ledger = Ledger(open_store())
    (p,) = asyncio.run(draft.run(key="1")).open
    ledger.proposals.decide(p.id, "approve", reviewer="ann")
    assert asyncio.run(draft.run(key="1")).result == "Dear Ann"
    noted = [entry for entry in build_timeline(ledger, p.run) if entry.type == "statement"]
    assert [entry.what.split(": ")[1] for entry in noted] == ["time.sleep(0.03)", "time.sleep(0.02)"]
    ended = [event for event in ledger.audit.read_run_events(p.run) if event.type in ("run.paused", "run.finished")]
    assert [len(event.data["statements"]) for event in ended] == [1, 1]
    assert ledger.audit.verify().ok


@hitl.agent
def tidy() -> None:
    for n in range(2):
        if n:
            time.sleep(0.03)
            time.sleep(0.02)


def test_statements_inside_others_are_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_NB_STORE", f"diskcache://{tmp_path}/store")
    ledger = Ledger(open_store())
    run = asyncio.run(tidy.run(key="1"))
    noted = [entry for entry in build_timeline(ledger, run.id) if entry.type == "statement"]
    assert [entry.what.split(": ")[1] for entry in noted] == ["time.sleep(0.03)", "time.sleep(0.02)"]
