"""Labels of a run: facts that its agent records with `hitl.labels`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.records import Run
from hitl_nb.storage.interface import Transaction

MAX_LABELS = 50
"""Most labels of one run."""


def label_run(transaction: Transaction, run_id: str, labels: Mapping[str, str], actor: str) -> Run:
    """Add labels to a run; they replace labels with the same names.

    Args:
        transaction: The transaction to write in.
        run_id: Id of the run.
        labels: Values of the labels by name.
        actor: User or process for the event.

    Returns:
        The run afterwards.

    Raises:
        ValueError: The run would have more than `MAX_LABELS` labels.
    """
    run = rows.load_run(transaction, run_id)
    merged = {**run.labels, **labels}
    if merged == run.labels:
        return run
    if len(merged) > MAX_LABELS:
        raise ValueError(f"a run has {MAX_LABELS} labels at most, and {run.agent!r} would have {len(merged)}")
    run = msgspec.structs.replace(run, labels=merged)
    records = rows.put_run(transaction, run)
    chain.append_event(
        transaction, "run.labeled", actor=actor, run=run_id, data={"labels": dict(labels)}, records=records
    )
    return run
