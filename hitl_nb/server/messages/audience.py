"""The reader of a response, and the current state of the people whom proposals name.

Both are read at most once per request, because a response can be about many proposals.
"""

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
from hitl_nb.server.lists.list_index import ListReader
from hitl_nb.server.messages.request import ApiRequest


class Audience:
    """The reader of a response: determines what this person may see and do.

    Args:
        context: State of the server.
        ledger: The ledger to read.
        who: The user who made the request. None (default): the reader is not known; the response then has no
            permissions and no hidden votes.
    """

    def __init__(self, context: ServerContext, ledger: Ledger, who: Person | None = None) -> None:
        self._desk = context
        self._ledger = ledger
        self._who = who
        self._requesters: dict[str, frozenset[str]] = {}

    @classmethod
    def from_request(cls, request: ApiRequest) -> Audience:
        """Create the audience of a request: the user who made it."""
        return cls(request.context, request.ledger, request.person)

    @cached_property
    def viewer(self) -> Viewer:
        """The reader's voting name and authentication, and the reason why this server does not let the reader decide.

        The reason is None if the reader may decide. `NOBODY` if the reader is not known.
        """
        who = self._who
        return (
            NOBODY
            if who is None
            else Viewer(voting_name(self._desk, who), who.authn, decision_refusal(self._desk, who))
        )

    def people(self, proposal: Proposal) -> People:
        """Return the people that matter for a proposal's policy: requesters, absent people, and the server's own user.

        Args:
            proposal: The proposal. Without a policy, the result is empty.
        """
        if proposal.terms is None:
            return _NO_PEOPLE
        if not proposal.requesters and proposal.run not in self._requesters:
            self._requesters[proposal.run] = frozenset(self._ledger.runs.load(proposal.run).requesters)
        return People(frozenset(proposal.requesters) or self._requesters[proposal.run], self._away, os_user())

    @cached_property
    def _away(self) -> Mapping[str, str | None]:
        return self._ledger.reviewers.list_absentees(self._ledger.now())

    @cached_property
    def rows(self) -> ListReader:
        """The reader of this server's index, renewed once for this request."""
        return self._desk.lists.look(self._ledger)

    def is_own_request(self, proposal: Proposal) -> bool:
        """Return whether the reader may not approve the proposal, because the reader started or continued its run."""
        terms = proposal.terms
        return terms is not None and terms.four_eyes and self.viewer.user in self.people(proposal).requesters

    def vote_known(self, proposal: Proposal) -> Callable[[VoteRecord], Known]:
        """Return a function that gets a vote on `proposal`, and returns how the identity of the voter is known.

        The function verifies the signature of the vote.
        """
        return lambda vote: self._ledger.reviewers.identify_voter(proposal, vote)


_NO_PEOPLE = People()
