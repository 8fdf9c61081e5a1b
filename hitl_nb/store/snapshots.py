"""A run's saved state: the envelope, and large buffers that are kept once by their content.

A blob's pieces are written when its first run names it and removed with the last. The hash is the caller's
word when it is written; it is checked when it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from hitl_nb.errors import StoreCorrupt
from hitl_nb.records import Snapshot
from hitl_nb.store import large
from hitl_nb.store.base import MAX_VALUE, Reads, Transaction
from hitl_nb.store.large import span


def put(tx: Transaction, run_id: str, snapshot: Snapshot) -> None:
    """Make `snapshot` the run's state, in place of the one before."""
    large.replace(tx, f"snapshot/{run_id}", snapshot.envelope)
    old = _named(tx, run_id)
    new = set(snapshot.blobs)
    if old == new:
        return
    for sha in sorted(new - old):
        _name(tx, sha, run_id, snapshot.blobs[sha])
    for sha in sorted(old - new):
        _unname(tx, sha, run_id)
    large.replace(tx, f"blobs/{run_id}", json.dumps(sorted(new)).encode())


def get(reads: Reads, run_id: str) -> tuple[bytes, Callable[[str], bytes]] | None:
    """The run's envelope, and a function that reads a blob by its SHA-256 (hex) and raises StoreCorrupt."""
    envelope = large.get(reads, f"snapshot/{run_id}")

    def blob(sha: str) -> bytes:
        data = b"".join(piece for _, piece in reads.scan(*span(f"blob/{sha}/")))
        if hashlib.sha256(data).hexdigest() != sha:
            raise StoreCorrupt(f"blob {sha[:12]} of run {run_id} is damaged or missing; start the run anew")
        return data

    return None if envelope is None else (envelope, blob)


def delete(tx: Transaction, run_id: str) -> None:
    """Remove the run's state, and the blobs that no other run names."""
    for sha in sorted(_named(tx, run_id)):
        _unname(tx, sha, run_id)
    large.delete(tx, f"blobs/{run_id}")
    large.delete(tx, f"snapshot/{run_id}")


def _named(reads: Reads, run_id: str) -> set[str]:
    raw = large.get(reads, f"blobs/{run_id}")
    return set() if raw is None else set(json.loads(raw))


def _name(tx: Transaction, sha: str, run_id: str, content: Any) -> None:
    others = tx.scan(*span(f"blobref/{sha}/"), limit=1)
    if others:
        size = others[0][1]
    else:
        data = memoryview(content).cast("B")
        size = str(len(data)).encode()
        for n, start in enumerate(range(0, len(data), MAX_VALUE)):
            tx.put(f"blob/{sha}/{n:06d}", bytes(data[start : start + MAX_VALUE]))
    tx.put(f"blobref/{sha}/{run_id}", size)


def _unname(tx: Transaction, sha: str, run_id: str) -> None:
    size = int(tx.get(f"blobref/{sha}/{run_id}") or b"0")
    tx.delete(f"blobref/{sha}/{run_id}")
    if not tx.scan(*span(f"blobref/{sha}/"), limit=1):
        for n in range(-(-size // MAX_VALUE)):
            tx.delete(f"blob/{sha}/{n:06d}")
