"""Removal of runs with all their records, inside a transaction. Their events stay in the audit log."""

from __future__ import annotations

from collections.abc import Callable

from hitl_nb.ledger.decisions.notices import forget_notices
from hitl_nb.ledger.open.evidence_blobs import remove_pictures
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.runs import claim_records, snapshots
from hitl_nb.records import Run
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import Transaction


def remove_runs(
    transaction: Transaction,
    *,
    agent: str,
    notebook: str,
    key: str | None,
    actor: str,
    check_free: Callable[[Transaction, Run], None],
) -> tuple[list[str], list[str]]:
    """Remove all runs with this agent, notebook and key, and append an event that lists them.

    Args:
        transaction: The transaction to write in.
        agent: Name of the agent.
        notebook: Path of the notebook.
        key: Key of the run; None: the runs of every key.
        actor: User or process that removes them, for the audit log event.
        check_free: Function that raises RunClaimed if a living process executes the run.

    Returns:
        Two lists: the ids of the removed runs, and the ids of their documents. The caller has to delete the update logs
        of these documents, which are in another database.
    """
    found = transaction.scan(*chunked_values.prefix_range(layout.name_prefix(notebook, agent, key)))
    gone = [rows.load_run(transaction, layout.decode_index_id(*entry)) for entry in found]
    for run in gone:
        check_free(transaction, run)
    drafts = [document for run in gone for document in _delete_run(transaction, run)]
    ids = [run.id for run in gone]
    forget_notices(transaction, ids)
    if ids:
        data = {"agent": agent, "notebook": notebook, "key": key, "runs": ids}
        chain.append_event(transaction, "run.forgotten", actor=actor, data=data)
    return ids, drafts


def _delete_run(transaction: Transaction, run: Run) -> list[str]:
    """Remove a run and its records, except the logs of its documents; return the ids of these documents."""
    asked, written = rows.load_proposals(transaction, run.id), rows.load_workspaces(transaction, run.id)
    proposals = [*asked, *rows.load_passed(transaction, run.id)]
    for proposal in proposals:
        rows.delete_proposal(transaction, proposal)
    remove_pictures(transaction, run.id, proposals)
    for workspace in written:
        rows.delete_workspace(transaction, workspace)
    for place, _ in transaction.scan(*chunked_values.prefix_range(f"step/{run.id}/")):
        chunked_values.delete_chunked(transaction, place)
    policytexts.delete_policy_uses(transaction, run.id)
    snapshots.delete_state(transaction, run.id)
    claim_records.delete_claim(transaction, run.id)
    chain.delete_run_list(transaction, run.id)
    rows.delete_run(transaction, run)
    return [one.id for one in (*asked, *written)]
