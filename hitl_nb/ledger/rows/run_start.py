"""Start of a run, for kernels and for scripts."""

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
    """Start a new generation of a run. The caller writes its claim.

    Args:
        transaction: The transaction to write in.
        id_: Id of the new run.
        last: The newest run with the same name; None if there is none.
        agent: Name of the agent.
        notebook: Path of the notebook, or place of the script.
        key: Key of the run.
        at: Time of the start.
        actor: User or process that starts the run, for the event.
        notebook_id: Id of the notebook. Default: "".
        caller: Further data of the event about the user of the request. None (default): nothing.
        requesters: People who asked for the run, for four-eyes rules.
        also: Digests of other records for the same event. None (default): no others.
        restarted: See `Run`.
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
