"""The log of a shared draft: every update of its document, in the order in which the updates were saved.

The document is a CRDT (several programs edit it at the same time), and an update is one change in binary form. The log
of all updates is the document. Kernels and servers only append to the log. The order of simultaneous updates does not
matter, so no writer waits for another. The store does not interpret the bytes of an update (`drafts/draft.py` does).

    update/<document>/<n>    the n-th update, with its author and time; after `compact`, a packed block of those up to n
    folded/<document>        the whole document as of an update, so that opening it does not need the whole log

All keys are in `Store.drafts`: an acknowledged update survives `kill -9`, and after a second also power loss.
Compacting keeps every update, so the document can be read as it was after any of them. Each value has a checksum: a
damaged update can crash pycrdt, so none is passed to it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import datetime
from typing import TypeVar

import msgspec

from hitl_nb.errors import StoreCorrupt
from hitl_nb.ledger.documents import agent_writes as writes
from hitl_nb.records import now
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import Store, StoreReader, Transaction
from hitl_nb.structs import prepare_structs

T = TypeVar("T")

MAX_DOCUMENT_BYTES = 1 << 28
"""Largest unpacked size in bytes of a document, or of a block of its updates."""
_LOOSE, _BLOCK = b"\x01", b"\x02"
_PAGE_SIZE = 2000
"""Number of updates that are read together, and the most updates in one block."""


class Update(msgspec.Struct, frozen=True, array_like=True):
    """One update of a document.

    Attributes:
        at: Time of the update.
        author: User name of the author; only this identifies the author.
        name: Display name of the author.
        data: The change in the binary form of the CRDT library.
    """

    at: datetime
    author: str
    name: str
    data: bytes


class CompactedDocument(msgspec.Struct, frozen=True, array_like=True):
    """A whole document in the form of one update.

    Attributes:
        n: Number of the last update in the log that it includes.
        data: The update in binary form.
    """

    n: int
    data: bytes


class UpdateLog:
    """The updates of one document.

    Args:
        store: The store that holds the proposal or the workspace.
        document: Id of the document.
    """

    def __init__(self, store: Store, document: str) -> None:
        self.document = document
        self._drafts = store.drafts
        self._prefix = f"update/{document}/"
        self._compacted_key = f"folded/{document}"

    def last_number(self, reads: StoreReader | None = None) -> int:
        """Return the number of the newest update; 0 if there is none.

        Args:
            reads: Transaction of `Store.drafts` to read in. None (default): read outside of a transaction.
        """
        found = (reads or self._drafts).scan(*chunked_values.prefix_range(self._prefix), limit=1, reverse=True)
        return self._parse_number(found[0][0]) if found else 0

    def version(self) -> int:
        """Return a number that changes when any process appends to the log of any document."""
        return self._drafts.version()

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Call `work`, which calls `add`, in a transaction of `Store.drafts`, without waiting.

        Returns:
            A future with the result of `work`; it is done when the writes are saved.
        """
        return self._drafts.submit(work)

    def begin(self, update: Update) -> None:
        """Append the first update of the document. No effect if the log has an update already."""
        if self.last_number() == 0:
            self._drafts.transact(lambda tx: None if self.last_number(tx) else self.add(tx, update))

    def append(self, update: Update) -> Future[int]:
        """Append an update without waiting. The caller must have checked that `update.data` is a valid update.

        Returns:
            A future with the number of the update; it is done when the update is saved.
        """
        return self._drafts.submit(lambda tx: self.add(tx, update))

    def add(self, transaction: Transaction, update: Update) -> int:
        """Append an update inside a transaction, and return its number."""
        n = self.last_number(transaction) + 1
        chunked_values.put_new(transaction, self._update_key(n), _LOOSE + _add_checksum(msgspec.msgpack.encode(update)))
        return n

    def updates_after(self, n: int) -> Iterator[tuple[int, Update]]:
        """Iterate over the updates after the n-th, with their numbers, oldest first.

        Raises:
            StoreCorrupt: A stored update is damaged.
        """
        start, stop = self._update_key(n) + "\0", chunked_values.prefix_range(self._prefix)[1]
        while True:
            page = self._drafts.scan(start, stop, limit=_PAGE_SIZE)
            for key, raw in page:
                yield from (entry for entry in self._entries(key, raw) if entry[0] > n)
            if len(page) < _PAGE_SIZE:
                return
            start = page[-1][0] + "\0"

    def newest_compacted(self) -> CompactedDocument | None:
        """Return the newest compacted document; None if there is none.

        Raises:
            StoreCorrupt: The stored document is damaged.
        """
        raw = chunked_values.get_whole(self._drafts, self._compacted_key)
        if raw is None:
            return None
        folded = _decode(_remove_checksum(raw, self._compacted_key), CompactedDocument, self._compacted_key)
        return CompactedDocument(folded.n, _inflate(folded.data, self._compacted_key))

    def compact(self, whole: CompactedDocument) -> None:
        """Pack the updates up to number `whole.n` into blocks, and save `whole`, the document after these updates.

        No update is lost. The updates to pack are selected inside the transaction, so two processes may compact at the
        same time. No effect if the log was compacted up to this number already.

        Args:
            whole: The document after the update with number `whole.n`.

        Raises:
            StoreCorrupt: A stored update is damaged.
        """
        packed = CompactedDocument(whole.n, zlib.compress(whole.data, 6))

        def work(transaction: Transaction) -> None:
            raw = chunked_values.get_whole(transaction, self._compacted_key)
            before = (
                0
                if raw is None
                else _decode(_remove_checksum(raw, self._compacted_key), CompactedDocument, self._compacted_key).n
            )
            if before >= whole.n:
                return
            found = transaction.scan(self._update_key(before) + "\0", self._update_key(whole.n) + "\0")
            entries = [
                (key, entry)
                for key, raw in found
                for entry in self._entries(key, chunked_values.join_chunks(transaction, key, raw))
            ]
            for key, _ in found:
                chunked_values.delete_chunked(transaction, key)
            for at in range(0, len(entries), _PAGE_SIZE):
                some = [entry for _, entry in entries[at : at + _PAGE_SIZE]]
                block = msgspec.msgpack.encode((some[0][0], [update for _, update in some]))
                chunked_values.put_new(
                    transaction, self._update_key(some[-1][0]), _BLOCK + _add_checksum(zlib.compress(block, 6))
                )
            chunked_values.put_any(transaction, self._compacted_key, _add_checksum(msgspec.msgpack.encode(packed)))

        self._drafts.transact(work)

    def _entries(self, key: str, raw: bytes) -> Iterable[tuple[int, Update]]:
        raw = chunked_values.join_chunks(self._drafts, key, raw)
        body = _remove_checksum(raw[1:], key)
        if raw.startswith(_LOOSE):
            return [(self._parse_number(key), _decode(body, Update, key))]
        first, updates = _decode(_inflate(body, key), tuple[int, list[Update]], key)
        return enumerate(updates, first)

    def _update_key(self, n: int) -> str:
        return f"{self._prefix}{n:012d}"

    def _parse_number(self, key: str) -> int:
        return int(key.removeprefix(self._prefix))


