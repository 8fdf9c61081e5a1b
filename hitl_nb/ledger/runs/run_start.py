"""Start of a new run, and continuation of a run by a process that claims it.

A *claim* is the exclusive right of one process to execute a run (see `claims.py`).
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from hitl_nb.errors import HitlError
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.rows.requesters import current_requesters, with_requesters
from hitl_nb.ledger.runs import notebook_ids as notebooks
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.records import Run, RunStatus
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
    held: bool = False,
) -> Run:
    """Store a new run, and append the event "run.opened". The caller writes the claim of the run.

    Args:
        transaction: The transaction to write in.
        id_: Id of the new run.
        last: The newest run with the same notebook, agent and key, whose generation number the new run continues. None
            if there is none.
        agent: Name of the agent.
        notebook: Path of the notebook; for a script, `SCRIPT` and its name.
        key: Key that tells several runs of one agent apart.
        at: Time of the start.
        actor: User or process that starts the run, for the audit log event.
        notebook_id: Id of the notebook. Default: "".
        caller: Data about the user of a server's request, added to the event. None (default): nothing.
        requesters: User names of the people who started the run. Under a four-eyes rule, other people must approve its
            proposals.
        also: Digests of other records by their keys, for the same event. None (default): no others.
        restarted: Digest of the code of the cell, if `--restart` in that cell starts the run. "" (default): started in
            another way.
        held: Whether the run is a held question. Default: False.

    Returns:
        The new run.
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
        held=held,
        created_at=at,
        updated_at=at,
    )
    records = rows.add_run(transaction, run) | (also or {})
    data = {"agent": agent, "notebook": notebook, "key": key, "generation": run.generation, **(caller or {})}
    chain.append_event(transaction, "run.opened", actor=actor, run=id_, data=data, records=records)
    return run


def restart_run(
    transaction: Transaction,
    id_: str,
    claims: Claims,
    owner: ProcessIdentity,
    *,
    agent: str,
    notebook: str,
    key: str,
    at: datetime,
    notebook_id: str,
    requesters: tuple[str, ...],
    restarted: str,
    held: bool = False,
) -> tuple[Run, Claim]:
    """Start a new run of a notebook's agent and claim it. The previous run, if unfinished, is cancelled.

    Args:
        transaction: The transaction to write in.
        id_: Id of the new run.
        claims: Claims that this process holds, for the check of the previous run.
        owner: The process that starts the run.
        agent: Name of the agent.
        notebook: Path of the notebook.
        key: Key of the run.
        at: Time of the start.
        notebook_id: Id that the notebook's file has in its metadata; "" if none.
        requesters: User names of the people who started the run. Under a four-eyes rule, other people must approve its
            proposals.
        restarted: Digest of the code of the cell, if `--restart` in that cell starts the run; "" otherwise.
        held: Whether the run is a held question. Default: False.

    Returns:
        The new run and its claim.

    Raises:
        RunClaimed: Another living process executes the previous run.
    """
    last = rows.newest_run(transaction, notebook, agent, key)
    if last is not None:
        claims.check_free(transaction, last)
        if last.status not in ("finished", "cancelled"):
            cancel_run(transaction, last, actor=str(owner))
    known, records = notebooks.ensure_notebook_id(transaction, notebook, notebook_id)
    run = start_run(
        transaction,
        id_,
        last,
        agent=agent,
        notebook=notebook,
        notebook_id=known,
        key=key,
        restarted=restarted,
        held=held,
        at=at,
        actor=str(owner),
        requesters=requesters,
        also=records,
    )
    return run, claims.write_claim(transaction, msgspec.structs.replace(run, epoch=0), owner)


def resume_run(
    transaction: Transaction, run_id: str, claims: Claims, owner: ProcessIdentity
) -> tuple[Run, Claim, RunStatus]:
    """Claim a run that does not wait for decisions, and give it the status "running".

    Args:
        transaction: The transaction to write in.
        run_id: Id of the run.
        claims: Claims that this process holds, for the check of the run's owner.
        owner: The process that claims the run.

    Returns:
        The run with the status "running", its claim, and its status before the call.

    Raises:
        RunClaimed: Another living process executes the run.
        HitlError: The run waits for decisions or is cancelled.
        UnknownRun: No run has this id.
    """
    run = rows.load_run(transaction, run_id)
    if run.status == "waiting":
        decisions = "1 decision" if run.open == 1 else f"{run.open} decisions"
        raise HitlError(f"run {run.id} ({run.agent}) waits for {decisions}; `hitl-nb inbox` shows them")
    before = run.status
    held = claims.write_claim(transaction, run, owner)
    run = with_requesters(rows.with_status(run, "running", epoch=held.epoch, error=None), current_requesters())
    data = {"from": before, "epoch": held.epoch}
    records = rows.put_run(transaction, run)
    chain.append_event(transaction, "run.resumed", actor=held.owner, run=run.id, data=data, records=records)
    return run, held, before
