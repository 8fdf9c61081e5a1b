"""Stored claims: reading, writing and ending them, and the check of the claim that every write of a run makes.

A claim is the exclusive right of one process to execute a run. It is stored at `claim/<run>` as a `ClaimRecord`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from hitl_nb.errors import RunClaimed
from hitl_nb.ledger.rows.stored_records import decode_record
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.records import Record, now
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

T = TypeVar("T")


class Claim(msgspec.Struct, frozen=True):
    """The exclusive right of a process to execute a run. It is passed to every write of the run.

    Attributes:
        run: Id of the run.
        epoch: Fencing number of the claim. It grows with every claim of the run, so writes under an old claim are
            refused.
        owner: Description of the process that has the claim, for people.
    """

    run: str
    epoch: int
    owner: str


class ClaimRecord(Record, frozen=True):
    """The newest claim of a run, as it is stored.

    Attributes:
        owner: The process that holds the claim.
        epoch: Fencing number of the claim.
        beat: Number of heartbeats that the owner has written. Other processes see from it that the owner is alive.
        released: Whether the claim has ended.
        written_at: Time when this record was written: by the claim, by the last heartbeat, or at the end of the claim.
            For people; whether the owner is alive does not depend on it. None: written by an older version.
    """

    owner: ProcessIdentity
    epoch: int
    beat: int = 0
    released: bool = False
    written_at: datetime | None = None


def end_claim(transaction: Transaction, run_id: str) -> None:
    """Mark the newest claim of a run as ended, if there is one."""
    held = newest_claim(transaction, run_id)
    if held is not None and not held.released:
        write_claim_record(transaction, run_id, msgspec.structs.replace(held, released=True))


def delete_claim(transaction: Transaction, run_id: str) -> None:
    """Remove the run's claim record."""
    transaction.delete(_claim_key(run_id))


def with_fence(claim: Claim, work: Callable[[Transaction], T]) -> Callable[[Transaction], T]:
    """Return a function that checks a claim and then calls `work`, in the same transaction.

    The returned function raises RunClaimed if the claim has ended, or if another process has taken over the run.
    """

    def run_fenced(transaction: Transaction) -> T:
        check_fence(transaction, claim)
        return work(transaction)

    return run_fenced


def check_fence(reads: StoreReader, claim: Claim) -> None:
    """Raise an error unless a claim is the newest one of its run and has not ended.

    Args:
        reads: The store, or a transaction.
        claim: The claim.

    Raises:
        RunClaimed: The claim has ended, another process has taken over the run, or the run was removed.
    """
    held = newest_claim(reads, claim.run)
    if held is None:
        raise RunClaimed(f"run {claim.run} was forgotten while {claim.owner} ran it; nothing was written")
    if held.epoch != claim.epoch:
        raise RunClaimed(
            f"run {claim.run} was taken over by {held.owner}; nothing was written, and this process should stop",
            owner=str(held.owner),
        )
    if held.released:
        raise RunClaimed(
            f"run {claim.run} was paused, ended or cancelled after {claim.owner} claimed it; "
            "nothing was written; claim it again to continue"
        )


def end_owned_claim(transaction: Transaction, run_id: str, owner: ProcessIdentity) -> None:
    """Mark the newest claim of a run as ended, if it belongs to `owner`.

    Args:
        transaction: The transaction to write in.
        run_id: Id of the run.
        owner: Identity of a process with the token of one claim.
    """
    held = newest_claim(transaction, run_id)
    if held is not None and held.owner == owner:
        end_claim(transaction, run_id)


def _claim_key(run_id: str) -> str:
    return f"claim/{run_id}"


def newest_claim(reads: StoreReader, run_id: str) -> ClaimRecord | None:
    """Return the newest claim of a run as it is stored, ended or not; None if the run was never claimed."""
    key = _claim_key(run_id)
    raw = reads.get(key)
    return None if raw is None else _decode_claim(raw, key)


@functools.lru_cache(maxsize=256)
def _decode_claim(raw: bytes, key: str) -> ClaimRecord:
    """Decode a stored claim. The result is cached, because successive writes of a run read the same bytes."""
    return decode_record(raw, ClaimRecord, key)


def write_claim_record(transaction: Transaction, run_id: str, record: ClaimRecord) -> None:
    """Store the newest claim of a run. The caller has checked that no living process has another one."""
    transaction.put(_claim_key(run_id), msgspec.structs.replace(record, written_at=now()).json())


prepare_structs(globals())
