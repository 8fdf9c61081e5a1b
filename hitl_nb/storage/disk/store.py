"""The store on a local disk: two diskcache databases, written by one thread of each process at a time.

<directory>/journal/cache.db    runs, proposals, decisions, events: synced to the disk at every commit
<directory>/drafts/cache.db     update logs of drafts: synced within a second
<directory>/*.lock, *.turn      the locks between processes
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path
from weakref import WeakSet

from hitl_nb.errors import StoreError, StoreRefused
from hitl_nb.storage import urls as places
from hitl_nb.storage.disk.connection import FULL, NORMAL, open_connection
from hitl_nb.storage.disk.database import Database, data_version
from hitl_nb.storage.disk.errors import FOREIGN_ERRORS, store_errors, to_store_error
from hitl_nb.storage.disk.transaction import RowReader
from hitl_nb.storage.interface import Store
from hitl_nb.storage.write_thread import ThreadedStore, Writer

LOCK_TIMEOUT_SECONDS = 10.0
"""Seconds to wait for a store that another process has locked, before StoreBusy is raised."""

POLL_SECONDS = 0.02
"""Seconds between two checks of `wait`."""


class DiskStore(ThreadedStore):
    """A store in a directory of a local disk, shared by the processes of one user. See `Store` for the methods.

    Args:
        directory: Directory of the store; created with mode 0700 if it is missing.
        patience: Seconds to wait for other processes before StoreBusy. Default: 10.
        database: "journal" (default), or "drafts" for the second store that `drafts` opens.

    Raises:
        StoreRefused: The directory is on a network file system or belongs to another user, or this process was forked
            while the store was open.
        StoreBusy: Another process had locked the store for `patience` seconds.
        StoreFull: The disk is full.
        StoreCorrupt: The database is damaged, or contains something that hitl_nb does not write.
        StoreError: The store cannot be opened for another reason.
    """

    URL_FORMS = "diskcache:///absolute/path"
    IS_SHARED = True

    def __init__(
        self, directory: Path | str, *, patience: float = LOCK_TIMEOUT_SECONDS, database: str = "journal"
    ) -> None:
        root = Path(os.path.realpath(directory))
        if str(root) in _inherited:
            raise StoreRefused(
                f"the store {root} was open when this process was forked, and SQLite cannot open it again here."
                " Start workers with the 'spawn' or 'forkserver' method, or close the store before forking"
            )
        places.prepare_store_directory(root)
        self.url = f"diskcache://{root}"
        self.root = root
        self.database = Database(root, database, NORMAL if database == "drafts" else FULL, patience)
        self._patience = patience
        self._drafts: DiskStore | None = self if database == "drafts" else None
        self._opening = threading.Lock()
        self._watching = threading.Lock()
        self._watcher: sqlite3.Connection | None = None
        _open_disk_stores.add(self)
        try:
            self._writer = Writer(self.database, f"the store {root}")
        except BaseException:
            _open_disk_stores.discard(self)
            raise

    @classmethod
    def normalize_url(cls, url: str) -> str | None:
        """Return the URL with an absolute path without symbolic links; None if the URL has no absolute path."""
        return places.normalize_disk_url(url)

    @classmethod
    def open(cls, url: str) -> DiskStore:
        """Open the store of a normalized URL. The directory is created if it does not exist.

        Raises:
            StoreError: The store cannot be opened; see the constructor for the subclasses.
        """
        return cls(places.store_directory(url))

    @classmethod
    def exists(cls, url: str) -> bool:
        """Return whether the directory of a normalized URL has a database."""
        return (places.store_directory(url) / "journal").exists()

    @classmethod
    def temporary_url(cls, folder: Path) -> str:
        """Return the URL of a store in a new directory inside `folder`."""
        return f"diskcache://{folder.resolve() / 'store'}"

    @property
    def drafts(self) -> Store:
        """The second store, for update logs of drafts, opened at the first access. Its own `drafts` is itself."""
        self._writer.check()
        with self._opening:
            if self._drafts is None:
                self._drafts = DiskStore(self.root, patience=self._patience, database="drafts")
            return self._drafts

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`; None if the key has no value.

        Raises:
            TypeError, ValueError: `key` is not a valid key.
            StoreCorrupt: The stored record was not written by hitl_nb.
        """
        try:
            return self._read_rows().get(key)
        except FOREIGN_ERRORS as error:
            raise to_store_error(error, self.database.directory) from error

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        """Return the pairs (key, value) with `start <= key < stop`, in key order.

        Args:
            start: First key that can be returned.
            stop: End of the range; this key is not returned.
            limit: Maximum number of pairs to return; None: all.
            reverse: True: begin at the end of the range, and return the pairs in descending key order.

        Raises:
            TypeError, ValueError: The arguments cannot bound a scan.
            StoreCorrupt: A stored record was not written by hitl_nb.
        """
        try:
            return self._read_rows().scan(start, stop, limit, reverse)
        except FOREIGN_ERRORS as error:
            raise to_store_error(error, self.database.directory) from error

    def version(self) -> int:
        """Return a number that changes with every commit of any process."""
        self._writer.check()
        with self._watching, store_errors(self.database.directory):
            self._writer.check()  # check again: if the store was closed meanwhile, the new connection would stay open
            self.database.refuse_if_gone()
            if self._watcher is None:
                self._watcher = open_connection(self.database.file, self.database.synchronous)
            return data_version(self._watcher)

    def wait(self, version: int, timeout: float) -> int:
        """Block until the store's version differs from `version`, or `timeout` seconds are over.

        Returns:
            The current version; equal to `version` after a timeout.

        Raises:
            StoreError: The store was closed.
        """
        deadline = time.monotonic() + timeout
        while True:
            current = self.version()
            left = deadline - time.monotonic()
            if current != version or left <= 0:
                self._writer.check()  # closing the store also writes to it, which is not a change to report
                return current
            time.sleep(min(POLL_SECONDS, left))

    def close(self) -> None:
        """Commit all submitted work, then close the store and its store of drafts. A second call has no effect."""
        if self._drafts is not None and self._drafts is not self:
            self._drafts.close()
        self._writer.close()
        if str(self.root) in _inherited:
            return
        _open_disk_stores.discard(self)
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None

    def _read_rows(self) -> RowReader:
        self._writer.check()
        cache = self.database.cache
        if cache is None:
            raise StoreError(f"the store {self.root} is closed")
        self.database.refuse_if_gone()
        return RowReader(cache.current_connection().connection, cache.disk)


# A forked child has copies of SQLite's data about locks that only its parent holds. A connection that the child opens
# to the same file trusts this data, takes no lock, and loses writes. This was verified: its commit succeeds, into a
# log that another process has deleted. So the child must not use, close or open again a store that was open.

_open_disk_stores: WeakSet[DiskStore] = WeakSet()
_inherited: set[str] = set()
_never_closed: list[DiskStore] = []


def _forget_after_fork() -> None:
    for store in list(_open_disk_stores):
        _inherited.add(str(store.root))
        _never_closed.append(store)
        if store.database.process_lock is not None:
            store.database.process_lock.close()  # otherwise the lock would stay held after the parent dies
    _open_disk_stores.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
