"""`HitlSaver`: a checkpointer of LangGraph over the store of hitl_nb.

Each method that writes is one transaction, which is durable when the method returns. Values are signed with this
user's key: LangGraph builds objects from what it reads, so nothing is deserialized that was changed in the store.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from anyio import to_thread
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from hitl_nb.extend import RecordTransaction, SealedRecords, Store
from hitl_nb.integrations.langgraph.records import (
    EMPTY,
    BlobRecord,
    CheckpointRecord,
    WriteRecord,
    blob_key,
    decode,
    encode,
    join_key,
)
from hitl_nb.integrations.langgraph.thread_records import copy_records, delete_checkpoint, prune_thread, sweep_blobs

Work = Callable[[RecordTransaction], None]
"""Function that writes in a transaction."""
PAGE_SIZE = 20
"""Number of checkpoints that `list` reads together."""


class HitlSaver(BaseCheckpointSaver[str]):
    """Checkpointer for `builder.compile(checkpointer=HitlSaver())`, sync and async.

    The threads of LangGraph are then in the same store as the runs and proposals of hitl_nb. Every process of this user
    can continue them. The store is opened at the first use.

    Args:
        store: The store, from `hitl_nb.open_store`, or its URL. None (default): this user's store.
        serde: Serializer for values. None (default): the one of LangGraph.
    """

    def __init__(self, store: Store | str | None = None, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(serde=serde)
        self._store = store
        self._opened: SealedRecords | None = None

    @property
    def records(self) -> SealedRecords:
        """The records of this saver. The store is opened again if it was closed."""
        if self._opened is None or self._opened.store.closed:
            self._opened = SealedRecords("lg", self._store)
        return self._opened

    # Write

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, and those values of its channels that are new. Return its configuration."""
        work, made = self._prepare_checkpoint(config, checkpoint, metadata, new_versions)
        self.records.transact(work)
        return made

    def _prepare_checkpoint(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> tuple[Work, RunnableConfig]:
        """Return a function that stores a checkpoint, and the configuration of the checkpoint."""
        named = _read_names(config)
        thread, namespace = str(named["thread_id"]), named.get("checkpoint_ns") or ""
        values = checkpoint["channel_values"]
        blobs = [
            BlobRecord(channel, version, self.serde.dumps_typed(values[channel]) if channel in values else EMPTY)
            for channel, version in new_versions.items()
        ]
        known = get_checkpoint_metadata(config, metadata)
        record = CheckpointRecord(
            thread,
            namespace,
            checkpoint["id"],
            named.get("checkpoint_id"),
            str(known.get("run_id") or ""),
            self.serde.dumps_typed({name: value for name, value in checkpoint.items() if name != "channel_values"}),
            self.serde.dumps_typed(known),
        )

        def work(transaction: RecordTransaction) -> None:
            for blob in blobs:
                transaction.put(blob_key(thread, namespace, blob.channel, blob.version), encode(blob))
            transaction.put(record.key, encode(record))
            if record.run_key is not None:
                transaction.put(record.run_key, encode(record.without_content()))

        return work, RunnableConfig(**record.config())

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote. A value that it has written before is kept; an error or an interrupt is replaced.

        LangGraph stores the next checkpoint at nearly the same time, so both are committed together where possible.
        """
        self.records.submit(self._prepare_writes(config, writes, task_id, task_path), lazy=True).result()

    def _prepare_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> Work:
        """Return a function that stores what a task wrote."""
        named = _read_names(config)
        prefix = join_key("w", named["thread_id"], named.get("checkpoint_ns") or "", named["checkpoint_id"], task_id)
        made = [
            WriteRecord(task_path, task_id, WRITES_IDX_MAP.get(channel, n), channel, self.serde.dumps_typed(value))
            for n, (channel, value) in enumerate(writes)
        ]

        def work(transaction: RecordTransaction) -> None:
            for record in made:
                key = f"{prefix}/{record.index}"
                if record.index < 0 or transaction.get(key) is None:
                    transaction.put(key, encode(record))

        return work

    # Read

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint with its values and the writes after it: the one that `config` names, or the newest."""
        named = _read_names(config)
        thread, namespace, chosen = named["thread_id"], named.get("checkpoint_ns") or "", get_checkpoint_id(config)
        while True:
            if chosen:
                data = self.records.get(join_key("c", thread, namespace, chosen))
            else:
                newest = self.records.scan(join_key("c", thread, namespace) + "/", limit=1, reverse=True)
                data = newest[0][1] if newest else None
            if data is None:
                return None
            found = self._load(decode(data, CheckpointRecord))
            if found is not None:
                return found

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph names it so
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, the newest of a namespace first.

        Args:
            config: Names a thread, and perhaps a namespace and a checkpoint. None: all threads.
            filter: Values that the metadata must have.
            before: Names a checkpoint; only older ones are returned.
            limit: Most checkpoints to return. None (default): all.
        """
        named = _read_names(config)
        chosen, end = named.get("checkpoint_id"), get_checkpoint_id(before) if before else None
        left = limit
        for record in self._iterate_records(named):
            if (chosen and record.id != chosen) or (end and record.id >= end):
                continue
            metadata = self.serde.loads_typed(record.metadata)
            if filter and any(metadata.get(name) != value for name, value in filter.items()):
                continue
            if left is not None and left <= 0:
                return
            found = self._load(record)
            if found is not None:
                left = None if left is None else left - 1
                yield found

    def _iterate_records(self, named: Mapping[str, Any]) -> Iterator[CheckpointRecord]:
        parts = [named[name] for name in ("thread_id", "checkpoint_ns") if named.get(name) is not None]
        prefix, after = join_key("c", *parts) + "/", None
        while page := self.records.scan(prefix, after=after, limit=PAGE_SIZE, reverse=True):
            yield from (decode(data, CheckpointRecord) for _, data in page)
            after = page[-1][0]

    def _load(self, record: CheckpointRecord) -> CheckpointTuple | None:
        """Return a checkpoint with its values and writes; None if it was deleted while it was read."""
        checkpoint: Any = self.serde.loads_typed(record.checkpoint)
        values: dict[str, Any] = {}
        is_whole = True
        for channel, version in checkpoint["channel_versions"].items():
            data = self.records.get(blob_key(record.thread, record.namespace, channel, version))
            value = EMPTY if data is None else decode(data, BlobRecord).value
            is_whole &= data is not None
            if value[0] != EMPTY[0]:
                values[channel] = self.serde.loads_typed(value)
        writes = [decode(data, WriteRecord) for _, data in self.records.scan(record.writes_prefix)]
        if not is_whole and self.records.get(record.key) is None:
            return None
        writes.sort(key=lambda write: writes_sort_key(write.task_path, write.task, write.index))
        whole: Any = {**checkpoint, "channel_values": values}
        return CheckpointTuple(
            config=RunnableConfig(**record.config()),
            checkpoint=whole,
            metadata=self.serde.loads_typed(record.metadata),
            parent_config=RunnableConfig(**record.config(record.parent)) if record.parent else None,
            pending_writes=[(write.task, write.channel, self.serde.loads_typed(write.value)) for write in writes],
        )

    # Delete, copy, prune

    def delete_thread(self, thread_id: str) -> None:
        """Delete all checkpoints and writes of a thread."""

        def work(transaction: RecordTransaction) -> None:
            for _, data in transaction.scan(join_key("c", thread_id) + "/"):
                delete_checkpoint(transaction, decode(data, CheckpointRecord))
            for kind in "bw":
                transaction.delete_all(join_key(kind, thread_id) + "/")
            transaction.delete(join_key("s", thread_id))

        self.records.transact(work)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of runs of LangGraph, their writes, and values that no checkpoint has any more.

        A later checkpoint whose `DeltaChannel` needs what these runs wrote loses these values.
        """

        def work(transaction: RecordTransaction) -> None:
            threads: set[str] = set()
            for run in run_ids:
                for _, data in transaction.scan(join_key("r", run) + "/"):
                    record = decode(data, CheckpointRecord)
                    delete_checkpoint(transaction, record)
                    threads.add(record.thread)
            for thread in threads:
                sweep_blobs(transaction, thread, self.serde)

        self.records.transact(work)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all checkpoints, values and writes of a thread to another thread."""
        self.records.transact(lambda tx: copy_records(tx, source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete old checkpoints of threads.

        Args:
            thread_ids: The threads.
            strategy: "keep_latest" (default): keep the newest checkpoint of each namespace, and those before it that
                a `DeltaChannel` needs for its value. "delete": delete the threads.

        Raises:
            ValueError: There is no such strategy.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"strategy must be 'keep_latest' or 'delete', not {strategy!r}")
        for thread in thread_ids:
            if strategy == "delete":
                self.delete_thread(thread)
            else:
                self.records.transact(lambda tx, thread=thread: prune_thread(tx, thread, self.serde))

    def get_next_version(self, current: Any, channel: None) -> str:
        """Return a version of a channel after `current`. It is unique: two forks of a thread never have the same one.

        The random part comes from the operating system, because a resumed run restores Python's own generator.
        """
        number = int(str(current).split(".", 1)[0]) if current is not None else 0
        return f"{number + 1:032}.{secrets.token_hex(8)}"

    # The same for event loops: on the thread of the store, or on another, because the calls of a store block

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, as `put` does."""
        work, made = self._prepare_checkpoint(config, checkpoint, metadata, new_versions)
        await asyncio.wrap_future(self.records.submit(work))
        return made

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote, as `put_writes` does."""
        work = self._prepare_writes(config, writes, task_id, task_path)
        await asyncio.wrap_future(self.records.submit(work, lazy=True))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, as `get_tuple` does."""
        return await to_thread.run_sync(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph names it so
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield checkpoints, as `list` does."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        while (one := await to_thread.run_sync(next, found, None)) is not None:
            yield one

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread, as `delete_thread` does."""
        await to_thread.run_sync(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of runs, as `delete_for_runs` does."""
        await to_thread.run_sync(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread, as `copy_thread` does."""
        await to_thread.run_sync(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete old checkpoints, as `prune` does."""
        await to_thread.run_sync(lambda: self.prune(thread_ids, strategy=strategy))


def _read_names(config: RunnableConfig | None) -> Mapping[str, Any]:
    """Return the names in a configuration: those of the thread, the namespace and the checkpoint."""
    return config.get("configurable", {}) if config else {}
