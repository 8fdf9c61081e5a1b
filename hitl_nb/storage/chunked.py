"""A value of any size under one key.

What fits into one value of the store is kept as it is, readable with `sqlite3`. What does not is cut into
pieces under `chunk/<token>/...`, and its key names the token. Each writing takes a new token, so a reader who
meets a value that is being replaced notices, and reads the new one.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from hitl_nb import json_text as json
from hitl_nb.errors import StoreCorrupt, StoreFull
from hitl_nb.records import new_id
from hitl_nb.storage.interface import MAX_VALUE, Reads, Transaction
from hitl_nb.structs import prepare_structs

_MARK = b"\x00hitl/large/v1\x00"

LARGEST = 1 << 30
"""Largest value, in bytes: what a record says of its size is not believed beyond this."""


class _Place(msgspec.Struct, frozen=True):
    """Where the pieces are, and how many bytes they have in all."""

    token: Annotated[str, msgspec.Meta(pattern="^[a-z2-7]{12}$")]
    size: Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]


def span(prefix: str) -> tuple[str, str]:
    """The bounds of a scan over the keys that begin with `prefix` (which ends in "/")."""
    return prefix, prefix[:-1] + "0"  # "0" follows "/"


def put(tx: Transaction, key: str, data: bytes) -> None:
    """Set `key`, which holds nothing yet."""
    if len(data) <= MAX_VALUE and not data.startswith(_MARK):
        tx.put(key, data)
        return
    if len(data) > LARGEST:
        raise StoreFull(f"value of {key} has {len(data)} bytes, the limit is {LARGEST}")
    token = new_id()
    for n, start in enumerate(range(0, len(data), MAX_VALUE)):
        tx.put(f"chunk/{token}/{n:06d}", data[start : start + MAX_VALUE])
    tx.put(key, _MARK + json.dumps({"token": token, "size": len(data)}).encode())


def replace(tx: Transaction, key: str, data: bytes) -> None:
    """Set `key`, whatever it holds."""
    _drop_pieces(tx, key)
    put(tx, key, data)


def delete(tx: Transaction, key: str) -> None:
    """Remove `key`, if it is there."""
    _drop_pieces(tx, key)
    tx.delete(key)


def get(reads: Reads, key: str) -> bytes | None:
    """The whole value of `key`, or None. Raises StoreCorrupt if a piece of it is missing."""
    value = reads.get(key)
    return None if value is None else whole(reads, key, value)


def whole(reads: Reads, key: str, value: bytes) -> bytes:
    """The whole value of `key`, given what a scan or `Reads.get` found there. Raises StoreCorrupt."""
    while value.startswith(_MARK):
        token, size = _place(key, value)
        pieces = reads.scan(*span(f"chunk/{token}/"), limit=count(size))
        data = b"".join(piece for _, piece in pieces)
        if len(data) == size:
            return data
        newer = reads.get(key)
        if newer is None or newer == value:
            raise StoreCorrupt(f"the stored value {key} is damaged: {len(data)} of its {size} bytes are there")
        value = newer
    return value


def size(key: str, value: bytes) -> int:
    """How many bytes the whole value has, given what `Reads.get` found there. Raises StoreCorrupt."""
    return _place(key, value)[1] if value.startswith(_MARK) else len(value)


def _drop_pieces(tx: Transaction, key: str) -> None:
    old = tx.get(key)
    if old is not None and old.startswith(_MARK):
        token, size = _place(key, old)
        for n in range(count(size)):
            tx.delete(f"chunk/{token}/{n:06d}")


def _place(key: str, value: bytes) -> tuple[str, int]:
    try:
        place = msgspec.json.decode(value[len(_MARK) :], type=_Place)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored value {key} is damaged: {damage}") from damage
    return place.token, place.size


def count(size: int) -> int:
    """How many pieces so many bytes are cut into."""
    return -(-size // MAX_VALUE)


prepare_structs(globals())
