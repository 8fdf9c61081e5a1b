"""A policy tried on proposals of the past: what it would have said, on the facts that were recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hitl_nb.errors import PolicyError
from hitl_nb.policies.documents.merged_policy import MergedPolicy
from hitl_nb.policies.rules.combined_terms import combine_terms
from hitl_nb.policies.rules.verdicts import judge
from hitl_nb.records import PolicyVerdict, Proposal

Outcome = Literal["pass", "ask", "block", "error"]
OUTCOMES: tuple[Outcome, ...] = ("pass", "ask", "block", "error")


@dataclass(frozen=True)
class Replayed:
    """A proposal of the past under another policy.

    Attributes:
        old: what was done then.
        new: what would be done; "error": the checkpoint would be refused.
        rules: ids of the rules with the new verdict.
        why: sentences for people; of an error, its message.
        unknown: ids of rules that could not be decided.
    """

    proposal: Proposal
    old: PolicyVerdict
    new: Outcome
    rules: tuple[str, ...]
    why: tuple[str, ...]
    unknown: tuple[str, ...]


def replay(policy: MergedPolicy | None, p: Proposal) -> Replayed:
    """Judge a proposal of the past. Where no facts were recorded, what a condition reads of them is Unknown."""
    judged = judge(policy, p, p.facts, agent=p.agent, notebook=p.notebook)
    new: Outcome = judged.verdict
    why = tuple(judged.why)
    if new == "ask":
        asked = p.facts.now if p.facts else p.created_at
        try:
            combine_terms(policy, judged.rules, None, p, asked)
        except PolicyError as error:
            new, why = "error", (str(error),)
    rules = tuple(rule.id for rule in judged.rules)
    return Replayed(p, _recorded_verdict(p), new, rules, why, tuple(judged.unknown))


def count_verdicts(found: Iterable[Replayed]) -> dict[tuple[PolicyVerdict, Outcome], int]:
    """How many proposals there are by old and new verdict."""
    return dict(Counter((one.old, one.new) for one in found))


def count_unknown(found: Iterable[Replayed]) -> dict[str, int]:
    """How often each rule could not be decided, the most often first."""
    counted = Counter(name for one in found for name in one.unknown)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _recorded_verdict(p: Proposal) -> PolicyVerdict:
    if p.decision is None or p.decision.by != "policy":
        return "ask"
    return "pass" if p.decision.action == "approve" else "block"
