"""Base class of the stored records, and what all of them need: time, ids, hashes."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any

import msgspec

from hitl_nb import json_text as json


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Make an opaque id: 12 characters of `a-z2-7`, 60 random bits."""
    bits = secrets.randbits(60)
    return "".join([_PAIRS[bits >> at & 1023] for at in (0, 10, 20, 30, 40, 50)])


_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"

_PAIRS = [one + two for one in _LETTERS for two in _LETTERS]


def canonical_json(value: Any) -> bytes:
    """Return the one JSON form of `value` that is hashed: sorted keys, no spaces, UTF-8, no NaN."""
    return _spell_canonical(value).encode("utf-8", "surrogatepass")


_spell_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""One encoder, made once: `json.dumps` makes a new encoder for every call with settings."""


def fingerprint(run: str, position: str, kind: str, title: str, value: Any) -> str:
    """Return the hash that a decision is bound to: SHA-256 (hex) of the question's canonical JSON.

    Args:
        run: Id of the run.
        position: Place of the question in the run.
        kind: Name of its kind; see `kinds/registry.py`.
        title: Title of the proposal.
        value: The proposed value as JSON.
    """
    return hashlib.sha256(canonical_json([run, position, kind, title, value])).hexdigest()


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base class of the stored records."""

    def json(self) -> bytes:
        """Return this record as JSON bytes."""
        return msgspec.json.encode(self)
