"""Who an answer is for, and how things are with the people whom proposals name: read once a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.requesters import os_user
from hitl_nb.policies.terms.seats import People
from hitl_nb.records import Known, Proposal, Vote
from hitl_nb.review.progress import NOBODY, Viewer
from hitl_nb.server.base.context import Desk
from hitl_nb.server.base.identity import Person, refusal, voter
from hitl_nb.server.messages.request import Asked


class Audience:
    """Who an answer is for.

    Args:
        who: who made the request; None for an answer that is for anybody.
    """

    def __init__(self, desk: Desk, ledger: Ledger, who: Person | None = None) -> None:
        self._desk = desk
        self._ledger = ledger
        self._who = who
        self._requesters: dict[str, frozenset[str]] = {}

    @classmethod
    def of(cls, asked: Asked) -> Audience:
        """Who made a request."""
        return cls(asked.desk, asked.ledger, asked.who)

    @cached_property
    def viewer(self) -> Viewer:
        """Who is told, and whether this server lets them decide."""
        who = self._who
        return NOBODY if who is None else Viewer(voter(self._desk, who), who.authn, refusal(self._desk, who))

    def people(self, p: Proposal) -> People:
        """How things are with the people whom a proposal names, now."""
        if p.terms is None:
            return _NO_PEOPLE
        if not p.requesters and p.run not in self._requesters:
            self._requesters[p.run] = frozenset(self._ledger.run(p.run).requesters)
        return People(frozenset(p.requesters) or self._requesters[p.run], self._away, os_user())

    @cached_property
    def _away(self) -> Mapping[str, str | None]:
        return self._ledger.away_at(self._ledger.now())

    def vote_known(self, p: Proposal) -> Callable[[Vote], Known]:
        """How it is known who gave a vote of `p`, its signature checked."""
        return lambda vote: self._ledger.vote_known(p, vote)


_NO_PEOPLE = People()
