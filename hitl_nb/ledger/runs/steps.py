"""Recorded calls of `@step` and `@gate` functions.

The call is stored durably as "started" before it is made, and its result is stored afterwards. If the process dies in
between, nobody knows whether the call had its effect (for example a payment). `agent_api/steps.py` asks people then.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Literal

import msgspec

from hitl_nb.errors import HitlError
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.runs import snapshots
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.records import Snapshot, Step, now
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import Store, StoreReader, Transaction


class Steps:
    """The recorded calls (steps) of a store's runs.

    Args:
        store: The store of the steps.
        claims: Rights of this process to execute runs (claims). Writes of a run are checked against them.
    """

    def __init__(self, store: Store, claims: Claims) -> None:
        self._store = store
        self._claims = claims

    def start(
        self,
        claim: Claim,
        key: str,
        name: str,
        *,
        snapshot: Snapshot | None = None,
        call: str = "",
        arguments: dict[str, str] | None = None,
        module: str = "",
        idempotent: bool = False,
        pauses: int | None = None,
    ) -> Step:
        """Record, durably, that a step is about to be called, for the first time or again after it failed.

        If the step is recorded as started or done, its record is not changed.

        Args:
            claim: This process's exclusive right to execute the run.
            key: Position of the call in the run's code, which identifies the step within the run.
            name: Name of the step's function, for people.
            snapshot: State of the run, which is saved in the same transaction. None (default): no state is saved.
            call: Readable form of the call. This and the following arguments are stored for the question that people
                are asked if the process dies during the call.
            arguments: Shortened texts of the arguments by name. None (default): no arguments.
            module: Name of the module that defines the function.
            idempotent: Whether the call may be repeated without asking people.
            pauses: For a call of a `@gate` function, the number of pauses of the run so far. None (default): a `@step`
                call.

        Returns:
            The record of the step as it is stored now.

        Raises:
            RunClaimed: Another process has taken over the run.
        """
        token = layout.step_idempotency_key(claim.run, key)
        at = now()
        fresh = Step(
            key=key,
            name=name,
            status="started",
            idempotency_key=token,
            started_at=at,
            began_at=at,
            call=call,
            arguments=arguments or {},
            module=module,
            idempotent=idempotent,
            pauses=pauses,
        )

        def work(transaction: Transaction) -> Step:
            step = rows.load_step(transaction, claim.run, key)
            if step is None or step.status == "failed":
                step = fresh if step is None else _next_try(step, fresh)
                chunked_values.put_any(transaction, layout.step_key(claim.run, key), step.json())
            if snapshot is not None:
                snapshots.put_snapshot_between_pauses(transaction, claim, snapshot)
            return step

        return self._claims.write(claim, work)

    def retry(self, claim: Claim, key: str, *, pauses: int | None = None) -> Step:
        """Record, durably, that a step that was started before is about to be called again.

        Args:
            claim: This process's exclusive right to execute the run.
            key: Key of the step within the run.
            pauses: For a call of a `@gate` function, the number of pauses of the run so far. None (default): a `@step`
                call.

        Returns:
            The changed record of the step, with one more try.

        Raises:
            RunClaimed: Another process has taken over the run.
            HitlError: The step was never started.
        """

        def work(transaction: Transaction) -> Step:
            step = msgspec.structs.replace(_next_try(_require_step(transaction, claim.run, key)), pauses=pauses)
            chunked_values.put_any(transaction, layout.step_key(claim.run, key), step.json())
            return step

        return self._claims.write(claim, work)

    def finish(
        self,
        claim: Claim,
        key: str,
        *,
        result: bytes | None,
        status: Literal["done", "failed"],
        started: Step | None = None,
    ) -> Future[None]:
        """Record the end of a call in the background. The writes of the run keep their order.

        Args:
            claim: This process's exclusive right to execute the run.
            key: Key of the step within the run.
            result: Encoded result of the call. None: no result.
            status: "done" or "failed".
            started: Record of the step that `start` or `retry` returned under this claim. None (default): read it from
                the store.

        Returns:
            A future that is done when the record is durable. It fails with RunClaimed if another process has taken over
            the run, and with HitlError if the step was never started. The next write of the run raises the same error.
        """
        finished_at = now()

        def work(transaction: Transaction) -> None:
            old = started or _require_step(transaction, claim.run, key)  # only the holder of the claim writes it
            ended: dict[str, Any] = {"status": status, "result": result, "finished_at": finished_at}
            step = msgspec.structs.replace(old, **ended, call="", arguments={})
            records = rows.put_record(transaction, layout.step_key(claim.run, key), step)
            data = {"step": key, "name": step.name, "status": status}
            chain.append_event(transaction, "step.done", actor=claim.owner, run=claim.run, data=data, records=records)

        return self._claims.write_lazily(claim, work)

    def find(self, run_id: str, key: str) -> Step | None:
        """Return the record of a step; None if it was never started.

        Args:
            run_id: Id of the run.
            key: Key of the step within the run.
        """
        return rows.load_step(self._store, run_id, key)

    def list_of_run(self, run_id: str, *, start: str = "") -> list[Step]:
        """Return the recorded calls of a run in the order in which they were first started.

        Args:
            run_id: Id of the run.
            start: Key of a step; steps at earlier positions in the code are left out. Default: all steps.
        """
        first, stop = chunked_values.prefix_range(f"step/{run_id}/")
        found = self._store.scan(max(first, layout.step_key(run_id, start)) if start else first, stop)
        steps = [
            rows.decode_record(chunked_values.join_chunks(self._store, place, raw), Step, place) for place, raw in found
        ]
        return sorted(steps, key=lambda step: step.started_at)


def _next_try(step: Step, fresh: Step | None = None) -> Step:
    """Return the record of a step for its next try: status "started" and one more try.

    Args:
        step: The record of the earlier tries.
        fresh: Record with new data about the call, such as its arguments. None (default): keep the data of `step`.
    """
    before = {"tries": step.tries + 1, "started_at": step.started_at}
    if fresh is not None:
        return msgspec.structs.replace(fresh, **before)
    return msgspec.structs.replace(step, **before, status="started", result=None, finished_at=None, began_at=now())


def _require_step(reads: StoreReader, run_id: str, key: str) -> Step:
    step = rows.load_step(reads, run_id, key)
    if step is None:
        raise HitlError(f"step {key!r} of run {run_id} was never started; steps.start comes first")
    return step
