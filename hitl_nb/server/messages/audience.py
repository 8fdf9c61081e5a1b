"""Who an answer is for, and how things are with the people whom proposals name: read once a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.requesters import os_user
from hitl_nb.policies.terms.seats import People
from hitl_nb.records import Known, Proposal, VoteRecord
from hitl_nb.review.progress import NOBODY, Viewer
from hitl_nb.server.base.context import ServerContext
from hitl_nb.server.base.identity import Person, decision_refusal, voting_name
from hitl_nb.server.messages.request import ApiRequest


class Audience:
    """Who an answer is for.

    Args:
        who: who made the request; None for an answer that is for anybody.
    """

    def __init__(self, context: ServerContext, ledger: Ledger, who: Person | None = None) -> None:
        self._desk = context
        self._ledger = ledger
        self._who = who
        self._requesters: dict[str, frozenset[str]] = {}

    @classmethod
    def from_request(cls, request: ApiRequest) -> Audience:
        """Who made a request."""
        return cls(request.context, request.ledger, request.person)

    @cached_property
    def viewer(self) -> Viewer:
        """Who is told, and whether this server lets them decide."""
        who = self._who
        return (
            NOBODY
            if who is None
            else Viewer(voting_name(self._desk, who), who.authn, decision_refusal(self._desk, who))
        )

    def people(self, proposal: Proposal) -> People:
        """How things are with the people whom a proposal names, now."""
        if proposal.terms is None:
            return _NO_PEOPLE
        if not proposal.requesters and proposal.run not in self._requesters:
            self._requesters[proposal.run] = frozenset(self._ledger.load_run(proposal.run).requesters)
        return People(frozenset(proposal.requesters) or self._requesters[proposal.run], self._away, os_user())

    @cached_property
    def _away(self) -> Mapping[str, str | None]:
        return self._ledger.absentees_at(self._ledger.now())

    def vote_known(self, proposal: Proposal) -> Callable[[VoteRecord], Known]:
        """How it is known who gave a vote of `p`, its signature checked."""
        return lambda vote: self._ledger.voter_identity(proposal, vote)


_NO_PEOPLE = People()
