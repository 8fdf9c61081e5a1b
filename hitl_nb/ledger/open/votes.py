"""Deciding a proposal that has terms: a person's decision is a vote, and the votes make the decision.

What the clock has to do comes first, in the same transaction, so that nobody decides after a deadline. A vote that came
too late is an answer, not an error, within the transaction: otherwise what the clock did would be undone with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from hitl_nb.errors import AlreadyDecided, StoreCorrupt, TooLate
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.absences import load_people
from hitl_nb.ledger.decisions.decisions import SubmittedDecision, refuse_changed
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation
from hitl_nb.ledger.decisions.vote_withdrawals import sign_withdrawal
from hitl_nb.ledger.open.due_actions import take_due_steps, with_machine_clock
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.policies.terms import terms
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.policies.terms.edit_terms import EditPlan, refuse_blocked
from hitl_nb.records import Proposal, Run, VoteRecord, effect_happened
from hitl_nb.storage.interface import StoreReader, Transaction

VoteOutcome = Literal["recorded", "settling", "decided"]
"""What became of a decision: a vote among others, an approval that may still be taken back, or the decision."""


@dataclass(frozen=True)
class ShownVersion:
    """How a proposal was shown to who decides it.

    Attributes:
        fingerprint, revision: those that were shown; None: whatever it is.
        seconds: how long it was; None if that is not known.
        batch: with how many it is decided in one go.
    """

    fingerprint: str | None = None
    revision: int | None = None
    seconds: float | None = None
    batch: int = 1


@dataclass(frozen=True)
class LateDecision:
    """Somebody, or the clock, was first: what is raised once the transaction is over."""

    error: AlreadyDecided | TooLate

    @classmethod
    def find(cls, proposal: Proposal) -> LateDecision | None:
        """What is said if the proposal is no longer open."""
        try:
            refuse_closed(proposal)
        except AlreadyDecided as error:
            return cls(error)
        return None


def vote_outcome(proposal: Proposal) -> VoteOutcome:
    """What became of the newest vote on a proposal."""
    if proposal.status == "open":
        return "recorded" if proposal.settles_at is None else "settling"
    return "decided"


def is_vote(proposal: Proposal, verdict: SubmittedDecision) -> bool:
    """Whether a verdict on this proposal is one vote; without terms, and of what is no person, it is the decision."""
    return proposal.terms is not None and (verdict.by == "person" or verdict.as_vote)


def cast_vote(
    transaction: Transaction,
    proposal: Proposal,
    store_id: str,
    verdict: SubmittedDecision,
    seen: ShownVersion,
) -> tuple[Proposal, Run]:
    """Write a vote on an open proposal, of which all that was due is done; the proposal and its run as they are then.

    Raises AlreadyDecided, StaleDraft, NotAReviewer, OwnRequest, InvalidEdit (the policy blocks the value), ValueError,
    StoreCorrupt.
    """
    refuse_closed(proposal)
    refuse_changed(proposal, seen.fingerprint, seen.revision)
    _refuse_batch(proposal, seen.batch)
    if proposal.doubt is not None:
        effect_happened(verdict.value)
    at = clock.store_now(transaction)
    people = load_people(transaction, proposal, at)
    proposal = msgspec.structs.replace(proposal, requesters=tuple(sorted(people.requesters)))
    vote = VoteRecord(
        reviewer=verdict.reviewer,
        reviewer_name=verdict.script,
        by="script" if verdict.by == "script" else "person",
        action=verdict.action,
        value=verdict.value,
        reason=verdict.reason,
        at=at,
        batch=seen.batch,
        seconds=seen.seconds,
        event=chain.read_head(transaction).n + 1,
        authn=None if verdict.attest is None else verdict.attest.authn,
    )
    judged = _judge_edit(transaction, proposal, verdict)
    vote = terms.prepare_vote(proposal, vote, people, judged=judged)
    if verdict.attest is not None:
        vote = signatures.sign_vote(store_id, proposal, vote, verdict.attest)
    return write_change(
        transaction, terms.cast_vote(proposal, vote, people, at, judged=judged), actor=verdict.reviewer, at=at
    )


def refuse_blocked_edit(reads: StoreReader, proposal: Proposal, verdict: SubmittedDecision) -> None:
    """Raises InvalidEdit for an edited value that the policy blocks, where a script decides for all who are asked."""
    judged = _judge_edit(reads, proposal, verdict)
    if judged is not None:
        refuse_blocked(judged)


def withdraw_vote(
    transaction: Transaction, proposal: Proposal, store_id: str, reviewer: str, attestation: ReviewerAttestation | None
) -> tuple[Proposal, Run]:
    """Withdraw the approval that completed the votes. Raises TooLate, NotAReviewer, StoreCorrupt."""
    at = clock.store_now(transaction)
    change = terms.undo_approval(proposal, load_people(transaction, proposal, at), reviewer, at)
    change = sign_withdrawal(transaction, store_id, proposal, change, reviewer, attestation)
    return write_change(transaction, change, actor=reviewer, at=at)


def apply_due_steps(transaction: Transaction, proposal: Proposal) -> Proposal:
    """The proposal as it is once the clock has done what is due."""
    return (
        proposal
        if proposal.terms is None
        else take_due_steps(transaction, with_machine_clock(proposal), clock.store_now(transaction))
    )


def _refuse_batch(proposal: Proposal, batch: int) -> None:
    most = None if proposal.terms is None else proposal.terms.batch
    if most is not None and batch > most:
        at_once = "is decided by itself" if most == 1 else f"is decided with at most {most - 1} others at once"
        raise ValueError(
            f"{proposal.title!r} {at_once} ({', '.join(proposal.terms.rules) if proposal.terms else ''}), and these "
            f"are {batch}"
        )


def _judge_edit(reads: StoreReader, proposal: Proposal, verdict: SubmittedDecision) -> EditPlan | None:
    """What the policy that the proposal was asked under says of an edited value.

    What came of an effect is no value that policies are about.
    """
    sha256 = "" if proposal.terms is None else proposal.terms.policy
    if verdict.action != "edit" or not sha256 or proposal.doubt is not None:
        return None
    from hitl_nb.policies.rules.rules import decode_merged_policy, judge_edit  # stores without policies need none of it

    raw = policytexts.read_policy_text(reads, sha256)
    if raw is None:
        raise StoreCorrupt(
            f"the policy {sha256[:12]} of proposal {proposal.id} ({proposal.title}) is missing in the store"
        )
    return judge_edit(decode_merged_policy(raw), proposal, verdict.value)
