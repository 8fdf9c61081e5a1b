"""The open proposals of a store, judged by the policy files as they are now: `hitl-nb policy apply`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import UNSET

from hitl_nb.errors import AlreadyDecided, PolicyError, StaleDraft
from hitl_nb.policies.rules.rules import Plan, plan
from hitl_nb.policies.terms.edit_terms import merge_stricter
from hitl_nb.policies.terms.terms_renewal import merge_renewed
from hitl_nb.records import SCRIPT, Facts, PolicyVerdict, Proposal, Terms
from hitl_nb.review.policy_files.policy_files import load_policy

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger
    from hitl_nb.policies.documents.merged_policy import MergedPolicy

_PAGE = 200


@dataclass(frozen=True)
class Renewed:
    """What became of one open proposal.

    Attributes:
        proposal: as it is then.
        outcome: "renewed"; "decided": renewed, and the votes on record are enough by then; "same": its terms are those
            of the policy now; "left": they could not be renewed.
        why: why it was left as it is, in a sentence.
    """

    proposal: Proposal
    outcome: Literal["renewed", "decided", "same", "left"]
    why: str = ""


def renew_all(ledger: Ledger, *, actor: str) -> Iterator[Renewed]:
    """Renew the terms of all open proposals that have terms, oldest first.

    Only votes decide: what the policy would pass or block now stays open under its old terms, and a decision on it
    that the policy forbids expires when its run continues.
    """
    after: str | None = None
    while page := ledger.inbox(limit=_PAGE, after=after):
        after = page[-1].id
        yield from (_renew(ledger, p, actor) for p in page if p.terms is not None)


def _renew(ledger: Ledger, p: Proposal, actor: str) -> Renewed:
    assert p.terms is not None
    if p.notebook.startswith(SCRIPT):
        return Renewed(
            p, "left", "a script asks it, whose policy files are not here; they count again when it continues"
        )
    try:
        policy = load_policy(p.notebook)
        if (policy.sha256 if policy is not None else "") == p.terms.policy:
            return Renewed(p, "same")
        verdict, now = _judge(policy, p)
        if verdict != "ask":
            said = "lets it pass" if verdict == "pass" else "blocks it"
            return Renewed(p, "left", f"the policy {said} now; it stays open, for people to decide")
        then = _judge(ledger.policy(p.terms.policy), p)[1] if p.terms.policy else None
        terms = merge_renewed(p.terms, then, now)
        renewed = ledger.renew_terms(p, terms, policy=policy, actor=actor, why="the policy files have changed")
    except (PolicyError, AlreadyDecided, StaleDraft) as error:
        return Renewed(p, "left", str(error))
    return Renewed(renewed, "decided" if renewed.status == "decided" else "renewed")


def _judge(policy: MergedPolicy | None, p: Proposal) -> tuple[PolicyVerdict, Terms | None]:
    """What a policy says of a question on the facts that were recorded, and of the edited value if there is one."""
    found = _plan(policy, p)
    if p.candidate is UNSET or found.verdict != "ask":
        return found.verdict, found.terms
    edited = _plan(policy, msgspec.structs.replace(p, value=p.candidate))
    if edited.verdict != "ask" or edited.terms is None or found.terms is None:
        return "block" if edited.verdict == "block" else "ask", found.terms
    return "ask", merge_stricter(found.terms, edited.terms)


def _plan(policy: MergedPolicy | None, p: Proposal) -> Plan:
    facts = p.facts or Facts(now=p.created_at)
    return plan(policy, p, facts, agent=p.agent, notebook=p.notebook, requesters=p.requesters)
