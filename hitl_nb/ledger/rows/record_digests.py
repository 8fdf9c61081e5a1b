"""Digests of records in events: the SHA-256 of each record that an event creates or changes.

The verification of a store (`ledger/verification.py`) compares the stored records with the digests in the newest
events. A digest covers the stored bytes of a record, with two exceptions. The digest of a run leaves out the fields
`UNLOGGED`, because claiming a run changes these fields without an event. The digest of a run's saved state covers its
envelope (signed bytes) and the hashes of its blobs (large buffers).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from hitl_nb.errors import StoreCorrupt

Digests = dict[str, str]
"""Digest of each record by the record's key: SHA-256 (hex), or `REMOVED`."""

REMOVED = ""
"""Digest of a record that was removed."""

UNLOGGED = ("epoch", "updated_at")
"""Fields of a run that change without an event."""


def digest_record(key: str, raw: bytes) -> str:
    """Return the digest of a record: SHA-256 (hex) of its stored bytes. For a run, `UNLOGGED` fields are left out.

    Args:
        key: Key of the record.
        raw: The stored bytes.

    Raises:
        StoreCorrupt: The key is that of a run, and the bytes are not a JSON object.
    """
    return digest_run(key, raw) if key.startswith("run/") else hashlib.sha256(raw).hexdigest()


def digest_run(key: str, raw: bytes) -> str:
    """Return the digest of a run: SHA-256 (hex) of its stored JSON without the fields `UNLOGGED`.

    Args:
        key: Key of the run, for the error message.
        raw: The stored bytes.

    Raises:
        StoreCorrupt: The bytes are not a JSON object.
    """
    try:
        fields: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored record {key} is damaged: {damage}") from damage
    logged = {name: one for name, one in fields.items() if name not in UNLOGGED}  # in the stored order
    return hashlib.sha256(msgspec.json.encode(logged)).hexdigest()


def digest_state(envelope: bytes, blobs: Iterable[str]) -> str:
    """Return the digest (SHA-256, hex) of a run's saved state.

    Args:
        envelope: Header and state as signed bytes.
        blobs: SHA-256 (hex) of each blob (large buffer) that the state uses.
    """
    named = "".join(sorted(blobs)).encode()
    return hashlib.sha256(hashlib.sha256(envelope).digest() + named).hexdigest()
