"""A question that a policy has judged, as it becomes a proposal: asked under terms, or decided by the policy itself."""

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
"""What the names of policies begin with where a reviewer's stands."""


def is_decided(plan: Plan | None) -> bool:
    """Whether nobody is asked: the policy passes or blocks it."""
    return plan is not None and plan.verdict != "ask"


class NewQuestion:
    """A question on its way into the store: its id and fingerprint, made outside of the transaction."""

    def __init__(self, question: Question, plan: Plan | None, run_id: str, asked_at: datetime) -> None:
        q = question
        self.question, self.plan, self._asked_at, self._id = q, plan, asked_at, new_id()
        self._fingerprint = fingerprint(run_id, q.position, q.kind, q.title, q.value)

    @property
    def asks_under_terms(self) -> bool:
        """Whether people are asked, under terms."""
        return not is_decided(self.plan) and self.plan is not None and self.plan.terms is not None

    def proposal(self, run: Run, facts: Facts | None, *, pause: int, ordinal: int) -> Proposal:
        """The open proposal; without terms, as one of which no policy says anything."""
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
    """The questions on their way into the store. Raises ValueError for bad arguments."""
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
    """The proposal as the policy decides it; `event` is the number that the decision's event gets."""
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
    """The guardrails that blocked it, where no rule did."""
    blocked = [one.name for one in proposal.guardrails if one.verdict == "block"] if plan.verdict == "block" else []
    return f"guardrail {','.join(blocked)}" if blocked else ""


def append_policy_decision(transaction: Transaction, proposal: Proposal, records: dict[str, str]) -> None:
    """Log the decision of a policy, as that of a person is logged."""
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
    """The hashes of the policies that judged these questions."""
    named = {q.plan.terms.policy for q in found if q.plan is not None and q.plan.terms is not None}
    return sorted(named - {""})


def any_have_terms(found: Sequence[NewQuestion]) -> bool:
    """Whether any of these questions is asked, or decided, under terms."""
    return any(q.plan is not None and q.plan.terms is not None for q in found)
