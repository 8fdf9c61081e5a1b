"""Replacement of the terms (review rules) of open proposals, after the policy files have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hitl_nb.errors import StaleDraft
from hitl_nb.ledger.decisions.absences import load_people
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.policies.terms.terms_renewal import renew_terms
from hitl_nb.records import Proposal, Terms
from hitl_nb.storage.interface import Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.documents.merged_policy import MergedPolicy


def replace_terms(
    transaction: Transaction, seen: Proposal, terms: Terms, *, policy: MergedPolicy | None, actor: str, why: str
) -> Proposal:
    """Replace the terms (review rules) of an open proposal, inside a transaction.

    Args:
        transaction: The transaction to write in.
        seen: The proposal as it was when the new terms were computed.
        terms: The new terms.
        policy: The merged policy that the new terms come from; None: there is no policy any more.
        actor: User or process that renews the terms, for the audit log event.
        why: The reason, for the audit log event.

    Returns:
        The proposal with the new terms.

    Raises:
        AlreadyDecided: The proposal is no longer open.
        StaleDraft: The proposal's terms or value have changed since `seen`.
    """
    proposal = rows.load_proposal(transaction, seen.id) or seen
    refuse_closed(proposal)
    if (proposal.terms, proposal.candidate) != (seen.terms, seen.candidate):
        raise StaleDraft(f"the terms of proposal {proposal.id} ({proposal.title}) have changed meanwhile; try again")
    at = clock.store_now(transaction)
    change = renew_terms(proposal, terms, load_people(transaction, proposal, at), at, why=why)
    if change is None:
        return proposal
    if policy is not None:
        policytexts.record_policy_use(transaction, proposal.run, policy.sha256, policy, actor)
    return write_change(transaction, change, actor=actor, at=at)[0]
