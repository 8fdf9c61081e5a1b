"""The end of held questions: a program holds a question open while it waits, and no other process can resume it.

The run of such a question has one claim from its start to its end, also while it waits for the decision. If the process
that has this claim ends, nobody can use the decision any more. So the process that reads the store next withdraws the
question. The index `held/<run>` has the runs that have not ended; it is empty if no question is held.
"""

from __future__ import annotations

from functools import partial

from hitl_nb.errors import StoreCorrupt, UnknownRun
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.layout import HELD_PREFIX, decode_index_id
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.ledger.runs.claim_records import newest_claim
from hitl_nb.ledger.runs.claims import Claims
from hitl_nb.records import Run
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import Store, Transaction

UNUSED = "the program ended before it used the decision"
"""Reason of the end of a run whose question was decided, and whose program did not use the decision."""
_UNANSWERED = "the program that asked has ended"


def withdraw_ended(store: Store, claims: Claims) -> StoreCorrupt | UnknownRun | None:
    """Cancel the runs of all held questions whose process has ended. Their open questions are withdrawn.

    A decision that was recorded before is kept.

    Args:
        store: The store of the runs.
        claims: Tells whether a process is alive.

    Returns:
        The error of a damaged record, or of an index entry whose run is missing. The others are withdrawn nevertheless.
        None: there was no error.
    """
    damage = None
    for key, raw in store.scan(*prefix_range(HELD_PREFIX)):
        try:
            run_id = decode_index_id(key, raw)
            if not claims.has_living_owner(store, run_id):
                store.transact(partial(_withdraw, key=key, run_id=run_id, claims=claims))
        except (StoreCorrupt, UnknownRun) as found:
            damage = damage or found
    return damage


def end_held_run(transaction: Transaction, run: Run, *, actor: str, why: str) -> Run:
    """Cancel the run of a held question, because its program does not wait for the decision any more.

    Args:
        transaction: The transaction to write in.
        run: The run.
        actor: The process, for the audit log event.
        why: Reason, if the question was not decided.

    Returns:
        The cancelled run.
    """
    was_decided = run.pauses > 0 and run.open == 0
    return cancel_run(transaction, run, actor=actor, why=UNUSED if was_decided else why)


def _withdraw(transaction: Transaction, *, key: str, run_id: str, claims: Claims) -> None:
    if transaction.get(key) is None or claims.has_living_owner(transaction, run_id):
        return  # another process was first
    owner = newest_claim(transaction, run_id)
    actor = str(owner.owner) if owner is not None else "held question"
    end_held_run(transaction, rows.load_run(transaction, run_id), actor=actor, why=_UNANSWERED)
