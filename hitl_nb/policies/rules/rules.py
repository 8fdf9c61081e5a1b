"""Judgment of a question by a merged policy. The result is a plan: pass, ask people under terms, or block.

Terms are the conditions of a review: how many votes of which people are needed, by when, and more.

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
    """Result of judging a question: the verdict of policy and guardrails, and the terms under which people are asked.

    Attributes:
        verdict: "pass" (no person is asked), "ask" or "block" (the question is rejected).
        rules: Ids of the rules that give this verdict, sorted. Empty if it comes from the policy's default or a
            guardrail.
        why: Sentences that explain the verdict to people.
        terms: Terms to store with the proposal: who must agree, by when. None: any reviewer decides alone.
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
    """Judge a question by the policy and the results of its guardrails, and combine the terms if people are asked.

    Args:
        policy: The merged policy. None: no policy document applies.
        question: The question, with the results of its guardrails.
        facts: The current time and the labels of the run, which conditions can read.
        agent: Name of the agent.
        notebook: Path of the notebook.
        call: Review arguments of the call. None: no arguments.
        requesters: User names of the people who started or continued the run. With four eyes they may only reject.

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
    """Judge a decided proposal again, by the current policy, to find out whether the run may still use the decision.

    Conditions read the facts that were recorded with the proposal. For an edit they read the edited value. Guardrails
    are not run again.

    Args:
        policy_now: The current merged policy. None: the decision may be used.
        proposal: The decided proposal.
        requesters: User names of the people who started or continued the run.

    Returns:
        None if the run may use the decision. It may always use a rejection. Otherwise the plan of the current policy:
        it blocks, it no longer allows the decision's action, or it needs people who did not agree.
    """
    made = proposal.decision
    if policy_now is None or made is None or made.action == "reject":
        return None
    if proposal.terms is not None and proposal.terms.policy == policy_now.sha256:
        return None
    value = made.value if made.action == "edit" else proposal.value
    judged = msgspec.structs.replace(
        proposal, value=value, allow=ACTIONS
    )  # all actions: the earlier policy has already narrowed those of the proposal
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
    """Judge the value of an edit (JSON) by the policy that applied when the proposal was asked. Return the plan.

    Guardrails are not run again, because they need the kernel: their results for the proposed value are used.

    Raises:
        PolicyError: Nobody can meet a need, or no action is allowed.
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
    """Judge a decided tool call again with the arguments as a person edited them.

    Edited arguments can change the title, tags and other settings of the call's question, so other rules may apply.

    Args:
        policy: The merged policy. None: no policy document applies.
        proposal: The decided proposal, with its original arguments.
        edited: The question for the edited arguments, with the results of its guardrails.
        call: Review arguments of the edited call.
        requesters: User names of the people who started or continued the run. With four eyes they may only reject.

    Returns:
        None if the decision may be used. Otherwise the plan: it blocks the call, or needs people who did not agree.

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
    """Return whether a decision lacks votes that `terms` require and that the proposal's own terms did not require.

    If `terms` newly demand four eyes or votes of logged-in people, all required votes are checked.

    Args:
        proposal: The decided proposal.
        made: The decision.
        terms: The terms (who must agree) of the current policy.
        requesters: User names of the people who started or continued the run. With four eyes their votes do not
            count.
    """
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
    """Count how many of the votes that a need (such as "2 of @finance") requires are given by `votes`.

    Each vote has recorded for which people (`seats`) its reviewer could vote at that time. Each reviewer counts once.
    """
    named = {*need.people, *proposal.widened}
    options: dict[str, list[str]] = {}
    for vote in votes:
        seats = (*vote.seats, vote.reviewer)
        if takes_vote(proposal, need, vote, seats, People(os_user=vote.reviewer)):
            options[vote.reviewer] = [seat for seat in seats if seat in named] if need.people else [vote.reviewer]
    return count_matching(options)


def _list_decision_votes(proposal: Proposal, made: DecisionRecord) -> list[VoteRecord]:
    """List the votes for the value that was decided. Empty if no person decided.

    The votes of a proposal without terms are not recorded. Then a vote made from the decision itself is returned.
    """
    if made.by != "person":
        return []
    found = list_votes_for(proposal, hash_value(made.value if made.action == "edit" else proposal.value))
    if any(vote.reviewer == made.reviewer for vote in found):
        return found
    return [*found, VoteRecord(reviewer=made.reviewer, action=made.action, at=made.decided_at, authn=made.authn)]


def _recorded_facts(proposal: Proposal) -> Facts:
    return proposal.facts or Facts(now=proposal.created_at)
