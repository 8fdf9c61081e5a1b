"""How a run begins, be it a kernel's or a script's."""

from __future__ import annotations

from datetime import datetime

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import Run
from hitl_nb.storage.interface import Transaction


def start_run(
    transaction: Transaction,
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
    requesters: tuple[str, ...] = (),
    also: Digests | None = None,
    restarted: str = "",
) -> Run:
    """Begin the run `id_` behind `last`, the newest one of its name. Its claim is the caller's to take.

    Args:
        caller: what the event says of who asked for it, beside the actor.
        requesters: who asked for it, for four eyes.
        also: digests of other records, which the same event tells of.
        restarted: see `Run`.
    """
    run = Run(
        id=id_,
        agent=agent,
        notebook=notebook,
        notebook_id=notebook_id,
        key=key,
        generation=last.generation + 1 if last else 1,
        epoch=1,
        requesters=requesters,
        restarted=restarted,
        created_at=at,
        updated_at=at,
    )
    records = rows.add_run(transaction, run) | (also or {})
    data = {"agent": agent, "notebook": notebook, "key": key, "generation": run.generation, **(caller or {})}
    chain.append_event(transaction, "run.opened", actor=actor, run=id_, data=data, records=records)
    return run
