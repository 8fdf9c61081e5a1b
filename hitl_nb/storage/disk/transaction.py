"""Read rows of a diskcache database, and collect the writes of a batch of requests in one open transaction.

Rows are read and written with own SQL statements on diskcache's table. An upsert takes half the time of `Cache.set`,
and an index range a hundredth of `Cache.iterkeys`. The triggers keep diskcache's counters correct. To *spill* means to
write to SQLite before the end of the transaction, because the values take too much memory.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import NoReturn

from diskcache.core import MODE_RAW  # pyright: ignore[reportMissingTypeStubs] - it has none

from hitl_nb.errors import StoreError
from hitl_nb.storage.disk.connection import BytesOnlyDisk
from hitl_nb.storage.disk.errors import explain_sqlite_error
from hitl_nb.storage.disk.pending_writes import PendingWrites
from hitl_nb.storage.keys import check_key, check_range, check_value

PAGE_BYTES = 4096

REMEMBERED, REMEMBERED_SIZE = 1024, 64 * 1024
"""Most values that the writer caches, and the longest of them in bytes."""

SPILL_BYTES = 4 << 20
"""Maximum number of bytes of values that an open transaction keeps in memory. Further values are written to SQLite at
once."""

_SELECT = "SELECT key, raw, mode, filename, value FROM Cache WHERE "
_ASCENDING = _SELECT + "key >= ? AND key < ? ORDER BY key LIMIT ?"
_DESCENDING = _SELECT + "key >= ? AND key < ? ORDER BY key DESC LIMIT ?"
_UPSERT = (
    "INSERT INTO Cache(key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, filename, value)"
    f" VALUES (?, 1, ?, NULL, ?, 0, NULL, 0, {MODE_RAW}, NULL, ?)"
    " ON CONFLICT(key, raw) DO UPDATE SET store_time = excluded.store_time, expire_time = NULL, tag = NULL,"
    " size = excluded.size, mode = excluded.mode, filename = excluded.filename, value = excluded.value"
)
_DELETE = "DELETE FROM Cache WHERE key = ? AND raw = 1"

_RawRow = tuple[object, object, object, object, object]
_Writes = dict[str, bytes | None]
"""Key -> value. None deletes the key."""


class RowReader:
    """Reader of rows on one connection. `BytesOnlyDisk` checks each row before it is used."""

    def __init__(self, connection: sqlite3.Connection, disk: BytesOnlyDisk) -> None:
        self._con = connection
        self._disk = disk

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`; None if the key has no value.

        Raises:
            StoreCorrupt: The row was not written by hitl_nb.
        """
        check_key(key)
        rows = [self._pair(row)[1] for row in self._con.execute(_SELECT + "key = ?", (key,)).fetchall()]
        return rows[0] if rows else None

    def scan(self, start: str, stop: str, limit: int | None, reverse: bool) -> list[tuple[str, bytes]]:
        """Return at most `limit` pairs (key, value) with `start <= key < stop`, in key order. `limit` None: all.

        With `reverse`, the pairs are in descending key order, beginning at the end of the range.
        """
        check_range(start, stop, limit)
        bounds = (start, stop, -1 if limit is None else limit)
        return [self._pair(row) for row in self._con.execute(_DESCENDING if reverse else _ASCENDING, bounds).fetchall()]

    def _pair(self, row: _RawRow) -> tuple[str, bytes]:
        key, raw, mode, filename, value = row
        return self._disk.get(key, raw), self._disk.fetch(mode, filename, value, False, key)


