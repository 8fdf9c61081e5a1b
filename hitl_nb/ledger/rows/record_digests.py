"""Digests of records in events: SHA-256 of each record that an event creates or changes.

`ledger/verification.py` compares the records with them. A digest covers the stored bytes. There are two exceptions. The
digest of a run leaves out the fields `UNLOGGED`, because a claim changes them without an event. The digest of a run's
state covers the envelope and the names of its blobs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from hitl_nb.errors import StoreCorrupt

Digests = dict[str, str]
"""SHA-256 (hex), or `REMOVED`, by the key of the record."""

REMOVED = ""
"""Digest of a record that was removed."""

UNLOGGED = ("epoch", "updated_at")
"""Fields of a run that change without an event."""


def digest_record(key: str, raw: bytes) -> str:
    """Return the digest of the bytes that are stored at `key`.

    Raises:
        StoreCorrupt: `key` is of a run, and the bytes are not a run.
    """
    return digest_run(key, raw) if key.startswith("run/") else hashlib.sha256(raw).hexdigest()


def digest_run(key: str, raw: bytes) -> str:
    """Return the digest of a run's stored bytes, without the fields `UNLOGGED`.

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
    """Return the digest of a run's state.

    Args:
        envelope: The stored envelope.
        blobs: SHA-256 (hex) of each blob of the state.
    """
    named = "".join(sorted(blobs)).encode()
    return hashlib.sha256(hashlib.sha256(envelope).digest() + named).hexdigest()
