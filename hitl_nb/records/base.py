"""Base class of the stored records, and the functions that all records need: current time, ids and hashes."""

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
    """Return a new random id: 12 characters of `a-z2-7` (60 random bits)."""
    bits = secrets.randbits(60)
    return "".join([_PAIRS[bits >> at & 1023] for at in (0, 10, 20, 30, 40, 50)])


_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"

_PAIRS = [one + two for one in _LETTERS for two in _LETTERS]


def canonical_json(value: Any) -> bytes:
    """Return the canonical JSON text of `value` as UTF-8 bytes: sorted keys, no spaces, no NaN.

    Equal values have equal bytes, so hashes and signatures are computed from them.
    """
    return _spell_canonical(value).encode("utf-8", "surrogatepass")


_spell_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""The encoder is created once, because `json.dumps` creates a new one in every call with options."""


def fingerprint(run: str, position: str, kind: str, title: str, value: Any) -> str:
    """Return the SHA-256 (hex) of a question. A decision contains this hash, so it answers exactly this question.

    Args:
        run: Id of the run.
        position: Position in the run's code at which the question is asked.
        kind: Name of the kind of `value`, such as "json" or "table"; `kinds/registry.py` lists all kinds.
        title: Title of the proposal.
        value: The proposed value as plain JSON data.
    """
    return hashlib.sha256(canonical_json([run, position, kind, title, value])).hexdigest()


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base class of the stored records."""

    def json(self) -> bytes:
        """Return this record as JSON bytes."""
        return msgspec.json.encode(self)
