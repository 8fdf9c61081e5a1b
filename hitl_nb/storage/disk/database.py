"""One diskcache database as a backend of the writer: commits, the write-ahead log (WAL), and errors of SQLite."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hitl_nb.errors import StoreBusy, StoreError
from hitl_nb.storage import urls as places
from hitl_nb.storage.disk.connection import DATABASE, NORMAL, PinnedCache, ThreadConnection, restore_settings
from hitl_nb.storage.disk.database_schema import refuse_foreign, schema_version
from hitl_nb.storage.disk.errors import FOREIGN_ERRORS, sqlite_code, store_errors, to_store_error
from hitl_nb.storage.disk.process_lock import ProcessLock
from hitl_nb.storage.disk.transaction import PAGE_BYTES, DiskTransaction, WriteBatch
from hitl_nb.storage.write_thread import WriteRequest

WAL_CHECKPOINT_BYTES = 1000 * PAGE_BYTES
"""Estimated number of written bytes after which a checkpoint copies the log into the database."""

WAL_MAX_BYTES = 16 * WAL_CHECKPOINT_BYTES
"""Size of the log in bytes from which it is truncated. Overwriting a log that keeps its size saves 40 % of a commit."""

SYNC_SECONDS = 0.5
"""Seconds after which a commit to the drafts database is synced to the disk."""


class Database:
    """One database of the store. It implements `WriteBackend`.

    Only the thread that holds the writer's turn (its lock for commits) calls the methods. Exception: every reader calls
    `refuse_if_gone`.

    Args:
        root: Directory of the store.
        name: Name of the database, "journal" or "drafts"; its directory is `root / name`.
        synchronous: SQLite's `synchronous`: `FULL` or `NORMAL`.
        patience: Seconds to wait for other processes before StoreBusy.
    """

    def __init__(self, root: Path, name: str, synchronous: int, patience: float) -> None:
        self.directory = root / name
        self.file = self.directory / DATABASE
        self.synchronous = synchronous
        self.cache: PinnedCache | None = None
        self.process_lock: ProcessLock | None = None
        self._link: ThreadConnection | None = None  # the connection that writes
        self._name = str(self.file)
        self._lock = root / f"{name}.lock"
        self._wal = self.directory / f"{DATABASE}-wal"
        self._names = [str(path) for path in (self.file, self._lock, self._wal)]
        self._patience = patience
        self._files: list[tuple[int, int]] = []
        self._seen = -1  # data_version at the last check of the settings
        self._schema = -1  # schema_version at the last check of the schema
        self._recent: dict[str, bytes | None] = {}
        self._log_size = 0
        self._logged = 0  # estimated number of bytes since the last checkpoint
        self._sync_at: float | None = None

    def start(self) -> None:
        """Open the database, or create it if it does not exist.

        Raises:
            StoreError: The database cannot be opened. Then nothing stays open.
        """
        with store_errors(self.directory):
            self.process_lock = ProcessLock(self._lock)
            try:
                with self.process_lock.acquire(self._patience):
                    places.prepare_database_directory(self.directory, DATABASE)
                    self.cache = self._open(time.monotonic() + self._patience)
                    self._connection(self.cache).execute("SELECT 1 FROM Cache").fetchone()  # creates the log file
                    self._files = self._list_files()
            except BaseException:
                self._link = self.cache = None
                self.process_lock.close()
                raise

    def commit(self, batch: Sequence[WriteRequest], *, wait: bool) -> bool:
        """Run the requests, in order, in one transaction, while holding the lock between processes.

        If the work of a request raises, its writes are undone; the other requests are committed.

        Args:
            batch: The requests.
            wait: True: wait for other processes, at most the `patience` of this object. False: do not wait.

        Returns:
            True if the requests were run. False (only without `wait`): another process has the lock, and nothing
            was done.

        Raises:
            StoreError: No write of the batch was saved.
        """
        assert self.cache is not None
        assert self.process_lock is not None
        try:
            if wait:
                self.process_lock.lock(self._patience)
            elif not self.process_lock.try_lock():
                return False
            try:
                return self._commit(self.cache, batch, self._patience if wait else None)
            finally:
                self.process_lock.unlock()
        except FOREIGN_ERRORS as error:
            failure = to_store_error(error, self.directory)
            if isinstance(error, sqlite3.Error) and sqlite_code(error) == sqlite3.SQLITE_IOERR:
                self._disconnect()  # cached pages may be lost: read the files again
                self._files, self._seen = self._files[:2], -1
            raise failure from error

    def needs_settling(self) -> bool:
        """Return whether `settle` has work: a checkpoint of the log, or a sync of the drafts, now or later."""
        return self._logged >= WAL_CHECKPOINT_BYTES or self._sync_at is not None

    def settle(self) -> float | None:
        """Do the maintenance that is due: a checkpoint (copy the log into the database), and a sync of the drafts.

        Returns:
            Seconds after which to call the method again; None if no sync is pending.
        """
        if self._logged >= WAL_CHECKPOINT_BYTES:
            self._checkpoint("PASSIVE" if self._log_size < WAL_MAX_BYTES else "TRUNCATE")
        if self._sync_at is not None and time.monotonic() >= self._sync_at:
            self._sync()
        return None if self._sync_at is None else max(0.0, self._sync_at - time.monotonic())

    def stop(self) -> None:
        """Sync pending commits to the disk, copy the log into the database, and close the database."""
        assert self.cache is not None
        assert self.process_lock is not None
        if self._sync_at is not None:
            self._sync()
        self._checkpoint("TRUNCATE")
        self._disconnect()
        self.cache = None  # closes the connections of the other threads when they are no longer used
        self.process_lock.close()

    def _open(self, deadline_seconds: float) -> PinnedCache:
        while True:
            try:
                return PinnedCache(self.directory, self.synchronous)
            except sqlite3.OperationalError as error:
                _wait_or_raise(error, deadline_seconds)

    def _connection(self, cache: PinnedCache) -> sqlite3.Connection:
        if self._link is None:
            self._link = cache.detach_connection()
        return self._link.connection

    def _disconnect(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _commit(self, cache: PinnedCache, requests: Sequence[WriteRequest], patience: float | None) -> bool:
        """Run the requests in one SQLite transaction, and commit it. The caller holds the lock between processes.

        Args:
            cache: The open database.
            requests: The requests.
            patience: Seconds to wait for a program that has the database locked. None: do not wait.

        Returns:
            True if the requests were run. False (only without `patience`): the database is locked, and nothing was
            done.
        """
        connection = self._connection(cache)
        batch = WriteBatch(connection, cache.disk, self._recent)
        if not self._begin_transaction(connection, patience):
            return False
        try:
            version = data_version(connection)
            if version != self._seen:
                self._recent.clear()
                self._refuse_if_foreign(connection)
                restore_settings(connection, self.synchronous)
            for request in requests:
                self._run_request(batch, request)
            batch.flush()
            self._refuse_if_replaced()
            if all(request.error is not None for request in requests):
                connection.execute("ROLLBACK")
                return True
            connection.execute("COMMIT")
        except BaseException:
            self._recent.clear()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._seen = version
        self._logged += 4 * PAGE_BYTES + batch.written
        if self.synchronous == NORMAL and self._sync_at is None:
            self._sync_at = time.monotonic() + SYNC_SECONDS
        return True

    def _begin_transaction(self, connection: sqlite3.Connection, patience: float | None) -> bool:
        deadline = time.monotonic() + (patience or 0)
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return True
            except sqlite3.OperationalError as error:
                if patience is None and sqlite_code(error) == sqlite3.SQLITE_BUSY:
                    return False
                _wait_or_raise(error, deadline)

    def _run_request(self, batch: WriteBatch, request: WriteRequest) -> None:
        transaction = DiskTransaction(batch, self.directory)
        try:
            request.result = request.work(transaction)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for the future
            request.error = error
        transaction.end(undo=request.error is not None)

    def _refuse_if_foreign(self, connection: sqlite3.Connection) -> None:
        """Check the schema if it was changed, because a trigger of another program would run with every write.

        Raises:
            StoreCorrupt: The database has something that hitl_nb does not create.
        """
        found = schema_version(connection)
        if found != self._schema:
            refuse_foreign(connection, self.file)
            self._schema = found

    def _refuse_if_replaced(self) -> None:
        """Check that the files are still in place, because writes to a removed file would succeed and be lost.

        Raises:
            StoreError: A file was removed or replaced.
        """
        found = self._list_files()
        if not found or found[: len(self._files)] != self._files:
            raise StoreError(
                f"the store {self.directory} was removed or replaced while it was open; nothing was saved;"
                " close it and open it again"
            )
        self._files = found

    def refuse_if_gone(self) -> None:
        """Check before a read that the file is still in place, because a removed file would return old records forever.

        Raises:
            StoreError: The file was removed or replaced.
        """
        try:
            found = os.stat(self._name)  # noqa: PTH116 - runs at every read, and a Path takes twice as long
        except FileNotFoundError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._files[0]:
            raise StoreError(
                f"the store {self.directory} was removed or replaced while it was open. Put it back as it was,"
                " or restart this process to use the new contents"
            )

    def _list_files(self) -> list[tuple[int, int]]:
        """Return (device, inode) of the database, the lock file and the log, in this order. Record the log's size.

        The list is empty if a file is missing.
        """
        try:
            found = [os.stat(name) for name in self._names]  # noqa: PTH116 - at every commit; a Path takes twice as long
        except FileNotFoundError:
            return []
        self._log_size = found[2].st_size
        return [(file.st_dev, file.st_ino) for file in found]

    def _checkpoint(self, mode: str) -> None:
        """Copy the write-ahead log into the database. If another process holds the lock, do nothing.

        Args:
            mode: SQLite's mode: "PASSIVE", or "TRUNCATE" to empty the log file too.
        """
        assert self.cache is not None
        assert self.process_lock is not None
        self._logged = 0
        with suppress(StoreBusy, sqlite3.Error), self.process_lock.acquire(1.0):
            self._connection(self.cache).execute(f"PRAGMA wal_checkpoint({mode})").fetchone()

    def _sync(self) -> None:
        self._sync_at = None
        with suppress(OSError):  # the next commit reports a missing log
            log = os.open(self._wal, os.O_RDWR)
            try:
                os.fsync(log)
            finally:
                os.close(log)


def data_version(connection: sqlite3.Connection) -> int:
    """Return a number that changes with every commit of another connection.

    Only numbers of the same connection can be compared.
    """
    return connection.execute("PRAGMA data_version").fetchone()[0]


def _wait_or_raise(error: sqlite3.OperationalError, deadline: float) -> None:
    """Sleep for up to 20 ms if a lock caused the error and time is left; otherwise raise the error."""
    if sqlite_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
        raise error
    time.sleep(random.uniform(0.001, 0.02))
