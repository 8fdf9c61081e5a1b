"""Pauses of runs: the state, the questions and the decisions of policies beside them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hitl_nb.ledger.decisions.absences import load_people_around
from hitl_nb.ledger.decisions.notices import write_notice
from hitl_nb.ledger.decisions.proposal_changes import write_notices
from hitl_nb.ledger.open.assignment import assign_least_busy
from hitl_nb.ledger.open.judged_questions import (
    NewQuestion,
    any_have_terms,
    append_policy_decision,
    decide_by_policy,
    is_decided,
    list_used_policies,
)
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows import workspace_status as standing
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.runs import claim_records, snapshots
from hitl_nb.ledger.runs.claim_records import Claim
from hitl_nb.ledger.runs.run_end import statements_data
from hitl_nb.policies.terms.terms import Change, begin_proposal
from hitl_nb.policies.terms.vote_counts import hash_terms
from hitl_nb.records import Facts, Proposal, Run, Snapshot, Statement
from hitl_nb.storage.interface import Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy


def pause_run(
    transaction: Transaction,
    claim: Claim,
    found: Sequence[NewQuestion],
    snapshot: Snapshot,
    *,
    statements: Sequence[Statement],
    facts: Facts | None,
    policy: MergedPolicy | None,
) -> tuple[Run, list[Proposal]]:
    """Pause a run: save its state, its questions and the decisions of policies, and end the claim.

    Args:
        transaction: A transaction that has checked the claim.
        claim: The claim of the run.
        found: The prepared questions.
        snapshot: The state of the run.
        statements: Slow statements since the run's last event.
        facts: As for `Policies.record_verdicts`.
        policy: As for `Policies.record_verdicts`.

    Returns:
        The waiting run, and the proposals in the order of `found`.

    Raises:
        WorkspaceClosed: A question is about a closed workspace.
    """
    run = rows.load_run(transaction, claim.run)
    record_policies_used(transaction, run, found, policy, claim.owner)
    run = rows.with_status(
        run,
        "waiting",
        pauses=run.pauses + 1,
        open=sum(not is_decided(q.plan) for q in found),
        passed=run.passed + count_passed(found),
    )
    known = read_facts(transaction, run, facts) if any_have_terms(found) else None
    asked = [q.proposal(run, known, pause=run.pauses, ordinal=n) for n, q in enumerate(found)]
    begun = {
        proposal.id: _begin_proposal(transaction, proposal, run)
        for proposal, q in zip(asked, found, strict=True)
        if q.asks_under_terms
    }
    asked = [begun[proposal.id].proposal if proposal.id in begun else proposal for proposal in asked]
    records = snapshots.put_snapshot(transaction, run.id, snapshot)
    for proposal, q in zip(asked, found, strict=True):
        if not is_decided(q.plan):
            records |= rows.add_proposal(transaction, proposal)
        if proposal.document:
            records |= standing.mark_in_review(transaction, proposal, claim.owner)
    records |= rows.put_run(transaction, run)
    shown = [_proposal_log_entry(proposal) for proposal in asked]
    data = {"pause": run.pauses, "epoch": claim.epoch, "proposals": shown, **statements_data(statements)}
    chain.append_event(transaction, "run.paused", actor=claim.owner, run=run.id, data=data, records=records)
    claim_records.end_claim(transaction, run.id)
    for change in begun.values():
        _log_proposal_events(transaction, change, claim.owner)
    return run, [
        record_policy_verdict(transaction, proposal, q) if is_decided(q.plan) else proposal
        for proposal, q in zip(asked, found, strict=True)
    ]


def _begin_proposal(transaction: Transaction, proposal: Proposal, run: Run) -> Change:
    """Begin the timeline of a proposal: set its deadline, and assign it to a person if its terms require that."""
    people = load_people_around(transaction, run.requesters, clock.store_now(transaction))
    return begin_proposal(assign_least_busy(transaction, proposal, people), people)


def _log_proposal_events(transaction: Transaction, begun: Change, actor: str) -> None:
    """Append the events of a newly asked proposal, and write the notices for the people who may decide it."""
    proposal, at = begun.proposal, clock.store_now(transaction)
    for type_, data in begun.events:
        chain.append_event(transaction, type_, actor=actor, run=proposal.run, proposal=proposal.id, data=data)
    write_notice(transaction, kind="asked", proposal=proposal, at=at)
    write_notices(transaction, begun, proposal, at)


def record_policies_used(
    transaction: Transaction, run: Run, found: Sequence[NewQuestion], policy: MergedPolicy | None, actor: str
) -> None:
    """Mark the store if a question has terms, and record the policies that the terms come from.

    Raises:
        ValueError: The text of a policy is neither given nor stored.
    """
    if any_have_terms(found):
        formats.mark_terms(transaction)
    for sha256 in list_used_policies(found):
        policytexts.record_policy_use(transaction, run.id, sha256, policy, actor)


def read_facts(transaction: Transaction, run: Run, facts: Facts | None) -> Facts:
    """Return the given facts; if None, the facts of every run: the store's time and the run's labels."""
    return facts if facts is not None else Facts(now=clock.store_now(transaction), labels=run.labels)


def count_passed(found: Sequence[NewQuestion]) -> int:
    """Return the number of questions that a policy passes."""
    return sum(q.plan is not None and q.plan.verdict == "pass" for q in found)


def record_policy_verdict(
    transaction: Transaction, proposal: Proposal, new: NewQuestion, records: Digests | None = None
) -> Proposal:
    """Store a new proposal with the decision of its plan, and append the event.

    Args:
        transaction: The transaction of the pause, or of the recorded verdicts.
        proposal: The new, open proposal.
        new: Its question, with the plan that passes or blocks it.
        records: Digests of other records for the same event.

    Returns:
        The decided proposal.
    """
    assert new.plan is not None
    proposal = decide_by_policy(proposal, new.plan, chain.read_head(transaction).n + 1)
    append_policy_decision(transaction, proposal, rows.add_proposal(transaction, proposal) | (records or {}))
    if proposal.document and proposal.decision is not None:
        standing.mark_done(transaction, proposal, proposal.decision.reviewer)
    return proposal


def _proposal_log_entry(proposal: Proposal) -> dict[str, str]:
    """Return the entry for a proposal in the event of its pause."""
    told = {"id": proposal.id, "title": proposal.title, "fingerprint": proposal.fingerprint}
    if proposal.terms is not None:
        told |= {"terms": hash_terms(proposal.terms), "asked": proposal.created_at.isoformat()}
    if proposal.asked_at is not None:
        told["clock"] = proposal.asked_at.isoformat()
    return {**told, "workspace": proposal.document} if proposal.document else told
