"""The proposals of a store: find, list, assign, decide.

The list of open proposals (the inbox) is read from an index that is sorted by age. So reading a page is fast, however
many proposals are open. A decision is one transaction (`ledger/open/decision_submission.py`). The first decision on a
proposal counts. A later one is refused with an error that names the reviewer and the decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from hitl_nb.errors import StaleDraft, StoreCorrupt, UnknownProposal
from hitl_nb.ledger.decisions.decision_verification import load_verified_proposals
from hitl_nb.ledger.decisions.decisions import DecisionOutcome, SubmittedDecision
from hitl_nb.ledger.decisions.outcomes import flag_outcome
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation
from hitl_nb.ledger.documents.update_log import UpdateLog
from hitl_nb.ledger.open import decision_submission as submission
from hitl_nb.ledger.open.assignment import assign_proposal
from hitl_nb.ledger.open.decision_submission import raise_if_late
from hitl_nb.ledger.open.due_actions import ProposalTimers
from hitl_nb.ledger.open.evidence_blobs import list_pictures, read_picture
from hitl_nb.ledger.open.votes import LateDecision, ShownVersion
from hitl_nb.ledger.rows.page_limits import check_limit
from hitl_nb.ledger.rows.proposal_lists import find_proposal, iterate_closed, iterate_open
from hitl_nb.records import Action, By, Proposal, ProposalStatus
from hitl_nb.storage.interface import Store, Transaction


class DraftEdited(StaleDraft):
    """A draft got an update after it was compared with what the reviewer saw. No decision was recorded."""


class Proposals:
    """The proposals of a store.

    Args:
        store: The store of the proposals.
        store_id: Id of the store, for signatures.
        timers: Automatic actions on open proposals. Due actions are taken before a proposal is read or decided.
    """

    def __init__(self, store: Store, store_id: str, timers: ProposalTimers) -> None:
        self._store = store
        self._store_id = store_id
        self._timers = timers

    # Find and list

    def load(self, proposal_id: str) -> Proposal:
        """Return the proposal with this id.

        Args:
            proposal_id: The id, or its first 4 or more characters if no other id begins with them.

        Raises:
            UnknownProposal: No id begins with these characters, or several do.
        """
        self._timers.run_due_steps_quietly()
        return find_proposal(self._store, proposal_id)

    def read_picture(self, proposal_id: str, sha: str) -> tuple[str, bytes]:
        """Return a picture that a proposal shows as evidence: its media type and its bytes.

        Args:
            proposal_id: Id of the proposal.
            sha: SHA-256 (hex) of the picture, from a block in `Proposal.evidence`.

        Raises:
            UnknownProposal: No proposal has this id, or the proposal does not show this picture.
            StoreCorrupt: The stored picture is damaged or missing.
        """
        block = list_pictures(find_proposal(self._store, proposal_id)).get(sha)
        if block is None:
            raise UnknownProposal(f"proposal {proposal_id!r} does not show a picture {sha[:12]!r}")
        data = read_picture(self._store, sha)
        if data is None:
            raise StoreCorrupt(f"the picture {sha[:12]} of proposal {proposal_id} is missing in the store")
        return block.media_type, data

    def list_of_run(self, run_id: str, pause: int | None = None) -> list[Proposal]:
        """Return a run's proposals in the order in which they were asked.

        A run resumes with the decisions in these proposals. So every decision is compared with the audit log, and its
        signature is checked if it has one.

        Args:
            run_id: Id of the run.
            pause: Number of one pause, from 1. None (default): all pauses.

        Raises:
            UnknownRun: No run has this id.
            StoreCorrupt: A decision is not the one in the audit log.
            Untrusted: A signature is not of a known server, or is missing where it is required.
        """
        self._timers.run_due_steps_quietly()
        return load_verified_proposals(self._store, self._store_id, run_id, pause)

    def list_open(
        self, *, notebook: str | None = None, agent: str | None = None, limit: int = 50, after: str | None = None
    ) -> list[Proposal]:
        """Return open proposals, oldest first.

        Args:
            notebook: Path of a notebook; only its proposals are returned. None (default): all notebooks.
            agent: Name of an agent; only its proposals are returned. None (default): all agents.
            limit: Most proposals to return, 1 or more.
            after: Id of the last proposal of the previous page. None (default): begin with the oldest one.

        Raises:
            UnknownProposal: No proposal has the id `after`.
            ValueError: `limit` is below 1.
        """
        self._timers.run_due_steps_quietly()
        check_limit(limit)
        last = None if after is None else find_proposal(self._store, after)
        return list(islice(iterate_open(self._store, notebook=notebook, agent=agent, after=last, limit=limit), limit))

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
            status: Only proposals with this status are returned. None (default): any status.
            notebook: Path of a notebook; only its proposals are returned. None (default): all notebooks.
            agent: Name of an agent; only its proposals are returned. None (default): all agents.
            reviewer: User name; only proposals that this user has decided, or that were assigned to this user, are
                returned. None (default): all users.
            limit: Most proposals to return, 1 or more.
            after: Id of the last proposal of the previous page. None (default): begin with the newest one.

        Raises:
            UnknownProposal: No proposal has the id `after`.
            ValueError: `limit` is below 1.
        """
        self._timers.run_due_steps_quietly()
        check_limit(limit)
        last = None if after is None else find_proposal(self._store, after)
        found = (
            proposal
            for proposal in iterate_closed(self._store, after=last)
            if status in (None, proposal.status)
            and notebook in (None, proposal.notebook)
            and agent in (None, proposal.agent)
            if reviewer is None
            or reviewer in (proposal.assignee, proposal.decision.reviewer if proposal.decision else None)
        )
        return list(islice(found, limit))

    # Assign and decide

    def assign(self, proposal_id: str, assignee: str | None, *, actor: str) -> Proposal:
        """Assign an open proposal to a person.

        Args:
            proposal_id: Full id of the proposal.
            assignee: User name; None: no person.
            actor: User or process that assigns it, for the audit log event.

        Returns:
            The proposal afterwards.

        Raises:
            UnknownProposal: No proposal has this id.
            AlreadyDecided: The proposal is no longer open.
        """
        return self._store.transact(lambda tx: assign_proposal(tx, proposal_id, assignee, actor))

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
        """Decide a proposal permanently or, if it has terms (review rules), vote on it.

        Args:
            proposal_id: Id of the proposal, or the beginning of it.
            action: An action that the proposal allows.
            value: For "edit" the edited value as JSON (already checked), for "respond" the message.
            reason: Reason for the decision. None (default): no reason.
            reviewer: User name of the reviewer.
            by: "person" (default), or the kind of program that decides: "policy", "deadline" or "script".
            fingerprint: Fingerprint (hash of the question) of the proposal that the reviewer saw. If the proposal has
                another one now, it is not decided. None (default): do not compare.
            revision: Revision of the proposal that the reviewer saw, compared like the fingerprint. None (default): do
                not compare.
            attestation: How a server identified the reviewer, and the server's key that signs the decision. None
                (default): the decision is not signed.
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

    def submit_decision(
        self,
        proposal_id: str,
        verdict: SubmittedDecision,
        *,
        fingerprint: str | None = None,
        revision: int | None = None,
        seconds: float | None = None,
        drafts: Mapping[str, int] | None = None,
    ) -> DecisionOutcome:
        """Decide a proposal or vote on it, and return it with its run and its comments.

        All of them are read in the same transaction.

        Args:
            proposal_id: Id of the proposal, or the beginning of it.
            verdict: The decision or vote.
            fingerprint: Fingerprint of the proposal that the reviewer saw. None (default): do not compare.
            revision: Revision of the proposal that the reviewer saw. None (default): do not compare.
            seconds: Seconds for which the reviewer saw the proposal, recorded with a vote. None (default): unknown.
            drafts: Number of the last update of each draft that the caller has compared with what the reviewer saw, by
                the id of the document. None (default): no draft was compared.

        Raises:
            DraftEdited: A draft has a newer update; nothing was decided.
            HitlError: The proposal cannot be decided in this way; the errors are those of `decide`, such as
                AlreadyDecided and StaleDraft.
        """
        self._timers.run_due_steps_quietly()
        shown, compared = ShownVersion(fingerprint, revision, seconds), self._open_logs(drafts)

        def work(transaction: Transaction) -> DecisionOutcome | LateDecision:
            _refuse_edited(compared)
            return submission.submit_decision(transaction, self._store_id, proposal_id, verdict, shown)

        return raise_if_late(self._store.transact(work))

    def undo_approval(
        self, proposal_id: str, *, reviewer: str, attestation: ReviewerAttestation | None = None
    ) -> DecisionOutcome:
        """Withdraw the vote of a person on an open proposal, under its terms (review rules).

        While votes of other people are needed, each person may withdraw their own. An approval that completed the votes
        can be withdrawn for as long as the terms say.

        Args:
            proposal_id: Id of the proposal, or the beginning of it.
            reviewer: User name of the person who withdraws the vote.
            attestation: How a server identified the reviewer, and the server's key that signs the withdrawal. None
                (default): the withdrawal is not signed.

        Returns:
            The proposal, which waits for votes again, with its run and its comments.

        Raises:
            TooLate: The decision is final, or the person has no vote.
            NotAReviewer: The votes are enough, and another person approved last; or only signed decisions count and
                there is no signature.
            UnknownProposal: No proposal has this id.
        """
        return raise_if_late(
            self._store.transact(
                lambda tx: submission.undo_approval(tx, self._store_id, proposal_id, reviewer, attestation)
            )
        )

    def flag_outcome(
        self, proposal_id: str, *, reason: str, reviewer: str, attestation: ReviewerAttestation | None = None
    ) -> Proposal:
        """Record, after an approval, that it was wrong. The decision and the run stay as they are.

        Args:
            proposal_id: Id of the proposal, or the beginning of it.
            reason: Description of the mistake.
            reviewer: User name of the person who says so.
            attestation: How a server identified the reviewer, and the server's key that signs. None (default): the
                statement is not signed.

        Returns:
            The proposal afterwards.

        Raises:
            UnknownProposal: No proposal has this id.
            HitlError: The proposal was not approved, or somebody has said so before.
            ValueError: There is no reason.
        """
        return self._store.transact(
            lambda tx: flag_outcome(
                tx, self._store_id, proposal_id, reason=reason, reviewer=reviewer, attestation=attestation
            )
        )

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
        drafts: Mapping[str, int] | None = None,
    ) -> list[Proposal]:
        """Decide several proposals with the same action. If one of them cannot be decided, none is.

        Args:
            seen: The proposals as the reviewer saw them. Each is decided only if it has not changed since.
            action: An action that all of the proposals allow.
            value: For "edit" the edited value as JSON (already checked), for "respond" the message.
            reason: Reason for the decisions. None (default): no reason.
            reviewer: User name of the reviewer.
            by: "person" (default), or the kind of program that decides.
            attestation: How a server identified the reviewer, and the key that signs the decisions. None (default): not
                signed.
            seconds: Seconds for which the reviewer saw each proposal, by the proposal's id. None (default): unknown.
            drafts: As for `submit_decision`.

        Returns:
            The proposals afterwards, each one once, in the order of `seen`.

        Raises:
            DraftEdited: A draft has a newer update; nothing was decided.
            HitlError: One of the proposals cannot be decided in this way; the errors are those of `decide`.
            ValueError: One proposal asks whether an interrupted call had its effect. It has to be decided alone.
        """
        self._timers.run_due_steps_quietly()
        verdict = SubmittedDecision(
            action=action, value=value, reason=reason, reviewer=reviewer, by=by, attest=attestation
        )
        shown = list({proposal.id: proposal for proposal in seen}.values())
        doubtful = next((proposal for proposal in shown if proposal.doubt is not None), None)
        if doubtful is not None:
            raise ValueError(f"{doubtful.title!r} is decided by itself: look up what happened, then answer it")
        compared = self._open_logs(drafts)

        def work(transaction: Transaction) -> list[Proposal] | LateDecision:
            _refuse_edited(compared)
            return submission.submit_together(transaction, self._store_id, shown, verdict, seconds or {})

        return raise_if_late(self._store.transact(work))

    def _open_logs(self, drafts: Mapping[str, int] | None) -> list[tuple[UpdateLog, int]]:
        return [(UpdateLog(self._store, document), number) for document, number in (drafts or {}).items()]


def _refuse_edited(compared: Sequence[tuple[UpdateLog, int]]) -> None:
    """Raise an error if a draft has a newer update than the one with the given number.

    Called inside the transaction of a decision. The drafts are in another store, which is only read here.
    """
    for log, number in compared:
        if log.last_number() != number:
            raise DraftEdited(f"the draft {log.document} was edited while it was decided; look at it again")
