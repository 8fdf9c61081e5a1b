"""A decision: made once, bound to the question, logged, signed where a server took it, and checked before it is used.

The first verdict on a proposal wins. What a run resumes with is checked against the audit log, and its signature.
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
    """A decision as somebody makes it, before it is known whether it comes first.

    Attributes:
        action: one of those that the proposal allows.
        value: for "edit" the edited value as JSON (already checked), for "respond" the message.
        reviewer: user name of who decides.
        attest: how a server knew the reviewer; it signs the decision.
        as_vote: whether a script's verdict is the vote of the person whom it names as the reviewer, instead of the
            decision.
        script: the name of that script, which is shown with the vote.

    Raises ValueError or TypeError for what fits no proposal.
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
        """The record of it for one proposal, signed if a server attests it."""
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
    """What a decision left behind: the proposal, its run, the comments on the proposal, and what it is by now.

    Attributes:
        outcome: "recorded": a vote, and others are needed; "settling": an approval that may still be taken back;
            "decided".
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
    """Write a verdict on a proposal; the proposal and its run as they are then.

    Raises AlreadyDecided, StaleDraft (it is not the one with this fingerprint and revision), StoreCorrupt (it is not
    what the agent asked), ValueError (it does not allow the action).
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
    """Raises StaleDraft unless the proposal is the one that was shown, StoreCorrupt if it is not what was asked."""
    if fingerprint not in (None, proposal.fingerprint) or revision not in (None, proposal.revision):
        raise StaleDraft(
            f"proposal {proposal.id} ({proposal.title}) has changed since it was shown; look at it again, then decide"
        )
    _check_question(proposal)


def _stops_run(proposal: Proposal, verdict: SubmittedDecision) -> bool:
    """Whether an answer to the question what came of an effect ends the run. Raises ValueError if it is none."""
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
    """Raises StoreCorrupt for a decision never made like this, Untrusted for a signature of no known server.

    `log` is of the run, where several of its proposals are checked.
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
    """Raises StoreCorrupt for a decision that is not what the log says of the question, the votes and the clock."""
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
    """Under terms: the votes are in the log, and make this decision."""
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
    """What an event says of a decision, without when it was due and made: those are looked at with the timeline."""
    return {name: one for name, one in (data or {}).items() if name not in ("due", "at")}


def decision_event_data(proposal: Proposal, decision: DecisionRecord, revision: int) -> dict[str, Any]:
    """What the event of a decision says; `revision` is the proposal's before it."""
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
    if reason is not None and not isinstance(reason, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"reason must be text or None, not {type(reason).__name__}")
    canonical_json(value)
