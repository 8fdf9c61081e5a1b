"""New proposals from questions, each with the verdict of a policy if there is one.

The verdict is called a *plan*. It passes or blocks the question (the policy decides), or people are asked under terms:
review rules that say who must agree, and until when.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from hitl_nb.evidence.json_blocks import hash_evidence
from hitl_nb.ledger.decisions.decisions import decision_event_data
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.policies.terms.vote_counts import hash_terms
from hitl_nb.records import DecisionRecord, Facts, Proposal, Question, Run, fingerprint, new_id, now
from hitl_nb.storage.interface import Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import Plan

POLICY_REVIEWER = "policy:"
"""Prefix of the reviewer's name if a policy has decided; the ids of the rules follow."""


def is_decided(plan: Plan | None) -> bool:
    """Return True if the verdict `plan` passes or blocks the question, so that no person is asked. None: no policy."""
    return plan is not None and plan.verdict != "ask"


class NewQuestion:
    """A question that is about to be stored as a proposal, with the verdict of a policy.

    Its id and its hashes are computed here, so that the transaction is short.

    Args:
        question: The question of the agent.
        plan: The verdict of the policy; None: no policy.
        run_id: Id of the run that asks.
        asked_at: Time of the question.

    Attributes:
        question, plan: As above.
        evidence_hashes: Hashes of everything that the question's context shows, for the audit log.
    """

    def __init__(self, question: Question, plan: Plan | None, run_id: str, asked_at: datetime) -> None:
        q = question
        self.question, self.plan, self._asked_at, self._id = q, plan, asked_at, new_id()
        self._fingerprint = fingerprint(run_id, q.position, q.kind, q.title, q.value)
        self.evidence_hashes = hash_evidence(q)

    @property
    def asks_under_terms(self) -> bool:
        """Whether people are asked, and the policy's verdict has terms (review rules) for them."""
        return not is_decided(self.plan) and self.plan is not None and self.plan.terms is not None

    def proposal(self, run: Run, facts: Facts | None, *, pause: int, ordinal: int) -> Proposal:
        """Return the open proposal for this question, with the terms (review rules) of the verdict, if any.

        Args:
            run: The run that asks.
            facts: Facts that the policy used; they are stored if there are terms.
            pause: Number of the pause, from 1; 0: the run does not pause.
            ordinal: Index of the question among the questions of the pause, from 0.
        """
        fields: dict[str, Any] = {name: getattr(self.question, name) for name in Question.__struct_fields__}
        plan = self.plan
        if plan is not None:
            fields["why"] = plan.why
        if plan is not None and plan.terms is not None:
            fields |= {"facts": facts, "terms": plan.terms, "allow": plan.allow}
            fields["asked_at"] = clock.replaced_now()
        return Proposal(
            **fields,
            id=self._id,
            run=run.id,
            agent=run.agent,
            notebook=run.notebook,
            pause=pause,
            ordinal=ordinal,
            fingerprint=self._fingerprint,
            held=run.held,
            created_at=self._asked_at,
        )


def new_questions(questions: Sequence[Question], plans: Sequence[Plan] | None, run_id: str) -> list[NewQuestion]:
    """Return the questions in the form in which they can be stored as proposals.

    Args:
        questions: The questions, at least one.
        plans: Verdict of the policy for each question; None: no policy.
        run_id: Id of the run that asks.

    Raises:
        ValueError: There is no question, the numbers of questions and plans differ, or a verdict that passes or blocks
            has no terms.
    """
    if not questions:
        raise ValueError("questions must hold at least one question")
    given: Sequence[Plan | None] = [None] * len(questions) if plans is None else plans
    if len(given) != len(questions):
        raise ValueError(f"there are {len(questions)} questions and {len(given)} plans")
    if any(is_decided(plan) and plan is not None and plan.terms is None for plan in given):
        raise ValueError("a plan that passes or blocks needs terms: they say by which policy")
    asked_at = now()
    return [NewQuestion(q, plan, run_id, asked_at) for q, plan in zip(questions, given, strict=True)]


def decide_by_policy(proposal: Proposal, plan: Plan, event: int) -> Proposal:
    """Return a copy of the proposal that is decided by the policy: approved or rejected.

    Args:
        proposal: The open proposal.
        plan: The verdict of the policy, which passes or blocks the question.
        event: Number of the event that logs the decision.
    """
    passes = plan.verdict == "pass"
    action: Literal["approve", "reject"] = "approve" if passes else "reject"
    decision = DecisionRecord(
        action=action,
        reason=None if passes else _policy_reason(plan),
        reviewer=POLICY_REVIEWER + (",".join(plan.rules) or _blocking_guardrails(proposal, plan) or "default"),
        decided_at=now(),
        by="policy",
        fingerprint=proposal.fingerprint,
        event=event,
        policy=proposal.terms.policy if proposal.terms is not None else "",
        terms_sha256=hash_terms(proposal.terms),
    )
    return msgspec.structs.replace(proposal, status="decided", revision=proposal.revision + 1, decision=decision)


def _blocking_guardrails(proposal: Proposal, plan: Plan) -> str:
    """Return the name of the policy's reviewer for guardrails that blocked the proposal; "" if none did."""
    blocked = [one.name for one in proposal.guardrails if one.verdict == "block"] if plan.verdict == "block" else []
    return f"guardrail {','.join(blocked)}" if blocked else ""


def append_policy_decision(transaction: Transaction, proposal: Proposal, records: dict[str, str]) -> None:
    """Append the event of a policy's decision, in the same form as the event of a person's decision.

    Args:
        transaction: The transaction to write in.
        proposal: The decided proposal.
        records: Digests of the written records by their keys.
    """
    assert proposal.decision is not None
    data = decision_event_data(proposal, proposal.decision, proposal.revision - 1)
    by = proposal.decision.reviewer
    n = chain.append_event(
        transaction, "decision", actor=by, run=proposal.run, proposal=proposal.id, data=data, records=records
    )
    assert n == proposal.decision.event


def _policy_reason(plan: Plan) -> str:
    return f"blocked by policy: {'; '.join(plan.why or plan.rules) or 'default'}"


def list_used_policies(found: Sequence[NewQuestion]) -> list[str]:
    """Return the SHA-256 (hex) of each policy that judged one of these questions, sorted."""
    named = {q.plan.terms.policy for q in found if q.plan is not None and q.plan.terms is not None}
    return sorted(named - {""})


def any_have_terms(found: Sequence[NewQuestion]) -> bool:
    """Return whether the verdict on any of these questions has terms (review rules)."""
    return any(q.plan is not None and q.plan.terms is not None for q in found)
