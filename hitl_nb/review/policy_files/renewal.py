"""Renewal of the terms of open proposals after the policy files were changed: `hitl-nb policy apply`.

Terms are the conditions that the policy sets for a review: who must agree, by when. They are stored with the proposal,
so a changed policy file does not change them by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import UNSET

from hitl_nb.errors import AlreadyDecided, PolicyError, StaleDraft
from hitl_nb.policies.rules.rules import Plan, make_plan
from hitl_nb.policies.terms.edit_terms import merge_stricter
from hitl_nb.policies.terms.terms_renewal import merge_renewed_terms
from hitl_nb.records import SCRIPT, Facts, PolicyVerdict, Proposal, Terms
from hitl_nb.review.policy_files.policy_files import load_policy

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.policies.documents.merged_policy import MergedPolicy

_PAGE_SIZE = 200


@dataclass(frozen=True)
class RenewalResult:
    """Result of renewing the terms of one open proposal.

    Attributes:
        proposal: The proposal after the renewal.
        outcome: "renewed"; "decided": renewed, and the recorded votes are now enough; "same": the current policy is the
            one that gave its terms; "left": the terms were not renewed.
        why: For "left", a sentence that says why. Otherwise "".
    """

    proposal: Proposal
    outcome: Literal["renewed", "decided", "same", "left"]
    why: str = ""


def renew_all(ledger: Ledger, *, actor: str) -> Iterator[RenewalResult]:
    """Renew the terms (who must agree, by when) of all open proposals that have terms, from the current policy files.

    Only votes decide a proposal. If the current policy would pass or block it, it stays open under its old terms. If
    people then make a decision that the current policy forbids, the decision expires when the run continues.

    Args:
        ledger: Ledger that has the proposals.
        actor: Name of the user, for the audit log.

    Yields:
        The result for each proposal, oldest first.
    """
    after: str | None = None
    while page := ledger.proposals.list_open(limit=_PAGE_SIZE, after=after):
        after = page[-1].id
        yield from (_renew_terms(ledger, proposal, actor) for proposal in page if proposal.terms is not None)


def _renew_terms(ledger: Ledger, proposal: Proposal, actor: str) -> RenewalResult:
    assert proposal.terms is not None
    if proposal.notebook.startswith(SCRIPT):
        return RenewalResult(
            proposal, "left", "its policy files are with the script that asks; they apply again when it continues"
        )
    try:
        policy = load_policy(proposal.notebook)
        if (policy.sha256 if policy is not None else "") == proposal.terms.policy:
            return RenewalResult(proposal, "same")
        verdict, now = _judge_again(policy, proposal)
        if verdict != "ask":
            said = "lets it pass" if verdict == "pass" else "blocks it"
            return RenewalResult(proposal, "left", f"the policy {said} now; it stays open for people to decide")
        then = _judge_again(ledger.policies.load(proposal.terms.policy), proposal)[1] if proposal.terms.policy else None
        terms = merge_renewed_terms(proposal.terms, then, now)
        renewed = ledger.policies.renew_terms(
            proposal, terms, policy=policy, actor=actor, why="the policy files have changed"
        )
    except (PolicyError, AlreadyDecided, StaleDraft) as error:
        return RenewalResult(proposal, "left", str(error))
    return RenewalResult(renewed, "decided" if renewed.status == "decided" else "renewed")


def _judge_again(policy: MergedPolicy | None, proposal: Proposal) -> tuple[PolicyVerdict, Terms | None]:
    """Judge a proposal by a policy, with its recorded facts. Return the verdict and the terms.

    If people vote on an edited value, that value is judged as well, and the stricter of both verdicts and terms is
    returned. The terms are None if the verdict is not "ask", or if any reviewer decides alone.
    """
    found = _make_plan(policy, proposal)
    if proposal.candidate is UNSET or found.verdict != "ask":
        return found.verdict, found.terms
    edited = _make_plan(policy, msgspec.structs.replace(proposal, value=proposal.candidate))
    if edited.verdict != "ask" or edited.terms is None or found.terms is None:
        return "block" if edited.verdict == "block" else "ask", found.terms
    return "ask", merge_stricter(found.terms, edited.terms)


def _make_plan(policy: MergedPolicy | None, proposal: Proposal) -> Plan:
    facts = proposal.facts or Facts(now=proposal.created_at)
    return make_plan(
        policy, proposal, facts, agent=proposal.agent, notebook=proposal.notebook, requesters=proposal.requesters
    )
