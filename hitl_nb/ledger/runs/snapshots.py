"""Saved states of runs: the envelope (header and state as signed bytes) and the blobs (large buffers of the state).

Each blob is stored once, under the SHA-256 of its content, also if several runs use it. It is written in pieces when
the first run uses it, and removed when the last run no longer does. Its hash is checked only when it is read.

The store keeps the digest of the newest state separately, so that an older state that somebody puts back is detected.
If the state was saved with a pause or at the end of a run, the event has the digest. If it was saved between two
pauses, the record `saved/<run>` has the digest. This record counts if its claim is newer than the claim of that event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from hitl_nb import json_text as json
from hitl_nb.errors import StoreCorrupt, Untrusted
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import Digests, digest_state
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.records import Record, Snapshot
from hitl_nb.storage import chunked_values
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import MAX_VALUE_BYTES, Store, StoreReader, Transaction
from hitl_nb.structs import prepare_structs


class SavedState(Record, frozen=True, kw_only=True):
    """The identification of a run's saved state: when it was saved, and its digest.

    Attributes:
        epoch: Number of the claim under which the state was saved.
        pause: Number of pauses of the run at the time of saving.
        save: Number of the save under this claim, from 1; 0 for the save that ended the claim.
        digest: SHA-256 (hex) of the envelope and the hashes of the blobs (see `digest_state`).
    """

    epoch: int = 0
    pause: int = 0
    save: int = 0
    digest: str = ""


class RunState(NamedTuple):
    """A run's saved state, as it is read from the store.

    Attributes:
        envelope: Header and state as signed bytes.
        saved: Identification of the state.
        blob: Function that returns the content of a blob by its SHA-256 (hex). It raises StoreCorrupt if the blob is
            missing or has another hash.
    """

    envelope: bytes
    saved: SavedState
    blob: Callable[[str], bytes]


def state_place(store_id: str, run_id: str, saved: SavedState) -> str:
    """Return the name under which a store keeps a run's state. The signature of the state is bound to this name.

    Args:
        store_id: Id of the store.
        run_id: Id of the run.
        saved: Identification of the state; its digest is not used.
    """
    return f"snapshot/{store_id}/{run_id}/{saved.epoch}/{saved.pause}/{saved.save}"


def put_snapshot_between_pauses(transaction: Transaction, claim: Claim, snapshot: Snapshot) -> None:
    """Save a run's state between two pauses.

    Such a save has no event in the audit log, so the record `saved/<run>` gets the digest of the state.
    """
    digest = put_snapshot(transaction, claim.run, snapshot)[f"snapshot/{claim.run}"]
    saved = SavedState(epoch=claim.epoch, pause=snapshot.pause, save=snapshot.save, digest=digest)
    transaction.put(f"saved/{claim.run}", saved.json())


def put_snapshot(transaction: Transaction, run_id: str, snapshot: Snapshot) -> Digests:
    """Save a run's state in place of the previous one, with its blobs.

    Returns:
        Digest of the state by its key `snapshot/<run>`, for the audit log event of this change.
    """
    chunked_values.put_any(transaction, f"snapshot/{run_id}", snapshot.envelope)
    _put_blobs(transaction, run_id, snapshot)
    return {f"snapshot/{run_id}": digest_state(snapshot.envelope, snapshot.blobs)}


def _put_blobs(transaction: Transaction, run_id: str, snapshot: Snapshot) -> None:
    old = referenced_blobs(transaction, run_id)
    new = set(snapshot.blobs)
    if old == new:
        return
    for sha in sorted(new - old):
        _add_blob_reference(transaction, sha, run_id, snapshot.blobs[sha])
    for sha in sorted(old - new):
        _remove_blob_reference(transaction, sha, run_id)
    chunked_values.put_any(transaction, f"blobs/{run_id}", json.dumps(sorted(new)).encode())


def load_state(store: Store, run_id: str) -> RunState | None:
    """Return a run's saved state; None if it was never saved.

    Raises:
        Untrusted: The stored state is missing, or is not the one that was saved last.
        StoreCorrupt: A stored record is damaged.
    """
    envelope, saved, digest = newest_envelope(store, run_id)
    if saved is not None and saved.digest != digest:  # a newer state may have been saved during the read: read again
        return store.transact(lambda tx: read_state(tx, store, run_id))
    return _check_state(store, run_id, envelope, saved)


def read_state(transaction: Transaction, store: Store, run_id: str) -> RunState | None:
    """Return a run's saved state, read in a transaction; None if it was never saved.

    The blobs are read later and outside of the transaction, when `RunState.blob` is called.

    Args:
        transaction: The transaction to read in.
        store: The store of the transaction, for reading the blobs.
        run_id: Id of the run.

    Raises:
        Untrusted: The stored state is missing, or is not the one that was saved last.
        StoreCorrupt: A stored record is damaged.
    """
    envelope, saved, digest = newest_envelope(transaction, run_id)
    if saved is not None and saved.digest != digest:
        what = "missing" if envelope is None else "not the one that was saved last"
        raise Untrusted(
            f"the saved state of run {run_id} is {what}: it was changed in the store, or an older one was put back; "
            "nothing in it was executed. Restore the store from a backup; if you do not need this run, run the agent "
            "again with --restart"
        )
    return _check_state(store, run_id, envelope, saved)


def _check_state(store: Store, run_id: str, envelope: bytes | None, saved: SavedState | None) -> RunState | None:
    def blob(sha: str) -> bytes:
        pieces = store.scan(
            *prefix_range(f"blob/{sha}/"), limit=chunked_values.count_chunks(_blob_size(store, sha, run_id))
        )
        data = b"".join(piece for _, piece in pieces)
        if hashlib.sha256(data).hexdigest() != sha:
            raise StoreCorrupt(f"blob {sha[:12]} of run {run_id} is damaged or missing; start a new run")
        return data

    return None if envelope is None else RunState(envelope, saved or SavedState(), blob)


def last_saved_state(reads: StoreReader, run_id: str) -> SavedState | None:
    """Return the identification of the state of a run that was saved last, according to the events and `saved/<run>`.

    The state itself is not read. `read_state` compares it with this.

    Returns:
        The identification; None if no state was saved.

    Raises:
        StoreCorrupt: A stored record is damaged.
    """
    event = chain.newest_state_event(reads, run_id)
    logged = SavedState()
    if event is not None:
        logged = rows.convert_record(event.data, SavedState, f"event {event.n}")
        logged = msgspec.structs.replace(logged, digest=event.records.get(f"snapshot/{run_id}", ""))
    raw = reads.get(f"saved/{run_id}")
    between = SavedState() if raw is None else rows.decode_record(raw, SavedState, f"saved/{run_id}")
    newest = max(logged, between, key=lambda one: one.epoch)
    return newest if newest.digest else None


def newest_envelope(reads: StoreReader, run_id: str) -> tuple[bytes | None, SavedState | None, str]:
    """Return the stored envelope of a run, and the data to check whether it is the one that was saved last.

    Returns:
        1. The stored envelope; None: no state is stored. 2. The identification of the state that was saved last; None:
        no state was saved. 3. The digest of the stored state; "": no state is stored. If this digest differs from the
        digest of 2, the state was changed in the store.

    Raises:
        StoreCorrupt: A stored record is damaged.
    """
    envelope = chunked_values.get_whole(reads, f"snapshot/{run_id}")
    digest = "" if envelope is None else digest_state(envelope, referenced_blobs(reads, run_id))
    return envelope, last_saved_state(reads, run_id), digest


def delete_state(transaction: Transaction, run_id: str) -> None:
    """Remove a run's saved state, and the blobs that no other run uses."""
    for sha in sorted(referenced_blobs(transaction, run_id)):
        _remove_blob_reference(transaction, sha, run_id)
    chunked_values.delete_chunked(transaction, f"blobs/{run_id}")
    chunked_values.delete_chunked(transaction, f"snapshot/{run_id}")
    transaction.delete(f"saved/{run_id}")


