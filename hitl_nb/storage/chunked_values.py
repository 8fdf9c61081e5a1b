"""Store values of any size under one key.

A value that fits into one value of the store is stored unchanged and can be read with `sqlite3`. A larger value is cut
into pieces (chunks) under `chunk/<token>/...`, and the stored value of the key names the token. Each write uses a new
token, so a reader detects that a value is being replaced, and then reads the new value.
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
"""Maximum size of a value, in bytes. A record that claims a larger size is refused."""


class _ChunkLocation(msgspec.Struct, frozen=True):
    """The location of the pieces of a value, and their total size in bytes."""

    token: Annotated[str, msgspec.Meta(pattern="^[a-z2-7]{12}$")]
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_CHUNKED_BYTES)]


def prefix_range(prefix: str) -> tuple[str, str]:
    """Return two keys (start, stop): a scan between them finds all keys that begin with `prefix`.

    `prefix` must end in "/".
    """
    return prefix, prefix[:-1] + "0"  # "0" follows "/" in ASCII


def put_new(transaction: Transaction, key: str, data: bytes) -> None:
    """Set a key that has no value yet to a value of any size. A large value is stored in pieces.

    Args:
        transaction: The transaction to write in.
        key: Key without a value. If it has a value, the pieces of that value would stay: use `put_any`.
        data: Value of at most `MAX_CHUNKED_BYTES` bytes.

    Raises:
        StoreFull: `data` is longer than `MAX_CHUNKED_BYTES`.
    """
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
    """Set a key to a value of any size. If the key already has a value, the pieces of the old value are removed.

    Raises:
        StoreFull: `data` is longer than `MAX_CHUNKED_BYTES`.
        StoreCorrupt: The old value names its pieces in a form that hitl_nb does not write.
    """
    _delete_chunks(transaction, key)
    put_new(transaction, key, data)


def delete_chunked(transaction: Transaction, key: str) -> None:
    """Remove a key and the pieces of its value. No effect if the key has no value.

    Raises:
        StoreCorrupt: The value names its pieces in a form that hitl_nb does not write.
    """
    _delete_chunks(transaction, key)
    transaction.delete(key)


def get_whole(reads: StoreReader, key: str) -> bytes | None:
    """Read the value of `key`, of any size.

    Returns:
        The value with its pieces joined; None if the key has no value.

    Raises:
        StoreCorrupt: A piece of the value is missing.
    """
    value = reads.get(key)
    return None if value is None else join_chunks(reads, key, value)


def join_chunks(reads: StoreReader, key: str, value: bytes) -> bytes:
    """Read the whole value of `key`, if the stored value of the key was already read.

    Args:
        reads: The store or transaction that `value` was read from.
        key: The key of the value.
        value: The stored value, as `StoreReader.get` or `StoreReader.scan` returned it.

    Returns:
        The value with its pieces joined. If the value was replaced in the meantime, the new value.

    Raises:
        StoreCorrupt: A piece of the value is missing.
    """
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
    """Return the size of the whole value in bytes, without reading its pieces.

    Args:
        key: The key of the value, for error messages.
        value: The stored value, as `StoreReader.get` returned it.

    Raises:
        StoreCorrupt: The value names its pieces in a form that hitl_nb does not write.
    """
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
    """Return the number of pieces (chunks) into which a value of `size` bytes is cut."""
    return -(-size // MAX_VALUE_BYTES)


prepare_structs(globals())
