"""The records of a thread of LangGraph: delete and copy them, inside a transaction.

A `DeltaChannel` of LangGraph stores its value only sometimes. In between, its value is made from the writes of earlier
checkpoints. So these are kept with the newest checkpoint.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from langgraph.checkpoint.serde.base import SerializerProtocol

from hitl_nb.extend import RecordTransaction
from hitl_nb.integrations.langgraph.records import (
    EMPTY,
    BlobRecord,
    CheckpointRecord,
    blob_key,
    decode,
    encode,
    join_key,
)


def delete_checkpoint(transaction: RecordTransaction, record: CheckpointRecord) -> None:
    """Delete a checkpoint, its writes, and its entry in the index of runs. Values of channels are kept."""
    transaction.delete_all(record.writes_prefix)
    transaction.delete(record.key)
    if record.run_key is not None:
        transaction.delete(record.run_key)


def sweep_blobs(transaction: RecordTransaction, thread: str, serde: SerializerProtocol) -> None:
    """Delete the values of channels that no checkpoint of a thread has."""
    used = {
        blob_key(record.thread, record.namespace, channel, version)
        for record in _read_checkpoints(transaction, thread)
        for channel, version in serde.loads_typed(record.checkpoint)["channel_versions"].items()
    }
    for key in transaction.list_keys(join_key("b", thread) + "/"):
        if key not in used:
            transaction.delete(key)


def copy_records(transaction: RecordTransaction, source: str, target: str) -> None:
    """Copy all records of a thread to another thread. They are signed again for their new keys."""
    if source == target:
        return
    for record in _read_checkpoints(transaction, source):
        copy = msgspec.structs.replace(record, thread=target)
        transaction.put(copy.key, encode(copy))
        if copy.run_key is not None:
            transaction.put(copy.run_key, encode(copy.without_content()))
    for kind in "bw":
        before, after = (join_key(kind, thread) + "/" for thread in (source, target))
        for key, data in transaction.scan(before):
            transaction.put(after + key.removeprefix(before), data)


def prune_thread(transaction: RecordTransaction, thread: str, serde: SerializerProtocol) -> None:
    """Delete all checkpoints of a thread but the newest of each namespace, and those that its value is made from."""
    namespaces: defaultdict[str, dict[str, CheckpointRecord]] = defaultdict(dict)
    for record in _read_checkpoints(transaction, thread):
        namespaces[record.namespace][record.id] = record
    for records in namespaces.values():
        kept = _find_needed(transaction, records, serde)
        for record in records.values():
            if record.id not in kept:
                delete_checkpoint(transaction, record)
    sweep_blobs(transaction, thread, serde)


def _find_needed(
    transaction: RecordTransaction, records: dict[str, CheckpointRecord], serde: SerializerProtocol
) -> set[str]:
    """Return the ids of the newest checkpoint of a namespace, and of those before it that a `DeltaChannel` needs.

    The metadata of a checkpoint name the channels whose value is not stored with it. Going back from the newest one, a
    channel needs each checkpoint up to the first one that has a value. The writes of that one belong to it, too.
    """
    record = records[max(records)]
    kept = {record.id}
    open_channels = set(serde.loads_typed(record.metadata).get("counters_since_delta_snapshot") or ())
    open_channels -= _find_stored(transaction, record, open_channels, serde)
    while open_channels and record.parent in records and record.parent not in kept:
        record = records[record.parent]
        kept.add(record.id)
        open_channels -= _find_stored(transaction, record, open_channels, serde)
    return kept


def _find_stored(
    transaction: RecordTransaction, record: CheckpointRecord, channels: Iterable[str], serde: SerializerProtocol
) -> set[str]:
    """Return those of the channels whose value is stored for a checkpoint."""
    versions: dict[str, Any] = serde.loads_typed(record.checkpoint)["channel_versions"]
    found: set[str] = set()
    for channel in channels:
        if channel in versions:
            data = transaction.get(blob_key(record.thread, record.namespace, channel, versions[channel]))
            if data is not None and decode(data, BlobRecord).value[0] != EMPTY[0]:
                found.add(channel)
    return found


def _read_checkpoints(transaction: RecordTransaction, thread: str) -> list[CheckpointRecord]:
    return [decode(data, CheckpointRecord) for _, data in transaction.scan(join_key("c", thread) + "/")]
