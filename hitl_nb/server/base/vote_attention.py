"""Attention of voters: how long a person had a proposal open before voting, and figures about many votes.

A person sees only figures about their own votes. The figures are advice; no vote is refused because of them.
"""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import takewhile
from typing import Any

from hitl_nb.kinds.questions import format_value
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, VoteRecord, now

VOTES_PERIOD = timedelta(days=30)
"""Period of the counted votes, up to now. Older votes are not counted."""
MAX_VOTES = 500
"""Maximum number of closed proposals read, of open proposals read, and of votes counted; the newest are used."""
WORDS_PER_SECOND = 8.3
"""Maximum reading speed of people: 500 words per minute."""
MIN_READING_SECONDS = 2.0
"""Minimum reading time of a value in seconds, even if the value has only one word."""
CHANCE = 0.01
"""Probability below which a row of approvals is not explained by chance."""
_MAX_REMEMBERED = 20_000


class Attention:
    """Times at which this server has shown users the revisions of proposals. The times are kept in memory only.

    Args:
        records: Function that returns whether times may be kept (the option `c.HitlNb.record_seconds`).
        clock: Function that returns the time in seconds.
    """

    def __init__(self, records: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._records = records
        self._clock = clock
        self._lock = threading.Lock()
        self._shown: OrderedDict[tuple[str, str, int], float] = OrderedDict()

    def record_shown(self, user: str, proposal: Proposal) -> None:
        """Record that a user is shown a proposal now. Does nothing if the proposal is closed or has no policy.

        If the user has seen this revision before, the earlier time is kept, so that no vote seems faster than it was.

        Args:
            user: User name.
            proposal: The proposal.
        """
        if proposal.terms is None or proposal.status != "open" or not self._records():
            return
        with self._lock:
            self._shown.setdefault((user, proposal.id, proposal.revision), self._clock())
            while len(self._shown) > _MAX_REMEMBERED:
                self._shown.popitem(last=False)

    def seconds_since_shown(self, user: str, proposal_id: str, revision: int) -> float | None:
        """Return the seconds since a user was first shown a revision of a proposal; None if the time is not known."""
        with self._lock:
            at = self._shown.get((user, proposal_id, revision))
        return None if at is None or not self._records() else round(self._clock() - at, 3)


def reviewer_figures(ledger: Ledger, user: str) -> dict[str, Any]:
    """Return figures about a user's votes of the last 30 days.

    Args:
        ledger: The ledger to read.
        user: Name under which the user votes.

    Returns:
        Values by the names of the fields of `VotingFigures`.
    """
    since = now() - VOTES_PERIOD
    found = [(proposal, vote) for proposal, vote in _votes_of(ledger, user) if vote.at >= since]
    found.sort(key=lambda one: one[1].at, reverse=True)
    return summarize(found[:MAX_VOTES])


def _votes_of(ledger: Ledger, user: str) -> Iterator[tuple[Proposal, VoteRecord]]:
    for proposal in (*ledger.proposals.list_closed(limit=MAX_VOTES), *ledger.proposals.list_open(limit=MAX_VOTES)):
        yield from ((proposal, vote) for vote in proposal.votes if vote.reviewer == user)


def summarize(found: Iterable[tuple[Proposal, VoteRecord]]) -> dict[str, Any]:
    """Return figures about the votes of one person.

    Args:
        found: Pairs of a proposal and the person's vote on it, newest first.

    Returns:
        Values by the names of the fields of `VotingFigures`.
    """
    votes = list(found)
    timed = [(vote.seconds, _reading_seconds(proposal, vote)) for proposal, vote in votes if vote.seconds is not None]
    approvals = sum(vote.action == "approve" for _, vote in votes)
    hour = now() - timedelta(hours=1)
    return {
        "votes": len(votes),
        "timed": len(timed),
        "median_seconds": round(statistics.median(seconds for seconds, _ in timed), 1) if timed else None,
        "fast": sum(seconds < least for seconds, least in timed) / len(timed) if timed else None,
        "approvals_in_a_row": sum(1 for _ in takewhile(lambda one: one[1].action == "approve", votes)),
        "chance": longest_by_chance(approvals, len(votes)),
        "last_hour": sum(vote.at >= hour for _, vote in votes),
    }


def longest_by_chance(approvals: int, votes: int) -> int | None:
    """Return how many approvals in a row can be explained by chance, given how often a person approves.

    Args:
        approvals: Number of votes that approve.
        votes: Number of all votes.

    Returns:
        The smallest number of approvals in a row whose probability is at most CHANCE. None if there are no votes, or if
        all votes or no votes are approvals: then no number is unlikely.
    """
    if votes == 0 or approvals in (0, votes):
        return None
    return math.ceil(math.log(CHANCE) / math.log(approvals / votes))


def _reading_seconds(proposal: Proposal, vote: VoteRecord) -> float:
    value = vote.value if vote.action == "edit" else proposal.value
    return max(MIN_READING_SECONDS, len(format_value(proposal, value).split()) / WORDS_PER_SECOND)
