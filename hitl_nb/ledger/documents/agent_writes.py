"""Writes of an agent into a shared document, each recorded in the transaction that saves its update.

A run that continues after a crash executes some code again, and so makes the same writes again. Each write has a key,
and its record shows that it was applied. So each write is applied only once. A *stream* is a write whose text comes in
pieces. A script can also record a text that it has read, so that the same code reads the same text again.

    write/<document>/<hash of the write's key>        AgentWrite
    write/<document>/<hash of a reading's key>        text that a script read, so that it reads the same when run again
    write/<document>/<hash>/<n>                       StreamPiece: a piece of a stream that has not ended
    writer/<document>                                 the newest fencing number of a claim that wrote here

All keys are in `Store.drafts`. The claims (exclusive rights to execute a run) are in the other database. So this
database detects that a process has lost its run only after the next owner has written here. From then on, all writes of
the old process are refused.
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
    """One write of an agent.

    Attributes:
        state: "begun": a stream that has not ended. "done": the text is in the document. "suggested": the text was
            recorded as a suggestion for people instead.
        client: CRDT client id under which a stream inserts text, so that its text can be distinguished from that of
            others. 0: not a stream.
    """

    state: WriteState
    client: int = 0


class StreamPiece(msgspec.Struct, frozen=True, array_like=True):
    """A piece of the text of a stream that has not ended.

    Attributes:
        clock: CRDT clock (number) of the first UTF-16 unit of the piece.
        text: Text of the piece.
    """

    clock: int
    text: str


class AgentWrites:
    """The writes of a run into one document, under one claim (exclusive right of a process to execute the run).

    Args:
        store: The store of the run.
        document: Id of the document.
        epoch: Fencing number of the claim, which grows with every claim of the run.
    """

    def __init__(self, store: Store, document: str, epoch: int) -> None:
        self._drafts = store.drafts
        self._document = document
        self._epoch = epoch

    def find_write(self, key: str, reads: StoreReader | None = None) -> AgentWrite | None:
        """Return the record of the agent's write with this key; None if the write was not begun.

        Args:
            key: Key of the write.
            reads: Transaction of `Store.drafts` to read in. None (default): read outside of a transaction.

        Raises:
            StoreCorrupt: The record is damaged.
        """
        place = self._write_key(key)
        raw = (reads or self._drafts).get(place)
        return None if raw is None else _decode(raw, AgentWrite, place)

    def list_pieces(self, key: str) -> list[StreamPiece]:
        """Return the saved pieces of a stream (a write whose text comes in pieces) that has not ended, in order.

        Raises:
            StoreCorrupt: A piece is damaged.
        """
        found = self._drafts.scan(*chunked_values.prefix_range(f"{self._write_key(key)}/"))
        return [_decode(chunked_values.join_chunks(self._drafts, at, raw), StreamPiece, at) for at, raw in found]

    def require_newest_epoch(self, transaction: Transaction) -> None:
        """Check that no process with a newer claim has written into the document.

        From now on, processes with an older claim than this one are refused.

        Raises:
            RunClaimed: A process with a newer claim has written into the document.
        """
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
        """Save the record of a write. If its state is not "begun", the saved pieces of its stream are removed.

        Args:
            transaction: Transaction of `Store.drafts`.
            key: Key of the write.
            write: The record.
        """
        place = self._write_key(key)
        transaction.put(place, msgspec.json.encode(write))
        if write.state != "begun":
            self.delete_pieces_from(transaction, key, 0)

    def add_piece(self, transaction: Transaction, key: str, n: int, piece: StreamPiece) -> None:
        """Save piece number `n` (from 0) of the stream with this key."""
        chunked_values.put_any(transaction, f"{self._write_key(key)}/{n:08d}", msgspec.json.encode(piece))

    def read_recorded(self, key: str, reads: StoreReader | None = None) -> bytes | None:
        """Return the text that `record_once` has recorded for this key, as bytes; None if there is none.

        Args:
            key: Key of the reading.
            reads: Transaction of `Store.drafts` to read in. None (default): read outside of a transaction.

        Raises:
            StoreCorrupt: The record is damaged.
        """
        return chunked_values.get_whole(reads or self._drafts, self._write_key(key))

    def record_once(self, transaction: Transaction, key: str, read: bytes) -> bytes:
        """Record a text that a script has read, unless a text is recorded for this key already.

        Args:
            transaction: Transaction of `Store.drafts`.
            key: Key of the reading.
            read: The text as bytes.

        Returns:
            The recorded text: the first one for this key.
        """
        known = self.read_recorded(key, transaction)
        if known is None:
            chunked_values.put_new(transaction, self._write_key(key), read)
        return read if known is None else known

    def delete_pieces_from(self, transaction: Transaction, key: str, n: int) -> None:
        """Remove the saved pieces of a stream, from piece number `n` (0-based) to the last one."""
        for at, _ in transaction.scan(
            f"{self._write_key(key)}/{n:08d}", chunked_values.prefix_range(f"{self._write_key(key)}/")[1]
        ):
            chunked_values.delete_chunked(transaction, at)

    def _write_key(self, key: str) -> str:
        return f"write/{self._document}/{hashlib.sha256(key.encode()).hexdigest()}"


def delete_writes(transaction: Transaction, document: str) -> None:
    """Remove all records of the writes of agents into a document."""
    for at, _ in transaction.scan(*chunked_values.prefix_range(f"write/{document}/")):
        chunked_values.delete_chunked(transaction, at)
    transaction.delete(f"writer/{document}")


def _decode(raw: bytes, kind: type[T], key: str) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored value {key} is damaged: {damage}") from None


prepare_structs(globals())
