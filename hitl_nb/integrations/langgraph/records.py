"""The records of `HitlSaver`: their keys, and their encoding.

| key | value |
|---|---|
| `c/<thread>/<namespace>/<checkpoint>` | `CheckpointRecord`: a checkpoint without the values of its channels |
| `b/<thread>/<namespace>/<channel>/<version>` | value of a channel, shared by all checkpoints that have this version |
| `w/<thread>/<namespace>/<checkpoint>/<task>/<index>` | `WriteRecord`: what a task wrote after the checkpoint |
| `r/<run>/<thread>/<namespace>/<checkpoint>` | index: checkpoints of a run of LangGraph |
| `s/<thread>` | `ReviewRecord`: how far the call of `review` has come that continues the thread |

A part of a key begins with "=", so that it is never empty. A long part is replaced by its hash; the records have the
names themselves.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import msgspec

from hitl_nb.extend import prepare_structs

Typed = tuple[str, bytes]
"""A value as a serializer of LangGraph writes it: its format, and its bytes."""
EMPTY: Typed = ("empty", b"")
"""The value of a channel that has none."""
MAX_PART_CHARS = 150
"""Longest part of a key that stays readable; five parts fit into the longest key of a store."""

T = TypeVar("T")


class CheckpointRecord(msgspec.Struct, array_like=True, frozen=True):
    """A checkpoint without the values of its channels.

    Attributes:
        thread, namespace, id: The name of the checkpoint.
        parent: Id of the checkpoint before it; None for the first one.
        run: Id of the run of LangGraph; "" if it has none.
        checkpoint, metadata: As the serializer wrote them.
    """

    thread: str
    namespace: str
    id: str
    parent: str | None
    run: str
    checkpoint: Typed
    metadata: Typed

    @property
    def key(self) -> str:
        """The key of this record."""
        return join_key("c", self.thread, self.namespace, self.id)

    @property
    def writes_prefix(self) -> str:
        """Beginning of the keys of what tasks wrote after this checkpoint."""
        return join_key("w", self.thread, self.namespace, self.id) + "/"

    @property
    def run_key(self) -> str | None:
        """The key of the index entry; None if the checkpoint belongs to no run."""
        return join_key("r", self.run, self.thread, self.namespace, self.id) if self.run else None

    def without_content(self) -> CheckpointRecord:
        """Return the name of this checkpoint, for the index of runs."""
        return msgspec.structs.replace(self, checkpoint=EMPTY, metadata=EMPTY)

    def config(self, checkpoint_id: str | None = None) -> dict[str, Any]:
        """Return the configuration that names this checkpoint, or another one of its namespace."""
        named = {"thread_id": self.thread, "checkpoint_ns": self.namespace}
        return {"configurable": {**named, "checkpoint_id": checkpoint_id or self.id}}


class WriteRecord(msgspec.Struct, array_like=True, frozen=True):
    """A value that a task wrote to a channel, for the step after a checkpoint.

    Attributes:
        task_path, task, index: The order of the writes of one step is the order of these three.
        channel: Name of the channel.
        value: As the serializer wrote it.
    """

    task_path: str
    task: str
    index: int
    channel: str
    value: Typed


class BlobRecord(msgspec.Struct, array_like=True, frozen=True):
    """A version of a channel.

    Attributes:
        channel, version: The name of the version.
        value: As the serializer wrote it.
    """

    channel: str
    version: str | int | float
    value: Typed


class ReviewRecord(msgspec.Struct, array_like=True, frozen=True):
    """How far the call of `review` has come that continues a thread.

    Attributes:
        review: Name of the call.
        phase: Its last event: it began the graph, the graph waited for decisions, or it resumed the graph.
        head: Id of the newest checkpoint of the thread before that; "" if there was none.
    """

    review: str
    phase: Literal["begun", "waiting", "resumed"]
    head: str


prepare_structs(globals())


def join_key(kind: str, *parts: object) -> str:
    """Return the key, or the beginning of a key, of a kind of record."""
    return "/".join((kind, *(_quote_part(str(part)) for part in parts)))


def blob_key(thread: str, namespace: str, channel: str, version: object) -> str:
    """Return the key of a version of a channel. The type of the version belongs to its name."""
    named = version if isinstance(version, str) else f"{type(version).__name__}:{version}"
    return join_key("b", thread, namespace, channel, named)


def encode(record: msgspec.Struct) -> bytes:
    """Return the stored form of a record."""
    return msgspec.msgpack.encode(record)


def decode(data: bytes, record_type: type[T]) -> T:
    """Return the record of a stored form, which was signed by this user's key."""
    return msgspec.msgpack.decode(data, type=record_type)


@lru_cache(maxsize=1024)
def _quote_part(part: str) -> str:
    quoted = quote(part, safe="-_.~:|,;@+()")
    if len(quoted) <= MAX_PART_CHARS:
        return f"={quoted}"
    return f"={hashlib.sha256(part.encode('utf-8', 'surrogatepass')).hexdigest()}*"