def new_update(data: bytes, author: str, name: str = "") -> Update:
    """Return an update with the current time.

    Args:
        data: The change in the binary form of the CRDT library.
        author: User name of the author.
        name: Display name of the author.
    """
    return Update(now(), author, name, data)


def delete_logs(store: Store, documents: Iterable[str]) -> None:
    """Remove the update logs of these documents, and the records of the writes of agents into them, durably."""
    gone = list(documents)

    def work(transaction: Transaction) -> None:
        for document in gone:
            for key, _ in transaction.scan(*chunked_values.prefix_range(f"update/{document}/")):
                chunked_values.delete_chunked(transaction, key)
            chunked_values.delete_chunked(transaction, f"folded/{document}")
            writes.delete_writes(transaction, document)

    if gone:
        store.drafts.transact(work)


def _decode(raw: bytes, kind: type[T], key: str) -> T:
    try:
        return msgspec.msgpack.decode(raw, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as damage:
        raise StoreCorrupt(f"the stored value {key} is damaged: {damage}") from None


def _inflate(packed: bytes, key: str) -> bytes:
    """Unpack bytes. Raise StoreCorrupt if they are damaged or would need more than `MAX_DOCUMENT_BYTES`."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(packed, MAX_DOCUMENT_BYTES)
    except zlib.error as damage:
        raise StoreCorrupt(f"the stored value {key} is damaged: {damage}") from None
    if not unpacking.eof:
        raise StoreCorrupt(
            f"the stored value {key} is damaged: it has more than {MAX_DOCUMENT_BYTES} bytes, or an end is missing"
        )
    return data


def _add_checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big") + data


def _remove_checksum(raw: bytes, key: str) -> bytes:
    """Return the bytes without the checksum at their beginning. Raise StoreCorrupt if the checksum is wrong."""
    if zlib.crc32(raw[4:]).to_bytes(4, "big") != raw[:4]:
        raise StoreCorrupt(f"the stored value {key} is damaged: its checksum is wrong")
    return raw[4:]


prepare_structs(globals())
