"""What an agent wrote into a shared document: one record a write, kept in the transaction that keeps its update.

So a write that is made again, by a run that goes on after a crash or by code that is replayed, is known and done once.

    write/<document>/<hash of the write's key>        Write
    write/<document>/<hash of a reading's key>        what a script read, so that it reads the same when run again
    write/<document>/<hash>/<n>                       Piece: what a stream has brought so far, until it has ended
    writer/<document>                                 the newest claim's fencing number that wrote here

All in `Store.drafts`. The claims themselves are in the other database, so a process that lost its run is known here
only once the next one has written: from then on nothing more of it comes in.
"""

from __future__ import annotations

import hashlib
from typing import Literal, TypeVar

import msgspec

from hitl_nb.errors import RunClaimed, StoreCorrupt
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import Store, StoreReader, Transaction
from hitl_nb.structs import prepare_structs

T = TypeVar("T")
WriteState = Literal["begun", "done", "suggested"]


class AgentWrite(msgspec.Struct, frozen=True):
    """One write. `client` is the CRDT peer that a stream writes as, so that its own text can be told from others'."""

    state: WriteState
    client: int = 0


class StreamPiece(msgspec.Struct, frozen=True, array_like=True):
    """A part of a stream's text, and the clock of its first UTF-16 unit."""

    clock: int
    text: str


class AgentWrites:
    """The writes into one document, made under the claim with the fencing number `epoch`."""

    def __init__(self, store: Store, document: str, epoch: int) -> None:
        self._drafts = store.drafts
        self._document = document
        self._epoch = epoch

    def find_write(self, key: str, reads: StoreReader | None = None) -> AgentWrite | None:
        """The record of a write. Raises StoreCorrupt."""
        place = self._write_key(key)
        raw = (reads or self._drafts).get(place)
        return None if raw is None else _decode(raw, AgentWrite, place)

    def list_pieces(self, key: str) -> list[StreamPiece]:
        """What a stream had brought when it was cut off. Raises StoreCorrupt."""
        found = self._drafts.scan(*chunked_values.prefix_range(f"{self._write_key(key)}/"))
        return [_decode(chunked_values.join_chunks(self._drafts, at, raw), StreamPiece, at) for at, raw in found]

    def require_newest_epoch(self, transaction: Transaction) -> None:
        """Let nobody write here whose claim is older. Raises RunClaimed if this one is."""
        place = f"writer/{self._document}"
        newest = int(transaction.get(place) or b"0")
        if newest > self._epoch:
            raise RunClaimed(
                "the run was taken over by another process, which writes into this document now; "
                "nothing was written, and this process should stop"
            )
        if newest < self._epoch:
            transaction.put(place, str(self._epoch).encode())

    def put_write(self, transaction: Transaction, key: str, write: AgentWrite) -> None:
        """Keep the record; of a write that has ended, the pieces go."""
        place = self._write_key(key)
        transaction.put(place, msgspec.json.encode(write))
        if write.state != "begun":
            self.delete_pieces_from(transaction, key, 0)

    def add_piece(self, transaction: Transaction, key: str, n: int, piece: StreamPiece) -> None:
        """Keep the n-th piece of a stream."""
        chunked_values.put_any(transaction, f"{self._write_key(key)}/{n:08d}", msgspec.json.encode(piece))

    def read_recorded(self, key: str, reads: StoreReader | None = None) -> bytes | None:
        """What was read under this key, if anything was."""
        return chunked_values.get_whole(reads or self._drafts, self._write_key(key))

    def record_once(self, transaction: Transaction, key: str, read: bytes) -> bytes:
        """Keep what was read under this key, unless something is kept already; what is kept."""
        known = self.read_recorded(key, transaction)
        if known is None:
            chunked_values.put_new(transaction, self._write_key(key), read)
        return read if known is None else known

    def delete_pieces_from(self, transaction: Transaction, key: str, n: int) -> None:
        """Forget the pieces of a stream from the n-th on."""
        for at, _ in transaction.scan(
            f"{self._write_key(key)}/{n:08d}", chunked_values.prefix_range(f"{self._write_key(key)}/")[1]
        ):
            chunked_values.delete_chunked(transaction, at)

    def _write_key(self, key: str) -> str:
        return f"write/{self._document}/{hashlib.sha256(key.encode()).hexdigest()}"


def delete_writes(transaction: Transaction, document: str) -> None:
    """Remove what is kept of the writes into a document."""
    for at, _ in transaction.scan(*chunked_values.prefix_range(f"write/{document}/")):
        chunked_values.delete_chunked(transaction, at)
    transaction.delete(f"writer/{document}")


def _decode(raw: bytes, kind: type[T], key: str) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored value {key} is damaged: {damage}") from None


prepare_structs(globals())
