"""The proposals of a store: find, list, decide.

The inbox is an index of the open proposals by age, so a page of it is a short range however many are waiting.
A decision is one transaction (`ledger/decisions/decisions.py`): the first wins, and whoever comes later is told who
decided what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec

from hitl_nb.errors import TooLate, UnknownProposal
from hitl_nb.ledger.comments import read_comments
from hitl_nb.ledger.decisions.decisions import DecisionOutcome, SubmittedDecision, record_decision, verify_decision
from hitl_nb.ledger.decisions.proposal_history import RunLog
from hitl_nb.ledger.decisions.reviewers import identify_reviewer, identify_voter
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation
from hitl_nb.ledger.open.due_actions import ProposalTimers, after_due_steps
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
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.proposal_lists import iterate_closed, iterate_open
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import CHANGED_SINCE, Action, By, Known, Proposal, ProposalStatus, Run, VoteRecord
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import StoreReader, Transaction

T = TypeVar("T")


class ProposalLedger(ProposalTimers):
    """The proposals of a store."""

    store_id: str

    @after_due_steps
    def load_proposal(self, proposal_id: str) -> Proposal:
        """The proposal with this id, or whose id alone begins so (4 characters or more).

        Raises UnknownProposal, also when several begin so.
        """
        return _find_proposal(self.store, proposal_id)

    @after_due_steps
    def note_changes(self, run_id: str, text: str) -> list[Proposal]:
        """Note with the open questions of a run what changed since it began; its last pause's proposals, in order.

        `text` begins with `CHANGED_SINCE` and takes the place of an earlier one; "" if nothing differs any more. What
        is asked, and so the fingerprint, stays. Raises UnknownRun.
        """

        def add_notes(reads: StoreReader) -> tuple[list[Proposal], list[Proposal]]:
            asked = rows.load_proposals(reads, run_id, rows.load_run(reads, run_id).pauses)
            return asked, [
                proposal for proposal in asked if proposal.status == "open" and _with_note(proposal, text) != proposal
            ]

        def work(transaction: Transaction) -> list[Proposal]:
            asked, stale = add_notes(transaction)
            records: Digests = {}
            for proposal in stale:
                records |= rows.put_proposal(transaction, _with_note(proposal, text))
            if stale:
                data = {"proposals": [proposal.id for proposal in stale], "note": text}
                chain.append_event(transaction, "run.noted", actor="kernel", run=run_id, data=data, records=records)
            return [_with_note(proposal, text) if proposal in stale else proposal for proposal in asked]

        asked, stale = add_notes(self.store)
        return self.store.transact(work) if stale else asked

    @after_due_steps
    def list_proposals(self, run_id: str, pause: int | None = None) -> list[Proposal]:
        """A run's proposals in the order asked; those of one pause (from 1), if given.

        This is what a run resumes with, so every decision is checked against the audit log, and its signature if it has
        one. Raises UnknownRun, StoreCorrupt for a decision that was never made like this, Untrusted for a signature
        that is not a known server's.
        """
        return self.read_proposals(self.store, run_id, pause)

    def read_proposals(self, reads: StoreReader, run_id: str, pause: int | None = None) -> list[Proposal]:
        """The same, read in a transaction."""
        found = rows.load_proposals(reads, run_id, pause)
        if not found:
            rows.load_run(reads, run_id)
        log = RunLog(reads, run_id)
        for proposal in found:
            verify_decision(reads, self.store_id, proposal, log)
        return found

    def voter_identity(self, proposal: Proposal, vote: VoteRecord) -> Known:
        """How it is known who gave a vote on `p`, its signature checked."""
        return identify_voter(self.store_id, proposal, vote)

    def reviewer_identity(self, proposal: Proposal) -> Known | None:
        """How it is known who decided `p`, its signature checked; None if nobody has."""
        return identify_reviewer(self.store_id, proposal)

    @after_due_steps
    def list_open(
        self, *, notebook: str | None = None, agent: str | None = None, limit: int = 50, after: str | None = None
    ) -> list[Proposal]:
        """At most `limit` open proposals, oldest first, that follow the proposal `after`. Raises UnknownProposal."""
        check_limit(limit)
        last = None if after is None else _find_proposal(self.store, after)
        return list(islice(iterate_open(self.store, notebook=notebook, agent=agent, after=last, limit=limit), limit))

    @after_due_steps
    def list_closed(
        self,
        *,
        status: ProposalStatus | None = None,
        notebook: str | None = None,
        agent: str | None = None,
        reviewer: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> list[Proposal]:
        """At most `limit` proposals that are no longer open, newest decision first, that follow the proposal `after`.

        `reviewer` is who decided, or whose it was to decide. Raises UnknownProposal.
        """
        check_limit(limit)
        last = None if after is None else _find_proposal(self.store, after)
        found = (
            proposal
            for proposal in iterate_closed(self.store, after=last)
            if status in (None, proposal.status)
            and notebook in (None, proposal.notebook)
            and agent in (None, proposal.agent)
            if reviewer is None
            or reviewer in (proposal.assignee, proposal.decision.reviewer if proposal.decision else None)
        )
        return list(islice(found, limit))

    def decide(
        self,
        proposal_id: str,
        action: Action,
        *,
        value: Any = None,
        reason: str | None = None,
        reviewer: str,
        by: By = "person",
        fingerprint: str | None = None,
        revision: int | None = None,
        attestation: ReviewerAttestation | None = None,
        as_vote: bool = False,
    ) -> Proposal:
        """Decide a proposal, for good; if it has terms, vote on it.

        Args:
            proposal_id: its id, or the beginning of it.
            action: one of those that the proposal allows.
            value: for "edit" the edited value as JSON (already checked), for "respond" the message.
            reviewer: user name of who decides.
            fingerprint, revision: those of the proposal that the reviewer saw.
            attestation: how a server knew the reviewer; it signs the decision.
            as_vote: for a script that says what the reviewer votes.

        Raises AlreadyDecided (who and what), StaleDraft (the proposal is not the one seen), UnknownProposal,
        StoreCorrupt (the stored proposal was tampered with), ValueError or TypeError for bad arguments; under terms
        also NotAReviewer, OwnRequest, InvalidEdit (the policy blocks the value).
        """
        verdict = SubmittedDecision(
            action=action, value=value, reason=reason, reviewer=reviewer, by=by, attest=attestation, as_vote=as_vote
        )
        return self.submit_decision(proposal_id, verdict, fingerprint=fingerprint, revision=revision).proposal

    @after_due_steps
    def submit_decision(
        self,
        proposal_id: str,
        verdict: SubmittedDecision,
        *,
        fingerprint: str | None = None,
        revision: int | None = None,
        seconds: float | None = None,
    ) -> DecisionOutcome:
        """`decide`, and what became of the run, read in the same transaction.

        `seconds` is how long the reviewer had what they decide on, if that is known; it is kept with a vote.
        """

        def work(transaction: Transaction) -> DecisionOutcome | LateDecision:
            proposal = apply_due_steps(transaction, _find_proposal(transaction, proposal_id))
            late = None if proposal.terms is None else LateDecision.find(proposal)
            if late is not None:
                return late
            shown = ShownVersion(fingerprint, revision, seconds)
            proposal, run = self._decide_within(transaction, proposal, verdict, shown)
            return DecisionOutcome(
                proposal,
                run,
                read_comments(transaction, proposal.document or proposal.id, store_id=self.store_id),
                vote_outcome(proposal),
            )

        return _raise_if_late(self.store.transact(work))

    def _decide_within(
        self, transaction: Transaction, proposal: Proposal, verdict: SubmittedDecision, seen: ShownVersion
    ) -> tuple[Proposal, Run]:
        if is_vote(proposal, verdict):
            return cast_vote(transaction, proposal, self.store_id, verdict, seen)
        refuse_blocked_edit(transaction, proposal, verdict)
        return record_decision(transaction, proposal, self.store_id, verdict, seen.fingerprint, seen.revision)

    def undo_approval(
        self, proposal_id: str, *, reviewer: str, attestation: ReviewerAttestation | None = None
    ) -> DecisionOutcome:
        """Take the approval back that completed the votes, as long as the terms allow that.

        `attest` is how a server knew the reviewer; it signs that, as it did the vote.

        Raises TooLate; NotAReviewer for somebody else than who approved last, and without a server where only signed
        decisions count; UnknownProposal.
        """

        def work(transaction: Transaction) -> DecisionOutcome | LateDecision:
            proposal = _find_proposal(transaction, proposal_id)
            was_open, proposal = proposal.status == "open", apply_due_steps(transaction, proposal)
            if was_open and proposal.status != "open":
                return LateDecision(
                    TooLate(f"{proposal.title!r} is decided; what was approved can no longer be taken back")
                )
            proposal, run = withdraw_vote(transaction, proposal, self.store_id, reviewer, attestation)
            return DecisionOutcome(
                proposal,
                run,
                read_comments(transaction, proposal.document or proposal.id, store_id=self.store_id),
                vote_outcome(proposal),
            )

        return _raise_if_late(self.store.transact(work))

    @after_due_steps
    def decide_many(
        self,
        seen: Sequence[Proposal],
        action: Action,
        *,
        value: Any = None,
        reason: str | None = None,
        reviewer: str,
        by: By = "person",
        attestation: ReviewerAttestation | None = None,
        seconds: Mapping[str, float | None] | None = None,
    ) -> list[Proposal]:
        """Decide all of them the same way, or, if one of them cannot be, none.

        Args:
            seen: the proposals as the reviewer saw them; each is decided only if it is still that one.
            seconds: by the ids of proposals, how long the reviewer had them.

        The other arguments and the errors are those of `decide`.
        """
        verdict = SubmittedDecision(
            action=action, value=value, reason=reason, reviewer=reviewer, by=by, attest=attestation
        )
        shown = list({proposal.id: proposal for proposal in seen}.values())
        doubtful = next((proposal for proposal in shown if proposal.doubt is not None), None)
        if doubtful is not None:
            raise ValueError(f"{doubtful.title!r} is decided by itself: look up what happened, then answer it")

        def seen_as(was: Proposal) -> ShownVersion:
            return ShownVersion(was.fingerprint, was.revision, (seconds or {}).get(was.id), len(shown))

        def work(transaction: Transaction) -> list[Proposal] | LateDecision:
            found = [
                (apply_due_steps(transaction, _find_proposal(transaction, proposal.id)), proposal) for proposal in shown
            ]
            for proposal, _ in found:
                late = None if proposal.terms is None else LateDecision.find(proposal)
                if late is not None:
                    return late
            return [self._decide_within(transaction, proposal, verdict, seen_as(was))[0] for proposal, was in found]

        return _raise_if_late(self.store.transact(work))


def _raise_if_late(done: T | LateDecision) -> T:
    """What was done, unless somebody or the clock was first."""
    if isinstance(done, LateDecision):
        raise done.error
    return done


def check_limit(limit: int) -> None:
    if limit < 1:
        raise ValueError(f"limit must be 1 or more, not {limit}")


def _with_note(proposal: Proposal, text: str) -> Proposal:
    notes = [note for note in proposal.notes if not note.startswith(CHANGED_SINCE)]
    return msgspec.structs.replace(proposal, notes=(*notes, text) if text else tuple(notes))


def _find_proposal(reads: StoreReader, proposal_id: str) -> Proposal:
    if not rows.is_id(proposal_id) or len(proposal_id) < 4:
        raise UnknownProposal(_unknown_proposal_message(proposal_id))
    exact = rows.load_proposal(reads, proposal_id)
    if exact is not None:
        return exact
    found = reads.scan(f"proposal/{proposal_id}", f"proposal/{proposal_id}~", limit=2)
    if not found:
        raise UnknownProposal(_unknown_proposal_message(proposal_id))
    if len(found) > 1:
        raise UnknownProposal(f"several proposals begin with {proposal_id!r}; give more characters of the id")
    key, raw = found[0]
    return rows.decode_record(chunked_values.join_chunks(reads, key, raw), Proposal, key)


def _unknown_proposal_message(proposal_id: str) -> str:
    return (
        f"there is no proposal {proposal_id!r} in this store; `hitl-nb inbox` lists those that wait "
        "(the first 4 or more characters of an id are enough)"
    )
