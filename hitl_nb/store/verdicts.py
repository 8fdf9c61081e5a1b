"""A decision: made once, bound to the question, logged, signed where a server took it, and checked before it is used.

The first verdict on a proposal wins. What a run resumes with is checked against the audit log, and its signature.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from hitl_nb.errors import StaleDraft, StoreCorrupt
from hitl_nb.policies.closed import refuse_closed
from hitl_nb.records import ACTIONS, Action, By, Comment, DecisionRecord, Proposal, Run, canonical, effect_happened, now
from hitl_nb.records import fingerprint as fingerprint_of
from hitl_nb.store import chain, rows, signatures, standing
from hitl_nb.store.base import Reads, Transaction
from hitl_nb.store.cancelling import cancel_run
from hitl_nb.store.signatures import Attest


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A decision as somebody makes it, before it is known whether it comes first.

    Attributes:
        action: one of those that the proposal allows.
        value: for "edit" the edited value as JSON (already checked), for "respond" the message.
        reviewer: user name of who decides.
        attest: how a server knew the reviewer; it signs the decision.

    Raises ValueError or TypeError for what fits no proposal.
    """

    action: Action
    value: Any = None
    reason: str | None = None
    reviewer: str
    by: By = "person"
    attest: Attest | None = None

    def __post_init__(self) -> None:
        _check_decision(self.action, self.value, self.reason, self.reviewer)

    def on(self, p: Proposal, store_id: str) -> DecisionRecord:
        """The record of it for one proposal, signed if a server attests it."""
        decision = DecisionRecord(
            action=self.action,
            value=self.value,
            reason=self.reason,
            reviewer=self.reviewer,
            decided_at=now(),
            by=self.by,
            fingerprint=p.fingerprint,
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
        signature = self.attest.key.sign(signatures.message(store_id, p, known, p.revision))
        return msgspec.structs.replace(known, signature=signature)


@dataclass(frozen=True)
class Decided:
    """What a decision left behind: the proposal, its run, and the comments on the proposal."""

    proposal: Proposal
    run: Run
    comments: list[Comment]


def settled(
    tx: Transaction, p: Proposal, store_id: str, verdict: Verdict, fingerprint: str | None, revision: int | None
) -> tuple[Proposal, Run]:
    """Write a verdict on a proposal; the proposal and its run as they are then.

    Raises AlreadyDecided, StaleDraft (it is not the one with this fingerprint and revision), StoreCorrupt (it is not
    what the agent asked), ValueError (it does not allow the action).
    """
    refuse_closed(p)
    if fingerprint not in (None, p.fingerprint) or revision not in (None, p.revision):
        raise StaleDraft(f"proposal {p.id} ({p.title}) has changed since it was shown; look at it again, then decide")
    _check_question(p)
    if verdict.action not in p.allow:
        raise ValueError(
            f"{verdict.action!r} is not allowed for proposal {p.id} ({p.title}); it allows {', '.join(p.allow)}"
        )
    stops = p.doubt is not None and _stops_the_run(p, verdict)
    decision = msgspec.structs.replace(verdict.on(p, store_id), event=chain.head(tx).n + 1)
    decided = msgspec.structs.replace(p, status="decided", revision=p.revision + 1, decision=decision)
    run = rows.load_run(tx, p.run)
    run = rows.moved(run, "waiting" if run.open > 1 else "ready", open=run.open - 1)
    records = rows.close_proposal(tx, decided) | rows.put_run(tx, run)
    data = logged(p, decision, p.revision)
    chain.append(tx, "decision", actor=verdict.reviewer, run=p.run, proposal=p.id, data=data, records=records)
    if p.document:
        standing.done(tx, decided, verdict.reviewer)
    if stops:
        run = cancel_run(tx, run, actor=verdict.reviewer, why=f"{verdict.reviewer} stopped it, asked: {p.title}")
    return decided, run


def _stops_the_run(p: Proposal, verdict: Verdict) -> bool:
    """Whether an answer to the question what came of an effect ends the run. Raises ValueError if it is none."""
    if verdict.by in ("policy", "deadline"):
        raise ValueError(f"{p.title!r} cannot be decided by a {verdict.by}: somebody has to look up what happened")
    return effect_happened(verdict.value) is None


def _check_question(p: Proposal) -> None:
    if p.fingerprint != fingerprint_of(p.run, p.position, p.kind, p.title, p.value):
        raise StoreCorrupt(f"proposal {p.id} is not what the agent asked: its record was changed in the store")


def check_made(reads: Reads, store_id: str, p: Proposal) -> None:
    """Raises StoreCorrupt for a decision never made like this, Untrusted for a signature of no known server."""
    if p.decision is None:
        return
    _check_question(p)
    event = chain.at(reads, p.decision.event)
    said = logged(p, p.decision, p.revision - 1)
    if event is None or (event.proposal, event.actor, _without_due(event.data)) != (p.id, p.decision.reviewer, said):
        raise StoreCorrupt(
            f"the decision on proposal {p.id} ({p.title}) is not the one in the audit log; do not use it"
        )
    signatures.check(store_id, p, p.decision)


def _without_due(data: dict[str, Any] | None) -> dict[str, Any]:
    """What an event says of a decision, without when it was due: the log alone has that."""
    return {name: one for name, one in (data or {}).items() if name != "due"}


def logged(p: Proposal, decision: DecisionRecord, revision: int) -> dict[str, Any]:
    """What the event of a decision says; `revision` is the proposal's before it."""
    outcome = p.value if decision.action == "approve" else decision.value
    known = ("reviewer_name", "authn", "assurance", "surface", "signature") if decision.signature is not None else ()
    return {
        "action": decision.action,
        "by": decision.by,
        "reason": decision.reason,
        "value_sha256": None if decision.action == "reject" else hashlib.sha256(canonical(outcome)).hexdigest(),
        "fingerprint": p.fingerprint,
        "revision": revision,
        **{name: getattr(decision, name) for name in known},
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
    canonical(value)
