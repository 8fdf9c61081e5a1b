"""A vote that was taken back: signed as the vote was, and checked as the vote is.

A withdrawal is in the log alone. Who can write to the store could take back a person's vote in their name; so where
only what a server signed counts, a signed vote is taken back by a signed withdrawal only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hitl_nb.errors import NotAReviewer, StoreCorrupt, Untrusted
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.proposal_history import RunLog
from hitl_nb.ledger.decisions.signatures import GIVEN, SIGNED_ONLY, Attest
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.policies.terms.terms import Change
from hitl_nb.policies.terms.vote_counts import hash_value
from hitl_nb.records import Event, Proposal, canonical
from hitl_nb.storage.interface import Reads

TYPE = "vote.withdrawn"
_CONTEXT = b"hitl/withdrawal/v1\x00"


def sign_withdrawal(
    reads: Reads, store_id: str, p: Proposal, change: Change, reviewer: str, attest: Attest | None
) -> Change:
    """The change that takes a vote on `p` back, signed as a server knows who does that.

    Raises NotAReviewer without a server, where that would not count.
    """
    return replace(
        change,
        events=tuple(
            (type_, _signed(reads, store_id, p, data, reviewer, attest) if type_ == TYPE else data)
            for type_, data in change.events
        ),
    )


def check_withdrawals(reads: Reads, store_id: str, log: RunLog, p: Proposal) -> None:
    """Raises Untrusted for a withdrawal of a vote on `p` that its voter's server did not sign and had to."""
    if p.decision is None or log.find_asked(p.id) is None:
        return
    for event in log.events_about(p.id, p.decision.event):
        if event.type == TYPE:
            _check(reads, store_id, p, event)


def _signed(
    reads: Reads, store_id: str, p: Proposal, data: dict[str, Any], reviewer: str, attest: Attest | None
) -> dict[str, Any]:
    voted = _vote_at(reads, p, data)
    if attest is None:
        if signatures.is_signed_only() and _is_signed(voted):
            raise NotAReviewer(
                f"the vote of {reviewer} on {p.title!r} was taken through a server, and {SIGNED_ONLY}=1 asks for that; "
                "take it back in JupyterLab"
            )
        return data
    known = {
        "revision": p.revision,
        "reviewer_name": attest.reviewer_name,
        "authn": attest.authn,
        "assurance": attest.assurance,
        "surface": attest.surface,
    }
    data = data | known
    return data | {"signature": attest.key.sign(_message(store_id, p, voted, reviewer, data))}


def _check(reads: Reads, store_id: str, p: Proposal, event: Event) -> None:
    data = event.data or {}
    voted = _vote_at(reads, p, data)
    signature = data.get("signature")
    if signature is None:
        if signatures.is_signed_only() and _is_signed(voted):
            raise Untrusted(
                f"{event.actor} took back their vote on proposal {p.id} ({p.title}), but not through a server, and "
                f"{SIGNED_ONLY}=1 asks for that; run the agent again with --restart and decide in JupyterLab"
            )
        return
    said = _message(store_id, p, voted, event.actor, data)
    if data.get("assurance") not in GIVEN or not signatures.verifies(signature, said):
        raise Untrusted(
            f"that {event.actor} took back their vote on proposal {p.id} ({p.title}) is not signed by a server that "
            "this kernel knows"
        )


def _vote_at(reads: Reads, p: Proposal, data: dict[str, Any]) -> Event:
    """The event of the vote that is taken back."""
    voted = chain.at(reads, data.get("vote", 0))
    if voted is None or (voted.type, voted.proposal) != ("vote", p.id):
        raise StoreCorrupt(f"a vote on proposal {p.id} ({p.title}) was taken back that is not in the audit log")
    return voted


def _is_signed(voted: Event) -> bool:
    return (voted.data or {}).get("signature") is not None


def _message(store_id: str, p: Proposal, voted: Event, reviewer: str, data: dict[str, Any]) -> bytes:
    """What is signed: bound to its place, to the vote as it was logged, to the person and to the time."""
    return _CONTEXT + canonical(
        [
            *(store_id, p.id, p.run, p.fingerprint, data.get("revision")),
            hash_value([voted.n, voted.actor, voted.data]),
            *(reviewer, *(data.get(name) for name in ("reviewer_name", "authn", "assurance", "surface", "at"))),
        ]
    )
