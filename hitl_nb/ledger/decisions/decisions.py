"""Recording of decisions. A proposal is decided once; the decision contains the hash of the question that it answers.

Each decision has an event in the audit log and, if a server received it, a signature. The first decision on a proposal
counts. `decision_verification.py` checks decisions before they are used.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from hitl_nb.errors import StaleDraft, StoreCorrupt
from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.signatures import ReviewerAttestation
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.runs.cancellation import cancel_run
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.policies.terms.vote_counts import decision_terms_fields, hash_value
from hitl_nb.records import (
    ACTIONS,
    Action,
    By,
    Comment,
    DecisionRecord,
    Proposal,
    Run,
    canonical_json,
    effect_happened,
    now,
)
from hitl_nb.records import fingerprint as fingerprint_of
from hitl_nb.storage.interface import Transaction


@dataclass(frozen=True, kw_only=True)
class SubmittedDecision:
    """A decision or vote as it is submitted, before it is known whether the proposal is still open.

    Attributes:
        action: An action that the proposal allows.
        value: For "edit" the edited value as JSON (already checked), for "respond" the message.
        reason: Reason for the decision; None: no reason.
        reviewer: User name of the reviewer.
        by: "person", or the kind of program that decides: "policy", "deadline" or "script".
        attest: How a server identified the reviewer, and its key that signs the decision. None: not signed.
        as_vote: Whether a script's decision counts as one vote, that of the person `reviewer`, and not as the decision
            itself.
        script: Name of the script that votes for the person, shown with the vote. "": no script.

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
        """Return the record of the decision on one proposal. It is signed if a server has identified the reviewer.

        Args:
            proposal: The open proposal.
            store_id: Id of the store, which the signature contains.
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
        outcome: "recorded": the vote is stored, and votes of other people are needed. "settling": the votes are enough
            to approve, but the approval can still be withdrawn for some time. "decided": the decision is final.
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
    """Write the decision on an open proposal, with its event, and update the run.

    The run is ready if no other decision is missing. If the answer is to stop the run, the run is cancelled.

    Args:
        transaction: The transaction to write in.
        proposal: The proposal, read in the same transaction.
        store_id: Id of the store, which the signature contains.
        verdict: The decision.
        fingerprint: Fingerprint of the proposal that the reviewer saw; None: do not compare.
        revision: Revision of the proposal that the reviewer saw; None: do not compare.

    Returns:
        The proposal and its run afterwards.

    Raises:
        AlreadyDecided: The proposal is no longer open.
        StaleDraft: The proposal has another fingerprint or revision than the reviewer saw.
        StoreCorrupt: The stored question was changed, so it does not have its fingerprint.
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
    """Raise an error if a proposal is not the version that was shown to the reviewer.

    Args:
        proposal: The proposal.
        fingerprint: Fingerprint of the proposal that the reviewer saw; None: do not compare.
        revision: Revision of the proposal that the reviewer saw; None: do not compare.

    Raises:
        StaleDraft: The proposal has another fingerprint or revision.
        StoreCorrupt: The stored question was changed, so it does not have its fingerprint.
    """
    if fingerprint not in (None, proposal.fingerprint) or revision not in (None, proposal.revision):
        raise StaleDraft(
            f"proposal {proposal.id} ({proposal.title}) has changed since it was shown; look at it again, then decide"
        )
    check_question(proposal)


def _stops_run(proposal: Proposal, verdict: SubmittedDecision) -> bool:
    """Return whether the answer to the question if an interrupted call had its effect is to stop the run.

    Raises:
        ValueError: The answer has another form, or no person has given it.
    """
    if verdict.by in ("policy", "deadline"):
        raise ValueError(
            f"{proposal.title!r} cannot be decided by a {verdict.by}: somebody has to look up what happened"
        )
    return effect_happened(verdict.value) is None


def check_question(proposal: Proposal) -> None:
    """Raise an error if a stored proposal is not the question that the agent asked.

    Raises:
        StoreCorrupt: The stored question was changed, so it does not have its fingerprint.
    """
    if proposal.fingerprint != fingerprint_of(
        proposal.run, proposal.position, proposal.kind, proposal.title, proposal.value
    ):
        raise StoreCorrupt(f"proposal {proposal.id} is not what the agent asked: its record was changed in the store")


def decision_event_data(proposal: Proposal, decision: DecisionRecord, revision: int) -> dict[str, Any]:
    """Return the data for the event of a decision, as a dict of plain JSON data.

    The value is included only as its SHA-256. The votes are included as hashes too.

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
