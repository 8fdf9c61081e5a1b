"""The log of a shared draft: every update that somebody made to its document, in the order in which they were kept.

The log is the document. It is only ever added to, by kernels and servers alike; since updates of a CRDT commute, nobody
waits for anybody. What the bytes say is no business of the store's (`drafts/draft.py`).

    update/<document>/<n>    the n-th update, with its author and time; after `compact`, a packed block of those up to n
    folded/<document>        the whole document as of an update, so that opening it does not take the whole log

All in `Store.drafts`: safe from `kill -9` when acknowledged, from power loss after a second. Folding keeps every
update, so the document can be read as it was after any of them. Each value carries a checksum: pycrdt may die of an
update that is damaged, so none is handed on.
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
"""Most bytes that a document, or a block of its updates, may have when it is unpacked."""
_LOOSE, _BLOCK = b"\x01", b"\x02"
_PAGE_SIZE = 2000
"""Updates that are read at once, and the most that one block holds."""


class Update(msgspec.Struct, frozen=True, array_like=True):
    """One update, who made it, and when. `name` is how the author is shown; only `author` identifies."""

    at: datetime
    author: str
    name: str
    data: bytes


class CompactedDocument(msgspec.Struct, frozen=True, array_like=True):
    """The whole document as one update, as of the log's n-th."""

    n: int
    data: bytes


class UpdateLog:
    """The updates of one document.

    Args:
        store: the store that holds the proposal or the workspace.
        document: the document's id.
    """

    def __init__(self, store: Store, document: str) -> None:
        self.document = document
        self._drafts = store.drafts
        self._prefix = f"update/{document}/"
        self._compacted_key = f"folded/{document}"

    def last_number(self, reads: StoreReader | None = None) -> int:
        """The number of the newest update; 0 if there is none."""
        found = (reads or self._drafts).scan(*chunked_values.prefix_range(self._prefix), limit=1, reverse=True)
        return self._parse_number(found[0][0]) if found else 0

    def version(self) -> int:
        """A number that has changed when any document's log was added to since, by any process."""
        return self._drafts.version()

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Run `work`, which calls `add`, in a transaction; the future is done when its writes are safe."""
        return self._drafts.submit(work)

    def begin(self, update: Update) -> None:
        """Add the update, durably, unless there is one already."""
        if self.last_number() == 0:
            self._drafts.transact(lambda tx: None if self.last_number(tx) else self.add(tx, update))

    def append(self, update: Update) -> Future[int]:
        """Add an update; the future has its number once it is safe. The caller knows that it is one."""
        return self._drafts.submit(lambda tx: self.add(tx, update))

    def add(self, transaction: Transaction, update: Update) -> int:
        """Add an update as part of a transaction; its number."""
        n = self.last_number(transaction) + 1
        chunked_values.put_new(transaction, self._update_key(n), _LOOSE + _add_checksum(msgspec.msgpack.encode(update)))
        return n

    def updates_after(self, n: int) -> Iterator[tuple[int, Update]]:
        """The updates that follow the n-th, with their numbers, oldest first. Raises StoreCorrupt."""
        start, stop = self._update_key(n) + "\0", chunked_values.prefix_range(self._prefix)[1]
        while True:
            page = self._drafts.scan(start, stop, limit=_PAGE_SIZE)
            for key, raw in page:
                yield from (entry for entry in self._entries(key, raw) if entry[0] > n)
            if len(page) < _PAGE_SIZE:
                return
            start = page[-1][0] + "\0"

    def newest_compacted(self) -> CompactedDocument | None:
        """The newest folded document, if there is one. Raises StoreCorrupt."""
        raw = chunked_values.get_whole(self._drafts, self._compacted_key)
        if raw is None:
            return None
        folded = _decode(_remove_checksum(raw, self._compacted_key), CompactedDocument, self._compacted_key)
        return CompactedDocument(folded.n, _inflate(folded.data, self._compacted_key))

    def compact(self, whole: CompactedDocument) -> None:
        """Pack the updates up to the `whole.n`-th, and keep the document that they make.

        What is packed is decided inside of the transaction, so folding twice at once does no harm.
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
    """An update made now."""
    return Update(now(), author, name, data)


def delete_logs(store: Store, documents: Iterable[str]) -> None:
    """Forget the logs of these documents and who wrote them, durably."""
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
    """Raises StoreCorrupt for what is not packed, or would fill the memory."""
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
    """What `_add_checksum` was given. Raises StoreCorrupt."""
    if zlib.crc32(raw[4:]).to_bytes(4, "big") != raw[:4]:
        raise StoreCorrupt(f"the stored value {key} is damaged: its checksum is another")
    return raw[4:]


prepare_structs(globals())
