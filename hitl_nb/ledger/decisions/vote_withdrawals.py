"""Withdrawals of votes, which are signed and checked like the votes themselves.

A withdrawal is only an event in the audit log. A program that can write to the store could withdraw the vote of a
person in that person's name. So if only signed decisions count (`HITL_NB_SIGNED_ONLY`), a signed vote can be withdrawn
only by a withdrawal that a server has signed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hitl_nb import settings
from hitl_nb.errors import NotAReviewer, StoreCorrupt, Untrusted
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.proposal_history import RunLog
from hitl_nb.ledger.decisions.signatures import SUPPORTED_ASSURANCES, ReviewerAttestation
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.policies.terms.terms import Change
from hitl_nb.policies.terms.vote_counts import hash_value
from hitl_nb.records import Event, Proposal, canonical_json
from hitl_nb.storage.interface import StoreReader

EVENT_TYPE = "vote.withdrawn"
_WITHDRAWAL_CONTEXT = b"hitl/withdrawal/v1\x00"


def sign_withdrawal(
    reads: StoreReader,
    store_id: str,
    proposal: Proposal,
    change: Change,
    reviewer: str,
    attestation: ReviewerAttestation | None,
) -> Change:
    """Sign the event of a change that withdraws a vote.

    Args:
        reads: The store, or a transaction.
        store_id: Id of the store, which the signature contains.
        proposal: The proposal before the withdrawal.
        change: The computed change, with the event of the withdrawal.
        reviewer: User name of the person who withdraws the vote.
        attestation: How a server identified the person, and its key that signs. None: not signed.

    Returns:
        The change with the signature in the data of its event; without an attestation, the unchanged change.

    Raises:
        NotAReviewer: The withdrawal must be signed, and there is no attestation.
        StoreCorrupt: The vote is not in the audit log.
    """
    return replace(
        change,
        events=tuple(
            (type_, _sign_data(reads, store_id, proposal, data, reviewer, attestation) if type_ == EVENT_TYPE else data)
            for type_, data in change.events
        ),
    )


def check_withdrawals(reads: StoreReader, store_id: str, log: RunLog, proposal: Proposal) -> None:
    """Check the signatures of all withdrawals of votes on a decided proposal.

    Raises:
        Untrusted: A signature is not of a known server, or is missing although it is required.
        StoreCorrupt: A withdrawn vote is not in the audit log.
    """
    if proposal.decision is None or log.find_question_data(proposal.id) is None:
        return
    for event in log.events_about(proposal.id, proposal.decision.event):
        if event.type == EVENT_TYPE:
            _check_withdrawal(reads, store_id, proposal, event)


def _sign_data(
    reads: StoreReader,
    store_id: str,
    proposal: Proposal,
    data: dict[str, Any],
    reviewer: str,
    attestation: ReviewerAttestation | None,
) -> dict[str, Any]:
    voted = _load_vote_event(reads, proposal, data)
    if attestation is None:
        if signatures.is_signed_only() and _is_vote_signed(voted):
            raise NotAReviewer(
                f"the vote of {reviewer} on {proposal.title!r} was taken through a server, and "
                f"{settings.SIGNED_ONLY.name}=1 asks for that; "
                "take it back in JupyterLab"
            )
        return data
    known = {
        "revision": proposal.revision,
        "reviewer_name": attestation.reviewer_name,
        "authn": attestation.authn,
        "assurance": attestation.assurance,
        "surface": attestation.surface,
    }
    data = data | known
    return data | {"signature": attestation.key.sign(_withdrawal_message(store_id, proposal, voted, reviewer, data))}


def _check_withdrawal(reads: StoreReader, store_id: str, proposal: Proposal, event: Event) -> None:
    data = event.data or {}
    voted = _load_vote_event(reads, proposal, data)
    signature = data.get("signature")
    if signature is None:
        if signatures.is_signed_only() and _is_vote_signed(voted):
            raise Untrusted(
                f"{event.actor} took back their vote on proposal {proposal.id} ({proposal.title}), but not through a "
                f"server, and {settings.SIGNED_ONLY.name}=1 asks for that; run the agent again with --restart and "
                "decide in JupyterLab"
            )
        return
    said = _withdrawal_message(store_id, proposal, voted, event.actor, data)
    if data.get("assurance") not in SUPPORTED_ASSURANCES or not signatures.is_signature_valid(signature, said):
        raise Untrusted(
            f"that {event.actor} took back their vote on proposal {proposal.id} ({proposal.title}) is not signed by "
            "a server that "
            "this kernel knows"
        )


def _load_vote_event(reads: StoreReader, proposal: Proposal, data: dict[str, Any]) -> Event:
    """Return the event of the vote that a withdrawal names.

    Args:
        reads: The store, or a transaction.
        proposal: The proposal.
        data: Data of the withdrawal's event; `vote` is the number of the vote's event.

    Raises:
        StoreCorrupt: There is no event of such a vote.
    """
    voted = chain.read_event(reads, data.get("vote", 0))
    if voted is None or (voted.type, voted.proposal) != ("vote", proposal.id):
        raise StoreCorrupt(
            f"a vote on proposal {proposal.id} ({proposal.title}) was taken back that is not in the audit log"
        )
    return voted


def _is_vote_signed(voted: Event) -> bool:
    return (voted.data or {}).get("signature") is not None


def _withdrawal_message(store_id: str, proposal: Proposal, voted: Event, reviewer: str, data: dict[str, Any]) -> bytes:
    """Return the bytes that a server signs for a withdrawal.

    They contain the ids of the store, the proposal and the run, the event of the vote, the person and the time.
    """
    return _WITHDRAWAL_CONTEXT + canonical_json(
        [
            *(store_id, proposal.id, proposal.run, proposal.fingerprint, data.get("revision")),
            hash_value([voted.n, voted.actor, voted.data]),
            *(reviewer, *(data.get(name) for name in ("reviewer_name", "authn", "assurance", "surface", "at"))),
        ]
    )
