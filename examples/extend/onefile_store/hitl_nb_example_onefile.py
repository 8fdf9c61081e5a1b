"""A store in one SQLite file, and a second file for drafts in the same directory: `onefile:///absolute/path/records.db`.

It shows the contract, not how to be robust. The `diskcache:` store of hitl_nb also checks the owner and the kind of the
directory, survives a fork, and explains each error of SQLite.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hitl_nb.errors import StoreBusy, StoreError, StoreFull
from hitl_nb.storage.interface import Store
from hitl_nb.storage.keys import check_key, check_range, check_value
from hitl_nb.storage.write_thread import ThreadedStore, Writer, WriteRequest

BUSY_SECONDS = 10.0
POLL_SECONDS = 0.02


@contextmanager
def store_errors(path: Path) -> Generator[None]:
    """Convert errors of SQLite to those that hitl_nb reports."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreBusy(f"another program holds {path}; close it, or try again") from error
        if code == sqlite3.SQLITE_FULL:
            raise StoreFull(f"no room left for {path}; make room and try again") from error
        raise StoreError(f"the store {path} cannot be used: {error}") from error


class Rows:
    """Reads of one connection: the part that a store and a transaction have in common."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path

    def get(self, key: str) -> bytes | None:
        """See `StoreReader.get`."""
        check_key(key)
        with store_errors(self.path):
            row = self.connection.execute("SELECT value FROM records WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        """See `StoreReader.scan`."""
        check_range(start, stop, limit)
        order = "DESC" if reverse else "ASC"
        select = f"SELECT key, value FROM records WHERE key >= ? AND key < ? ORDER BY key {order} LIMIT ?"
        with store_errors(self.path):
            return self.connection.execute(select, (start, stop, -1 if limit is None else limit)).fetchall()


class OneFileTransaction(Rows):
    """A transaction. Its methods raise StoreError once its work has returned."""

    is_over = False

    def get(self, key: str) -> bytes | None:
        """See `StoreReader.get`."""
        self._check()
        return super().get(key)

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        """See `StoreReader.scan`."""
        self._check()
        return super().scan(start, stop, limit=limit, reverse=reverse)

    def put(self, key: str, value: bytes) -> None:
        """See `Transaction.put`."""
        self._check()
        check_key(key)
        check_value(key, value)
        with store_errors(self.path):
            self.connection.execute("INSERT OR REPLACE INTO records VALUES (?, ?)", (key, value))

    def delete(self, key: str) -> None:
        """See `Transaction.delete`."""
        self._check()
        check_key(key)
        with store_errors(self.path):
            self.connection.execute("DELETE FROM records WHERE key = ?", (key,))

    def _check(self) -> None:
        if self.is_over:
            raise StoreError("this transaction is over; its work has returned")


class FileWriter:
    """The `WriteBackend` of the file. hitl_nb's `Writer` calls it, from one thread at a time."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self._path = path
        self._synchronous = synchronous
        self._connection: sqlite3.Connection | None = None

    def start(self) -> None:
        """Open the file; create it if it does not exist."""
        self._connection = open_file(self._path, self._synchronous)

    def commit(self, batch: Sequence[WriteRequest], *, wait: bool) -> bool:
        """Run the work of every request. The writes of work that raises are undone; all others are durable."""
        connection = self._connection
        assert connection is not None
        connection.execute(f"PRAGMA busy_timeout = {int(1000 * BUSY_SECONDS) if wait else 0}")
        try:
            with store_errors(self._path):
                connection.execute("BEGIN IMMEDIATE")
        except StoreBusy:
            if wait:
                raise
            return False
        try:
            results = [self._run(connection, request) for request in batch]
            with store_errors(self._path):
                connection.execute("COMMIT" if any(results) else "ROLLBACK")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return True

    def _run(self, connection: sqlite3.Connection, request: WriteRequest) -> bool:
        """Run the work of one request. Return whether it did not raise."""
        transaction = OneFileTransaction(connection, self._path)
        connection.execute("SAVEPOINT work")
        try:
            request.result = request.work(transaction)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for the request
            request.error = error
            connection.execute("ROLLBACK TO work")
        finally:
            transaction.is_over = True
            connection.execute("RELEASE work")
        return request.error is None

    def needs_settling(self) -> bool:
        """Return False: SQLite does the maintenance of its file itself."""
        return False

    def settle(self) -> float | None:
        """Do nothing; see `needs_settling`."""

    def stop(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()


def open_file(path: Path, synchronous: str) -> sqlite3.Connection:
    """Open a connection. Readers see committed records only, and do not wait for writers (SQLite's WAL mode)."""
    with store_errors(path):
        connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
    return connection


class OneFileStore(ThreadedStore):
    """A store in one file. `ThreadedStore` and `Writer` queue transactions, and run repeated work; see `Store`."""

    URL_FORMS = "onefile:///absolute/path"
    IS_SHARED = True

    def __init__(self, url: str, *, is_for_drafts: bool = False) -> None:
        self.url = url
        path = Path(url.removeprefix("onefile://") + ("-drafts" if is_for_drafts else ""))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._writer = Writer(FileWriter(path, "NORMAL" if is_for_drafts else "FULL"), f"the store {path}")
        self._reader = Rows(open_file(path, "FULL"), path)
        self._reading = threading.Lock()
        self._drafts: OneFileStore | None = self if is_for_drafts else None

    @classmethod
    def normalize_url(cls, url: str) -> str | None:
        """See `StoreBackend.normalize_url`."""
        path = Path(url.removeprefix("onefile://"))
        return f"onefile://{path.resolve()}" if url.startswith("onefile:///") and path.name else None

    @classmethod
    def open(cls, url: str) -> OneFileStore:
        """See `StoreBackend.open`."""
        return cls(url)

    @classmethod
    def exists(cls, url: str) -> bool:
        """See `StoreBackend.exists`."""
        return Path(url.removeprefix("onefile://")).exists()

    @classmethod
    def temporary_url(cls, folder: Path) -> str:
        """See `StoreBackend.temporary_url`."""
        return f"onefile://{folder.resolve() / 'records.db'}"

    @property
    def drafts(self) -> Store:
        """See `Store.drafts`."""
        self._writer.check()
        with self._reading:
            if self._drafts is None:
                self._drafts = OneFileStore(self.url, is_for_drafts=True)
            return self._drafts

    def get(self, key: str) -> bytes | None:
        """See `StoreReader.get`."""
        self._writer.check()
        with self._reading:
            return self._reader.get(key)

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        """See `StoreReader.scan`."""
        self._writer.check()
        with self._reading:
            return self._reader.scan(start, stop, limit=limit, reverse=reverse)

    def version(self) -> int:
        """See `Store.version`. SQLite counts the commits of other connections, and the writer has its own."""
        self._writer.check()
        with self._reading, store_errors(self._reader.path):
            return self._reader.connection.execute("PRAGMA data_version").fetchone()[0]

    def wait(self, version: int, timeout: float) -> int:
        """See `Store.wait`."""
        until = time.monotonic() + timeout
        while True:
            current, left = self.version(), until - time.monotonic()
            if current != version or left <= 0:
                return current
            time.sleep(min(POLL_SECONDS, left))

    def close(self) -> None:
        """See `Store.close`."""
        if self._drafts is not None and self._drafts is not self:
            self._drafts.close()
        self._writer.close()
        with self._reading:
            self._reader.connection.close()
