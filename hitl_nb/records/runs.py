"""Records of runs: the run itself, its recorded calls and saved states, and the events of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from hitl_nb.records.base import Record
from hitl_nb.records.vocabulary import RunStatus


class Run(Record, frozen=True, kw_only=True):
    """One execution of an agent.

    Attributes:
        notebook: Path of the notebook. For an agent outside notebooks: the name of its script, module or folder.
        notebook_id: Id that the notebook file has in its metadata. "" outside notebooks.
        key: Value of `--key` as text, which tells several runs of one agent apart. "" without `--key`.
        generation: Number of this run among the runs with the same notebook, agent and key, from 1. Each start of a new
            run, for example with `--restart`, adds one.
        pauses: Number of pauses so far.
        open: Number of proposals of the current pause that still wait for a decision.
        epoch: Number of the newest claim (a claim is the exclusive right of one process to execute the run). It grows
            with each claim, so that writes of an earlier process are recognized and refused.
        error: Text of the error that ended the run. None: no error.
        requesters: User names of the people who started or continued the run. Under a four-eyes rule they may not
            approve its proposals.
        labels: Facts about the run (`hitl.labels`), such as model and prompt.
        passed: Number of questions of the run that a policy approved without asking people.
        superseded: Whether a person started the agent over. The next execution of its cell begins a new run.
        restarted: Digest of the code of the cell, if `--restart` in that cell started the run. "" if the run was
            started in another way.
        held: Whether the run is a held question (`hitl.held`): its program waits for the decision, and no other process
            can continue it. The claim of the run then lasts from its start to its end.
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
    superseded: bool = False
    held: bool = False
    created_at: datetime
    updated_at: datetime


class Step(Record, frozen=True, kw_only=True):
    """A recorded call of a `@step` function, or an approved call of a `@gate` function.

    The call is recorded before it starts and after it ends. When a run continues, a call that has ended is not made
    again; its recorded result is used.

    Attributes:
        key: Position of the call in the run's code; unique in the run.
        name: Qualified name of the function.
        result: Encoded and signed result of the call (see `engine/snapshot/saver.py`). None until the call has ended.
        idempotency_key: Text for external services that is the same each time this call is tried.
        tries: Number of times that the call was started.
        started_at, began_at: Time of the first start and time of the last start.
        call, arguments: Readable form of the call, and its shortened arguments by name. Empty after the call has ended.
        module: Name of the module that defines the function.
        idempotent: Whether the call may be repeated without asking people, if its process died during the call.
        pauses: For a gated call, the number of the run's pauses when the call was last started; None for a step. Code
            that a gated call runs may ask a question and so pause the run. If the run has paused since the start, that
            pause has ended the call, and the call is made again.
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
    """A statement of an agent's cell that took long, for the display of the run's timeline.

    Attributes:
        line: Line of the statement in the cell.
        text: Source text of the statement.
        at: Time when the statement began.
        seconds: Duration of the statement in seconds.
    """

    line: int
    text: str
    at: datetime
    seconds: float


class Event(Record, frozen=True, kw_only=True):
    """One entry of the audit log, in exactly the form that is hashed.

    Attributes:
        n: Number of the event, from 1.
        actor: User or process that caused the event.
        prev: Hash (hex) of the previous event. "" for the first event.
        records: Digests of the stored records that the event created, changed or removed: SHA-256 (hex) by the key in
            the store (see `ledger/rows/record_digests.py`).
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
    """Saved state of a run, before it is written to the store or after it was read from the store.

    Attributes:
        envelope: Header and state as signed bytes (see `engine/snapshot/saver.py`).
        blobs: Large buffers of the state by their SHA-256 (hex). The store keeps each buffer once, also if several
            snapshots use it.
        pause: Number of pauses of the run at the time of saving. The signature covers `pause`, `save` and the claim.
        save: Number of this save under the current claim, from 1. 0 for the save that ends the claim.
    """

    envelope: bytes
    blobs: dict[str, Any] = {}
    pause: int = 0
    save: int = 0


def run_json(run: Run) -> dict[str, Any]:
    """Return a run as plain JSON data, as `hitl-nb runs --json` and the REST API show it.

    All fields of `Run` are included, except the internal field `epoch`.
    """
    shown: dict[str, Any] = msgspec.to_builtins(run)
    shown.pop("epoch")
    return shown
