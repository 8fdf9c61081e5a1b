"""Records of an extension in the store: values of any size under keys of its own, signed with this user's key.

A value is signed for its store and its key. So a value that was edited in the store, planted, or moved to another key
is refused when it is read. A framework may then build objects from it. The values are no secrets: they are not
encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from hitl_nb.engine.run.cell_run import get_ledger
from hitl_nb.engine.snapshot.signing import seal, unseal
from hitl_nb.storage import Store, StoreReader, Transaction, open_store
from hitl_nb.storage.chunked_values import delete_chunked, join_chunks, prefix_range, put_any

T = TypeVar("T")


class _RecordReader:
    """Read access to the records of an extension.

    Args:
        name: Name of the extension.
        store_id: Id of the store, which the signatures contain.
        reads: The store, or a transaction.
    """

    def __init__(self, name: str, store_id: str, reads: StoreReader) -> None:
        self._prefix = f"ext/{name}/"
        self._store_id = store_id
        self._reads = reads

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`; None if it has none.

        Raises:
            Untrusted: The value is not signed by this user's key for this store and this key.
        """
        stored = self._reads.get(self._prefix + key)
        return None if stored is None else self._open(self._prefix + key, stored)

    def scan(
        self, prefix: str, *, after: str | None = None, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[str, bytes]]:
        """Return the pairs (key, value) whose keys begin with `prefix`, in the order of the keys.

        Args:
            prefix: Beginning of the keys; it ends in "/".
            after: Last key of the previous page. None (default): begin with the first key.
            limit: Most pairs to return. None (default): all.
            reverse: If True, in descending order, beginning with the last key. Default: False.

        Raises:
            Untrusted: A value is not signed by this user's key for this store and its key.
        """
        found = self._scan_stored(prefix, after, limit, reverse)
        return [(key.removeprefix(self._prefix), self._open(key, stored)) for key, stored in found]

    def list_keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`, which ends in "/", in order."""
        return [key.removeprefix(self._prefix) for key, _ in self._scan_stored(prefix, None, None, False)]

    def _scan_stored(self, prefix: str, after: str | None, limit: int | None, reverse: bool) -> list[tuple[str, bytes]]:
        start, stop = prefix_range(self._prefix + prefix)
        if after is not None:
            start, stop = (start, self._prefix + after) if reverse else (f"{self._prefix}{after}\0", stop)
        return self._reads.scan(start, stop, limit=limit, reverse=reverse)

    def _open(self, key: str, stored: bytes) -> bytes:
        return unseal(self._make_place(key), join_chunks(self._reads, key, stored), portable=True)[1]

    def _make_place(self, key: str) -> str:
        return f"record {key} of store {self._store_id}"


class RecordTransaction(_RecordReader):
    """Access to the records of an extension in one transaction. Its reads include its own writes.

    Args:
        name: Name of the extension.
        store_id: Id of the store, which the signatures contain.
        transaction: The transaction of the store.
    """

    def __init__(self, name: str, store_id: str, transaction: Transaction) -> None:
        super().__init__(name, store_id, transaction)
        self._transaction = transaction

    def put(self, key: str, value: bytes) -> None:
        """Set `key` to `value`, of any size up to 1 GB.

        Raises:
            ValueError: `key` is not printable ASCII without spaces, or too long.
            StoreFull: The value is too large.
        """
        place = self._prefix + key
        put_any(self._transaction, place, seal(self._make_place(place), {}, value, portable=True))

    def delete(self, key: str) -> None:
        """Remove `key`. No effect if it has no value."""
        delete_chunked(self._transaction, self._prefix + key)

    def delete_all(self, prefix: str) -> None:
        """Remove all keys that begin with `prefix`, which ends in "/"."""
        for key in self.list_keys(prefix):
            self.delete(key)


class SealedRecords(_RecordReader):
    """The records of one extension in a store. Its keys begin with `ext/` and the extension's name.

    Args:
        name: Name of the extension: 1 to 20 small letters and digits.
        store: The store, from `open_store`, or its URL. None (default): this user's store.

    Raises:
        ValueError: `name` is no such name, or the URL names no store.
        StoreError: The store cannot be opened.
    """

    def __init__(self, name: str, store: Store | str | None = None) -> None:
        if re.fullmatch("[a-z0-9]{1,20}", name) is None:
            raise ValueError(f"name must be 1 to 20 small letters and digits, not {name!r}")
        self.name = name
        self.store: Store = open_store(store) if store is None or isinstance(store, str) else store
        super().__init__(name, get_ledger(self.store).store_id, self.store)

    def transact(self, work: Callable[[RecordTransaction], T]) -> T:
        """Call `work` in a serializable transaction. Its writes are durable when this returns.

        Args:
            work: Function that reads and writes in the transaction. The store may call it again, so it must have no
                effect except its writes.

        Returns:
            The result of `work`.

        Raises:
            StoreError: The writes could not be saved.
            Exception: `work` raised it; its writes are undone.
        """
        return self.store.transact(lambda tx: work(RecordTransaction(self.name, self._store_id, tx)))

    def submit(self, work: Callable[[RecordTransaction], T], *, lazy: bool = False) -> Future[T]:
        """Queue `work` for a transaction, without waiting for it.

        Args:
            work: Function that reads and writes in the transaction, as for `transact`.
            lazy: If True, the commit may wait a few milliseconds, so that it can be made together with others. Default:
                False.

        Returns:
            A future that is done when the writes are durable. Its result is the result of `work`.
        """
        return self.store.submit(lambda tx: work(RecordTransaction(self.name, self._store_id, tx)), lazy=lazy)
