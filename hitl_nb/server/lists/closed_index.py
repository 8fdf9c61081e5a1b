"""The newest decisions of a store in memory, so that counting them reads no proposals."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import NamedTuple

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.proposal_lists import iterate_closed
from hitl_nb.records import By, Proposal
from hitl_nb.server.lists.followed_index import FollowedIndex
from hitl_nb.server.lists.log_follower import LoggedChanges

MAX_COUNTED = 1000
"""Maximum number of decisions that are kept: the newest ones."""


class ClosedEntry(NamedTuple):
    """One decision in the index.

    Attributes:
        at: Time of the decision.
        by: The kind of author of the decision: a person, a policy, a deadline or a script.
        people: User names of the person who decided and of all voters.
    """

    at: datetime
    by: By
    people: frozenset[str]


class ClosedIndex(FollowedIndex[ClosedEntry]):
    """The newest decisions of a store, by the ids of the proposals."""

    def list_entries(self, ledger: Ledger) -> list[ClosedEntry]:
        """Return the newest decisions in no order, at most `MAX_COUNTED`. The first call reads their proposals."""
        return self._use(ledger, lambda entries: list(entries.values()))

    def _read_all(self, ledger: Ledger) -> dict[str, ClosedEntry]:
        found = islice(iterate_closed(ledger.store, after=None), MAX_COUNTED)
        made = ((proposal.id, _make_entry(proposal)) for proposal in found)
        return {one: entry for one, entry in made if entry is not None}

    def _apply(self, ledger: Ledger, entries: dict[str, ClosedEntry], changes: LoggedChanges) -> None:
        for one in changes.proposals:
            entries.pop(one, None)
            proposal = rows.load_proposal(ledger.store, one)
            entry = None if proposal is None else _make_entry(proposal)
            if entry is not None:
                entries[one] = entry
        self._drop_oldest(entries)

    @staticmethod
    def _drop_oldest(entries: dict[str, ClosedEntry]) -> None:
        if len(entries) > MAX_COUNTED + MAX_COUNTED // 10:
            by_age = sorted(entries, key=lambda one: entries[one].at)
            for one in by_age[: len(entries) - MAX_COUNTED]:
                del entries[one]


def _make_entry(proposal: Proposal) -> ClosedEntry | None:
    """Return the entry of a proposal; None if it has no decision."""
    made = proposal.decision
    if made is None:
        return None
    people = frozenset({made.reviewer, *(vote.reviewer for vote in proposal.votes)})
    return ClosedEntry(made.decided_at, made.by, people)
