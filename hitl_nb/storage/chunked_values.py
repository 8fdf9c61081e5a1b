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
from hitl_nb.storage.interface import MAX_VALUE_BYTES, StoreReader, Transaction
from hitl_nb.structs import prepare_structs

_LARGE_MARK = b"\x00hitl/large/v1\x00"

MAX_CHUNKED_BYTES = 1 << 30
"""Largest value, in bytes: what a record says of its size is not believed beyond this."""


class _ChunkLocation(msgspec.Struct, frozen=True):
    """Where the pieces are, and how many bytes they have in all."""

    token: Annotated[str, msgspec.Meta(pattern="^[a-z2-7]{12}$")]
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_CHUNKED_BYTES)]


def prefix_range(prefix: str) -> tuple[str, str]:
    """The bounds of a scan over the keys that begin with `prefix` (which ends in "/")."""
    return prefix, prefix[:-1] + "0"  # "0" follows "/"


def put_new(transaction: Transaction, key: str, data: bytes) -> None:
    """Set `key`, which holds nothing yet."""
    if len(data) <= MAX_VALUE_BYTES and not data.startswith(_LARGE_MARK):
        transaction.put(key, data)
        return
    if len(data) > MAX_CHUNKED_BYTES:
        raise StoreFull(f"value of {key} has {len(data)} bytes, the limit is {MAX_CHUNKED_BYTES}")
    token = new_id()
    for n, start in enumerate(range(0, len(data), MAX_VALUE_BYTES)):
        transaction.put(f"chunk/{token}/{n:06d}", data[start : start + MAX_VALUE_BYTES])
    transaction.put(key, _LARGE_MARK + json.dumps({"token": token, "size": len(data)}).encode())


def put_any(transaction: Transaction, key: str, data: bytes) -> None:
    """Set `key`, whatever it holds."""
    _delete_chunks(transaction, key)
    put_new(transaction, key, data)


def delete_chunked(transaction: Transaction, key: str) -> None:
    """Remove `key`, if it is there."""
    _delete_chunks(transaction, key)
    transaction.delete(key)


def get_whole(reads: StoreReader, key: str) -> bytes | None:
    """The whole value of `key`, or None. Raises StoreCorrupt if a piece of it is missing."""
    value = reads.get(key)
    return None if value is None else join_chunks(reads, key, value)


def join_chunks(reads: StoreReader, key: str, value: bytes) -> bytes:
    """The whole value of `key`, given what a scan or `StoreReader.get_whole` found there. Raises StoreCorrupt."""
    while value.startswith(_LARGE_MARK):
        token, size = _read_location(key, value)
        pieces = reads.scan(*prefix_range(f"chunk/{token}/"), limit=count_chunks(size))
        data = b"".join(piece for _, piece in pieces)
        if len(data) == size:
            return data
        newer = reads.get(key)
        if newer is None or newer == value:
            raise StoreCorrupt(f"the stored value {key} is damaged: {len(data)} of its {size} bytes are there")
        value = newer
    return value


def whole_size(key: str, value: bytes) -> int:
    """How many bytes the whole value has, given what `StoreReader.get_whole` found there. Raises StoreCorrupt."""
    return _read_location(key, value)[1] if value.startswith(_LARGE_MARK) else len(value)


def _delete_chunks(transaction: Transaction, key: str) -> None:
    old = transaction.get(key)
    if old is not None and old.startswith(_LARGE_MARK):
        token, size = _read_location(key, old)
        for n in range(count_chunks(size)):
            transaction.delete(f"chunk/{token}/{n:06d}")


def _read_location(key: str, value: bytes) -> tuple[str, int]:
    try:
        place = msgspec.json.decode(value[len(_LARGE_MARK) :], type=_ChunkLocation)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored value {key} is damaged: {damage}") from damage
    return place.token, place.size


def count_chunks(size: int) -> int:
    """How many pieces so many bytes are cut into."""
    return -(-size // MAX_VALUE_BYTES)


prepare_structs(globals())
