"""Trial of a policy on earlier proposals: the verdicts that it would have given, from the recorded facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hitl_nb.errors import PolicyError
from hitl_nb.policies.documents.merged_policy import MergedPolicy
from hitl_nb.policies.rules.combined_terms import combine_terms
from hitl_nb.policies.rules.verdicts import judge_question
from hitl_nb.records import PolicyVerdict, Proposal

ReplayOutcome = Literal["pass", "ask", "block", "error"]
REPLAY_OUTCOMES: tuple[ReplayOutcome, ...] = ("pass", "ask", "block", "error")


@dataclass(frozen=True)
class ReplayResult:
    """The verdict of another policy on an earlier proposal.

    Attributes:
        old: The verdict of that time.
        new: The new verdict. "error": the checkpoint would be refused.
        rules: Ids of the rules with the new verdict.
        why: Sentences for people. For an error, its message.
        unknown: Ids of rules that could not be decided.
    """

    proposal: Proposal
    old: PolicyVerdict
    new: ReplayOutcome
    rules: tuple[str, ...]
    why: tuple[str, ...]
    unknown: tuple[str, ...]


def replay_proposal(policy: MergedPolicy | None, proposal: Proposal) -> ReplayResult:
    """Judge an earlier proposal. Facts that were not recorded are Unknown in conditions."""
    judged = judge_question(policy, proposal, proposal.facts, agent=proposal.agent, notebook=proposal.notebook)
    new: ReplayOutcome = judged.verdict
    why = tuple(judged.why)
    if new == "ask":
        asked = proposal.facts.now if proposal.facts else proposal.created_at
        try:
            combine_terms(policy, judged.rules, None, proposal, asked)
        except PolicyError as error:
            new, why = "error", (str(error),)
    rules = tuple(rule.id for rule in judged.rules)
    return ReplayResult(proposal, _recorded_verdict(proposal), new, rules, why, tuple(judged.unknown))


def count_verdicts(found: Iterable[ReplayResult]) -> dict[tuple[PolicyVerdict, ReplayOutcome], int]:
    """Count the proposals by old and new verdict."""
    return dict(Counter((one.old, one.new) for one in found))


def count_unknown(found: Iterable[ReplayResult]) -> dict[str, int]:
    """Count how often each rule could not be decided, the largest count first."""
    counted = Counter(name for one in found for name in one.unknown)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _recorded_verdict(proposal: Proposal) -> PolicyVerdict:
    if proposal.decision is None or proposal.decision.by != "policy":
        return "ask"
    return "pass" if proposal.decision.action == "approve" else "block"
