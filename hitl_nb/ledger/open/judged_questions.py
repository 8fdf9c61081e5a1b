"""New proposals from questions that a policy has judged: asked under terms, or decided by the policy itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from hitl_nb.ledger.decisions.decisions import decision_event_data
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.policies.terms.vote_counts import hash_terms
from hitl_nb.records import DecisionRecord, Facts, Proposal, Question, Run, fingerprint, new_id, now
from hitl_nb.storage.interface import Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import Plan

POLICY_REVIEWER = "policy:"
"""Prefix of a policy's name in the place of a reviewer's user name."""


def is_decided(plan: Plan | None) -> bool:
    """Return whether a policy passes or blocks the question, so that no person is asked."""
    return plan is not None and plan.verdict != "ask"


class NewQuestion:
    """A question that is about to be stored. Its id and fingerprint are computed outside of the transaction.

    Args:
        question: The question of the agent.
        plan: The verdict of a policy; None: no policy.
        run_id: Id of the run that asks.
        asked_at: Time of the question.
    """

    def __init__(self, question: Question, plan: Plan | None, run_id: str, asked_at: datetime) -> None:
        q = question
        self.question, self.plan, self._asked_at, self._id = q, plan, asked_at, new_id()
        self._fingerprint = fingerprint(run_id, q.position, q.kind, q.title, q.value)

    @property
    def asks_under_terms(self) -> bool:
        """Whether people are asked, under terms."""
        return not is_decided(self.plan) and self.plan is not None and self.plan.terms is not None

    def proposal(self, run: Run, facts: Facts | None, *, pause: int, ordinal: int) -> Proposal:
        """Return the open proposal for this question; it has terms if the policy's verdict has.

        Args:
            run: The run that asks.
            facts: The facts that the policy judged by; kept if there are terms.
            pause: Number of the pause, from 1; 0: the run does not pause.
            ordinal: Position among the questions of the pause, from 0.
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
            created_at=self._asked_at,
        )


def new_questions(questions: Sequence[Question], plans: Sequence[Plan] | None, run_id: str) -> list[NewQuestion]:
    """Prepare questions for the store.

    Args:
        questions: The questions, at least one.
        plans: The verdict of a policy for each question; None: no policy.
        run_id: Id of the run that asks.

    Raises:
        ValueError: There is no question, the numbers of questions and plans differ, or a plan that passes or blocks
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
    """Return the proposal with the policy's decision.

    Args:
        proposal: The open proposal.
        plan: The verdict, which passes or blocks.
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
    """Name the guardrails that blocked the proposal; "" if none did."""
    blocked = [one.name for one in proposal.guardrails if one.verdict == "block"] if plan.verdict == "block" else []
    return f"guardrail {','.join(blocked)}" if blocked else ""


def append_policy_decision(transaction: Transaction, proposal: Proposal, records: dict[str, str]) -> None:
    """Append the event of a policy's decision; it has the same form as the event of a person's decision."""
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
    """Return the hashes of the policies that judged these questions, sorted."""
    named = {q.plan.terms.policy for q in found if q.plan is not None and q.plan.terms is not None}
    return sorted(named - {""})


def any_have_terms(found: Sequence[NewQuestion]) -> bool:
    """Return whether any of these questions is asked or decided under terms."""
    return any(q.plan is not None and q.plan.terms is not None for q in found)
