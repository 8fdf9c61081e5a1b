"""The pause of a run: its state, its questions and the decisions of policies on them, stored in one transaction.

A policy can decide a question itself (pass or block), or require that people are asked under certain terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hitl_nb.ledger.decisions.absences import load_people_around
from hitl_nb.ledger.decisions.notices import write_notice
from hitl_nb.ledger.decisions.proposal_changes import write_notices
from hitl_nb.ledger.open.assignment import assign_least_busy
from hitl_nb.ledger.open.evidence_blobs import put_pictures
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
    blobs: Sequence[bytes] = (),
) -> tuple[Run, list[Proposal]]:
    """Pause a run: save its state, store its questions as proposals, and end its claim.

    The claim of a held question does not end, because its program waits.

    Args:
        transaction: A transaction that has checked the claim.
        claim: This process's exclusive right to execute the run.
        found: The prepared questions, each with the verdict of the policy.
        snapshot: The state of the run.
        statements: Statements that took long since the run's last event, for the display of its timeline.
        facts: Facts that the policy used in addition to the questions. None: the current time and the run's labels.
        policy: The merged policy, whose text is stored if the store does not have it. None: no policy.
        blobs: The bytes of the pictures that the questions show. Default: none, or the store has them.

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
    put_pictures(transaction, run.id, [q.question for q in found], blobs)
    for proposal, q in zip(asked, found, strict=True):
        if not is_decided(q.plan):
            records |= rows.add_proposal(transaction, proposal)
        if proposal.document:
            records |= standing.mark_in_review(transaction, proposal, claim.owner)
    records |= rows.put_run(transaction, run)
    shown = [_proposal_log_entry(proposal, q.evidence_hashes) for proposal, q in zip(asked, found, strict=True)]
    data = {"pause": run.pauses, "epoch": claim.epoch, "proposals": shown, **statements_data(statements)}
    chain.append_event(transaction, "run.paused", actor=claim.owner, run=run.id, data=data, records=records)
    if not run.held:
        claim_records.end_claim(transaction, run.id)
    for change in begun.values():
        _log_proposal_events(transaction, change, claim.owner)
    return run, [
        record_policy_verdict(transaction, proposal, q) if is_decided(q.plan) else proposal
        for proposal, q in zip(asked, found, strict=True)
    ]


def _begin_proposal(transaction: Transaction, proposal: Proposal, run: Run) -> Change:
    """Set the deadline of a new proposal, and assign it to a person if its terms (review rules) require that.

    Returns:
        The changed proposal, with the events and notifications to write.
    """
    people = load_people_around(transaction, run.requesters, clock.store_now(transaction))
    return begin_proposal(assign_least_busy(transaction, proposal, people), people)


def _log_proposal_events(transaction: Transaction, begun: Change, actor: str) -> None:
    """Append the events of a newly stored proposal, and write notifications for the people who may decide it.

    Args:
        transaction: The transaction to write in.
        begun: The proposal and its events, from `_begin_proposal`.
        actor: User or process that the audit log events name.
    """
    proposal, at = begun.proposal, clock.store_now(transaction)
    for type_, data in begun.events:
        chain.append_event(transaction, type_, actor=actor, run=proposal.run, proposal=proposal.id, data=data)
    write_notice(transaction, kind="asked", proposal=proposal, at=at)
    write_notices(transaction, begun, proposal, at)


def record_policies_used(
    transaction: Transaction, run: Run, found: Sequence[NewQuestion], policy: MergedPolicy | None, actor: str
) -> None:
    """Record which policies judged the questions, if any of the questions has terms (review rules).

    The store also gets the format for proposals with terms, so that older versions of hitl_nb refuse it.

    Args:
        transaction: The transaction to write in.
        run: The run that asks.
        found: The prepared questions, each with the verdict of the policy.
        policy: The merged policy, whose text is stored if the store does not have it. None: the text is stored already.
        actor: User or process that the audit log events name.

    Raises:
        ValueError: The text of a policy is neither given nor stored.
    """
    if any_have_terms(found):
        formats.mark_terms(transaction)
    for sha256 in list_used_policies(found):
        policytexts.record_policy_use(transaction, run.id, sha256, policy, actor)


def read_facts(transaction: Transaction, run: Run, facts: Facts | None) -> Facts:
    """Return `facts`, the facts that the policy used; if None, the current time and the run's labels."""
    return facts if facts is not None else Facts(now=clock.store_now(transaction), labels=run.labels)


def count_passed(found: Sequence[NewQuestion]) -> int:
    """Return how many of the questions the policy approves without asking people."""
    return sum(q.plan is not None and q.plan.verdict == "pass" for q in found)


def record_policy_verdict(
    transaction: Transaction, proposal: Proposal, new: NewQuestion, records: Digests | None = None
) -> Proposal:
    """Store a new proposal that a policy decides, with this decision, and append the event.

    Args:
        transaction: The transaction to write in.
        proposal: The new, open proposal.
        new: Its question, with the verdict of the policy, which passes or blocks the question.
        records: Digests of other records by their keys, for the same event. None (default): no others.

    Returns:
        The decided proposal.
    """
    assert new.plan is not None
    proposal = decide_by_policy(proposal, new.plan, chain.read_head(transaction).n + 1)
    append_policy_decision(transaction, proposal, rows.add_proposal(transaction, proposal) | (records or {}))
    if proposal.document and proposal.decision is not None:
        standing.mark_done(transaction, proposal, proposal.decision.reviewer)
    return proposal


def _proposal_log_entry(proposal: Proposal, evidence: list[str]) -> dict[str, Any]:
    """Return the data about a proposal for the event of its pause.

    Returns:
        A dict with `id`, `title` and `fingerprint`. With terms, also `terms` (their hash) and `asked` (the time);
        `clock` if a decisions file has its own clock; `workspace` if a workspace is decided; and `evidence`, the hashes
        of what the context shows, if there is a context.
    """
    told: dict[str, Any] = {"id": proposal.id, "title": proposal.title, "fingerprint": proposal.fingerprint}
    if proposal.terms is not None:
        told |= {"terms": hash_terms(proposal.terms), "asked": proposal.created_at.isoformat()}
    if proposal.asked_at is not None:
        told["clock"] = proposal.asked_at.isoformat()
    if evidence:
        told["evidence"] = evidence
    return {**told, "workspace": proposal.document} if proposal.document else told