class WriteBatch:
    """The open transaction of one connection, in which several requests run one after the other.

    Their writes are kept in memory and written to SQLite at the end, in the order of the keys. So a row that many
    requests write is written once, and a failed request is undone by dropping its writes. Methods raise sqlite3.Error.

    Attributes:
        failure: The first SQLite error. It makes the whole transaction fail, even if the work of a request catches the
            error.
        written: Estimated bytes that were written to SQLite.
        recent: Values that were read or written since another connection last committed. The writes of a run read the
            same few records repeatedly.
        kept_back: Writes of earlier requests that are not in SQLite yet.
        size: Bytes of the values in `kept_back`.
    """

    def __init__(self, connection: sqlite3.Connection, disk: BytesOnlyDisk, recent: _Writes) -> None:
        self.failure: sqlite3.Error | None = None
        self.written = 0
        self.recent = recent
        self.kept_back = PendingWrites()
        self.size = 0
        self._con = connection
        self._rows = RowReader(connection, disk)

    def get(self, key: str) -> bytes | None:
        """Return the value of `key` inside the transaction; None if it has none."""
        for known in (self.kept_back.values, self.recent):
            if key in known:
                return known[key]
        value = self._rows.get(key)
        self._remember(key, value)
        return value

    def scan(
        self, start: str, stop: str, limit: int | None, reverse: bool, own: PendingWrites
    ) -> list[tuple[str, bytes]]:
        """Return the pairs (key, value) with `start <= key < stop`, as the transaction sees them, in key order.

        Args:
            start: First key that can be returned.
            stop: End of the range; this key is not returned.
            limit: Maximum number of pairs to return; None: all.
            reverse: If True, return the pairs in descending key order, beginning at the end of the range.
            own: Writes of the request that reads; they replace writes of earlier requests.
        """
        check_range(start, stop, limit)
        layers = (self.kept_back, own)
        # Read more than `limit` pairs from each source: deleted keys are found there, but are not returned.
        enough = None if limit is None else limit + sum(layer.deletions for layer in layers)
        found = self._rows.scan(start, stop, enough, reverse)
        newer: _Writes = {}
        for layer in layers:
            newer.update(layer.select_range(start, stop, enough, reverse))
        if not newer:
            return found[:limit]
        merged = {**dict(found), **newer}
        pairs = [(key, value) for key in sorted(merged, reverse=reverse) if (value := merged[key]) is not None]
        return pairs[:limit]

    def keep(self, writes: PendingWrites, size: int) -> None:
        """Add the writes of a request that succeeded to the writes of the batch.

        Args:
            writes: The writes.
            size: Number of bytes of the values in `writes`.
        """
        self.kept_back.merge_newer(writes)
        self.size += size

    def spill(self, writes: PendingWrites, *, first: bool) -> None:
        """Write a request's writes to SQLite before the request ends (spill them), under a savepoint.

        With the savepoint, the writes of this request can be undone alone.

        Args:
            writes: The request's writes since its last spill.
            first: Whether this is the first spill of the request.
        """
        if first:
            self.flush()
            self._con.execute("SAVEPOINT request")
        self._write(writes.values)

    def end_spilled(self, *, undo: bool) -> None:
        """End the savepoint of a request that wrote to SQLite before its end, because its writes were too large.

        Args:
            undo: True: the writes that the request made since the savepoint are removed. False: they are kept.
        """
        if undo:
            self.recent.clear()
            self._con.execute("ROLLBACK TO request")
        self._con.execute("RELEASE request")

    def flush(self) -> None:
        """Write all writes of earlier requests to SQLite."""
        self._write(self.kept_back.values)
        self.kept_back = PendingWrites()
        self.size = 0

    def _write(self, writes: _Writes) -> None:
        now = time.time()
        puts: list[tuple[str, float, float, bytes]] = []  # `now` twice: Python 3.12.1 warns about numbered parameters
        deletes: list[tuple[str]] = []
        for key, value in sorted(writes.items()):
            if value is None:
                deletes.append((key,))
            else:
                puts.append((key, now, now, value))
                self.written += len(value)
            self._remember(key, value)
        self.written += PAGE_BYTES * len(writes)
        if deletes:
            self._con.executemany(_DELETE, deletes)
        if puts:
            self._con.executemany(_UPSERT, puts)

    def _remember(self, key: str, value: bytes | None) -> None:
        recent = self.recent
        if value is not None and len(value) > REMEMBERED_SIZE:
            recent.pop(key, None)
            return
        if len(recent) >= REMEMBERED:
            recent.clear()
        recent[key] = value


