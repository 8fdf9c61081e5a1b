"""A store in the memory of this process, for tests. It behaves like other stores, but writes nothing to the disk."""

from __future__ import annotations

import re
import secrets
import threading
from bisect import bisect_left, insort
from collections.abc import Sequence
from pathlib import Path

from hitl_nb.errors import StoreError
from hitl_nb.storage.interface import Store
from hitl_nb.storage.keys import check_key, check_range, check_value
from hitl_nb.storage.write_thread import ThreadedStore, Writer, WriteRequest

_URL = re.compile(r"memory:[A-Za-z0-9._-]*")


class _MemoryTable:
    """Sorted pairs of keys and values, a lock for every access to them, and a count of commits."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.keys: list[str] = []
        self.values: dict[str, bytes] = {}
        self.commits = 0

    def range(self, start: str, stop: str) -> list[str]:
        return self.keys[bisect_left(self.keys, start) : bisect_left(self.keys, stop)]

    def apply(self, writes: dict[str, bytes | None]) -> None:
        for key, value in writes.items():
            if value is None:
                if self.values.pop(key, None) is not None:
                    del self.keys[bisect_left(self.keys, key)]
            else:
                if key not in self.values:
                    insort(self.keys, key)
                self.values[key] = value


class _MemoryTransaction:
    """One transaction. Its writes are kept separate until its work has returned; the value None marks a deleted key."""

    def __init__(self, table: _MemoryTable) -> None:
        self.writes: dict[str, bytes | None] = {}
        self.is_over = False
        self._table = table

    def get(self, key: str) -> bytes | None:
        self._check()
        check_key(key)
        return self.writes[key] if key in self.writes else self._table.values.get(key)

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        self._check()
        check_range(start, stop, limit)
        keys = set(self._table.range(start, stop)).union(key for key in self.writes if start <= key < stop)
        found: list[tuple[str, bytes]] = []
        for key in sorted(keys, reverse=reverse):
            value = self.get(key)
            if value is not None:
                found.append((key, value))
        return found if limit is None else found[:limit]

    def put(self, key: str, value: bytes) -> None:
        self._check()
        check_key(key)
        check_value(key, value)
        self.writes[key] = value

    def delete(self, key: str) -> None:
        self._check()
        check_key(key)
        self.writes[key] = None

    def _check(self) -> None:
        if self.is_over:
            raise StoreError("this transaction is over; its work has returned")


class _MemoryBackend:
    def __init__(self, table: _MemoryTable) -> None:
        self._table = table

    def start(self) -> None:
        return

    def commit(self, batch: Sequence[WriteRequest], *, wait: bool) -> bool:
        for request in batch:
            transaction = _MemoryTransaction(self._table)
            try:
                request.result = request.work(transaction)
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for the future
                request.error = error
                continue
            finally:
                transaction.is_over = True
            if transaction.writes:
                with self._table.changed:
                    self._table.apply(transaction.writes)
                    self._table.commits += 1
                    self._table.changed.notify_all()
        return True

    def needs_settling(self) -> bool:
        return False

    def settle(self) -> float | None:
        return None

    def stop(self) -> None:
        with self._table.changed:
            self._table.changed.notify_all()


class MemoryStore(ThreadedStore):
    """A store that exists only as long as its process. It has all methods of the interface `Store`."""

    URL_FORMS = "memory: and memory:NAME"
    IS_SHARED = False

    def __init__(self, url: str = "memory:") -> None:
        self.url = url
        self._table = _MemoryTable()
        self._writer = Writer(_MemoryBackend(self._table), url)
        self._drafts: MemoryStore | None = None
        self._opening = threading.Lock()

    @classmethod
    def normalize_url(cls, url: str) -> str | None:
        """Return the URL unchanged if it is `memory:` or `memory:NAME`; otherwise None."""
        return url if _URL.fullmatch(url) else None

    @classmethod
    def open(cls, url: str) -> MemoryStore:
        """Return a new, empty store."""
        return cls(url)

    @classmethod
    def exists(cls, url: str) -> bool:
        """Return False, because no other process can read a store in memory."""
        return False

    @classmethod
    def temporary_url(cls, folder: Path) -> str:
        """Return a URL with a random name. No file is written to `folder`."""
        return f"memory:{secrets.token_hex(8)}"

    @property
    def drafts(self) -> Store:
        """The second store, for update logs of drafts. Its own `drafts` is this second store itself."""
        self._writer.check()
        with self._opening:
            if self._drafts is None:
                self._drafts = MemoryStore(self.url)
                self._drafts._drafts = self._drafts
            return self._drafts

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`; None if the key has no value.

        Raises:
            TypeError, ValueError: `key` is not a valid key.
        """
        self._writer.check()
        check_key(key)
        with self._table.changed:
            return self._table.values.get(key)

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        """Return the pairs (key, value) with `start <= key < stop`, in key order.

        Args:
            start: First key that can be returned.
            stop: End of the range; this key is not returned.
            limit: Maximum number of pairs to return; None: all.
            reverse: If True, return the pairs in descending key order, beginning at the end of the range.
        """
        self._writer.check()
        check_range(start, stop, limit)
        with self._table.changed:
            keys = self._table.range(start, stop)
            if reverse:
                keys.reverse()
            return [(key, self._table.values[key]) for key in keys[:limit]]

    def version(self) -> int:
        """Return the number of commits so far. It changes with every commit."""
        self._writer.check()
        return self._table.commits

    def wait(self, version: int, timeout: float) -> int:
        """Block until the version differs from `version`, the store is closed, or `timeout` seconds are over."""
        self._writer.check()
        with self._table.changed:
            self._table.changed.wait_for(lambda: self._table.commits != version or self.closed, timeout)
        return self.version()

    def close(self) -> None:
        """Close the store and its store of drafts. All records are lost."""
        if self._drafts is not None and self._drafts is not self:
            self._drafts.close()
        self._writer.close()
