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
from hitl_nb.ledger.decisions.absences import find_people
from hitl_nb.ledger.decisions.decisions import Verdict, refuse_changed
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.decisions.signatures import Attest
from hitl_nb.ledger.decisions.vote_withdrawals import sign_withdrawal
from hitl_nb.ledger.open.due_actions import by_own_clock, take_due_steps
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.policies.terms import terms
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.policies.terms.edit_terms import Judged, refuse_blocked
from hitl_nb.records import Proposal, Run, Vote, effect_happened
from hitl_nb.storage.interface import Reads, Transaction

Outcome = Literal["recorded", "settling", "decided"]
"""What became of a decision: a vote among others, an approval that may still be taken back, or the decision."""


@dataclass(frozen=True)
class Seen:
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
class Late:
    """Somebody, or the clock, was first: what is raised once the transaction is over."""

    error: AlreadyDecided | TooLate

    @classmethod
    def find(cls, p: Proposal) -> Late | None:
        """What is said if the proposal is no longer open."""
        try:
            refuse_closed(p)
        except AlreadyDecided as error:
            return cls(error)
        return None


def outcome_of(p: Proposal) -> Outcome:
    """What became of the newest vote on a proposal."""
    if p.status == "open":
        return "recorded" if p.settles_at is None else "settling"
    return "decided"


def is_vote(p: Proposal, verdict: Verdict) -> bool:
    """Whether a verdict on this proposal is one vote; without terms, and of what is no person, it is the decision."""
    return p.terms is not None and (verdict.by == "person" or verdict.as_vote)


def cast_vote(
    tx: Transaction,
    p: Proposal,
    store_id: str,
    verdict: Verdict,
    seen: Seen,
) -> tuple[Proposal, Run]:
    """Write a vote on an open proposal, of which all that was due is done; the proposal and its run as they are then.

    Raises AlreadyDecided, StaleDraft, NotAReviewer, OwnRequest, InvalidEdit (the policy blocks the value), ValueError,
    StoreCorrupt.
    """
    refuse_closed(p)
    refuse_changed(p, seen.fingerprint, seen.revision)
    _refuse_batch(p, seen.batch)
    if p.doubt is not None:
        effect_happened(verdict.value)
    at = clock.store_now(tx)
    people = find_people(tx, p, at)
    p = msgspec.structs.replace(p, requesters=tuple(sorted(people.requesters)))
    vote = Vote(
        reviewer=verdict.reviewer,
        reviewer_name=verdict.script,
        by="script" if verdict.by == "script" else "person",
        action=verdict.action,
        value=verdict.value,
        reason=verdict.reason,
        at=at,
        batch=seen.batch,
        seconds=seen.seconds,
        event=chain.head(tx).n + 1,
        authn=None if verdict.attest is None else verdict.attest.authn,
    )
    judged = _judge(tx, p, verdict)
    vote = terms.prepare(p, vote, people, judged=judged)
    if verdict.attest is not None:
        vote = signatures.sign_vote(store_id, p, vote, verdict.attest)
    return write_change(tx, terms.vote(p, vote, people, at, judged=judged), actor=verdict.reviewer, at=at)


def refuse_blocked_edit(reads: Reads, p: Proposal, verdict: Verdict) -> None:
    """Raises InvalidEdit for an edited value that the policy blocks, where a script decides for all who are asked."""
    judged = _judge(reads, p, verdict)
    if judged is not None:
        refuse_blocked(judged)


def take_back(
    tx: Transaction, p: Proposal, store_id: str, reviewer: str, attest: Attest | None
) -> tuple[Proposal, Run]:
    """Withdraw the approval that completed the votes. Raises TooLate, NotAReviewer, StoreCorrupt."""
    at = clock.store_now(tx)
    change = terms.undo(p, find_people(tx, p, at), reviewer, at)
    change = sign_withdrawal(tx, store_id, p, change, reviewer, attest)
    return write_change(tx, change, actor=reviewer, at=at)


def catch_up(tx: Transaction, p: Proposal) -> Proposal:
    """The proposal as it is once the clock has done what is due."""
    return p if p.terms is None else take_due_steps(tx, by_own_clock(p), clock.store_now(tx))


def _refuse_batch(p: Proposal, batch: int) -> None:
    most = None if p.terms is None else p.terms.batch
    if most is not None and batch > most:
        at_once = "is decided by itself" if most == 1 else f"is decided with at most {most - 1} others at once"
        raise ValueError(
            f"{p.title!r} {at_once} ({', '.join(p.terms.rules) if p.terms else ''}), and these are {batch}"
        )


def _judge(reads: Reads, p: Proposal, verdict: Verdict) -> Judged | None:
    """What the policy that the proposal was asked under says of an edited value.

    What came of an effect is no value that policies are about.
    """
    sha256 = "" if p.terms is None else p.terms.policy
    if verdict.action != "edit" or not sha256 or p.doubt is not None:
        return None
    from hitl_nb.policies.rules.rules import judge_edit, read_merged  # stores without policies need none of it

    raw = policytexts.text(reads, sha256)
    if raw is None:
        raise StoreCorrupt(f"the policy {sha256[:12]} of proposal {p.id} ({p.title}) is missing in the store")
    return judge_edit(read_merged(raw), p, verdict.value)
