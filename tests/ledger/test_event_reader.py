"""Reading the audit log from a cursor: in order, at least once, whoever stops in between."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_nb.errors import StoreCorrupt
from hitl_nb.ledger.event_reader import EventReader, MemoryCursor, StoredCursor
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.records import new_id
from hitl_nb.storage import open_store
from hitl_nb.storage.interface import Store


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"memory:{new_id()}" if request.param == "memory" else f"diskcache://{tmp_path}/store")
    yield opened
    opened.close()


def happen(store: Store, count: int) -> None:
    for _ in range(count):
        store.transact(lambda tx: chain.append_event(tx, "run.noted", actor="ann"))


def numbers(events: list[Any]) -> list[int]:
    return [event.n for event in events]


def test_events_come_in_order_and_again_until_they_are_handled(store: Store) -> None:
    happen(store, 5)
    reader = EventReader(store, MemoryCursor())
    assert numbers(reader.poll(2)) == numbers(reader.poll(2)) == [1, 2]
    reader.mark_handled(reader.poll(2)[0])
    assert numbers(reader.poll(2)) == [2, 3]
    reader.mark_handled(reader.poll()[-1])
    assert reader.poll() == []
    happen(store, 1)
    assert numbers(reader.poll()) == [6]


def test_a_reader_begins_where_it_is_told(store: Store) -> None:
    happen(store, 3)
    reader = EventReader(store, MemoryCursor(after=2))
    assert (numbers(reader.poll()), reader.newest_number()) == ([3], 3)


def test_a_cursor_never_moves_back(store: Store) -> None:
    happen(store, 3)
    for cursor in (MemoryCursor(), StoredCursor(store, "back")):
        reader = EventReader(store, cursor)
        first, _, last = reader.poll()
        reader.mark_handled(last)
        reader.mark_handled(first)
        assert cursor.load() == 3


def test_a_stored_cursor_is_one_key_a_name(store: Store) -> None:
    happen(store, 2)
    reader = EventReader(store, StoredCursor(store, "warehouse"))
    reader.mark_handled(reader.poll()[0])
    assert store.get("cursor/warehouse") == b'{"n":1}'
    assert numbers(EventReader(store, StoredCursor(store, "warehouse")).poll()) == [2]
    assert numbers(EventReader(store, StoredCursor(store, "other")).poll()) == [1, 2]


def test_a_stored_cursor_is_not_a_change_of_any_record(store: Store) -> None:
    ledger = Ledger(store)
    happen(store, 2)
    reader = EventReader(store, StoredCursor(store, "warehouse"))
    reader.mark_handled(reader.poll()[-1])
    assert ledger.audit.verify().ok


@pytest.mark.parametrize("name", ["", "Ware", "a/b", "-a", "a" * 65, "é"])
def test_a_name_that_is_no_key_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a cursor"):
        StoredCursor(store, name)


def test_a_damaged_cursor_is_reported(store: Store) -> None:
    store.transact(lambda tx: tx.put("cursor/warehouse", b"{"))
    with pytest.raises(StoreCorrupt, match="cursor/warehouse"):
        EventReader(store, StoredCursor(store, "warehouse")).poll()


def test_a_limit_below_one_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="limit must be 1 or more"):
        EventReader(store, MemoryCursor()).poll(0)


def test_no_event_is_skipped_while_others_write(store: Store) -> None:
    writers = [threading.Thread(target=happen, args=(store, 50)) for _ in range(3)]
    reader = EventReader(store, StoredCursor(store, "busy"))
    seen: list[int] = []
    for one in writers:
        one.start()
    while len(seen) < 150:
        events = reader.poll(7)
        seen += numbers(events)
        if events:
            reader.mark_handled(events[-1])
    for one in writers:
        one.join()
    assert seen == list(range(1, 151))


DIES = """
import os, sys
from hitl_nb.ledger.event_reader import EventReader, StoredCursor
from hitl_nb.storage import open_store

store = open_store(sys.argv[1])
reader, handled = EventReader(store, StoredCursor(store, "warehouse")), 0
while events := reader.poll(3):
    for event in events:
        print(event.n, flush=True)
        handled += 1
        if handled == int(sys.argv[2]):
            os._exit(9)
    reader.mark_handled(events[-1])
"""


def test_a_program_that_dies_gets_what_it_did_not_finish_again(tmp_path: Path) -> None:
    """Whatever the place of the death: nothing is lost, and only the events of one page are repeated."""
    url = f"diskcache://{tmp_path}/store"
    store = open_store(url)
    happen(store, 10)
    seen: list[list[int]] = []
    for dies_after in (2, 3, 4, 99):
        died = subprocess.run(
            [sys.executable, "-c", DIES, url, str(dies_after)], capture_output=True, text=True, timeout=120, check=False
        )
        assert died.returncode == (0 if dies_after == 99 else 9), died.stderr
        seen.append([int(line) for line in died.stdout.split()])
    assert seen == [[1, 2], [1, 2, 3], [1, 2, 3, 4], [4, 5, 6, 7, 8, 9, 10]]
    store.close()
