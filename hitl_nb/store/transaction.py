"""Reading and writing rows of a diskcache database: what a connection reads, and one request's open transaction.

Rows are written and read with SQL of our own over diskcache's table: an upsert and an index range take half the
time of `Cache.set` and a hundredth of `Cache.iterkeys`. The triggers keep diskcache's counters right.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

from hitl_nb.errors import StoreError
from hitl_nb.store.faults import explain
from hitl_nb.store.keys import check_key, check_range
from hitl_nb.store.safedisk import Link, SafeDisk

PAGE = 4096

REMEMBERED, REMEMBERED_SIZE = 1024, 64 * 1024
"""Most values that the writer remembers, and the length of the longest."""

_SELECT = "SELECT key, raw, mode, filename, value FROM Cache WHERE "
_ASCENDING = _SELECT + "key >= ? AND key < ? ORDER BY key LIMIT ?"
_DESCENDING = _SELECT + "key >= ? AND key < ? ORDER BY key DESC LIMIT ?"
_UPSERT = (
    "INSERT INTO Cache(key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, filename, value)"
    " VALUES (?, ?, ?, NULL, ?, 0, NULL, ?, ?, ?, ?)"
    " ON CONFLICT(key, raw) DO UPDATE SET store_time = excluded.store_time, expire_time = NULL, tag = NULL,"
    " size = excluded.size, mode = excluded.mode, filename = excluded.filename, value = excluded.value"
)

_Row = tuple[object, object, object, object, object]


class Rows:
    """Reading on one connection; each row is checked by the disk before it is believed."""

    def __init__(self, link: Link, disk: SafeDisk) -> None:
        self._link = link
        self._disk = disk

    def get(self, key: str) -> bytes | None:
        check_key(key)
        rows = [self._pair(row)[1] for row in self._link.con.execute(_SELECT + "key = ?", (key,)).fetchall()]
        return rows[0] if rows else None

    def scan(self, start: str, stop: str, limit: int | None, reverse: bool) -> list[tuple[str, bytes]]:
        check_range(start, stop, limit)
        bounds = (start, stop, -1 if limit is None else limit)
        return [
            self._pair(row) for row in self._link.con.execute(_DESCENDING if reverse else _ASCENDING, bounds).fetchall()
        ]

    def _pair(self, row: _Row) -> tuple[str, bytes]:
        key, raw, mode, filename, value = row
        return self._disk.get(key, raw), self._disk.fetch(mode, filename, value, False, key)


class DiskTransaction:
    """One request's view of the open transaction. `failure` dooms the transaction, even if the work goes on.

    `recent` holds what the writer read and wrote since another connection last committed: a run's writes read the same
    few records again and again.
    """

    def __init__(self, link: Link, disk: SafeDisk, directory: Path, recent: dict[str, bytes | None]) -> None:
        self.over = False
        self.failure: sqlite3.Error | None = None
        self.written = 0
        self._con = link.con
        self._disk = disk
        self._rows = Rows(link, disk)
        self._thread = threading.get_ident()
        self._directory = directory
        self._recent = recent

    def get(self, key: str) -> bytes | None:
        self._check()
        if key in self._recent:
            return self._recent[key]
        try:
            return self._remember(key, self._rows.get(key))
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        self._check()
        try:
            return self._rows.scan(start, stop, limit, reverse)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def put(self, key: str, value: bytes) -> None:
        db_key, raw = self._disk.put(key)
        size, mode, filename, blob = self._disk.store(value, False, key)
        now = time.time()
        self.written += PAGE + len(blob)
        self._execute(_UPSERT, (db_key, raw, now, now, size, mode, filename, blob))
        self._remember(key, blob)

    def delete(self, key: str) -> None:
        check_key(key)
        self.written += PAGE
        self._execute("DELETE FROM Cache WHERE key = ? AND raw = 1", (key,))
        self._remember(key, None)

    def _remember(self, key: str, value: bytes | None) -> bytes | None:
        if value is not None and len(value) > REMEMBERED_SIZE:
            self._recent.pop(key, None)
            return value
        if len(self._recent) >= REMEMBERED:
            self._recent.clear()
        self._recent[key] = value
        return value

    def _execute(self, sql: str, values: tuple[object, ...]) -> None:
        self._check()
        try:
            self._con.execute(sql, values)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _check(self) -> None:
        if self.over:
            raise StoreError("this transaction is over; its work has returned")
        if threading.get_ident() != self._thread:
            raise StoreError("a transaction may only be used by its own work, on the thread that runs it")
        if self.failure is not None:  # SQLite may have ended the transaction: nothing must be written outside one
            raise explain(self.failure, self._directory)

    def _failed(self, error: sqlite3.Error) -> StoreError:
        self.failure = error
        return explain(error, self._directory)
