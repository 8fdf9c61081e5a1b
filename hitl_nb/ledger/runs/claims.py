"""Claims: the exclusive right to execute a run. One process at a time has it.

A claim has a number (*epoch*, the fencing number), which grows with every claim of the run. Each write of a process is
checked against the newest claim in the same transaction. So a process that has lost its claim cannot write, however
late it continues.

The owner of a claim counts its *heartbeats* in the store. An owner on another machine cannot be checked directly. It
counts as dead if its heartbeat count has not changed for `OWNER_TIMEOUT_SECONDS`. The observing process measures this
time with its own monotonic clock; no wall clock is used.

A *lazy* write is written in the background, and the caller does not wait for it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import TypeVar

import msgspec

from hitl_nb.errors import RunClaimed
from hitl_nb.ledger.runs.claim_records import (
    Claim,
    ClaimRecord,
    check_fence,
    end_claim,
    end_owned_claim,
    newest_claim,
    with_fence,
    write_claim_record,
)
from hitl_nb.ledger.runs.process import LIVE_TOKENS, ProcessIdentity
from hitl_nb.records import Run
from hitl_nb.storage.interface import Store, StoreReader, Transaction

T = TypeVar("T")

HEARTBEAT_SECONDS = 3.0
"""Seconds between heartbeats."""
OWNER_TIMEOUT_SECONDS = 15.0
"""Seconds without a heartbeat after which an owner on another machine counts as dead."""


class Claims:
    """The claims that this process holds, and its writes under these claims.

    A claim is the exclusive right of a process to execute a run. One `Claims` object exists for each ledger. It also
    remembers the heartbeats of other owners that it has observed.

    Args:
        store: The store of the runs.
        clock: Function that returns the time of a monotonic clock in seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[Claim, str] = {}
        self._unsettled: dict[Claim, list[Future[None]]] = {}
        self._ended: set[Claim] = set()  # claims that `write_last` ended; cleared at 256
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}
        self._stop_beating: Callable[[], None] | None = None

    # Acquire and release

    def acquire(
        self,
        work: Callable[[Transaction, ProcessIdentity], tuple[Run, Claim]],
        label: str,
        *,
        target: str,
        watched: Callable[[], str] | None,
    ) -> tuple[Run, Claim]:
        """Claim a run for this process, and start the heartbeats of the claim.

        Args:
            work: Function that is called in a transaction with the identity of this process. It calls `write_claim` and
                returns the run and its claim.
            label: Role of this process, shown to people.
            target: Id of the run to claim.
            watched: Function that returns the id of the run whose present owner may prevent the claim. If given, this
                method waits for an owner on another machine until it sends a heartbeat or counts as dead. None: do not
                wait.

        Returns:
            The run and its claim.

        Raises:
            RunClaimed: A living process executes the run.
        """
        first: tuple[int, int] | None = None
        while True:
            version = self._store.version() if watched else 0
            try:
                return self._try_acquire(work, label, target)
            except RunClaimed:
                seen = self._seen.get(watched()) if watched else None
                if seen is None or first not in (None, seen[0]):
                    raise
            first = seen[0]
            self._store.wait(version, min(1.0, max(0.0, seen[1] + OWNER_TIMEOUT_SECONDS - self._clock())))

    def write_claim(self, transaction: Transaction, run: Run, owner: ProcessIdentity) -> Claim:
        """Write the next claim of a run, if no living process has the present one.

        Args:
            transaction: The transaction to write in.
            run: The run; the number of the new claim is `run.epoch` + 1.
            owner: The process that gets the claim.

        Raises:
            RunClaimed: A living process executes the run.
        """
        self.check_free(transaction, run)
        claim = Claim(run.id, run.epoch + 1, str(owner))
        write_claim_record(transaction, run.id, ClaimRecord(owner=owner, epoch=claim.epoch))
        return claim

    def write_remote_claim(
        self, transaction: Transaction, run: Run, owner: ProcessIdentity, *, released: bool = False
    ) -> Claim:
        """Replace the present claim of a run without checking whether its owner is alive.

        For scripts that write through a server, because a server cannot check whether a script is alive. Only the
        newest claim counts. Any process can recognize its owner by the owner's token.

        Args:
            transaction: The transaction to write in.
            run: The run; the number of the new claim is `run.epoch` + 1.
            owner: The script that gets the claim.
            released: If True, the script has the claim, but cannot write until it claims the run again. Default: False.
        """
        claim = Claim(run.id, run.epoch + 1, str(owner))
        write_claim_record(transaction, run.id, ClaimRecord(owner=owner, epoch=claim.epoch, released=released))
        return claim

    def acquire_lease(self, name: str, label: str) -> Claim:
        """Claim something that is no run, for this process, and start the heartbeats of the claim.

        Args:
            name: Name of what is claimed, shown to people, for example "the thread 5678".
            label: Role of this process, shown to people.

        Returns:
            The claim; give it up with `release`.

        Raises:
            RunClaimed: A living process has it. Nothing was changed.
        """
        target = f"lease-{hashlib.sha256(name.encode()).hexdigest()[:32]}"

        def work(transaction: Transaction, owner: ProcessIdentity) -> tuple[None, Claim]:
            held = newest_claim(transaction, target)
            if held is not None and not held.released and self._is_owner_alive(target, held):
                raise RunClaimed(
                    f"{name} is in use by {held.owner}; wait for it, or stop that process", owner=str(held.owner)
                )
            claim = Claim(target, held.epoch + 1 if held is not None else 1, str(owner))
            write_claim_record(transaction, target, ClaimRecord(owner=owner, epoch=claim.epoch))
            return None, claim

        return self._try_acquire(work, label, target)[1]

    def check_free(self, reads: StoreReader, run: Run) -> None:
        """Raise an error if a living process executes a run.

        Args:
            reads: The store, or a transaction.
            run: The run.

        Raises:
            RunClaimed: A living process executes the run.
        """
        held = newest_claim(reads, run.id)
        if held is None or not self.has_living_owner(reads, run.id):
            return
        raise RunClaimed(
            f"run {run.id} ({run.agent}) is being run by {held.owner}; wait for it, or stop that process",
            owner=str(held.owner),
        )

    def has_living_owner(self, reads: StoreReader, run_id: str) -> bool:
        """Return whether a claim of a run has not ended, and its process is alive."""
        held = newest_claim(reads, run_id)
        return held is not None and not held.released and self._is_owner_alive(run_id, held)

    def last_sign_of_life(self, run_id: str) -> datetime | None:
        """Return the time of the last heartbeat of the process that executes, or last executed, a run.

        A process that died has lived for `HEARTBEAT_SECONDS` longer at most. If it gave up its claim, this is the time
        when it did.

        Returns:
            None if the run was never claimed, or if an older version has written the heartbeat.
        """
        held = newest_claim(self._store, run_id)
        return None if held is None else held.written_at

    def release(self, claim: Claim) -> None:
        """Give up a claim. No effect if the claim has ended already, or if another process has taken over the run."""
        if claim in self._ended:
            return

        def work(transaction: Transaction) -> None:
            held = newest_claim(transaction, claim.run)
            if held is not None and held.epoch == claim.epoch:
                end_claim(transaction, claim.run)

        try:
            held = newest_claim(self._store, claim.run)
            if held is not None and held.epoch == claim.epoch and not held.released:
                self._store.transact(work)
        finally:
            self._forget_claim(claim)

    # Writing

    def check(self, claim: Claim) -> None:
        """Raise an error if a claim of this process is no longer valid.

        Raises:
            RunClaimed: The claim has ended, or another process has taken over the run.
        """
        check_fence(self._store, claim)

    def write(self, claim: Claim, work: Callable[[Transaction], T]) -> T:
        """Call `work` in a transaction that first checks the claim. Its writes are durable when this returns.

        Returns:
            The result of `work`.

        Raises:
            RunClaimed: The claim has ended, or another process has taken over the run.
            StoreError: This write could not be saved.
            Exception: An earlier call of `write_lazily` with this claim failed; this is its error.
        """
        self._await_lazy_writes(claim)
        return self._store.transact(with_fence(claim, work))

    def write_lazily(self, claim: Claim, work: Callable[[Transaction], None]) -> Future[None]:
        """Call `work` in a transaction that checks the claim, in the background, and return at once.

        The writes of one claim are made in the order of the calls.

        Returns:
            A future that is done when the write is durable. If the write fails, the future has the error, and the next
            write of this claim raises the error too.
        """
        future = self._store.submit(with_fence(claim, work), lazy=True)
        try:
            self._await_lazy_writes(claim)
        finally:
            with self._lock:
                self._unsettled.setdefault(claim, []).append(future)
        return future

    def write_last(self, claim: Claim, work: Callable[[Transaction], T]) -> T:
        """Call `work`, which ends the claim, in a transaction that checks the claim; wait for all lazy writes first.

        Returns:
            The result of `work`.

        Raises:
            RunClaimed: The claim has ended, or another process has taken over the run.
            StoreError: This write or an earlier lazy write could not be saved.
        """
        self._await_lazy_writes(claim, wait=True)
        done = self._store.transact(with_fence(claim, work))
        self._forget_claim(claim)
        if len(self._ended) >= 256:
            self._ended.clear()
        self._ended.add(claim)
        return done

    def _await_lazy_writes(self, claim: Claim, *, wait: bool = False) -> None:
        if claim not in self._unsettled:
            return
        with self._lock:
            settled: list[Future[None]] = []
            pending: list[Future[None]] = []
            for future in self._unsettled.pop(claim, []):
                (settled if wait or future.done() else pending).append(future)
            if pending:
                self._unsettled[claim] = pending
        for future in settled:
            future.result()

    # Owners and heartbeats

    def _try_acquire(
        self, work: Callable[[Transaction, ProcessIdentity], tuple[T, Claim]], label: str, target: str
    ) -> tuple[T, Claim]:
        owner = ProcessIdentity.current(label)
        LIVE_TOKENS.add(owner.token)
        try:
            run, claim = self._store.transact(lambda tx: work(tx, owner))
            self._start_heartbeat(claim, owner)
        except BaseException as end:
            LIVE_TOKENS.discard(owner.token)
            if not isinstance(end, Exception):
                # Interrupted while waiting: the claim may still be written, and no caller would release it.
                self._store.submit(lambda tx: end_owned_claim(tx, target, owner))
            raise
        return run, claim

    def _start_heartbeat(self, claim: Claim, owner: ProcessIdentity) -> None:
        with self._lock:
            self._held[claim] = owner.token
            if self._stop_beating is None:
                self._stop_beating = self._store.repeat_every(HEARTBEAT_SECONDS, self._write_heartbeats)

    def _forget_claim(self, claim: Claim) -> None:
        with self._lock:
            LIVE_TOKENS.discard(self._held.pop(claim, ""))
            self._unsettled.pop(claim, None)

    def _is_owner_alive(self, run_id: str, held: ClaimRecord) -> bool:
        verdict = held.owner.is_alive()
        if verdict is not None:
            self._seen.pop(run_id, None)
            return verdict
        mark, now = (held.epoch, held.beat), self._clock()
        seen = self._seen.get(run_id)
        if seen is None or seen[0] != mark:
            self._seen[run_id] = seen = (mark, now)
        return now - seen[1] < OWNER_TIMEOUT_SECONDS

    def _write_heartbeats(self, transaction: Transaction) -> None:
        try:
            self._renew_claims(transaction)
        except BaseException:
            with self._lock:
                self._stop_beating = None  # an error ends the repetition: the next claim starts a new one
            raise

    def _renew_claims(self, transaction: Transaction) -> None:
        with self._lock:
            if not self._held and self._stop_beating is not None:  # stop late: each start wakes the store's thread
                self._stop_beating()
                self._stop_beating = None
        for claim in list(self._held):
            held = newest_claim(transaction, claim.run)
            if held is None or held.released or held.epoch != claim.epoch:
                LIVE_TOKENS.discard(self._held.pop(claim, ""))
            else:
                write_claim_record(transaction, claim.run, msgspec.structs.replace(held, beat=held.beat + 1))
