"""The interface between the ledger and the stores that keep its records.

A store maps ordered `str` keys to `bytes`. Everything else (runs, proposals, events) is written once, in
`ledger/ledger.py`, with these few calls. So all backends behave the same; `tests/storage/test_conformance.py` runs with
each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

T = TypeVar("T")

MAX_VALUE_BYTES = 1 << 20
"""Maximum size of the value of one key, in bytes. Callers cut larger values into chunks."""


class StoreReader(Protocol):
    """Read access to committed records."""

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`; None if it has none.

        Raises:
            TypeError, ValueError: `key` is not a valid key (see `storage/keys.py`).
            StoreCorrupt: The stored record was not written by hitl_nb.
        """
        ...

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        r"""Return the pairs (key, value) with `start <= key < stop`, in key order.

        The last key returned is the cursor of the next page: pass `key + "\0"` as `start` (with `reverse`, pass the key
        itself as `stop`).

        Args:
            start: First key that can be returned.
            stop: End of the range; this key is not returned.
            limit: Maximum number of pairs to return. None (default): all.
            reverse: If True, return the pairs in descending key order, beginning at the end of the range.

        Raises:
            TypeError, ValueError: The arguments cannot bound a scan.
            StoreCorrupt: A stored record was not written by hitl_nb.
        """
        ...


class Transaction(StoreReader, Protocol):
    """Access to the store for a function that is passed to `Store.transact`. Its reads include its own writes."""

    def put(self, key: str, value: bytes) -> None:
        """Set `key` to `value`.

        Raises:
            TypeError: `key` is not a str or `value` is not bytes.
            ValueError: `key` is not a valid key.
            StoreFull: `value` is longer than `MAX_VALUE_BYTES`.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove `key`. No effect if it has no value.

        Raises:
            TypeError, ValueError: `key` is not a valid key.
        """
        ...


class Store(StoreReader, Protocol):
    """A store: ordered keys, serializable transactions that are durable when they return, and a change signal.

    Attributes:
        url: The normalized URL that the store was opened with. It never contains a password.
        drafts: A second store, next to this one, for update logs of drafts.
        closed: Whether `close()` was called.
    """

    url: str

    @property
    def drafts(self) -> Store:
        """A second store, next to this one, for update logs of drafts.

        Its writes survive the death of the process at once, and a power loss after about a second. Writing to it never
        waits for this store's lock.
        """
        ...

    @property
    def closed(self) -> bool:
        """Whether `close()` was called. If it was, `open_store` opens a new store."""
        ...

    def submit(self, work: Callable[[Transaction], T], *, lazy: bool = False) -> Future[T]:
        """Run `work` in a serializable transaction, without waiting for it.

        `work` runs on the store's own thread, or on a thread that calls `transact` at the same time. Work that one
        thread submits is committed in order. If `work` raises, its writes are undone and the future raises the same
        exception.

        Args:
            work: Function that reads and writes in the transaction. The backend may have to run it again, so it must
                have no effect except its writes.
            lazy: If True, the commit may wait a few milliseconds, so that it can be made together with others. Default:
                False.

        Returns:
            A future that is done when the writes are durable; its result is the result of `work`.

        Raises:
            StoreError: The store is closed.
            RuntimeError: The caller is inside a transaction of this store.
        """
        ...

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a serializable transaction and wait until its writes are durable.

        This is like `submit(work).result()`, but `work` runs on the calling thread if no other thread is committing.

        Args:
            work: Function that reads and writes in the transaction, as for `submit`.

        Returns:
            The result of `work`.

        Raises:
            StoreError: The writes could not be saved (with its subclasses StoreBusy, StoreFull, StoreCorrupt), or the
                store is closed.
            RuntimeError: The caller is inside a transaction of this store.
            BaseException: Any exception that `work` raises; its writes are undone then.
        """
        ...

    def version(self) -> int:
        """Return a number that changes with every commit of any process."""
        ...

    def wait(self, version: int, timeout: float) -> int:
        """Block until the store's version differs from `version`.

        Args:
            version: A number that `version()` returned.
            timeout: Maximum number of seconds to wait.

        Returns:
            The current version; equal to `version` after a timeout.

        Raises:
            StoreError: The store was closed.
        """
        ...

    def repeat_every(self, seconds: float, work: Callable[[Transaction], None]) -> Callable[[], None]:
        """Run `work` repeatedly on the store's own thread.

        Args:
            seconds: Approximate interval in seconds, above 0.
            work: Function that reads and writes in a transaction. An exception from it ends the repetition.

        Returns:
            A function that ends the repetition.
        """
        ...

    def close(self) -> None:
        """Commit all submitted work, then close the store. A second call has no effect."""
        ...


class StoreBackend(Protocol):
    """A class of stores, selected by the scheme of a URL (see `storage/backends.py`).

    Attributes:
        URL_FORMS: The forms of its URLs, for messages.
        IS_SHARED: Whether other processes can open a store of this class.
    """

    URL_FORMS: ClassVar[str]
    IS_SHARED: ClassVar[bool]

    @classmethod
    def normalize_url(cls, url: str) -> str | None:
        """Return the normalized form of a URL with this backend's scheme, without a password.

        Returns:
            The normalized URL; None if `url` names no store.
        """
        ...

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store of a normalized URL. The store is created if it does not exist.

        Raises:
            StoreRefused: Other users could read or change the store's files.
            StoreError: The store cannot be opened (with its subclasses StoreBusy, StoreFull, StoreCorrupt).
        """
        ...

    @classmethod
    def exists(cls, url: str) -> bool:
        """Return whether any process has created the store of a normalized URL."""
        ...

    @classmethod
    def temporary_url(cls, folder: Path) -> str:
        """Return the normalized URL of a new store, for tests.

        Args:
            folder: An empty folder for the store's files.
        """
        ...
