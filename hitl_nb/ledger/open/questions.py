"""A run pauses: its state, its questions and what a policy decided beside them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from hitl_nb.ledger.decisions.absences import people_around
from hitl_nb.ledger.decisions.notices import put_notice
from hitl_nb.ledger.decisions.proposal_changes import put_notices
from hitl_nb.ledger.open.assignment import assign_least_busy
from hitl_nb.ledger.open.judged_questions import (
    NewQuestion,
    append_decision,
    decided,
    have_terms,
    is_decided,
    used_policies,
)
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.runs import claims, snapshots
from hitl_nb.ledger.runs.claims import Claim
from hitl_nb.policies.terms.terms import Change, begin
from hitl_nb.policies.terms.vote_counts import hash_terms
from hitl_nb.records import Facts, Proposal, Run, Snapshot, Statement
from hitl_nb.storage.interface import Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy


def pause_run(
    tx: Transaction,
    claim: Claim,
    found: Sequence[NewQuestion],
    snapshot: Snapshot,
    *,
    statements: Sequence[Statement],
    facts: Facts | None,
    policy: MergedPolicy | None,
) -> tuple[Run, list[Proposal]]:
    """The run as it waits, and the proposals, in order."""
    run = rows.load_run(tx, claim.run)
    begin_judging(tx, run, found, policy, claim.owner)
    run = rows.moved(
        run,
        "waiting",
        pauses=run.pauses + 1,
        open=sum(not is_decided(q.plan) for q in found),
        passed=run.passed + passes(found),
    )
    known = facts_within(tx, run, facts) if have_terms(found) else None
    asked = [q.proposal(run, known, pause=run.pauses, ordinal=n) for n, q in enumerate(found)]
    begun = {p.id: _begin(tx, p, run) for p, q in zip(asked, found, strict=True) if q.asks_under_terms}
    asked = [begun[p.id].proposal if p.id in begun else p for p in asked]
    records = snapshots.put(tx, run.id, snapshot)
    for p, q in zip(asked, found, strict=True):
        if not is_decided(q.plan):
            records |= rows.add_proposal(tx, p)
        if p.document:
            records |= standing.asked(tx, p, claim.owner)
    records |= rows.put_run(tx, run)
    shown = [_told(p) for p in asked]
    data = {"pause": run.pauses, "epoch": claim.epoch, "proposals": shown, **worked(statements)}
    chain.append(tx, "run.paused", actor=claim.owner, run=run.id, data=data, records=records)
    claims.free(tx, run.id)
    for change in begun.values():
        _tell(tx, change, claim.owner)
    return run, [record_verdict(tx, p, q) if is_decided(q.plan) else p for p, q in zip(asked, found, strict=True)]


def _begin(tx: Transaction, p: Proposal, run: Run) -> Change:
    """The proposal as it is asked: with its deadline, assigned to somebody if its terms say so."""
    people = people_around(tx, run.requesters, clock.store_now(tx))
    return begin(assign_least_busy(tx, p, people), people)


def _tell(tx: Transaction, begun: Change, actor: str) -> None:
    """Log what happened to a proposal as it was asked, and tell those who may decide it."""
    p, at = begun.proposal, clock.store_now(tx)
    for type_, data in begun.events:
        chain.append(tx, type_, actor=actor, run=p.run, proposal=p.id, data=data)
    put_notice(tx, kind="asked", proposal=p, at=at)
    put_notices(tx, begun, p, at)


def begin_judging(
    tx: Transaction, run: Run, found: Sequence[NewQuestion], policy: MergedPolicy | None, actor: str
) -> None:
    """What is written now may have terms: mark the store, and keep by which policies they were made."""
    if have_terms(found):
        formats.mark_terms(tx)
    for sha256 in used_policies(found):
        policytexts.use(tx, run.id, sha256, policy, actor)


def facts_within(tx: Transaction, run: Run, facts: Facts | None) -> Facts:
    """The facts as given, else those that there are of every run."""
    return facts if facts is not None else Facts(now=clock.store_now(tx), labels=run.labels)


def passes(found: Sequence[NewQuestion]) -> int:
    """How many of them a policy lets pass."""
    return sum(q.plan is not None and q.plan.verdict == "pass" for q in found)


def record_verdict(tx: Transaction, p: Proposal, new: NewQuestion, records: Digests | None = None) -> Proposal:
    """Store a new proposal as its plan decides it, and log that, with the digests of `records`; the proposal then."""
    assert new.plan is not None
    p = decided(p, new.plan, chain.head(tx).n + 1)
    append_decision(tx, p, rows.add_proposal(tx, p) | (records or {}))
    if p.document and p.decision is not None:
        standing.done(tx, p, p.decision.reviewer)
    return p


def worked(statements: Sequence[Statement]) -> dict[str, Any]:
    """What an event says of the statements that took long before it."""
    return {"statements": [msgspec.to_builtins(one) for one in statements]} if statements else {}


def _told(p: Proposal) -> dict[str, str]:
    """What the log of a pause says of a proposal."""
    told = {"id": p.id, "title": p.title, "fingerprint": p.fingerprint}
    if p.terms is not None:
        told |= {"terms": hash_terms(p.terms), "asked": p.created_at.isoformat()}
    if p.asked_at is not None:
        told["clock"] = p.asked_at.isoformat()
    return {**told, "workspace": p.document} if p.document else told
