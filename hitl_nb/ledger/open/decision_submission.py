"""Decisions that people submit: on one proposal, on several together, or the withdrawal of a vote.

All functions run inside a transaction. Automatic actions that are due on a proposal, such as a deadline, are taken
first, in the same transaction. So the proposal may no longer be open for the submitted decision. Such a late decision
is a return value, not an exception, because an exception would undo the automatic actions too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from hitl_nb.errors import TooLate
from hitl_nb.ledger.decisions.decisions import DecisionOutcome, SubmittedDecision, record_decision
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation
from hitl_nb.ledger.documents.comment_records import read_comments
from hitl_nb.ledger.open.votes import (
    LateDecision,
    ShownVersion,
    apply_due_steps,
    cast_vote,
    is_vote,
    refuse_blocked_edit,
    vote_outcome,
    withdraw_vote,
)
from hitl_nb.ledger.rows.proposal_lists import find_proposal
from hitl_nb.records import Proposal, Run
from hitl_nb.storage.interface import Transaction

T = TypeVar("T")


def submit_decision(
    transaction: Transaction, store_id: str, proposal_id: str, verdict: SubmittedDecision, shown: ShownVersion
) -> DecisionOutcome | LateDecision:
    """Decide one proposal or, if it has terms (review rules), vote on it.

    Args:
        transaction: The transaction to write in.
        store_id: Id of the store, which signatures contain.
        proposal_id: Id of the proposal, or the beginning of it.
        verdict: The decision or vote.
        shown: The version of the proposal that was shown to the reviewer.

    Returns:
        The proposal, its run and its comments afterwards; a `LateDecision` if the proposal is no longer open.

    Raises:
        HitlError: The decision is not valid; the errors are those of `Proposals.decide`.
    """
    proposal = apply_due_steps(transaction, find_proposal(transaction, proposal_id))
    late = None if proposal.terms is None else LateDecision.find(proposal)
    if late is not None:
        return late
    proposal, run = _decide(transaction, proposal, store_id, verdict, shown)
    return _outcome(transaction, store_id, proposal, run)


def submit_together(
    transaction: Transaction,
    store_id: str,
    shown: Sequence[Proposal],
    verdict: SubmittedDecision,
    seconds: Mapping[str, float | None],
) -> list[Proposal] | LateDecision:
    """Decide several proposals with the same verdict, or vote on them. If one cannot be decided, none is.

    Args:
        transaction: The transaction to write in.
        store_id: Id of the store, which signatures contain.
        shown: The proposals as they were shown to the reviewer, each one once.
        verdict: The decision or vote.
        seconds: Seconds for which the reviewer saw each proposal, by the proposal's id. None: unknown.

    Returns:
        The proposals afterwards, in the order of `shown`; a `LateDecision` if one of them is no longer open.
    """
    found = [(apply_due_steps(transaction, find_proposal(transaction, was.id)), was) for was in shown]
    for proposal, _ in found:
        late = None if proposal.terms is None else LateDecision.find(proposal)
        if late is not None:
            return late
    decided: list[Proposal] = []
    for proposal, was in found:
        seen = ShownVersion(was.fingerprint, was.revision, seconds.get(was.id), len(shown))
        decided.append(_decide(transaction, proposal, store_id, verdict, seen)[0])
    return decided


def undo_approval(
    transaction: Transaction,
    store_id: str,
    proposal_id: str,
    reviewer: str,
    attestation: ReviewerAttestation | None,
) -> DecisionOutcome | LateDecision:
    """Withdraw the vote of a person on an open proposal.

    Args:
        transaction: The transaction to write in.
        store_id: Id of the store, which signatures contain.
        proposal_id: Id of the proposal, or the beginning of it.
        reviewer: User name of the person who takes the vote back.
        attestation: How a server identified the reviewer, and its key that signs the withdrawal. None: not signed.

    Returns:
        The proposal, its run and its comments afterwards; a `LateDecision` if the approval has just become the
        decision.

    Raises:
        TooLate: The decision is final, or the person has no vote.
        NotAReviewer: The votes are enough, and another person approved last; or the withdrawal must be signed by a
            server.
        UnknownProposal: No proposal has this id.
    """
    proposal = find_proposal(transaction, proposal_id)
    was_open, proposal = proposal.status == "open", apply_due_steps(transaction, proposal)
    if was_open and proposal.status != "open":
        return LateDecision(TooLate(f"{proposal.title!r} is decided; what was approved can no longer be taken back"))
    proposal, run = withdraw_vote(transaction, proposal, store_id, reviewer, attestation)
    return _outcome(transaction, store_id, proposal, run)


def raise_if_late(done: T | LateDecision) -> T:
    """Return `done`, the result of a transaction. If it is a `LateDecision`, raise the error that it contains.

    Raises:
        AlreadyDecided, TooLate: The decision was late.
    """
    if isinstance(done, LateDecision):
        raise done.error
    return done


def _decide(
    transaction: Transaction, proposal: Proposal, store_id: str, verdict: SubmittedDecision, seen: ShownVersion
) -> tuple[Proposal, Run]:
    if is_vote(proposal, verdict):
        return cast_vote(transaction, proposal, store_id, verdict, seen)
    refuse_blocked_edit(transaction, proposal, verdict)
    return record_decision(transaction, proposal, store_id, verdict, seen.fingerprint, seen.revision)


def _outcome(transaction: Transaction, store_id: str, proposal: Proposal, run: Run) -> DecisionOutcome:
    comments = read_comments(transaction, proposal.document or proposal.id, store_id=store_id)
    return DecisionOutcome(proposal, run, comments, vote_outcome(proposal))
