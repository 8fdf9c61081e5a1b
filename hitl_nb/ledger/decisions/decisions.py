"""Decisions: made once, bound to the question, logged, signed if a server received them, and checked before use.

The first verdict on a proposal wins. When a run resumes, its decisions are checked against the audit log, and their
signatures are checked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from hitl_nb.errors import StaleDraft, StoreCorrupt
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.absences import load_people
from hitl_nb.ledger.decisions.proposal_history import RunLog, find_difference
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation
from hitl_nb.ledger.decisions.vote_withdrawals import check_withdrawals
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.policies.terms.decision_check import list_counted_votes, verify_decision_votes
from hitl_nb.policies.terms.seats import People
from hitl_nb.policies.terms.vote_counts import decision_terms_fields, hash_value
from hitl_nb.records import (
    ACTIONS,
    Action,
    By,
    Comment,
    DecisionRecord,
    Proposal,
    Run,
    VoteRecord,
    canonical_json,
    effect_happened,
    now,
)
from hitl_nb.records import fingerprint as fingerprint_of
from hitl_nb.storage.interface import StoreReader, Transaction


@dataclass(frozen=True, kw_only=True)
class SubmittedDecision:
    """A decision as it is submitted, before it is known whether it is the first one.

    Attributes:
        action: An action that the proposal allows.
        value: For "edit" the edited value as JSON (already checked), for "respond" the message.
        reason: Reason for the decision; None: no reason.
        reviewer: User name of the reviewer.
        by: Kind of the reviewer.
        attest: How a server identified the reviewer, with the key that signs the decision; None: no signature.
        as_vote: Whether a script's verdict counts as the vote of the person `reviewer`, and not as the decision.
        script: Name of that script, which is shown with the vote.

    Raises:
        ValueError, TypeError: The fields cannot be a decision of any proposal.
    """

    action: Action
    value: Any = None
    reason: str | None = None
    reviewer: str
    by: By = "person"
    attest: ReviewerAttestation | None = None
    as_vote: bool = False
    script: str = ""

    def __post_init__(self) -> None:
        if self.as_vote and self.by != "script":
            raise ValueError("as_vote is for what a script says in a person's place")
        _check_decision(self.action, self.value, self.reason, self.reviewer)

    def make_record(self, proposal: Proposal, store_id: str) -> DecisionRecord:
        """Return the record of the decision for one proposal, signed if there is an attestation.

        Args:
            proposal: The open proposal.
            store_id: Id of the store; the signature is bound to it.
        """
        at = now()
        decision = DecisionRecord(
            action=self.action,
            value=self.value,
            reason=self.reason,
            reviewer=self.reviewer,
            decided_at=at,
            by=self.by,
            fingerprint=proposal.fingerprint,
            **decision_terms_fields(proposal, at),
        )
        if self.attest is None:
            return decision
        known = msgspec.structs.replace(
            decision,
            reviewer_name=self.attest.reviewer_name,
            authn=self.attest.authn,
            assurance=self.attest.assurance,
            surface=self.attest.surface,
        )
        signature = self.attest.key.sign(signatures.decision_message(store_id, proposal, known, proposal.revision))
        return msgspec.structs.replace(known, signature=signature)


@dataclass(frozen=True)
class DecisionOutcome:
    """The result of a submitted decision.

    Attributes:
        proposal: The proposal afterwards.
        run: Its run afterwards.
        comments: The comments on the proposal.
        outcome: "recorded": one vote, others are needed. "settling": approved, and the approval may still be withdrawn.
            "decided": the decision is final.
    """

    proposal: Proposal
    run: Run
    comments: list[Comment]
    outcome: Literal["recorded", "settling", "decided"] = "decided"


def record_decision(
    transaction: Transaction,
    proposal: Proposal,
    store_id: str,
    verdict: SubmittedDecision,
    fingerprint: str | None,
    revision: int | None,
) -> tuple[Proposal, Run]:
    """Write the decision on an open proposal.

    Args:
        transaction: The transaction to write in.
        proposal: The proposal, read in the same transaction.
        store_id: Id of the store; the signature is bound to it.
        verdict: The decision.
        fingerprint: Fingerprint and revision that the reviewer saw; None: do not compare.
        revision: Revision that the reviewer saw, as for `fingerprint`.

    Returns:
        The proposal and its run afterwards.

    Raises:
        AlreadyDecided: The proposal is no longer open.
        StaleDraft: The proposal has another fingerprint or revision.
        StoreCorrupt: The stored proposal is not the question of the agent.
        ValueError: The proposal does not allow the action.
    """
    refuse_closed(proposal)
    refuse_changed(proposal, fingerprint, revision)
    if verdict.action not in proposal.allow:
        raise ValueError(
            f"{verdict.action!r} is not allowed for proposal {proposal.id} ({proposal.title}); it allows "
            f"{', '.join(proposal.allow)}"
        )
    stops = proposal.doubt is not None and _stops_run(proposal, verdict)
    decision = msgspec.structs.replace(
        verdict.make_record(proposal, store_id), event=chain.read_head(transaction).n + 1
    )
    closed = {
        "status": "decided",
        "revision": proposal.revision + 1,
        "decision": decision,
        "settles_at": None,
        "stuck": "",
    }
    decided = msgspec.structs.replace(proposal, **closed)
    run = rows.load_run(transaction, proposal.run)
    run = rows.with_status(run, "waiting" if run.open > 1 else "ready", open=run.open - 1)
    records = rows.close_proposal(transaction, decided) | rows.put_run(transaction, run)
    data = decision_event_data(proposal, decision, proposal.revision)
    chain.append_event(
        transaction,
        "decision",
        actor=verdict.reviewer,
        run=proposal.run,
        proposal=proposal.id,
        data=data,
        records=records,
    )
    if proposal.document:
        standing.mark_done(transaction, decided, verdict.reviewer)
    if stops:
        run = cancel_run(
            transaction, run, actor=verdict.reviewer, why=f"{verdict.reviewer} stopped it, asked: {proposal.title}"
        )
    return decided, run


def refuse_changed(proposal: Proposal, fingerprint: str | None, revision: int | None) -> None:
    """Check that a proposal is the version that was shown to the reviewer.

    Args:
        proposal: The proposal.
        fingerprint: Fingerprint and revision that the reviewer saw; None: do not compare.
        revision: Revision that the reviewer saw, as for `fingerprint`.

    Raises:
        StaleDraft: The proposal has another fingerprint or revision.
        StoreCorrupt: The stored proposal is not the question of the agent.
    """
    if fingerprint not in (None, proposal.fingerprint) or revision not in (None, proposal.revision):
        raise StaleDraft(
            f"proposal {proposal.id} ({proposal.title}) has changed since it was shown; look at it again, then decide"
        )
    _check_question(proposal)


def _stops_run(proposal: Proposal, verdict: SubmittedDecision) -> bool:
    """Return whether the answer to the question whether an effect happened stops the run; refuse other answers."""
    if verdict.by in ("policy", "deadline"):
        raise ValueError(
            f"{proposal.title!r} cannot be decided by a {verdict.by}: somebody has to look up what happened"
        )
    return effect_happened(verdict.value) is None


def _check_question(proposal: Proposal) -> None:
    if proposal.fingerprint != fingerprint_of(
        proposal.run, proposal.position, proposal.kind, proposal.title, proposal.value
    ):
        raise StoreCorrupt(f"proposal {proposal.id} is not what the agent asked: its record was changed in the store")


def verify_decision(reads: StoreReader, store_id: str, proposal: Proposal, log: RunLog | None = None) -> None:
    """Check a decision against the audit log, and check its signatures. No effect without a decision.

    Args:
        reads: The store, or a transaction.
        store_id: Id of the store.
        proposal: The proposal.
        log: Log of the run, if several of its proposals are checked. None (default): read it.

    Raises:
        StoreCorrupt: The decision is not the one in the audit log.
        Untrusted: A signature is not of a known server, or is missing where it is required.
    """
    decision, log = proposal.decision, log or RunLog(reads, proposal.run)
    if decision is None:
        return
    verify_logged_decision(reads, proposal, log)
    if proposal.terms is not None:
        check_withdrawals(reads, store_id, log, proposal)
    if proposal.terms is not None and decision.by == "person":
        signatures.check_votes(store_id, proposal, list_counted_votes(proposal))
    elif proposal.terms is None or not (
        decision.by == "policy" or (decision.by == "deadline" and decision.action == "reject")
    ):
        signatures.check_signature(store_id, proposal, decision)


def verify_logged_decision(reads: StoreReader, proposal: Proposal, log: RunLog) -> None:
    """Check that a decision agrees with the log of the question, the votes and the timeline.

    Raises:
        StoreCorrupt: The decision differs from the log.
    """
    if proposal.decision is None:
        return
    _check_question(proposal)
    event = chain.read_event(reads, proposal.decision.event)
    said = decision_event_data(proposal, proposal.decision, proposal.revision - 1)
    if event is None or (event.proposal, event.actor, _without_decision_times(event.data)) != (
        proposal.id,
        proposal.decision.reviewer,
        said,
    ):
        raise StoreCorrupt(
            f"the decision on proposal {proposal.id} ({proposal.title}) is not the one in the audit log; do not use it"
        )
    if proposal.terms is not None:
        _check_votes(reads, proposal, proposal.decision)
    if proposal.terms is not None or formats.has_terms(reads):
        _refuse_difference(log, proposal, event.data or {})


def _check_votes(reads: StoreReader, proposal: Proposal, decision: DecisionRecord) -> None:
    """Check that the votes of a proposal with terms are in the log and result in this decision."""
    people: dict[datetime, People] = {}
    wrong = verify_decision_votes(
        proposal, lambda at: people.get(at) or people.setdefault(at, load_people(reads, proposal, at))
    )
    if wrong is None and decision.by == "person":
        wrong = next(
            (
                f"the vote of {one.reviewer} is not in the audit log"
                for one in proposal.votes
                if not _is_vote_logged(reads, proposal, one)
            ),
            None,
        )
    if wrong is not None:
        raise StoreCorrupt(
            f"the decision on proposal {proposal.id} ({proposal.title}) is not what its votes make: {wrong}; do not "
            "use it"
        )


def _refuse_difference(log: RunLog, proposal: Proposal, made: dict[str, Any]) -> None:
    wrong = find_difference(log, proposal, made)
    if wrong is not None:
        raise StoreCorrupt(
            f"proposal {proposal.id} ({proposal.title}) was changed in the store, then decided: {wrong}; do not use "
            "the decision"
        )


def _is_vote_logged(reads: StoreReader, proposal: Proposal, vote: VoteRecord) -> bool:
    event = chain.read_event(reads, vote.event)
    data: dict[str, Any] = (event and event.data) or {}
    told = (data.get("action"), data.get("value_sha256"), data.get("signature"), data.get("at"))
    said = (vote.action, vote.value_sha256, vote.signature, vote.at.isoformat())
    return (
        event is not None
        and (event.proposal, event.actor, event.type) == (proposal.id, vote.reviewer, "vote")
        and told == said
    )


def _without_decision_times(data: dict[str, Any] | None) -> dict[str, Any]:
    """Return the data of a decision's event without its times, which are checked with the timeline."""
    return {name: one for name, one in (data or {}).items() if name not in ("due", "at")}