def referenced_blobs(reads: StoreReader, run_id: str) -> set[str]:
    """Return the SHA-256 (hex) of each blob (large buffer) that a run's saved state uses.

    Raises:
        StoreCorrupt: The stored list of these hashes is damaged.
    """
    raw = chunked_values.get_whole(reads, f"blobs/{run_id}")
    try:
        return set() if raw is None else set(msgspec.json.decode(raw, type=list[str]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored record blobs/{run_id} is damaged: {damage}") from damage


def _add_blob_reference(transaction: Transaction, sha: str, run_id: str, content: Any) -> None:
    others = transaction.scan(*prefix_range(f"blobref/{sha}/"), limit=1)
    if others:
        size = others[0][1]
    else:
        data = memoryview(content).cast("B")
        size = str(len(data)).encode()
        for n, start in enumerate(range(0, len(data), MAX_VALUE_BYTES)):
            transaction.put(f"blob/{sha}/{n:06d}", bytes(data[start : start + MAX_VALUE_BYTES]))
    transaction.put(f"blobref/{sha}/{run_id}", size)


def _remove_blob_reference(transaction: Transaction, sha: str, run_id: str) -> None:
    size = _blob_size(transaction, sha, run_id)
    transaction.delete(f"blobref/{sha}/{run_id}")
    if not transaction.scan(*prefix_range(f"blobref/{sha}/"), limit=1):
        for n in range(chunked_values.count_chunks(size)):
            transaction.delete(f"blob/{sha}/{n:06d}")


def _blob_size(reads: StoreReader, sha: str, run_id: str) -> int:
    """Return the size in bytes of a blob that a run uses; 0 if the run does not use the blob."""
    key = f"blobref/{sha}/{run_id}"
    noted = reads.get(key) or b"0"
    if not noted.isdigit() or len(noted) > 11:  # below 100 GB
        raise StoreCorrupt(f"the stored record {key} is damaged: it is not the size of a buffer")
    return int(noted)


prepare_structs(globals())
