"""What a merged policy says about a question: it passes, or people are asked under some terms, or it is blocked.

Everything here is pure: the same policy, question and facts give the same answer at any time and place, so a changed
policy can be tried on everything that was ever asked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hitl_nb.policies.documents.merged_policy import MergedPolicy, Rule, decode_merged_policy, merge_documents
from hitl_nb.policies.rules.combined_terms import CallTerms, OnDeadline, combine_terms
from hitl_nb.policies.rules.verdicts import collect_facts, judge_question
from hitl_nb.policies.terms.seats import People, count_matching, takes_vote
from hitl_nb.policies.terms.vote_counts import hash_value, list_votes_for
from hitl_nb.records import (
    ACTIONS,
    Action,
    DecisionRecord,
    Facts,
    Need,
    PolicyVerdict,
    Proposal,
    Question,
    Terms,
    VoteRecord,
)

__all__ = [
    "CallTerms",
    "MergedPolicy",
    "OnDeadline",
    "Plan",
    "Rule",
    "collect_facts",
    "decode_merged_policy",
    "find_stricter_plan",
    "judge_edit",
    "judge_edited_call",
    "make_plan",
    "merge_documents",
]


@dataclass(frozen=True)
class Plan:
    """What a policy, the guardrails and the call say about a question.

    Attributes:
        verdict: "pass", "ask" or "block".
        rules: ids of the rules with this verdict, sorted; empty if it was the default or a guardrail.
        why: sentences for people.
        terms: what is frozen into the proposal; None: nothing, any reviewer decides alone.
        allow: what reviewers may do.
    """

    verdict: PolicyVerdict
    rules: tuple[str, ...]
    why: tuple[str, ...]
    terms: Terms | None
    allow: tuple[Action, ...]


def make_plan(
    policy: MergedPolicy | None,
    question: Question,
    facts: Facts,
    *,
    agent: str,
    notebook: str,
    call: CallTerms | None = None,
    requesters: Collection[str] = (),
) -> Plan:
    """Judge a question.

    Args:
        policy: all files and mappings that apply, merged; None: there are none.
        question: with the results of its guardrails.
        facts: the time and the run's labels.
        call: what the call itself says about review.
        requesters: who may not decide with four eyes.

    Raises:
        PolicyError: a need that nobody can meet, or nothing is allowed.
    """
    judged = judge_question(policy, question, facts, agent=agent, notebook=notebook)
    if judged.verdict != "ask":
        ids = tuple(rule.id for rule in judged.rules)
        terms = Terms(policy=policy.sha256 if policy else "", rules=ids)
        return Plan(judged.verdict, ids, tuple(judged.why), terms, question.allow)
    if policy is None and (call is None or call.is_empty):
        return Plan("ask", (), tuple(judged.why), None, question.allow)
    terms, allow = combine_terms(policy, judged.rules, call, question, facts.now, requesters)
    return Plan("ask", terms.rules, tuple(judged.why), terms, allow)


def find_stricter_plan(
    policy_now: MergedPolicy | None, proposal: Proposal, *, requesters: Collection[str] = ()
) -> Plan | None:
    """Judge a decided proposal again by the policy as it is now.

    The recorded facts count, and for an edit the edited value; guardrails are not run again.

    Returns:
        What the policy says now, if that forbids the decision: it blocks, it no longer allows what people did, or it
        asks and the decision lacks people. None if the decision may be used; a rejection always may.
    """
    made = proposal.decision
    if policy_now is None or made is None or made.action == "reject":
        return None
    if proposal.terms is not None and proposal.terms.policy == policy_now.sha256:
        return None
    value = made.value if made.action == "edit" else proposal.value
    judged = msgspec.structs.replace(
        proposal, value=value, allow=ACTIONS
    )  # its own are narrowed already, by the policy then
    found = make_plan(policy_now, judged, _recorded_facts(proposal), agent=proposal.agent, notebook=proposal.notebook)
    if found.verdict == "block":
        return found if made.action != "respond" else None
    if found.verdict == "pass" or made.by == "script":
        return None
    if made.by == "policy" or (made.action in proposal.allow and made.action not in found.allow):
        return found
    if made.action == "respond" or found.terms is None:
        return None
    return found if _lacks_reviewers(proposal, made, found.terms, requesters) else None


def judge_edit(policy: MergedPolicy | None, proposal: Proposal, value: Any) -> Plan:
    """What the policy that a proposal was asked under says about an edited value (JSON).

    The results of guardrails are those of the proposed value, since guardrails need the kernel.
    """
    edited = msgspec.structs.replace(proposal, value=value)
    return make_plan(policy, edited, _recorded_facts(proposal), agent=proposal.agent, notebook=proposal.notebook)


def judge_edited_call(
    policy: MergedPolicy | None,
    proposal: Proposal,
    edited: Question,
    *,
    call: CallTerms | None = None,
    requesters: Collection[str] = (),
) -> Plan | None:
    """What a policy says of a call as people edited it, where its title, tags ... are others with these arguments.

    Args:
        proposal: what was decided.
        edited: the question as it would be asked with the edited arguments, with the results of its guardrails.
        call: what the call then says about review.

    Returns:
        The plan, if it blocks the call, or asks for people whom the decision lacks; None if the decision may be used.

    Raises:
        PolicyError: a need that nobody can meet, or nothing is allowed.
    """
    made = proposal.decision
    found = make_plan(
        policy, edited, _recorded_facts(proposal), agent=proposal.agent, notebook=proposal.notebook, call=call
    )
    if found.verdict == "block":
        return found
    if found.verdict == "pass" or made is None or made.by == "script":
        return None
    return found if found.terms is not None and _lacks_reviewers(proposal, made, found.terms, requesters) else None


def _lacks_reviewers(proposal: Proposal, made: DecisionRecord, terms: Terms, requesters: Collection[str]) -> bool:
    """Whether needs that the proposal did not have when it was asked are not met by those who made the decision."""
    old = proposal.terms or Terms()
    known = {(need.count, need.people) for need in old.needs}
    login = made.by == "person" and (terms.identity, old.identity) == ("login", "local")
    others_count = login or (terms.four_eyes and not old.four_eyes)
    under = msgspec.structs.replace(proposal, terms=terms)
    requesters = {*requesters, *proposal.requesters} if terms.four_eyes else ()
    votes = [vote for vote in _list_decision_votes(proposal, made) if vote.reviewer not in requesters]
    return any(
        _count_need_seats(under, need, votes) < need.count
        for need in terms.needs
        if others_count or (need.count, need.people) not in known
    )


def _count_need_seats(proposal: Proposal, need: Need, votes: Sequence[VoteRecord]) -> int:
    """How many seats of a need the votes fill. Who a vote's reviewer could stand in for was found when they voted."""
    named = {*need.people, *proposal.widened}
    options: dict[str, list[str]] = {}
    for vote in votes:
        seats = (*vote.seats, vote.reviewer)
        if takes_vote(proposal, need, vote, seats, People(os_user=vote.reviewer)):
            options[vote.reviewer] = [seat for seat in seats if seat in named] if need.people else [vote.reviewer]
    return count_matching(options)


def _list_decision_votes(proposal: Proposal, made: DecisionRecord) -> list[VoteRecord]:
    """The votes for the value of the decision; without terms, the decision itself was the only one."""
    if made.by != "person":
        return []
    found = list_votes_for(proposal, hash_value(made.value if made.action == "edit" else proposal.value))
    if any(vote.reviewer == made.reviewer for vote in found):
        return found
    return [*found, VoteRecord(reviewer=made.reviewer, action=made.action, at=made.decided_at, authn=made.authn)]


def _recorded_facts(proposal: Proposal) -> Facts:
    return proposal.facts or Facts(now=proposal.created_at)