def decision_event_data(proposal: Proposal, decision: DecisionRecord, revision: int) -> dict[str, Any]:
    """Return the data of a decision's event.

    Args:
        proposal: The proposal.
        decision: The decision.
        revision: Revision of the proposal before the decision.
    """
    outcome = proposal.value if decision.action == "approve" else decision.value
    known = ("reviewer_name", "authn", "assurance", "surface", "signature") if decision.signature is not None else ()
    votes = {"votes": [hash_value(msgspec.to_builtins(one)) for one in proposal.votes]} if proposal.votes else {}
    under = {"terms_sha256": decision.terms_sha256, **votes} if decision.terms_sha256 else {}
    return {
        "action": decision.action,
        "by": decision.by,
        "reason": decision.reason,
        "value_sha256": None if decision.action == "reject" else hashlib.sha256(canonical_json(outcome)).hexdigest(),
        "fingerprint": proposal.fingerprint,
        "revision": revision,
        **{name: getattr(decision, name) for name in known},
        **under,
    }


def _check_decision(action: str, value: Any, reason: str | None, reviewer: str) -> None:
    if action not in ACTIONS:
        raise ValueError(f"action must be one of {', '.join(ACTIONS)}, not {action!r}")
    if not reviewer:
        raise ValueError("reviewer must be a user name, not empty")
    if action in ("approve", "reject") and value is not None:
        raise ValueError(f"{action} takes no value; decide with 'edit' to change the proposal")
    if action == "respond" and not isinstance(value, str):
        raise TypeError(f"value must be the message (str) for 'respond', not {type(value).__name__}")
    if reason is not None and not isinstance(reason, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise TypeError(f"reason must be text or None, not {type(reason).__name__}")
    canonical_json(value)
