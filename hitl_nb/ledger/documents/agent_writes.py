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
from hitl_nb.storage import chunked as large
from hitl_nb.storage.interface import Reads, Store, Transaction
from hitl_nb.structs import prepare_structs

T = TypeVar("T")
State = Literal["begun", "done", "suggested"]


class Write(msgspec.Struct, frozen=True):
    """One write. `client` is the CRDT peer that a stream writes as, so that its own text can be told from others'."""

    state: State
    client: int = 0


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """A part of a stream's text, and the clock of its first UTF-16 unit."""

    clock: int
    text: str


class Writes:
    """The writes into one document, made under the claim with the fencing number `epoch`."""

    def __init__(self, store: Store, document: str, epoch: int) -> None:
        self._drafts = store.drafts
        self._document = document
        self._epoch = epoch

    def find(self, key: str, reads: Reads | None = None) -> Write | None:
        """The record of a write. Raises StoreCorrupt."""
        place = self._place(key)
        raw = (reads or self._drafts).get(place)
        return None if raw is None else _decoded(raw, Write, place)

    def pieces(self, key: str) -> list[Piece]:
        """What a stream had brought when it was cut off. Raises StoreCorrupt."""
        found = self._drafts.scan(*large.span(f"{self._place(key)}/"))
        return [_decoded(large.whole(self._drafts, at, raw), Piece, at) for at, raw in found]

    def fence(self, tx: Transaction) -> None:
        """Let nobody write here whose claim is older. Raises RunClaimed if this one is."""
        place = f"writer/{self._document}"
        newest = int(tx.get(place) or b"0")
        if newest > self._epoch:
            raise RunClaimed(
                "the run was taken over by another process, which writes into this document now; "
                "nothing was written, and this process should stop"
            )
        if newest < self._epoch:
            tx.put(place, str(self._epoch).encode())

    def put(self, tx: Transaction, key: str, write: Write) -> None:
        """Keep the record; of a write that has ended, the pieces go."""
        place = self._place(key)
        tx.put(place, msgspec.json.encode(write))
        if write.state != "begun":
            self.cut(tx, key, 0)

    def add_piece(self, tx: Transaction, key: str, n: int, piece: Piece) -> None:
        """Keep the n-th piece of a stream."""
        large.replace(tx, f"{self._place(key)}/{n:08d}", msgspec.json.encode(piece))

    def recall(self, key: str, reads: Reads | None = None) -> bytes | None:
        """What was read under this key, if anything was."""
        return large.get(reads or self._drafts, self._place(key))

    def remember(self, tx: Transaction, key: str, read: bytes) -> bytes:
        """Keep what was read under this key, unless something is kept already; what is kept."""
        known = self.recall(key, tx)
        if known is None:
            large.put(tx, self._place(key), read)
        return read if known is None else known

    def cut(self, tx: Transaction, key: str, n: int) -> None:
        """Forget the pieces of a stream from the n-th on."""
        for at, _ in tx.scan(f"{self._place(key)}/{n:08d}", large.span(f"{self._place(key)}/")[1]):
            large.delete(tx, at)

    def _place(self, key: str) -> str:
        return f"write/{self._document}/{hashlib.sha256(key.encode()).hexdigest()}"


def forget(tx: Transaction, document: str) -> None:
    """Remove what is kept of the writes into a document."""
    for at, _ in tx.scan(*large.span(f"write/{document}/")):
        large.delete(tx, at)
    tx.delete(f"writer/{document}")


def _decoded(raw: bytes, kind: type[T], key: str) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored value {key} is damaged: {damage}") from None


prepare_structs(globals())
