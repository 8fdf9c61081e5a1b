"""How a run begins, be it a kernel's or a script's, and how it is stopped for good."""

from __future__ import annotations

from datetime import datetime

from hitl_nb.records import Run
from hitl_nb.store import chain, claims, rows, standing
from hitl_nb.store.base import Transaction
from hitl_nb.store.inbox import supersede


def opened(
    tx: Transaction,
    id_: str,
    last: Run | None,
    *,
    agent: str,
    notebook: str,
    key: str,
    at: datetime,
    actor: str,
    notebook_id: str = "",
    caller: dict[str, str] | None = None,
) -> Run:
    """Begin the run `id_` behind `last`, the newest one of its name. Its claim is the caller's to take.

    Args:
        caller: what the event says of who asked for it, beside the actor.
    """
    run = Run(
        id=id_,
        agent=agent,
        notebook=notebook,
        notebook_id=notebook_id,
        key=key,
        generation=last.generation + 1 if last else 1,
        epoch=1,
        created_at=at,
        updated_at=at,
    )
    records = rows.add_run(tx, run)
    data = {"agent": agent, "notebook": notebook, "key": key, "generation": run.generation, **(caller or {})}
    chain.append(tx, "run.opened", actor=actor, run=id_, data=data, records=records)
    return run


def cancel_run(tx: Transaction, run: Run, *, actor: str) -> Run:
    """Stop a run for good: its open proposals are superseded, and its owner can write no more."""
    stale, records = supersede(tx, run.id, run.pauses)
    run = rows.moved(run, "cancelled", open=0)
    records |= rows.put_run(tx, run)
    claims.free(tx, run.id)
    standing.close_all(tx, run.id, actor)
    chain.append(tx, "run.cancelled", actor=actor, run=run.id, data={"superseded": stale}, records=records)
    return run
