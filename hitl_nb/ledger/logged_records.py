"""Expected records according to the audit log, collected event by event in a temporary database."""

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
"""Prefix of records that stay when the run of their event is forgotten."""


class LoggedRecord(NamedTuple):
    """The newest event about a record: the record's digest, the event's number, and the event's type."""

    digest: str
    event: int
    type: str


class _ForgottenRuns(Record, frozen=True):
    """The data of the event of forgotten runs."""

    runs: tuple[str, ...]


class LoggedRecords:
    """The records that the events added so far describe, except those of forgotten runs."""

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
        row = self._con.execute("SELECT digest, n, type FROM told WHERE key = ?", (key,)).fetchone()
        return None if row is None else LoggedRecord(*row)

    def mark_seen(self, key: str) -> None:
        """Note that the store has the record."""
        self._con.execute("UPDATE told SET seen = 1 WHERE key = ?", (key,))

    def list_unseen(self) -> Iterator[str]:
        """Iterate over the keys of the records that events describe and that were not marked as seen."""
        key = ""
        while row := self._con.execute(
            "SELECT key FROM told WHERE seen = 0 AND key > ? ORDER BY key LIMIT 1", (key,)
        ).fetchone():
            (key,) = row
            yield key


prepare_structs(globals())
