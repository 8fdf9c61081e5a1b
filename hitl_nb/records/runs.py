"""Runs, their steps and saved states, and the events of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from hitl_nb.records.base import Record
from hitl_nb.records.vocabulary import RunStatus


class Run(Record, frozen=True, kw_only=True):
    """One execution of an agent.

    Attributes:
        notebook: Path of the notebook, or the place that an agent outside notebooks belongs to.
        notebook_id: Id in the notebook's metadata. "" outside notebooks.
        key: Value of `--key` as text, or "".
        generation: Number of the fresh start of (notebook, agent, key), from 1.
        pauses: Number of pauses so far.
        open: Number of proposals of the current pause that wait for a decision.
        epoch: Fencing number of the newest claim.
        error: The error that the run failed with.
        requesters: User names of those who started or continued it. With four eyes they do not decide.
        labels: Facts about the run (`hitl.labels`), such as model and prompt.
        passed: Number of its questions that a policy passed.
        restarted: Digest of the code of the cell whose `--restart` started it. "" if it was started in another way.
    """

    id: str
    agent: str
    notebook: str
    notebook_id: str = ""
    key: str = ""
    generation: int = 1
    status: RunStatus = "running"
    pauses: int = 0
    open: int = 0
    epoch: int = 0
    error: str | None = None
    requesters: tuple[str, ...] = ()
    labels: dict[str, str] = {}  # noqa: RUF012 (msgspec makes a new one for each record)
    passed: int = 0
    restarted: str = ""
    created_at: datetime
    updated_at: datetime


class Step(Record, frozen=True, kw_only=True):
    """A recorded call of a `@step` function, or an approved call of a `@gate` function.

    Attributes:
        key: Place of the call in the run; unique in the run.
        name: The function's qualified name.
        result: Signed bytes (see `engine/snapshot/saver.py`), once done.
        idempotency_key: The same on every try of this call.
        tries: Number of starts.
        started_at, began_at: Time of the first and of the last start.
        call, arguments: The call in readable form, and its arguments by name, shortened. Empty once it has ended.
        module: Module that defines the function.
        idempotent: Whether it may be called again without asking.
        pauses: Number of the run's pauses at the last start of a gated call. None for a step. A gated call may ask. If
            the run has paused since, that pause has ended the call, and it is made again.
    """

    key: str
    name: str
    status: Literal["started", "done", "failed"]
    idempotency_key: str
    tries: int = 1
    call: str = ""
    arguments: dict[str, str] = {}  # noqa: RUF012 (msgspec makes a new one for each record)
    module: str = ""
    idempotent: bool = False
    pauses: int | None = None
    result: bytes | None = None
    started_at: datetime
    began_at: datetime | None = None
    finished_at: datetime | None = None


class Statement(Record, frozen=True, kw_only=True):
    """A statement of an agent that took long: its line in the cell, its text, its start and its duration."""

    line: int
    text: str
    at: datetime
    seconds: float


class Event(Record, frozen=True, kw_only=True):
    """One entry of the audit log, as hashed. `prev` is the hash of the entry before it ("" for the first).

    Attributes:
        records: SHA-256 of the store's records from this event on, by their keys (see
            `ledger/rows/record_digests.py`).
    """

    n: int
    at: datetime
    type: str
    run: str | None = None
    proposal: str | None = None
    actor: str
    data: dict[str, Any] | None = None
    prev: str = ""
    records: dict[str, str] = {}  # noqa: RUF012 (msgspec makes a new one for each record)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Saved state of a run, on its way to or from the store.

    Attributes:
        envelope: Signed header and state (see `engine/snapshot/saver.py`).
        blobs: Large buffers by their SHA-256 (hex). Each is stored once, for any number of snapshots.
        pause: Number of the run's pauses. The envelope is signed for it, for `save` and for the claim.
        save: Number of the save under this claim, from 1. 0 for the save that ends the claim.
    """

    envelope: bytes
    blobs: dict[str, Any] = {}
    pause: int = 0
    save: int = 0


def run_json(run: Run) -> dict[str, Any]:
    """Return the JSON of a run, as `hitl-nb runs --json` and the REST API have it."""
    shown: dict[str, Any] = msgspec.to_builtins(run)
    shown.pop("epoch")
    return shown
