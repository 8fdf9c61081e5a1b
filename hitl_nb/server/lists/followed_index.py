"""An index of a store's records in memory: all of them are read once, then it follows the audit log.

Reading all records may take seconds. Meanwhile the lock that all lists need is free, and the changes that the audit log
reports are remembered. They are applied to what was read before anybody sees it. So nothing is missed.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.server.lists.log_follower import NOTHING, LoggedChanges

Entry = TypeVar("Entry")
Found = TypeVar("Found")

_MAX_ATTEMPTS = 3
"""Number of times that all records are read without the lock. After that, other threads must wait for the reading."""


class FollowedIndex(ABC, Generic[Entry]):
    """An index of records by id. A subclass says which records it has.

    Args:
        lock: Lock for the entries. All indexes of one server have the same.
        follow: Function that reads the new events of the audit log, and calls `renew` of all indexes. It is called with
            the lock.
    """

    def __init__(self, lock: threading.Lock, follow: Callable[[Ledger], None]) -> None:
        self._lock = lock
        self._follow = follow
        self._filling = threading.Lock()
        self._entries: dict[str, Entry] | None = None
        self._missed: LoggedChanges | None = None  # not None while a thread reads all records

    @abstractmethod
    def _read_all(self, ledger: Ledger) -> dict[str, Entry]:
        """Read all entries, without the lock."""

    @abstractmethod
    def _apply(self, ledger: Ledger, entries: dict[str, Entry], changes: LoggedChanges) -> None:
        """Read the changed records again. Called with the lock."""

    def renew(self, ledger: Ledger, changes: LoggedChanges) -> None:
        """Read changed records again. No effect before the first use of the index. The caller has the lock."""
        if self._missed is not None:
            self._missed = self._missed.join(changes)
        if changes.is_everything:
            self._set_entries(None)
        elif self._entries is not None:
            self._apply(ledger, self._entries, changes)

    def fill(self, ledger: Ledger) -> None:
        """Read all records, unless the index has them. If another thread is reading them, wait for it."""
        with self._filling:
            for _ in range(_MAX_ATTEMPTS):
                if self._try_to_fill(ledger):
                    return
            with self._lock:
                self._follow(ledger)
                self._set_entries(self._read_all(ledger))

    def _try_to_fill(self, ledger: Ledger) -> bool:
        """Read all records without the lock. Return False if so much has changed meanwhile that it was in vain."""
        with self._lock:
            if self._entries is not None:
                return True
            self._follow(ledger)  # all later events are remembered
            self._missed = NOTHING
        try:
            found = self._read_all(ledger)
            with self._lock:
                self._follow(ledger)
                if self._missed.is_everything:
                    return False
                self._apply(ledger, found, self._missed)
                self._set_entries(found)
                return True
        finally:
            with self._lock:
                self._missed = None

    def _set_entries(self, entries: dict[str, Entry] | None) -> None:
        """Replace all entries; None: they are read at the next use. Called with the lock."""
        self._entries = entries

    def _use(self, ledger: Ledger, use: Callable[[dict[str, Entry]], Found]) -> Found:
        """Call a function with the entries, and return its result. The function is called with the lock."""
        while True:
            with self._lock:
                if self._entries is not None:
                    return use(self._entries)
            self.fill(ledger)
