"""Votes on proposals with terms (review rules): what each person submits is a vote, and the votes make the decision.

Automatic actions that are due on a proposal are taken first, in the same transaction, so that no vote counts after a
deadline. A late vote is a return value inside the transaction, not an exception, because an exception would undo the
automatic actions too.
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
"""Effect of a vote.

"recorded": the vote is stored, and votes of other people are needed. "settling": the votes are enough to approve, but
the approval can still be withdrawn for some time. "decided": the proposal is decided.
"""


@dataclass(frozen=True)
class ShownVersion:
    """The version of a proposal that was shown to its reviewer.

    Attributes:
        fingerprint, revision: Fingerprint (hash of the question) and revision of that version. If the proposal has
            other ones, the decision is refused. None: do not compare.
        seconds: Seconds for which it was shown; None if unknown.
        batch: Number of proposals that are decided together, including this one.
    """

    fingerprint: str | None = None
    revision: int | None = None
    seconds: float | None = None
    batch: int = 1


@dataclass(frozen=True)
class LateDecision:
    """A decision on a proposal that is no longer open, because another person or a deadline has decided it.

    Attributes:
        error: The exception for the caller to raise after the transaction.
    """

    error: AlreadyDecided | TooLate

    @classmethod
    def find(cls, proposal: Proposal) -> LateDecision | None:
        """Return a late decision with its error if the proposal is no longer open; None if it is open."""
        try:
            refuse_closed(proposal)
        except AlreadyDecided as error:
            return cls(error)
        return None


def vote_outcome(proposal: Proposal) -> VoteOutcome:
    """Return the effect of the newest vote on a proposal.

    Returns:
        "recorded": votes of other people are needed. "settling": the votes are enough to approve, but the approval can
        still be withdrawn for some time. "decided": the proposal is decided.
    """
    if proposal.status == "open":
        return "recorded" if proposal.settles_at is None else "settling"
    return "decided"


def is_vote(proposal: Proposal, verdict: SubmittedDecision) -> bool:
    """Return whether a submitted decision on this proposal counts as one vote, and not as the decision itself.

    True if the proposal has terms (review rules), and a person decides or a script gives the vote of a person.
    """
    return proposal.terms is not None and (verdict.by == "person" or verdict.as_vote)


def cast_vote(
    transaction: Transaction,
    proposal: Proposal,
    store_id: str,
    verdict: SubmittedDecision,
    seen: ShownVersion,
) -> tuple[Proposal, Run]:
    """Write a vote on an open proposal. If the votes are then enough, decide the proposal.

    The caller has taken the automatic actions that are due on the proposal.

    Args:
        transaction: The transaction to write in.
        proposal: The proposal, read in the same transaction.
        store_id: Id of the store, which the signature contains.
        verdict: The vote.
        seen: The version of the proposal that was shown to the voter.

    Returns:
        The proposal and its run after the vote.

    Raises:
        AlreadyDecided: The proposal is no longer open.
        StaleDraft: The proposal is not the version that was shown.
        NotAReviewer: The terms do not allow this person to vote.
        OwnRequest: The person started or continued the run, and a four-eyes rule applies.
        InvalidEdit: The policy blocks the edited value.
        ValueError: The terms do not allow the action, or so many proposals together.
        StoreCorrupt: The stored proposal was changed, or its policy is missing.
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
    """Raise an error if the policy of the proposal blocks an edited value.

    For decisions that are not votes, as when a script decides in place of all reviewers.

    Raises:
        InvalidEdit: The policy blocks the value.
        StoreCorrupt: The policy of the proposal is missing in the store.
    """
    judged = _judge_edit(reads, proposal, verdict)
    if judged is not None:
        refuse_blocked(judged)


def withdraw_vote(
    transaction: Transaction, proposal: Proposal, store_id: str, reviewer: str, attestation: ReviewerAttestation | None
) -> tuple[Proposal, Run]:
    """Withdraw the vote of a person on an open proposal.

    Args:
        transaction: The transaction to write in.
        proposal: The proposal, read in the same transaction.
        store_id: Id of the store, which the signature contains.
        reviewer: User name of the person who withdraws the vote.
        attestation: How a server identified the person, and its key that signs. None: not signed.

    Returns:
        The proposal and its run afterwards.

    Raises:
        TooLate: The decision is final, or the person has no vote.
        NotAReviewer: The votes are enough, and another person approved last; or the withdrawal must be signed by a
            server.
        StoreCorrupt: The vote is not in the audit log.
    """
    at = clock.store_now(transaction)
    change = terms.undo_approval(proposal, load_people(transaction, proposal, at), reviewer, at)
    change = sign_withdrawal(transaction, store_id, proposal, change, reviewer, attestation)
    return write_change(transaction, change, actor=reviewer, at=at)


def apply_due_steps(transaction: Transaction, proposal: Proposal) -> Proposal:
    """Take the automatic actions that are due on a proposal now, and return the proposal afterwards.

    No effect on a proposal without terms (review rules).
    """
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
    """Judge the edited value of a submitted decision by the policy of the proposal.

    Returns:
        The verdict. None: the decision is no edit, or the proposal has no policy, or it asks whether an interrupted
        call had its effect.

    Raises:
        StoreCorrupt: The policy of the proposal is missing in the store.
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
