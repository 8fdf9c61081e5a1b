"""The records that a store must have according to its audit log, collected event by event in a temporary database.

Each event has the digests (SHA-256) of the records that it created or changed. The newest digest of a record counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple, Self

from hitl_nb.ledger.rows.audit_log import run_list_entry
from hitl_nb.ledger.rows.record_digests import REMOVED, digest_record
from hitl_nb.ledger.rows.stored_records import convert_record
from hitl_nb.records import Event, Record
from hitl_nb.structs import prepare_structs

_OF_NO_RUN = "notebook/"
"""Beginning of the keys of records that stay when the run that their event is about is removed."""


class LoggedRecord(NamedTuple):
    """The newest event about a record.

    Attributes:
        digest: Digest of the record after the event.
        event: Number of the event.
        type: Type of the event.
        run: Id of the run that the event is about; None if it is about none, or if the record is of no run.
    """

    digest: str
    event: int
    type: str
    run: str | None = None


class _ForgottenRuns(Record, frozen=True):
    """The data of the event "run.forgotten": the ids of the removed runs."""

    runs: tuple[str, ...]


class LoggedRecords:
    """The records that the events added so far describe, except those that were removed.

    A context manager: at the end of the `with` block, the temporary database is deleted.
    """

    def __init__(self) -> None:
        self._con = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # on disk if it is large
        self._con.execute(
            "CREATE TABLE told(key TEXT PRIMARY KEY, digest TEXT, n INTEGER, type TEXT, run TEXT,"
            " seen INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"
        )
        self._con.execute("CREATE INDEX of_run ON told(run)")
        self._con.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()

    def add_event(self, event: Event) -> None:
        """Add the records that an event describes. Adding an event twice has no effect.

        Raises:
            StoreCorrupt: The data of the event is damaged.
        """
        entry = run_list_entry(event)
        listed = {} if entry is None else {entry[0]: digest_record(*entry)}
        self._con.executemany(
            "INSERT INTO told(key, digest, n, type, run) VALUES (?, ?, ?, ?, ?) ON CONFLICT(key)"
            " DO UPDATE SET digest = excluded.digest, n = excluded.n, type = excluded.type, run = excluded.run",
            [
                (key, digest, event.n, event.type, None if key.startswith(_OF_NO_RUN) else event.run)
                for key, digest in (event.records | listed).items()
            ],
        )
        removed = [(key,) for key, digest in event.records.items() if digest == REMOVED]
        if removed:
            self._con.executemany("DELETE FROM told WHERE key = ?", removed)
        if event.type == "run.forgotten":
            gone = convert_record(event.data, _ForgottenRuns, f"event {event.n}").runs
            self._con.executemany("DELETE FROM told WHERE run = ?", [(run,) for run in gone])

    def find(self, key: str) -> LoggedRecord | None:
        """Return the newest event about the record at `key`; None if there is none."""
        row = self._con.execute("SELECT digest, n, type, run FROM told WHERE key = ?", (key,)).fetchone()
        return None if row is None else LoggedRecord(*row)

    def mark_seen(self, key: str) -> None:
        """Note that the store has a record at `key`. `list_unseen` leaves this key out."""
        self._con.execute("UPDATE told SET seen = 1 WHERE key = ?", (key,))

    def list_unseen(self) -> Iterator[str]:
        """Iterate over the keys of the collected records for which `mark_seen` was not called, sorted."""
        key = ""
        while row := self._con.execute(
            "SELECT key FROM told WHERE seen = 0 AND key > ? ORDER BY key LIMIT 1", (key,)
        ).fetchone():
            (key,) = row
            yield key


prepare_structs(globals())
