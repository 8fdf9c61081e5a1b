"""Whether what was decided may still be used when the run continues: not too old, and allowed by the policy as it is.

If one decision of a pause may not, all of its questions have expired, and the run asks them again. That is found out in
the transaction that claims the run. Once the run has recorded anything after them (`ledger/runs/decision_usage.py`), or
has failed, it has used its decisions, and they are never looked at again: what followed from them must not be done
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from hitl_nb.ledger.decisions import signatures
from hitl_nb.ledger.decisions.notices import write_notice
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import policy_texts as policytexts
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import Proposal, Run
from hitl_nb.storage.interface import StoreReader, Transaction

if TYPE_CHECKING:
    from hitl_nb.policies.rules.rules import MergedPolicy, Plan


class Expiry(NamedTuple):
    """Why a decision may not be used any more, in a sentence; with the policy, if that is the reason."""

    proposal: Proposal
    why: str
    plan: Plan | None = None


def expire_decisions(
    transaction: Transaction, run: Run, asked: Sequence[Proposal], policy: MergedPolicy | None, actor: str
) -> list[Proposal]:
    """What a pause asked, as it is for the run that continues now: if one decision has expired, all have."""
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
    ):  # what happened does not change with time
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
    """Whether the policy files, as they are, pass it: a policy's decision in the store is signed by nobody."""
    if policy is None or proposal.terms is None:
        return False
    from hitl_nb.policies.rules.rules import find_stricter_plan

    unknown = msgspec.structs.replace(proposal, terms=msgspec.structs.replace(proposal.terms, policy=""))
    return find_stricter_plan(policy, unknown) is None


def _had_more_rules(reads: StoreReader, proposal: Proposal, policy: MergedPolicy) -> bool:
    """Whether it was judged by documents, too, that are not among the files now: by rules that come with the call.

    Without these, a policy asks about what they pass; they count again when the call is made again.
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
    """The proposal with a decision that is not used; the revision stays, since the decision is bound to it."""
    return msgspec.structs.replace(proposal, status="expired") if proposal.status == "decided" else proposal
