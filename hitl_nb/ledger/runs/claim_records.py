"""Stored claims: reading, writing and ending them, and the fence that every write of a run passes.

claim/<run>    ClaimRecord
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import msgspec

from hitl_nb.errors import RunClaimed
from hitl_nb.ledger.rows.stored_records import decode_record
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.records import Record
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

T = TypeVar("T")


class Claim(msgspec.Struct, frozen=True):
    """The exclusive right to execute a run.

    Attributes:
        run: Id of the run.
        epoch: Fencing number of the claim.
        owner: Name of the holder, for people.
    """

    run: str
    epoch: int
    owner: str


class ClaimRecord(Record, frozen=True):
    """A claim as it is stored.

    Attributes:
        owner: The process that holds the claim.
        epoch: Fencing number of the claim.
        beat: Number of heartbeats of the owner.
        released: Whether the claim has ended.
    """

    owner: ProcessIdentity
    epoch: int
    beat: int = 0
    released: bool = False


def end_claim(transaction: Transaction, run_id: str) -> None:
    """End the run's current claim, if there is one."""
    held = newest_claim(transaction, run_id)
    if held is not None and not held.released:
        write_claim_record(transaction, run_id, msgspec.structs.replace(held, released=True))


def delete_claim(transaction: Transaction, run_id: str) -> None:
    """Remove the run's claim record."""
    transaction.delete(_claim_key(run_id))


def with_fence(claim: Claim, work: Callable[[Transaction], T]) -> Callable[[Transaction], T]:
    """Return a function that checks the claim and then runs `work`, in the same transaction."""

    def run_fenced(transaction: Transaction) -> T:
        check_fence(transaction, claim)
        return work(transaction)

    return run_fenced


def check_fence(reads: StoreReader, claim: Claim) -> None:
    """Check that a claim is the newest one of its run and has not ended.

    Raises:
        RunClaimed: The claim has ended, or another process has taken over the run.
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
    """End the run's current claim if this process owns it."""
    held = newest_claim(transaction, run_id)
    if held is not None and held.owner == owner:
        end_claim(transaction, run_id)


def _claim_key(run_id: str) -> str:
    return f"claim/{run_id}"


def newest_claim(reads: StoreReader, run_id: str) -> ClaimRecord | None:
    """Return the run's newest claim as it is stored; None if it was never claimed."""
    key = _claim_key(run_id)
    raw = reads.get(key)
    return None if raw is None else _decode_claim(raw, key)


@functools.lru_cache(maxsize=256)
def _decode_claim(raw: bytes, key: str) -> ClaimRecord:
    """Decode a claim record. Cached, because each write of a run reads the same one."""
    return decode_record(raw, ClaimRecord, key)


def write_claim_record(transaction: Transaction, run_id: str, record: ClaimRecord) -> None:
    """Store a claim of a run. The caller has checked that the run is free."""
    transaction.put(_claim_key(run_id), record.json())


prepare_structs(globals())
