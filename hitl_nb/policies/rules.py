"""What a merged policy says about a question: it passes, or people are asked under some terms, or it is blocked.

Everything here is pure: the same policy, question and facts give the same answer at any time and place, so a changed
policy can be tried on everything that was ever asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import msgspec

from hitl_nb.policies.calendar import is_working
from hitl_nb.policies.combining import CallTerms, OnDeadline, combine_terms
from hitl_nb.policies.conditions import compile_condition, is_like
from hitl_nb.policies.documents import SCOPES, VERDICTS
from hitl_nb.policies.grammar import find_timezone
from hitl_nb.policies.merging import MergedPolicy, Rule, merge_documents, read_merged
from hitl_nb.records import (
    Action,
    DecisionRecord,
    Facts,
    Office,
    PolicyVerdict,
    Proposal,
    Question,
    Terms,
    Vote,
    canonical,
)

__all__ = [
    "CallTerms",
    "MergedPolicy",
    "OnDeadline",
    "Plan",
    "Rule",
    "facts_for",
    "judge_edit",
    "merge_documents",
    "plan",
    "read_merged",
    "stricter",
]

_GUARDRAIL_ORDER = ("pass", "escalate", "block")


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


def plan(
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
    judged = _judge(policy, question, facts, agent, notebook)
    if judged.verdict != "ask":
        ids = tuple(rule.id for rule in judged.rules)
        terms = Terms(policy=policy.sha256 if policy else "", rules=ids)
        return Plan(judged.verdict, ids, tuple(judged.why), terms, question.allow)
    if policy is None and (call is None or call.is_empty):
        return Plan("ask", (), tuple(judged.why), None, question.allow)
    terms, allow = combine_terms(policy, judged.rules, call, question, facts.now, requesters)
    return Plan("ask", terms.rules, tuple(judged.why), terms, allow)


def facts_for(
    question: Question,
    facts: Facts,
    *,
    agent: str,
    notebook: str,
    timezone: str = "UTC",
    office: Office | None = None,
) -> dict[str, Any]:
    """The facts that conditions read, by their names. `now.office` is there only with an `office`."""
    value: Any = question.value
    is_call = question.kind == "tool_call" and isinstance(value, dict)
    return {
        "value": value,
        "kind": question.kind,
        "title": question.title,
        "tags": list(question.tags),
        "confidence": question.confidence,
        "agent": agent,
        "notebook": notebook,
        "context": question.context,
        "guardrails": _guardrail_facts(question),
        "labels": dict(facts.labels),
        "now": _now_facts(facts.now, timezone, office),
        "tool": question.tool,
        "arguments": cast("dict[str, Any]", value).get("arguments", {}) if is_call else {},
    }


def stricter(policy_now: MergedPolicy | None, p: Proposal, *, requesters: Collection[str] = ()) -> Plan | None:
    """Judge a decided proposal again by the policy as it is now.

    The recorded facts count, and for an edit the edited value; guardrails are not run again.

    Returns:
        What the policy says now, if that forbids the decision: it blocks, or it asks and the decision lacks people.
        None if the decision may be used.
    """
    made = p.decision
    if policy_now is None or made is None or made.action in ("reject", "respond"):
        return None
    if p.terms is not None and p.terms.policy == policy_now.sha256:
        return None
    judged = msgspec.structs.replace(p, value=made.value) if made.action == "edit" else p
    found = plan(policy_now, judged, _facts_of(p), agent=p.agent, notebook=p.notebook)
    if found.verdict == "block":
        return found
    if found.verdict == "pass" or made.by == "script":
        return None
    if made.by == "policy":
        return found
    return found if found.terms is not None and _lacks_people(p, made, found.terms, requesters) else None


def judge_edit(policy: MergedPolicy | None, p: Proposal, value: Any) -> Plan:
    """What the policy that a proposal was asked under says about an edited value (JSON).

    The results of guardrails are those of the proposed value, since guardrails need the kernel.
    """
    edited = msgspec.structs.replace(p, value=value)
    return plan(policy, edited, _facts_of(p), agent=p.agent, notebook=p.notebook)


# --- verdict --------------------------------------------------------------------------------------------------------


@dataclass
class _Judged:
    verdict: PolicyVerdict
    rules: list[Rule] = field(default_factory=list[Rule])
    why: list[str] = field(default_factory=list[str])


def _judge(policy: MergedPolicy | None, question: Question, facts: Facts, agent: str, notebook: str) -> _Judged:
    """The strictest verdict, the rules that have it, and why. Rules that ask stay for the terms of an asked one."""
    judged = _Judged("ask")
    if policy is not None:
        judged = _judge_rules(policy, question, facts, agent, notebook)
    worst = max((g.verdict for g in question.guardrails), key=_GUARDRAIL_ORDER.index, default="pass")
    if worst != "pass":
        told = [f"guardrail {g.name}: {g.message or g.verdict}" for g in question.guardrails if g.verdict == worst]
        _raise_verdict(judged, "block" if worst == "block" else "ask", told)
    if judged.verdict == "pass" and (held := _why_never_passes(question)):
        _raise_verdict(judged, "ask", [held])
    if judged.verdict == "block" and question.doubt is not None:
        judged.verdict = "ask"
        judged.why.append("only a person can say whether an effect happened, so nothing blocks the question")
    return judged


def _raise_verdict(judged: _Judged, verdict: PolicyVerdict, why: Sequence[str]) -> None:
    """Make the verdict at least this strict. Rules of a laxer one no longer count."""
    if VERDICTS.index(verdict) > VERDICTS.index(judged.verdict):
        judged.verdict = verdict
        judged.rules, judged.why = [], []
    if verdict == judged.verdict:
        judged.why.extend(why)


def _why_never_passes(question: Question) -> str:
    if question.doubt is not None:
        return "only a person can say whether an effect happened"
    if question.document:
        return "people decide when a document that they write together is done"
    if "approve" not in question.allow:
        return "the checkpoint does not allow approval, so it cannot pass"
    return ""


def _judge_rules(policy: MergedPolicy, question: Question, facts: Facts, agent: str, notebook: str) -> _Judged:
    scoped = _scoped(question, agent, notebook)
    views: dict[tuple[str, Office | None], dict[str, Any]] = {}
    by_verdict: dict[PolicyVerdict, _Judged] = {verdict: _Judged(verdict) for verdict in VERDICTS}
    for rule in policy.rules:
        if not _is_in_scope(rule, scoped):
            continue
        if not rule.when:
            result, why = True, f"{rule.id}: {_show_scope(rule)}"
        else:
            at = (rule.timezone, rule.office)
            if at not in views:
                timezone, office = at
                views[at] = facts_for(question, facts, agent=agent, notebook=notebook, timezone=timezone, office=office)
            condition = compile_condition(rule.when)
            result = condition.evaluate(views[at])
            if result is False or (result is None and rule.do == "pass"):
                continue
            why = (
                f"{rule.id}: {rule.when}"
                if result
                else f"{rule.id} could not be decided: {condition.explain(views[at])}"
            )
        found = by_verdict["ask" if result is None else rule.do]
        found.rules.append(rule)
        found.why.append(why)
    for verdict in reversed(VERDICTS):
        if by_verdict[verdict].rules:
            return by_verdict[verdict]
    return _Judged(policy.default, why=[f"no rule matched, and the default is {policy.default}"])


def _scoped(question: Question, agent: str, notebook: str) -> dict[str, str]:
    return {
        "tool": question.tool,
        "agent": agent,
        "notebook": notebook,
        "kind": question.kind,
        "title": question.title,
    }


def _is_in_scope(rule: Rule, scoped: Mapping[str, str]) -> bool:
    for name, pattern in (
        ("tool", rule.tool),
        ("agent", rule.agent),
        ("notebook", rule.notebook),
        ("kind", rule.kind),
        ("title", rule.title),
    ):
        if pattern is not None and not is_like(scoped[name], pattern):
            return False
    return True


def _show_scope(rule: Rule) -> str:
    scopes = [f"{name} is {getattr(rule, name)}" for name in SCOPES if getattr(rule, name) is not None]
    return " and ".join(scopes) or "always"


# --- facts ----------------------------------------------------------------------------------------------------------


def _guardrail_facts(question: Question) -> dict[str, str]:
    """Verdicts by name; of guardrails of one name, the strictest."""
    found: dict[str, str] = {}
    for result in question.guardrails:
        before = found.get(result.name, "pass")
        found[result.name] = max(before, result.verdict, key=_GUARDRAIL_ORDER.index)
    return found


def _now_facts(now: datetime, timezone: str, office: Office | None) -> dict[str, Any]:
    local = now.astimezone(find_timezone(timezone))
    found: dict[str, Any] = {"hour": local.hour, "weekday": local.weekday(), "date": local.date().isoformat()}
    if office is not None:
        found["office"] = is_working(now, office)
    return found


def _facts_of(p: Proposal) -> Facts:
    return p.facts or Facts(now=p.created_at)


# --- a decision under other terms -----------------------------------------------------------------------------------


def _lacks_people(p: Proposal, made: DecisionRecord, terms: Terms, requesters: Collection[str]) -> bool:
    """Whether needs that the proposal did not have when it was asked are not met by those who made the decision."""
    old = p.terms or Terms()
    known = {(need.count, need.people) for need in old.needs}
    newly_four_eyes = terms.four_eyes and not old.four_eyes
    without = set(requesters) if terms.four_eyes else set[str]()
    votes = _votes_for(p, made)
    for need in terms.needs:
        if (need.count, need.people) in known and not newly_four_eyes:
            continue
        people = {*need.people, *p.widened}
        able = {reviewer for reviewer, seat in votes if not need.people or seat in people or reviewer in people}
        if len(able - without) < need.count:
            return True
    return False


def _votes_for(p: Proposal, made: DecisionRecord) -> set[tuple[str, str]]:
    """Who agreed with the value of the decision, and on whose seat."""
    if made.by != "person":
        return set()
    decided = made.value if made.action == "edit" else p.value
    votes = [vote for vote in p.votes if _is_for(vote, decided)]
    return {(vote.reviewer, vote.seat or vote.reviewer) for vote in votes} | {(made.reviewer, made.reviewer)}


def _is_for(vote: Vote, value: Any) -> bool:
    if vote.action not in ("approve", "edit"):
        return False
    from hashlib import sha256

    return vote.value_sha256 == sha256(canonical(value)).hexdigest()
