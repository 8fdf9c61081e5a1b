"""Check whether the decisions of a pause may still be used when the run continues.

A decision must not be too old for the terms (review rules) of its proposal, and the current policy must allow it. If
one decision of a pause may not be used, all decisions of the pause expire, and the run asks the questions again. The
transaction that claims the run makes this check. A run has used its decisions if it has failed, or has recorded
anything after them (`ledger/runs/decision_usage.py`). Used decisions are never checked again, because their effects
must not happen twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.notices import write_notice
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import Proposal, Run
from hitl_nb.storage.interface import StoreReader, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy, Plan


class Expiry(NamedTuple):
    """The reason why a decision may no longer be used.

    Attributes:
        proposal: The decided proposal.
        why: The reason as a sentence.
        plan: The verdict of the current policy, if the policy is the reason. None: another reason.
    """

    proposal: Proposal
    why: str
    plan: Plan | None = None


def expire_decisions(
    transaction: Transaction, run: Run, asked: Sequence[Proposal], policy: MergedPolicy | None, actor: str
) -> list[Proposal]:
    """Check whether a run that continues now may still use the decisions of its last pause.

    If one decision is too old or no longer allowed, all decisions of the pause expire. The event "decision.expired" and
    a notice for the requesters are written then.

    Args:
        transaction: The transaction that claims the run.
        run: The run.
        asked: The proposals of the pause, in order.
        policy: The current merged policy; None: no policy.
        actor: User or process that the audit log event names.

    Returns:
        The proposals in the order of `asked`. If the decisions have expired, the decided ones have the status
        "expired".
    """
    now = clock.store_now(transaction)
    found = next(
        (e for proposal in asked if (e := _find_expiry(transaction, proposal, policy, run, now)) is not None), None
    )
    if found is None:
        return list(asked)
    expired = [_with_unused_decision(proposal) for proposal in asked]
    records: Digests = {}
    for proposal in expired:
        records |= rows.put_proposal(transaction, proposal)
    cause = next(proposal for proposal in expired if proposal.id == found.proposal.id)
    data = {
        "pause": run.pauses,
        "proposals": [proposal.id for proposal in expired],
        "why": found.why,
        "policy": {"then": cause.terms.policy if cause.terms else "", "now": policy.sha256 if policy else ""},
        "rules": list(found.plan.rules) if found.plan is not None else [],
    }
    chain.append_event(
        transaction, "decision.expired", actor=actor, run=run.id, proposal=cause.id, data=data, records=records
    )
    write_notice(transaction, kind="expired", proposal=cause, at=now, note=found.why)
    return expired


def _find_expiry(
    reads: StoreReader, proposal: Proposal, policy: MergedPolicy | None, run: Run, now: datetime
) -> Expiry | None:
    made = proposal.decision
    if (
        made is None or proposal.status != "decided" or proposal.doubt is not None
    ):  # the answer to the question whether an effect happened does not become too old
        return None
    until = made.valid_until
    if until is None and proposal.terms is not None and proposal.terms.fresh is not None:
        until = made.decided_at + timedelta(seconds=proposal.terms.fresh)
    if until is not None and now > until:
        return Expiry(
            proposal, f"the decision on {proposal.title!r} could be used until {until.isoformat(timespec='seconds')}"
        )
    if made.by == "policy" and made.action == "approve" and signatures.is_signed_only():
        return (
            None
            if _is_passed_by_policy(policy, proposal)
            else Expiry(proposal, f"only signed decisions count, and no policy file passes {proposal.title!r}")
        )
    if policy is None:
        return None
    from hitl_nb.policies.rules.rules import find_stricter_plan  # stores without policies need none of it

    plan = find_stricter_plan(policy, proposal, requesters=run.requesters)
    if plan is None or (plan.verdict == "ask" and _had_more_rules(reads, proposal, policy)):
        return None
    return Expiry(proposal, _describe_policy(proposal, plan), plan)


def _is_passed_by_policy(policy: MergedPolicy | None, proposal: Proposal) -> bool:
    """Return whether the current policy files approve a proposal without asking people.

    The stored decision of a policy has no signature, so it is not used for this.
    """
    if policy is None or proposal.terms is None:
        return False
    from hitl_nb.policies.rules.rules import find_stricter_plan

    unknown = msgspec.structs.replace(proposal, terms=msgspec.structs.replace(proposal.terms, policy=""))
    return find_stricter_plan(policy, unknown) is None


def _had_more_rules(reads: StoreReader, proposal: Proposal, policy: MergedPolicy) -> bool:
    """Return whether the proposal was also judged by rules that the call itself gave, in addition to the policy files.

    Such rules may approve calls for which the policy files alone require that people are asked. When the code makes the
    call again, its own rules apply again.
    """
    from hitl_nb.policies.rules.rules import decode_merged_policy

    raw = (
        None
        if proposal.terms is None or not proposal.terms.policy
        else policytexts.read_policy_text(reads, proposal.terms.policy)
    )
    return raw is not None and not set(decode_merged_policy(raw).sources) <= set(policy.sources)


def _describe_policy(proposal: Proposal, plan: Plan) -> str:
    action = proposal.decision.action if proposal.decision is not None else "approve"
    now = "blocks it" if plan.verdict == "block" else "asks for other people"
    if plan.verdict == "ask" and action not in plan.allow:
        now = f"does not allow people to {action} it"
    rules = f" ({', '.join(plan.rules)})" if plan.rules else ""
    why = f": {'; '.join(plan.why)}" if plan.why else ""
    return f"the policy has changed since {proposal.title!r} was decided, and {now}{rules}{why}"


def _with_unused_decision(proposal: Proposal) -> Proposal:
    """Return a copy of a decided proposal with the status "expired"; other proposals are returned unchanged.

    The revision stays the same, because the signature of the decision contains it.
    """
    return msgspec.structs.replace(proposal, status="expired") if proposal.status == "decided" else proposal
