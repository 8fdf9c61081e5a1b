"""What an event says of the records that it creates or changes: their SHA-256, so that they can be compared later.

A digest is over the bytes as they are kept. Of a run, `UNLOGGED` is left out, because a claim changes it without an
event; of a run's state, it is over the envelope and the names of its blobs. `ledger/verification.py` compares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from hitl_nb.errors import StoreCorrupt

Digests = dict[str, str]
"""By the key of the record, SHA-256 (hex), or `REMOVED`."""

REMOVED = ""
"""The record was removed."""

UNLOGGED = ("epoch", "updated_at")
"""Fields of a run that change without an event."""


def digest_record(key: str, raw: bytes) -> str:
    """The digest of the bytes that are kept at `key`. Raises StoreCorrupt for a run that is none."""
    return digest_run(key, raw) if key.startswith("run/") else hashlib.sha256(raw).hexdigest()


def digest_run(key: str, raw: bytes) -> str:
    """The digest of a run. Raises StoreCorrupt."""
    try:
        fields: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored record {key} is damaged: {damage}") from damage
    logged = {name: one for name, one in fields.items() if name not in UNLOGGED}  # in the order that they are kept in
    return hashlib.sha256(msgspec.json.encode(logged)).hexdigest()


def digest_state(envelope: bytes, blobs: Iterable[str]) -> str:
    """The digest of a run's state; `blobs` are the SHA-256 (hex) of its blobs."""
    named = "".join(sorted(blobs)).encode()
    return hashlib.sha256(hashlib.sha256(envelope).digest() + named).hexdigest()
