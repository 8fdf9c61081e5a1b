"""Verdicts of rules and guardrails on a question, and the facts that conditions read.

A verdict is "pass" (no person is asked), "ask" or "block". Facts are the recorded data about a question, such as its
value, title and time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from hitl_nb.policies.documents.documents import SCOPES, VERDICTS
from hitl_nb.policies.documents.exact_numbers import value_with_numbers
from hitl_nb.policies.documents.grammar import find_timezone
from hitl_nb.policies.documents.kleene import is_like
from hitl_nb.policies.documents.merged_policy import MergedPolicy, Rule
from hitl_nb.policies.documents.working_hours import is_working
from hitl_nb.records import Facts, Office, PolicyVerdict, Question

_GUARDRAIL_ORDER = ("pass", "escalate", "block")


@dataclass
class PolicyJudgment:
    """The verdict of rules and guardrails on a question, with the reasons.

    Attributes:
        verdict: "pass", "ask" or "block".
        rules: The rules that give this verdict, sorted by id.
        why: Sentences that explain the verdict to people.
        unknown: Ids of all rules whose scope matches and whose condition is Unknown.
    """

    verdict: PolicyVerdict
    rules: list[Rule] = field(default_factory=list[Rule])
    why: list[str] = field(default_factory=list[str])
    unknown: list[str] = field(default_factory=list[str])


def judge_question(
    policy: MergedPolicy | None, question: Question, facts: Facts | None, *, agent: str, notebook: str
) -> PolicyJudgment:
    """Judge a question: return the strictest verdict of the policy's rules and of the question's guardrails.

    Some questions never pass: whether a document is done, whether an effect happened, or if "approve" is not allowed.

    Args:
        policy: The merged policy. None: no policy document applies.
        question: The question, with the results of its guardrails.
        facts: The time and the labels of the run. None: not recorded, so conditions that read them are Unknown.
        agent: Name of the agent.
        notebook: Path of the notebook.
    """
    judged = PolicyJudgment("ask")
    if policy is not None:
        judged = _judge_rules(policy, question, facts, agent, notebook)
    worst = max((g.verdict for g in question.guardrails), key=_GUARDRAIL_ORDER.index, default="pass")
    if worst != "pass":
        told = [f"guardrail {g.name}: {g.message or g.verdict}" for g in question.guardrails if g.verdict == worst]
        _raise_verdict(judged, "block" if worst == "block" else "ask", told)
    if judged.verdict == "pass" and (held := _explain_never_passing(question)):
        _raise_verdict(judged, "ask", [held])
    if judged.verdict == "block" and question.doubt is not None:
        judged.verdict = "ask"
        judged.why.append("only a person can say whether an effect happened, so nothing blocks the question")
    return judged


def _raise_verdict(judged: PolicyJudgment, verdict: PolicyVerdict, why: Sequence[str]) -> None:
    """Change `judged` so that its verdict is at least as strict as `verdict`, and add the reasons.

    If the verdict changes, the earlier rules and reasons are removed. If `verdict` is less strict, nothing changes.
    """
    if VERDICTS.index(verdict) > VERDICTS.index(judged.verdict):
        judged.verdict = verdict
        judged.rules, judged.why = [], []
    if verdict == judged.verdict:
        judged.why.extend(why)


def _explain_never_passing(question: Question) -> str:
    if question.doubt is not None:
        return "only a person can say whether an effect happened"
    if question.document:
        return "people decide when a document that they write together is done"
    if "approve" not in question.allow:
        return "the checkpoint does not allow approval, so it cannot pass"
    return ""


def _judge_rules(
    policy: MergedPolicy, question: Question, facts: Facts | None, agent: str, notebook: str
) -> PolicyJudgment:
    asked = (question.tool, agent, notebook, question.kind, question.title)
    in_scope = [_matches_scope(scope, asked) for scope in policy.scopes]
    views: dict[tuple[str, Office | None], dict[str, Any]] = {}
    by_verdict: dict[PolicyVerdict, PolicyJudgment] = {verdict: PolicyJudgment(verdict) for verdict in VERDICTS}
    unknown: list[str] = []
    for rule, scope, condition in policy.compiled_rules:
        if not in_scope[scope]:
            continue
        verdict, why = rule.do, ""
        if condition is not None:
            at = (rule.timezone, rule.office)
            if at not in views:
                timezone, office = at
                views[at] = collect_facts(
                    question, facts, agent=agent, notebook=notebook, timezone=timezone, office=office
                )
            result = condition.evaluate(views[at])
            if result is None:
                unknown.append(rule.id)
                verdict = "ask"
            if result is False or (result is None and rule.do == "pass"):
                continue
            why = rule.id + (f": {rule.when}" if result else f" could not be decided: {condition.explain(views[at])}")
        by_verdict[verdict].rules.append(rule)
        by_verdict[verdict].why.append(why or f"{rule.id}: {_format_scope(rule)}")
    judged = next((by_verdict[verdict] for verdict in reversed(VERDICTS) if by_verdict[verdict].rules), None)
    if judged is None:
        judged = PolicyJudgment(policy.default, why=[f"no rule matched, and the default is {policy.default}"])
    if judged.verdict == "block" and question.doubt is not None:  # people are asked, so the "ask" rules count, too
        judged.rules = sorted([*judged.rules, *by_verdict["ask"].rules], key=lambda rule: rule.id)
    judged.unknown = unknown
    return judged


def _matches_scope(scope: tuple[str | None, ...], asked: tuple[str, ...]) -> bool:
    return all(pattern is None or is_like(text, pattern) for pattern, text in zip(scope, asked, strict=True))


def _format_scope(rule: Rule) -> str:
    scopes = [_format_pattern(name, getattr(rule, name)) for name in SCOPES if getattr(rule, name) is not None]
    return " and ".join(scopes) or "always"


def _format_pattern(name: str, pattern: str) -> str:
    return f"{name} fits '{pattern}'" if "*" in pattern else f"{name} is {pattern}"


def collect_facts(
    question: Question,
    facts: Facts | None,
    *,
    agent: str,
    notebook: str,
    timezone: str = "UTC",
    office: Office | None = None,
) -> dict[str, Any]:
    """Collect the facts that conditions can read, as a dictionary from names ("value", "title" ...) to values.

    The values are JSON, except that Decimals and Fractions in the proposed value are exact numbers.

    Args:
        question: The question.
        facts: The time and the labels of the run. None: the result has no "now" and no "labels".
        agent: Name of the agent.
        notebook: Path of the notebook.
        timezone: IANA name of the time zone of `now.hour`, `now.weekday` and `now.date`.
        office: Working hours. None: `now` has no field "office".
    """
    value: Any = value_with_numbers(question)
    is_call = question.kind == "tool_call" and isinstance(value, dict)
    found: dict[str, Any] = {
        "value": value,
        "kind": question.kind,
        "title": question.title,
        "tags": list(question.tags),
        "confidence": question.confidence,
        "agent": agent,
        "notebook": notebook,
        "context": question.context,
        "guardrails": _collect_guardrail_facts(question),
        "tool": question.tool,
        "arguments": cast("dict[str, Any]", value).get("arguments", {}) if is_call else {},
    }
    if facts is not None:
        found |= {"labels": dict(facts.labels), "now": _collect_now_facts(facts.now, timezone, office)}
    return found


def _collect_guardrail_facts(question: Question) -> dict[str, str]:
    """Return the verdict of each guardrail by its name. If several results have the same name, the strictest counts."""
    found: dict[str, str] = {}
    for result in question.guardrails:
        before = found.get(result.name, "pass")
        found[result.name] = max(before, result.verdict, key=_GUARDRAIL_ORDER.index)
    return found


def _collect_now_facts(now: datetime, timezone: str, office: Office | None) -> dict[str, Any]:
    local = now.astimezone(find_timezone(timezone))
    found: dict[str, Any] = {"hour": local.hour, "weekday": local.weekday(), "date": local.date().isoformat()}
    if office is not None:
        found["office"] = is_working(now, office)
    return found
