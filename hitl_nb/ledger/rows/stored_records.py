"""Stored records: decoding them, loading them by key or index, and writing them with their index entries.

Functions that only read take the store or a transaction; functions that write take a transaction. `layout.py` has the
keys. Functions that write return digests of the written records. The caller passes them to `audit_log.append_event`, so
that the event shows what was written.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from hitl_nb.errors import HitlError, StoreCorrupt, UnknownRun
from hitl_nb.kinds.registry import KINDS
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows.record_digests import Digests, digest_record
from hitl_nb.records import RUN_TRANSITIONS, Proposal, Question, Record, Run, RunStatus, Step, Workspace, now
from hitl_nb.storage import chunked_values
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import StoreReader, Transaction

R = TypeVar("R", bound=Record)


def decode_record(raw: bytes, kind: type[R], key: str) -> R:
    """Decode a stored record.

    Args:
        raw: The stored bytes.
        kind: Class of the record, such as `Run`.
        key: Key of the record, for the error message.

    Raises:
        StoreCorrupt: The bytes are not a valid record of this class.
    """
    try:
        return _check_kind_name(msgspec.json.decode(raw, type=kind), key)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
        raise StoreCorrupt(f"the stored record {key} is damaged: {damage}") from damage


def convert_record(fields: Any, kind: type[R], key: str) -> R:
    """Convert plain JSON data to a record.

    Args:
        fields: The data, usually a dict.
        kind: Class of the record.
        key: Key of the stored value, for the error message.

    Raises:
        StoreCorrupt: The fields are not a valid record of this class.
    """
    try:
        return _check_kind_name(msgspec.convert(fields, type=kind), key)
    except msgspec.ValidationError as damage:
        raise StoreCorrupt(f"the stored record {key} is damaged: {damage}") from damage


def _check_kind_name(record: R, key: str) -> R:
    """Return the record. Raise StoreCorrupt if this version of hitl_nb does not know its kind of value."""
    if isinstance(record, Question | Workspace) and record.kind not in KINDS:
        raise StoreCorrupt(f"the stored record {key} is damaged: there is no kind {record.kind!r} of values here")
    return record


def load_run(reads: StoreReader, run_id: str) -> Run:
    """Return the run with this id.

    Raises:
        UnknownRun: No run has this id.
        StoreCorrupt: The record is damaged, or is of another run.
    """
    raw = chunked_values.get_whole(reads, f"run/{run_id}") if layout.is_id(run_id) else None
    if raw is None:
        raise UnknownRun(f"there is no run {run_id!r} in this store; `hitl-nb runs` lists them")
    run = decode_record(raw, Run, f"run/{run_id}")
    if run.id != run_id:
        raise StoreCorrupt(f"the stored record run/{run_id} is of another run, {run.id!r}")
    return run


def newest_run(reads: StoreReader, notebook: str, agent: str, key: str) -> Run | None:
    """Return the newest run with this notebook, agent and key; None if there is none.

    Raises:
        StoreCorrupt: The record or its index entry is damaged.
    """
    found = reads.scan(*prefix_range(layout.name_prefix(notebook, agent, key)), limit=1, reverse=True)
    return load_run(reads, layout.decode_index_id(*found[0])) if found else None


def put_record(transaction: Transaction, key: str, record: Record, *, new: bool = False) -> Digests:
    """Write a record at a key.

    Args:
        transaction: The transaction to write in.
        key: Key of the record.
        record: The record.
        new: Pass True only if the key has no value yet; this saves a read. Default: False.

    Returns:
        Digest of the record by its key, for the audit log event of this change.
    """
    raw = record.json()
    (chunked_values.put_new if new else chunked_values.put_any)(transaction, key, raw)
    return {key: digest_record(key, raw)}


def add_run(transaction: Transaction, run: Run) -> Digests:
    """Write a new run with its index entries.

    Returns:
        Digest of the record by its key, for the audit log event of this change.
    """
    transaction.put(layout.run_age_key(run), run.id.encode())
    transaction.put(layout.name_key(run), run.id.encode())
    return put_run(transaction, run)


def put_run(transaction: Transaction, run: Run) -> Digests:
    """Write a changed run. If it is a held question, update its entry in the index of those whose program waits.

    Returns:
        Digest of the record by its key, for the audit log event of this change.
    """
    if run.held:
        if run.status in ("finished", "failed", "cancelled"):
            transaction.delete(layout.held_key(run.id))
        else:
            transaction.put(layout.held_key(run.id), run.id.encode())
    return put_record(transaction, f"run/{run.id}", run)


def delete_run(transaction: Transaction, run: Run) -> None:
    """Remove a run and its index entries."""
    transaction.delete(layout.run_age_key(run))
    transaction.delete(layout.name_key(run))
    if run.held:
        transaction.delete(layout.held_key(run.id))
    chunked_values.delete_chunked(transaction, f"run/{run.id}")


def with_status(run: Run, status: RunStatus, **changes: Any) -> Run:
    """Return a copy of the run with another status and with other changed fields. The store is not written.

    Args:
        run: The run.
        status: The new status.
        **changes: New values of other fields.

    Raises:
        HitlError: The run cannot change from its present status to this one.
    """
    if status not in RUN_TRANSITIONS[run.status]:
        raise HitlError(f"run {run.id} ({run.agent}) is {run.status} and cannot become {status}; start a new run")
    return msgspec.structs.replace(run, status=status, updated_at=now(), **changes)


def load_step(reads: StoreReader, run_id: str, key: str) -> Step | None:
    """Return the record of a step; None if the step was never started.

    Args:
        reads: The store, or a transaction.
        run_id: Id of the run.
        key: Key of the step within the run (`Step.key`).
    """
    place = layout.step_key(run_id, key)
    raw = chunked_values.get_whole(reads, place)
    return None if raw is None else decode_record(raw, Step, place)


def load_proposals(reads: StoreReader, run_id: str, pause: int | None = None) -> list[Proposal]:
    """Return the proposals that a run has asked, in the order in which they were asked.

    Args:
        reads: The store, or a transaction.
        run_id: Id of the run.
        pause: Number of a pause, from 1; only its proposals are returned. None (default): all pauses.
    """
    found = (load_proposal(reads, one) for one in find_proposals(reads, run_id, pause))
    return [proposal for proposal in found if proposal is not None]


def find_proposals(reads: StoreReader, run_id: str, pause: int | None = None) -> list[str]:
    """Return the ids of the proposals that a run has asked, in the order in which they were asked.

    Args:
        reads: The store, or a transaction.
        run_id: Id of the run.
        pause: Number of a pause, from 1; only ids of its proposals are returned. None (default): all pauses.
    """
    return [layout.decode_index_id(*entry) for entry in reads.scan(*prefix_range(layout.asked_prefix(run_id, pause)))]


def load_passed(reads: StoreReader, run_id: str, floor: str = "") -> list[Proposal]:
    """Return the proposals of a run that a policy decided without a pause, in the order of their positions in the code.

    Args:
        reads: The store, or a transaction.
        run_id: Id of the run.
        floor: First position; proposals at earlier positions are left out. Default: all.

    Raises:
        StoreCorrupt: An index entry does not name such a proposal.
    """
    start, stop = prefix_range(layout.passed_prefix(run_id))
    found: list[Proposal] = []
    for key, raw in reads.scan(start + layout.position_key(floor), stop):
        proposal = load_proposal(reads, layout.decode_index_id(key, raw))
        if proposal is None or proposal.run != run_id or layout.list_key(proposal) != key:
            raise StoreCorrupt(f"the stored index entry {key} is damaged: it does not name a proposal of this place")
        found.append(proposal)
    return found


def load_proposal(reads: StoreReader, proposal_id: str) -> Proposal | None:
    """Return the proposal with this full id; None if there is none.

    Raises:
        StoreCorrupt: The record is damaged, or is of another proposal.
    """
    raw = chunked_values.get_whole(reads, f"proposal/{proposal_id}")
    return None if raw is None else read_proposal(raw, proposal_id)


def read_proposal(raw: bytes, proposal_id: str) -> Proposal:
    """Decode a stored proposal.

    Args:
        raw: The stored bytes.
        proposal_id: Id of the proposal.

    Raises:
        StoreCorrupt: The bytes are damaged, or are those of another proposal.
    """
    proposal = decode_record(raw, Proposal, f"proposal/{proposal_id}")
    if proposal.id != proposal_id:
        raise StoreCorrupt(f"the stored record proposal/{proposal_id} is of another proposal, {proposal.id!r}")
    return proposal


def add_proposal(transaction: Transaction, proposal: Proposal) -> Digests:
    """Write a new proposal with its index entries.

    Returns:
        Digest of the record by its key, for the audit log event of this change.
    """
    transaction.put(layout.list_key(proposal), proposal.id.encode())
    transaction.put(
        layout.open_key(proposal) if proposal.status == "open" else layout.closed_key(proposal), proposal.id.encode()
    )
    _update_due(transaction, None, layout.due_key(proposal), proposal.id)
    return put_record(transaction, f"proposal/{proposal.id}", proposal, new=True)


def put_proposal(transaction: Transaction, proposal: Proposal) -> Digests:
    """Write a changed proposal, and update its entry in the index of due actions.

    Returns:
        Digest of the record by its key, for the audit log event of this change.
    """
    if proposal.terms is not None:
        before = load_proposal(transaction, proposal.id)
        _update_due(
            transaction, None if before is None else layout.due_key(before), layout.due_key(proposal), proposal.id
        )
    return put_record(transaction, f"proposal/{proposal.id}", proposal)


def _update_due(transaction: Transaction, before: str | None, after: str | None, id_: str) -> None:
    if before == after:
        return
    if before is not None:
        transaction.delete(before)
    if after is not None:
        transaction.put(after, id_.encode())


def close_proposal(transaction: Transaction, proposal: Proposal) -> Digests:
    """Write a proposal that is no longer open, and move it from the index of open proposals to that of closed ones.

    Returns:
        Digest of the record by its key, for the audit log event of this change.
    """
    transaction.delete(layout.open_key(proposal))
    transaction.put(layout.closed_key(proposal), proposal.id.encode())
    return put_proposal(transaction, proposal)


def delete_proposal(transaction: Transaction, proposal: Proposal) -> None:
    """Remove a proposal with its comments and index entries."""
    transaction.delete(layout.open_key(proposal))
    transaction.delete(layout.closed_key(proposal))
    transaction.delete(layout.list_key(proposal))
    _update_due(transaction, layout.due_key(proposal), None, proposal.id)
    delete_comments(transaction, proposal.id)
    chunked_values.delete_chunked(transaction, f"proposal/{proposal.id}")


def delete_comments(transaction: Transaction, document_id: str) -> None:
    """Remove all comments on a document, and the records of changes of their state."""
    for prefix in ("comment", "marked"):
        for key, _ in transaction.scan(*prefix_range(f"{prefix}/{document_id}/")):
            chunked_values.delete_chunked(transaction, key)


def load_workspace(reads: StoreReader, workspace_id: str) -> Workspace | None:
    """Return the workspace with this id; None if there is none.

    Raises:
        StoreCorrupt: The record is damaged, or is of another workspace.
    """
    raw = chunked_values.get_whole(reads, f"workspace/{workspace_id}") if layout.is_id(workspace_id) else None
    if raw is None:
        return None
    workspace = decode_record(raw, Workspace, f"workspace/{workspace_id}")
    if workspace.id != workspace_id:
        raise StoreCorrupt(f"the stored record workspace/{workspace_id} is of another workspace, {workspace.id!r}")
    return workspace


def load_workspaces(reads: StoreReader, run_id: str) -> list[Workspace]:
    """Return a run's workspaces in the order in which they were opened."""
    found = (
        load_workspace(reads, layout.decode_index_id(*entry))
        for entry in reads.scan(*prefix_range(layout.workspace_prefix(run_id)))
    )
    return [workspace for workspace in found if workspace is not None]


def put_workspace(transaction: Transaction, workspace: Workspace) -> Digests:
    """Write a workspace, and update the indexes according to its status.

    Returns:
        Digest of the record by its key, for the audit log event of this change.
    """
    if workspace.status == "closed":
        transaction.delete(layout.writing_key(workspace))
    else:
        transaction.put(layout.writing_key(workspace), workspace.id.encode())
    transaction.put(f"{layout.workspace_prefix(workspace.run)}{workspace.ordinal:06d}", workspace.id.encode())
    return put_record(transaction, f"workspace/{workspace.id}", workspace)


def delete_workspace(transaction: Transaction, workspace: Workspace) -> None:
    """Remove a workspace with its comments and index entries."""
    transaction.delete(layout.writing_key(workspace))
    transaction.delete(f"{layout.workspace_prefix(workspace.run)}{workspace.ordinal:06d}")
    delete_comments(transaction, workspace.id)
    chunked_values.delete_chunked(transaction, f"workspace/{workspace.id}")
