"""Verdict of a merged policy on a question: it passes, people are asked under some terms, or it is blocked.

All functions are pure: the same policy, question and facts give the same result at any time and place. Therefore a
changed policy can be tried on all earlier questions.
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
    """Verdict on a question, from the policy, the guardrails and the call.

    Attributes:
        verdict: "pass", "ask" or "block".
        rules: Ids of the rules with this verdict, sorted. Empty if it comes from the default or a guardrail.
        why: Sentences for people.
        terms: Terms that are stored with the proposal. None: any reviewer decides alone.
        allow: Actions that reviewers may take.
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
        policy: All files and mappings that apply, merged. None: there are none.
        question: The question, with the results of its guardrails.
        facts: The time and the run's labels.
        agent: Name of the agent.
        notebook: Path of the notebook.
        call: Review arguments of the call.
        requesters: User names of those who may not decide if four eyes are needed.

    Raises:
        PolicyError: Nobody can meet a need, or no action is allowed.
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
    """Judge a decided proposal again, by the current policy.

    The recorded facts are used, and for an edit the edited value. Guardrails are not run again.

    Returns:
        The current plan, if it forbids the decision: it blocks, it no longer allows the decision's action, or it asks
        and the decision lacks people. None if the decision may be used. A rejection may always be used.
    """
    made = proposal.decision
    if policy_now is None or made is None or made.action == "reject":
        return None
    if proposal.terms is not None and proposal.terms.policy == policy_now.sha256:
        return None
    value = made.value if made.action == "edit" else proposal.value
    judged = msgspec.structs.replace(
        proposal, value=value, allow=ACTIONS
    )  # allow everything: the policy of that time has already narrowed the proposal's actions
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
    """Judge an edited value (JSON) by the policy that the proposal was asked under.

    The guardrail results are those of the proposed value, because guardrails need the kernel.
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
    """Judge a call as people edited it, if its title, tags or other settings differ with the edited arguments.

    Args:
        policy: The merged policy.
        proposal: The decided proposal.
        edited: The question for the edited arguments, with the results of its guardrails.
        call: Review arguments of the edited call.
        requesters: User names of those who may not decide if four eyes are needed.

    Returns:
        The plan, if it blocks the call, or asks for people whom the decision lacks. None if the decision may be used.

    Raises:
        PolicyError: Nobody can meet a need, or no action is allowed.
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
    """Return whether the deciders do not meet needs that the proposal did not have when it was asked."""
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
    """Count the seats of a need that the votes fill. Each vote has recorded in whose place its reviewer could vote."""
    named = {*need.people, *proposal.widened}
    options: dict[str, list[str]] = {}
    for vote in votes:
        seats = (*vote.seats, vote.reviewer)
        if takes_vote(proposal, need, vote, seats, People(os_user=vote.reviewer)):
            options[vote.reviewer] = [seat for seat in seats if seat in named] if need.people else [vote.reviewer]
    return count_matching(options)


def _list_decision_votes(proposal: Proposal, made: DecisionRecord) -> list[VoteRecord]:
    """List the votes for the decision's value. Without terms, the decision itself is the only vote."""
    if made.by != "person":
        return []
    found = list_votes_for(proposal, hash_value(made.value if made.action == "edit" else proposal.value))
    if any(vote.reviewer == made.reviewer for vote in found):
        return found
    return [*found, VoteRecord(reviewer=made.reviewer, action=made.action, at=made.decided_at, authn=made.authn)]


def _recorded_facts(proposal: Proposal) -> Facts:
    return proposal.facts or Facts(now=proposal.created_at)
