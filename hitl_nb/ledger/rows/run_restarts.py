"""The mark of runs that `--restart` began, which counts while the flag stays in the cell."""

from __future__ import annotations

import msgspec

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.records import Run
from hitl_nb.storage.interface import Transaction


def clear_restart(transaction: Transaction, run_id: str) -> Run:
    """Remove the restart mark of a run, because its cell was run without `--restart`.

    If the flag is added to the cell again, the cell starts a new run.

    Returns:
        The run afterwards.
    """
    run = rows.load_run(transaction, run_id)
    if not run.restarted:
        return run
    run = msgspec.structs.replace(run, restarted="")
    records = rows.put_run(transaction, run)
    chain.append_event(transaction, "run.restart_forgotten", actor="kernel", run=run_id, records=records)
    return run
