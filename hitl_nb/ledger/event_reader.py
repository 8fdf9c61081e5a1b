"""Reading of the audit log, event by event, for programs that follow all changes in a store.

A reader returns events in order, beginning after its *cursor*: the number of the last handled event. The cursor moves
only when the program calls `mark_handled`. A program that stops before that call gets the same events again. So no
event is lost, but an event may come twice. `Event.n` identifies it.

    reader = EventReader(ledger.store, StoredCursor(ledger.store, "warehouse"))
    while events := reader.poll():
        for event in events:
            copy_to_warehouse(event)
        reader.mark_handled(events[-1])

Notifications for people do not use a reader. A notification is stored in the transaction that causes it
(`ledger/decisions/notices.py`). The transaction that removes it writes an event that it was sent.
"""

from __future__ import annotations

import re
from typing import Protocol

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows.stored_records import decode_record
from hitl_nb.records import Event, Record
from hitl_nb.storage.interface import Store, StoreReader, Transaction
from hitl_nb.structs import prepare_structs

DEFAULT_LIMIT = 1000
"""Most events that `EventReader.poll` returns, unless another limit is given."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class Cursor(Protocol):
    """The position of a program in the audit log: the number of the last event that the program has handled."""

    def load(self) -> int:
        """Return the number of the last handled event; 0 if there is none."""
        ...

    def save(self, n: int) -> None:
        """Set the number of the last handled event to `n`, unless it is `n` or higher already."""
        ...


class MemoryCursor:
    """A cursor in memory, which is lost when this process ends.

    For programs that read all records when they start, and then only need the changes.

    Args:
        after: Number of the event after which the reader begins. Default: 0, the beginning of the log.
    """

    def __init__(self, after: int = 0) -> None:
        self._n = after

    def load(self) -> int:
        """Return the number of the last handled event; 0 if there is none."""
        return self._n

    def save(self, n: int) -> None:
        """Set the number of the last handled event to `n`, unless it is `n` or higher already."""
        self._n = max(self._n, n)


class CursorRecord(Record, frozen=True):
    """A stored cursor. `n` is the number of the last handled event; 0: no event was handled yet."""

    n: int = 0


class StoredCursor:
    """A cursor in the store, so that a program continues where its last process has stopped.

    If several processes use the same name, they do not divide the events: each process may get every event.

    Args:
        store: The store with the audit log.
        name: Name of the program that reads: at most 64 characters of `a-z`, `0-9`, `_`, `.` and `-`, beginning with a
            letter or a digit.

    Raises:
        ValueError: The name is not valid.
    """

    def __init__(self, store: Store, name: str) -> None:
        if _NAME.fullmatch(name) is None:
            raise ValueError(
                f"{name!r} cannot name a cursor: use at most 64 characters of a-z, 0-9, _, . and -, and begin with a "
                "letter or a digit"
            )
        self._store = store
        self._key = f"cursor/{name}"

    def load(self) -> int:
        """Return the number of the last handled event; 0 if there is none.

        Raises:
            StoreError: The store cannot be read, or the stored cursor is damaged.
        """
        return self._read(self._store)

    def save(self, n: int) -> None:
        """Set the number of the last handled event to `n`, durably, unless it is `n` or higher already.

        Raises:
            StoreError: The store cannot be written, or the stored cursor is damaged.
        """

        def work(transaction: Transaction) -> None:
            if n > self._read(transaction):
                transaction.put(self._key, CursorRecord(n=n).json())

        self._store.transact(work)

    def _read(self, reads: StoreReader) -> int:
        raw = reads.get(self._key)
        return 0 if raw is None else decode_record(raw, CursorRecord, self._key).n


class EventReader:
    """A reader of the events in the audit log that a program has not handled yet.

    Args:
        reads: The store with the audit log.
        cursor: The number of the last handled event. `mark_handled` moves the cursor.
    """

    def __init__(self, reads: StoreReader, cursor: Cursor) -> None:
        self._reads = reads
        self._cursor = cursor

    def poll(self, limit: int = DEFAULT_LIMIT) -> list[Event]:
        """Return the next events, oldest first; an empty list if there are none. Does not wait.

        Calls without `mark_handled` in between return the same events again.

        Args:
            limit: Most events to return, 1 or more. Default: `DEFAULT_LIMIT` (1000).

        Raises:
            ValueError: `limit` is below 1.
            StoreCorrupt: A stored event is damaged.
        """
        if limit < 1:
            raise ValueError(f"limit must be 1 or more, not {limit}")
        found = chain.read_events(self._reads, self._cursor.load(), limit)
        return [decode_record(raw, Event, f"event {n}") for n, raw in found]

    def newest_number(self) -> int:
        """Return the number of the newest event in the log, whether it was handled or not; 0 if the log is empty."""
        return chain.read_head(self._reads).n

    def mark_handled(self, event: Event) -> None:
        """Record that this event and all events before it were handled. Later calls of `poll` do not return them.

        Raises:
            StoreError: A stored cursor cannot be written.
        """
        self._cursor.save(event.n)


prepare_structs(globals())
