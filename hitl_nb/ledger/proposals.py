"""The proposals of a store: find, list, decide.

The inbox is an index of the open proposals by age, so a page of it is a short range, however many proposals wait.
A decision is one transaction (`ledger/decisions/decisions.py`). The first decision wins; a later one is refused with
the name of the reviewer and the decision.
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
        """Return the proposal with this id.

        Args:
            proposal_id: The id, or its first 4 or more characters if no other id begins with them.

        Raises:
            UnknownProposal: No id, or more than one, begins like this.
        """
        return _find_proposal(self.store, proposal_id)

    @after_due_steps
    def note_changes(self, run_id: str, text: str) -> list[Proposal]:
        """Add a note about changes since the run began to the open questions of its last pause.

        The question itself and its fingerprint do not change.

        Args:
            run_id: Id of the run.
            text: The note, which begins with `CHANGED_SINCE` and replaces an earlier one. "": remove the note.

        Returns:
            The proposals of the last pause, in order.

        Raises:
            UnknownRun: No run has this id.
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
        """Return a run's proposals in the order in which they were asked.

        A run resumes with these decisions. So every decision is checked against the audit log, and its signature is
        checked if it has one.

        Args:
            run_id: Id of the run.
            pause: Number of one pause, from 1. None (default): all pauses.

        Raises:
            UnknownRun: No run has this id.
            StoreCorrupt: A decision is not the one in the audit log.
            Untrusted: A signature is not of a known server, or is missing where it is required.
        """
        return self.read_proposals(self.store, run_id, pause)

    def read_proposals(self, reads: StoreReader, run_id: str, pause: int | None = None) -> list[Proposal]:
        """Return the proposals of `list_proposals`, read in a transaction (`reads`)."""
        found = rows.load_proposals(reads, run_id, pause)
        if not found:
            rows.load_run(reads, run_id)
        log = RunLog(reads, run_id)
        for proposal in found:
            verify_decision(reads, self.store_id, proposal, log)
        return found

    def voter_identity(self, proposal: Proposal, vote: VoteRecord) -> Known:
        """Check the signature of a vote, and return how its voter was identified."""
        return identify_voter(self.store_id, proposal, vote)

    def reviewer_identity(self, proposal: Proposal) -> Known | None:
        """Check the signature of a decision, and return how its reviewer was identified; None if it is not decided."""
        return identify_reviewer(self.store_id, proposal)

    @after_due_steps
    def list_open(
        self, *, notebook: str | None = None, agent: str | None = None, limit: int = 50, after: str | None = None
    ) -> list[Proposal]:
        """Return open proposals, oldest first.

        Args:
            notebook: Only proposals of this notebook. None (default): of all.
            agent: Only proposals of this agent. None (default): of all.
            limit: Most proposals to return, 1 or more.
            after: Id of the last proposal of the previous page. None (default): begin with the oldest one.

        Raises:
            UnknownProposal: No proposal has the id `after`.
            ValueError: `limit` is below 1.
        """
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
        """Return proposals that are no longer open, newest decision first.

        Args:
            status: Only proposals with this status. None (default): with any.
            notebook: Only proposals of this notebook. None (default): of all.
            agent: Only proposals of this agent. None (default): of all.
            reviewer: Only proposals that this user has decided, or that were assigned to this user. None (default): of
                all.
            limit: Most proposals to return, 1 or more.
            after: Id of the last proposal of the previous page. None (default): begin with the newest one.

        Raises:
            UnknownProposal: No proposal has the id `after`.
            ValueError: `limit` is below 1.
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
        """Decide a proposal permanently. If it has terms, vote on it.

        Args:
            proposal_id: Id of the proposal, or the beginning of it.
            action: An action that the proposal allows.
            value: For "edit" the edited value as JSON (already checked), for "respond" the message.
            reason: Reason for the decision. None (default): no reason.
            reviewer: User name of the reviewer.
            by: Kind of the reviewer. Default: "person".
            fingerprint: Fingerprint and revision of the proposal that the reviewer saw. None (default): do
                not compare.
            revision: Revision that the reviewer saw, as for `fingerprint`.
            attestation: How a server identified the reviewer, with the key that signs the decision. None (default): no
                signature.
            as_vote: If True, a script (`by="script"`) records the vote of the person `reviewer`. Default: False.

        Returns:
            The proposal afterwards.

        Raises:
            AlreadyDecided: The proposal was decided before; the error names the reviewer and the decision.
            StaleDraft: The proposal is not the one that the reviewer saw.
            UnknownProposal: No proposal has this id.
            StoreCorrupt: The stored proposal was changed.
            ValueError, TypeError: The arguments do not fit the proposal.
            NotAReviewer: The terms do not allow this reviewer.
            OwnRequest: The reviewer started or continued the run, and a four-eyes rule applies.
            InvalidEdit: The policy blocks the edited value.
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
        """Decide a proposal as `decide` does, and also return its run and comments, read in the same transaction.

        Args:
            proposal_id: Id of the proposal, or the beginning of it.
            verdict: The decision.
            fingerprint: As for `decide`.
            revision: As for `decide`.
            seconds: Seconds for which the reviewer saw the proposal, recorded with a vote. None (default): unknown.

        Raises:
            HitlError: The errors of `decide`.
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
        """Withdraw the approval that completed the votes, while the terms allow that.

        Args:
            proposal_id: Id of the proposal, or the beginning of it.
            reviewer: User name of the person who approved last.
            attestation: How a server identified the reviewer, with the key that signs the withdrawal. None (default):
                no signature.

        Raises:
            TooLate: The decision is final.
            NotAReviewer: Another person approved last, or only signed decisions count and there is no signature.
            UnknownProposal: No proposal has this id.
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
        """Decide several proposals with the same action. If one of them cannot be decided, none is.

        Args:
            seen: The proposals as the reviewer saw them. Each is decided only if it has not changed since.
            action: As for `decide`.
            value: As for `decide`.
            reason: As for `decide`.
            reviewer: As for `decide`.
            by: As for `decide`.
            attestation: As for `decide`.
            seconds: Seconds for which the reviewer saw a proposal, by its id. None (default): unknown.

        Returns:
            The proposals afterwards, each one once, in the order of `seen`.

        Raises:
            HitlError: The errors of `decide`.
            ValueError: One proposal asks whether an effect happened; it has to be decided alone.
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
    """Return the result of a transaction; raise the error of a late decision."""
    if isinstance(done, LateDecision):
        raise done.error
    return done


def check_limit(limit: int) -> None:
    """Check the size of a page.

    Raises:
        ValueError: `limit` is below 1.
    """
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
