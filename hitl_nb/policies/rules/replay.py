"""Trial of a policy on earlier proposals: the verdict that the policy would give for each of them.

Conditions read the facts that were recorded with each proposal, so no notebook is needed.
"""

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
        proposal: The earlier proposal.
        old: The verdict when it was proposed: "pass" or "block" if a policy decided it, else "ask".
        new: The verdict of the other policy. "error": the policy would refuse the checkpoint with PolicyError.
        rules: Ids of the rules that give the new verdict.
        why: Sentences that explain the new verdict. For "error", the message of the PolicyError.
        unknown: Ids of rules whose condition is Unknown, for example because a field is missing.
    """

    proposal: Proposal
    old: PolicyVerdict
    new: ReplayOutcome
    rules: tuple[str, ...]
    why: tuple[str, ...]
    unknown: tuple[str, ...]


def replay_proposal(policy: MergedPolicy | None, proposal: Proposal) -> ReplayResult:
    """Judge an earlier proposal by another policy, with the facts that were recorded at that time.

    A fact that was not recorded is Unknown in conditions.

    Args:
        policy: The policy to try. None: no policy document applies.
        proposal: The earlier proposal.

    Returns:
        The old and the new verdict. If the policy would refuse the question with PolicyError, the new verdict is
        "error".
    """
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
    """Count the results for each pair of old and new verdict, such as {("ask", "pass"): 12}."""
    return dict(Counter((one.old, one.new) for one in found))


def count_unknown(found: Iterable[ReplayResult]) -> dict[str, int]:
    """Count, for each rule id, the proposals for which the rule's condition is Unknown (neither true nor false).

    The largest count comes first. Rules without such a proposal are left out.
    """
    counted = Counter(name for one in found for name in one.unknown)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _recorded_verdict(proposal: Proposal) -> PolicyVerdict:
    if proposal.decision is None or proposal.decision.by != "policy":
        return "ask"
    return "pass" if proposal.decision.action == "approve" else "block"
