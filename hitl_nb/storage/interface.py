"""The contract between the ledger and the place where records live.

A store maps ordered `str` keys to `bytes`. Everything else (runs, proposals, events) is written once, in
`ledger/ledger.py`, over these few calls, so that every backend behaves the same; `tests/storage/test_conformance.py`
runs against each.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

T = TypeVar("T")

MAX_VALUE_BYTES = 1 << 20
"""Largest value of one key, in bytes. Larger payloads are cut into chunks by the caller."""


class StoreReader(Protocol):
    """Reading committed records."""

    def get(self, key: str) -> bytes | None:
        """The value of `key`, or None."""
        ...

    def scan(
        self, start: str, stop: str, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        """Pairs with `start <= key < stop` in key order (or reversed), at most `limit`.

        The last key returned is the cursor of the next page: pass `key + "\\0"` as `start`
        (as `stop` itself when reversed).
        """
        ...


class Transaction(StoreReader, Protocol):
    """What a function given to `Store.transact` may do. Reads see its own writes."""

    def put(self, key: str, value: bytes) -> None:
        """Set `key`. Raises TypeError for other types, StoreFull above `MAX_VALUE_BYTES`."""
        ...

    def delete(self, key: str) -> None:
        """Remove `key`, if it is there."""
        ...


class Store(StoreReader, Protocol):
    """Ordered keys, serialisable transactions that are durable when they return, and a change signal.

    Attributes:
        url: what `open_store` was given, normalised; never holds a password.
        drafts: the sibling store for update logs of drafts, durable against process death at once and against
            power loss within about a second. Writing there never waits for this store's lock.
        closed: whether `close()` was called; `open_store` then opens another one.
    """

    url: str

    @property
    def drafts(self) -> Store: ...

    @property
    def closed(self) -> bool: ...

    def submit(self, work: Callable[[Transaction], T], *, lazy: bool = False) -> Future[T]:
        """Run `work` in a serialisable transaction; the future is done when it is durable.

        `work` runs on the store's own thread, or on a thread that calls `transact` meanwhile.
        `work` may be run again if the backend has to retry, so it must have no effect but its writes.
        If it raises, its writes are undone and the future raises the same. Work submitted by one thread
        is committed in order. With `lazy`, the commit may wait a few milliseconds for company.
        """
        ...

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """The same as `submit(work).result()`: returns when the writes are durable, raises what `work` raises.

        `work` runs on the calling thread if no other transaction is in the way.
        """
        ...

    def version(self) -> int:
        """A number that has changed when anything was committed since, by any process."""
        ...

    def wait(self, version: int, timeout: float) -> int:
        """Block until `version() != version`, at most `timeout` seconds; return the current version."""
        ...

    def repeat_every(self, seconds: float, work: Callable[[Transaction], None]) -> Callable[[], None]:
        """Run `work` about every `seconds` on the store's own thread, until the returned function is called.

        An exception from `work` ends its repetition.
        """
        ...

    def close(self) -> None:
        """Finish what was submitted, then let go. Idempotent."""
        ...


class StoreBackend(Protocol):
    """A class of stores, as `storage/backends.py` finds it by the scheme of a URL.

    Attributes:
        URL_FORMS: how its URLs are written, for messages.
        IS_SHARED: whether other processes can open a store of it.
    """

    URL_FORMS: ClassVar[str]
    IS_SHARED: ClassVar[bool]

    @classmethod
    def normalize_url(cls, url: str) -> str | None:
        """The one spelling of a URL with this backend's scheme, without a password; None for what names no store."""
        ...

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store of a normalized URL, and make it if it is not there."""
        ...

    @classmethod
    def exists(cls, url: str) -> bool:
        """Whether the store of a normalized URL was made already, by whatever process."""
        ...

    @classmethod
    def temporary_url(cls, folder: Path) -> str:
        """The normalized URL of a store that nobody has used, for tests; `folder` is an empty folder for its files."""
        ...