class DiskTransaction:
    """The transaction that is passed to the work of one request.

    Reads return the request's own writes first, then writes of earlier requests in the same commit, then rows of the
    database.
    """

    def __init__(self, batch: WriteBatch, directory: Path) -> None:
        self._batch = batch
        self._directory = directory
        self._own = PendingWrites()
        self._size = 0
        self._spilled = False
        self._thread: int | None = threading.get_ident()  # None after the request has ended

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`, including the request's own writes; None if the key has no value."""
        if self._thread != threading.get_ident() or self._batch.failure is not None:
            self._raise_failure()
        own = self._own.values
        if key in own:
            return own[key]
        try:
            return self._batch.get(key)
        except sqlite3.Error as error:
            raise self._to_store_error(error) from error

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        """Return the pairs (key, value) with `start <= key < stop`, including the request's own writes.

        Args:
            start: First key that can be returned.
            stop: End of the range; this key is not returned.
            limit: Maximum number of pairs to return; None: all.
            reverse: If True, return the pairs in descending key order, beginning at the end of the range.
        """
        if self._thread != threading.get_ident() or self._batch.failure is not None:
            self._raise_failure()
        try:
            return self._batch.scan(start, stop, limit, reverse, self._own)
        except sqlite3.Error as error:
            raise self._to_store_error(error) from error

    def put(self, key: str, value: bytes) -> None:
        """Set `key` to `value`. The write is kept in memory until the transaction ends, or is spilled to SQLite.

        Raises:
            TypeError: `key` is not a str or `value` is not bytes.
            ValueError: `key` is not a valid key.
            StoreFull: `value` is longer than `MAX_VALUE_BYTES`.
        """
        if self._thread != threading.get_ident() or self._batch.failure is not None:
            self._raise_failure()
        check_key(key)
        check_value(key, value)
        self._own.write(key, value)
        self._size += len(value)
        if self._size + self._batch.size > SPILL_BYTES:
            try:
                self._spill()
            except sqlite3.Error as error:
                raise self._to_store_error(error) from error

    def delete(self, key: str) -> None:
        """Remove `key` and its value. No effect if the key has no value.

        Raises:
            TypeError, ValueError: `key` is not a valid key.
        """
        if self._thread != threading.get_ident() or self._batch.failure is not None:
            self._raise_failure()
        check_key(key)
        self._own.write(key, None)

    def end(self, *, undo: bool) -> None:
        """End the request after its work has returned or raised an error.

        Args:
            undo: If True, drop the request's writes.

        Raises:
            sqlite3.Error: SQLite failed, now or earlier, even if the work has caught the error.
        """
        self._thread = None
        if self._batch.failure is not None:
            raise self._batch.failure
        if self._spilled:
            if not undo:
                self._spill()
            self._batch.end_spilled(undo=undo)
        elif not undo:
            self._batch.keep(self._own, self._size)

    def _spill(self) -> None:
        self._batch.spill(self._own, first=not self._spilled)
        self._spilled = True
        self._own, self._size = PendingWrites(), 0

    def _raise_failure(self) -> NoReturn:
        if self._thread is None:
            raise StoreError("this transaction is over; its work has returned")
        if self._thread != threading.get_ident():
            raise StoreError("a transaction may only be used by its own work, on the thread that runs it")
        # SQLite may have ended the transaction, and nothing may be written outside a transaction.
        assert self._batch.failure is not None
        raise explain_sqlite_error(self._batch.failure, self._directory)

    def _to_store_error(self, error: sqlite3.Error) -> StoreError:
        self._batch.failure = error
        return explain_sqlite_error(error, self._directory)
