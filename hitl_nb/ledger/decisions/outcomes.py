"""Outcomes of decisions: a reviewer says afterwards that an approval was wrong.

The decision itself stays as it is, and a run that has used it is not changed. The statement is kept with the proposal,
and it is an event in the audit log. Rules that pass questions without people are judged by these statements.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_nb.errors import HitlError
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.proposal_lists import find_proposal
from hitl_nb.records import OutcomeFlag, Proposal, now
from hitl_nb.storage.interface import Transaction

FLAGGED = "outcome.flagged"
_APPROVALS = ("approve", "edit")


def flag_outcome(
    transaction: Transaction,
    store_id: str,
    proposal_id: str,
    *,
    reason: str,
    reviewer: str,
    attestation: ReviewerAttestation | None,
) -> Proposal:
    """Record that the approval of a proposal was wrong.

    Args:
        transaction: The transaction to write in.
        store_id: Id of the store, which the signature contains.
        proposal_id: Id of the proposal, or the beginning of it.
        reason: Description of the mistake.
        reviewer: User name of the person who says so.
        attestation: How a server identified the person, and its key that signs. None: not signed.

    Returns:
        The proposal afterwards.

    Raises:
        UnknownProposal: No proposal has this id.
        HitlError: The proposal was not approved, or somebody has said so before.
        ValueError: There is no reason.
    """
    proposal = find_proposal(transaction, proposal_id)
    _refuse(proposal, reason)
    name = "" if attestation is None else attestation.reviewer_name
    flag = OutcomeFlag(reviewer=reviewer, reviewer_name=name, reason=reason.strip(), at=now())
    if attestation is not None:
        flag = signatures.sign_statement(store_id, proposal.id, flag, attestation)
    proposal = msgspec.structs.replace(proposal, flag=flag)
    records = rows.put_proposal(transaction, proposal)
    chain.append_event(
        transaction,
        FLAGGED,
        actor=reviewer,
        run=proposal.run,
        proposal=proposal.id,
        data=_event_data(proposal, flag),
        records=records,
    )
    return proposal


def _refuse(proposal: Proposal, reason: str) -> None:
    made = proposal.decision
    if not reason.strip():
        raise ValueError("say what was wrong; the reason is kept in the log")
    if proposal.status != "decided" or made is None or made.action not in _APPROVALS or proposal.doubt is not None:
        raise HitlError(f"{proposal.title!r} was not approved, so it cannot be said that its approval was wrong")
    if proposal.flag is not None:
        raise HitlError(f"{proposal.flag.reviewer} has said before that the approval of {proposal.title!r} was wrong")


def _event_data(proposal: Proposal, flag: OutcomeFlag) -> dict[str, Any]:
    made = proposal.decision
    assert made is not None
    known = ("reviewer_name", "authn", "assurance", "surface", "signature") if flag.signature is not None else ()
    return {
        "reason": flag.reason,
        "action": made.action,
        "by": made.by,
        "decided_by": made.reviewer,
        "fingerprint": proposal.fingerprint,
        **{name: getattr(flag, name) for name in known},
    }
