"""Stored texts of the policies that runs were judged by.

Several policy files are merged into one policy. Its text is stored once, under its SHA-256.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hitl_nb.errors import StoreCorrupt
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import StoreReader, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy

POLICY_PREFIX = "policy/"


def keep_policy_text(transaction: Transaction, policy: MergedPolicy) -> None:
    """Store the text of a policy, unless the store has it already."""
    key = f"{POLICY_PREFIX}{policy.sha256}"
    if transaction.get(key) is None:
        chunked_values.put_new(transaction, key, policy.json())


def read_policy_text(reads: StoreReader, sha256: str) -> bytes | None:
    """Return the text of a merged policy; None if the store does not have it.

    Args:
        reads: The store, or a transaction.
        sha256: SHA-256 (hex) of the text.

    Raises:
        StoreCorrupt: The stored text has another hash.
    """
    raw = chunked_values.get_whole(reads, f"{POLICY_PREFIX}{sha256}") if sha256.isalnum() else None
    if raw is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise StoreCorrupt(f"the policy {sha256[:12]} was changed in the store: its text has another hash")
    return raw


def record_policy_use(
    transaction: Transaction, run_id: str, sha256: str, policy: MergedPolicy | None, actor: str
) -> None:
    """Record in the audit log that a policy is used for the questions of a run.

    Only the first call for a run and a policy writes an event; later calls have no effect.

    Args:
        transaction: The transaction to write in.
        run_id: Id of the run.
        sha256: SHA-256 (hex) of the policy's text.
        policy: The merged policy, if the caller has it. Its text is stored if its hash is `sha256`. None: the text must
            be stored already.
        actor: User or process that the audit log event names.

    Raises:
        ValueError: The text is neither given nor stored.
    """
    mark = f"policyof/{run_id}/{sha256}"
    if transaction.get(mark) is not None:
        return
    if policy is not None and policy.sha256 == sha256:
        keep_policy_text(transaction, policy)
    elif transaction.get(f"{POLICY_PREFIX}{sha256}") is None:
        raise ValueError(f"the text of the policy {sha256[:12]} is not kept; give it, or call policies.keep first")
    transaction.put(mark, b"")
    chain.append_event(transaction, "policy.used", actor=actor, run=run_id, data={"policy": sha256})


def delete_policy_uses(transaction: Transaction, run_id: str) -> None:
    """Remove the marks that a run has used policies. The texts of the policies and the events stay."""
    for key, _ in transaction.scan(*chunked_values.prefix_range(f"policyof/{run_id}/")):
        transaction.delete(key)
