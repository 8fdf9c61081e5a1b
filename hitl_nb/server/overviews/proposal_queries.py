"""Which proposals match a query: the conditions on one proposal, apart from the ledger's own filters."""

from __future__ import annotations

from datetime import datetime

from hitl_nb.ledger.decisions.reviewers import POLICY_REVIEWER
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.review.progress import may_decide
from hitl_nb.server.lists.searchable_text import comments_text, has_words, record_text, split_words
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request_schemas import ProposalQuery


def has_seat(proposal: Proposal, audience: Audience) -> bool:
    """Return whether the reader may decide an open proposal now."""
    return may_decide(proposal, audience.people(proposal), audience.viewer)


def matches_query(proposal: Proposal, wanted: ProposalQuery, at: datetime) -> bool:
    """Return whether a proposal matches a query, apart from its status, `mine` and searched words.

    Args:
        proposal: The proposal.
        wanted: The query.
        at: The current time.
    """
    age = (at - proposal.created_at).total_seconds()
    return (
        wanted.notebook in (None, proposal.notebook)
        and wanted.agent in (None, proposal.agent)
        and wanted.kind in (None, proposal.kind)
        and (wanted.older_than is None or age >= wanted.older_than)
        and (wanted.newer_than is None or age < wanted.newer_than)
        and (not wanted.is_open or wanted.reviewer in (None, proposal.assignee))
        and (wanted.rule is None or _is_of_rule(proposal, wanted.rule))
        and (wanted.person is None or _concerns(proposal, wanted.person))
        and (wanted.is_open or _is_wanted_decision(proposal, wanted))
    )


def _is_of_rule(proposal: Proposal, rule: str) -> bool:
    """Return whether a rule asked for a proposal or decided it."""
    made = proposal.decision
    decided = () if made is None or made.by != "policy" else made.reviewer.removeprefix(POLICY_REVIEWER).split(", ")
    return rule in decided or (proposal.terms is not None and rule in proposal.terms.rules)


def _concerns(proposal: Proposal, user: str) -> bool:
    """Return whether a proposal is assigned to a person, or the person has voted on it or decided it."""
    decider = proposal.decision.reviewer if proposal.decision is not None else None
    return user in (proposal.assignee, decider, *(vote.reviewer for vote in proposal.votes))


def _is_wanted_decision(proposal: Proposal, wanted: ProposalQuery) -> bool:
    """Return whether the decision of a closed proposal is one that the query selects."""
    made = proposal.decision
    if wanted.only_passed is not None and (made is not None and made.by == "policy") != wanted.only_passed:
        return False
    if wanted.verdict is None and wanted.since is None and wanted.until is None:
        return True
    return (
        made is not None
        and wanted.verdict in (None, made.action)
        and (wanted.since is None or made.decided_at >= wanted.since)
        and (wanted.until is None or made.decided_at < wanted.until)
    )


def find_words(ledger: Ledger, proposal: Proposal, searched: str | None) -> bool:
    """Return whether all searched words occur in a closed proposal or in the comments on it."""
    words = split_words(searched or "")
    if not words:
        return True
    text = record_text(proposal)
    return has_words(text, words) or has_words(
        f"{text}\n{comments_text(ledger.comments.list_on_document(proposal.document or proposal.id))}", words
    )
