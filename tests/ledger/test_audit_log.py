"""The audit log: what is written, and that no change of it goes unnoticed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Event, Question, Snapshot, canonical_json, new_id
from hitl_nb.storage import open_store
from hitl_nb.storage.interface import Store, Transaction


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"memory:{new_id()}" if request.param == "memory" else f"diskcache://{tmp_path}/store"
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """A ledger whose log tells a short story in 8 events."""
    ledger = Ledger(store)
    run, claim = ledger.runs.open(agent="refunds", notebook="a.ipynb")
    ledger.steps.start(claim, "1", "draft_reply")
    ledger.steps.finish(claim, "1", result=b"", status="done").result()
    (asked,) = ledger.runs.pause(
        claim, Snapshot(envelope=b""), [Question(title="Refund", kind="text", value="Dear")]
    ).proposals
    ledger.proposals.decide(asked.id, "edit", value="Dear Ada", reason="name", reviewer="ada")
    _, claim = ledger.runs.claim(run.id)
    ledger.runs.fail(claim, None, "boom")
    _, claim = ledger.runs.claim(run.id)
    ledger.runs.finish(claim, Snapshot(envelope=b""))
    return ledger


def test_the_log_tells_what_happened(ledger: Ledger) -> None:
    events = ledger.audit.read_events()
    assert [e.type for e in events] == [
        "run.opened",
        "step.done",
        "run.paused",
        "decision",
        "run.resumed",
        "run.failed",
        "run.resumed",
        "run.finished",
    ]
    assert [e.n for e in events] == list(range(1, 9))
    opened, step, paused, decision, resumed, failed, *_ = events
    (shown,) = paused.data["proposals"]
    assert opened.data["agent"] == "refunds"
    assert step.data == {"step": "1", "name": "draft_reply", "status": "done"}
    assert (shown["title"], decision.proposal) == ("Refund", shown["id"])
    assert decision.actor == "ada"
    assert decision.data == {
        "action": "edit",
        "by": "person",
        "reason": "name",
        "value_sha256": hashlib.sha256(canonical_json("Dear Ada")).hexdigest(),
        "fingerprint": shown["fingerprint"],
        "revision": 1,
    }
    assert resumed.data == {"from": "ready", "epoch": 2}
    assert failed.data == {"error": "boom"}
    assert len({e.run for e in events}) == 1


def test_events_come_in_pages(ledger: Ledger) -> None:
    everything = ledger.audit.read_events()
    assert ledger.audit.read_events(limit=3) + ledger.audit.read_events(after=3, limit=100) == everything
    assert ledger.audit.read_events(after=8) == []
    with pytest.raises(ValueError, match="limit"):
        ledger.audit.read_events(limit=0)


def test_the_chain_can_be_checked_without_hitl_nb(ledger: Ledger) -> None:
    prev = ""
    for raw in ledger.audit.read_raw_events():
        assert msgspec.json.decode(raw)["prev"] == prev
        prev = hashlib.sha256(b"hitl/ev/v1\x00" + raw).hexdigest()


def test_an_untouched_log_is_sound(ledger: Ledger) -> None:
    checked = ledger.audit.verify()
    assert (checked.ok, checked.events, checked.problem) == (True, 8, None)


def test_an_empty_log_is_sound(store: Store) -> None:
    assert Ledger(store).audit.verify().ok


def _edit(n: int) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        raw = tx.get(f"event/{n:012d}")
        assert raw is not None
        event = msgspec.structs.replace(msgspec.json.decode(raw, type=Event), actor="mallory")
        tx.put(f"event/{n:012d}", event.json())

    return work


def _remove(*numbers: int) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        for n in numbers:
            tx.delete(f"event/{n:012d}")

    return work


def _swap(tx: Transaction) -> None:
    a, b = tx.get("event/000000000003"), tx.get("event/000000000004")
    assert a is not None
    assert b is not None
    tx.put("event/000000000003", b)
    tx.put("event/000000000004", a)


def _renumbered_gap(tx: Transaction) -> None:
    """Remove event 4 and close the gap."""
    for n in range(4, 8):
        raw = tx.get(f"event/{n + 1:012d}")
        assert raw is not None
        tx.put(f"event/{n:012d}", raw.replace(b'"n":%d' % (n + 1), b'"n":%d' % n))
    tx.delete("event/000000000008")


def _whitespace(tx: Transaction) -> None:
    raw = tx.get("event/000000000005")
    assert raw is not None
    tx.put("event/000000000005", raw.replace(b":", b": ", 1))


def _head_back(tx: Transaction) -> None:
    event = tx.get("event/000000000008")
    assert event is not None
    tx.put("meta/events", b'{"n":7,"h":"%s"}' % msgspec.json.decode(event)["prev"].encode())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_edit(1), "event 1 was changed"),
        (_edit(4), "event 4 was changed"),
        (_edit(8), "event 8 was changed"),
        (_whitespace, "event 5 was changed"),
        (_remove(1), "event 1 was removed"),
        (_remove(5), "event 5 was removed"),
        (_remove(7, 8), "events 7 to 8"),
        (_remove(*range(1, 9)), "events 1 to 8"),
        (_swap, "event 3 was moved"),
        (_renumbered_gap, "event 3 was changed"),
        (_head_back, "the head was changed"),
        (lambda tx: tx.delete("meta/events"), "the head was changed"),
        (lambda tx: tx.put("meta/events", b"?"), "meta/events is damaged"),
        (lambda tx: tx.put("event/000000000002", b"?"), "event 2 is unreadable"),
        (lambda tx: tx.put("event/x", b"?"), "not an event"),
    ],
)
def test_every_change_is_noticed(
    ledger: Ledger, store: Store, damage: Callable[[Transaction], None], said: str
) -> None:
    store.transact(damage)
    checked = ledger.audit.verify()
    assert not checked.ok
    assert said in (checked.problem or "")
