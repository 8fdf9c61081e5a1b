"""Attention of voters: how long a person had a proposal open before voting, and how that looks over many votes.

A person sees only their own figures. The figures are advice; they never refuse a vote.
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
"""Older votes are not counted."""
MAX_VOTES = 500
"""Maximum number of closed proposals read, of open proposals read, and of votes counted; the newest are used."""
WORDS_PER_SECOND = 8.3
"""Maximum reading speed of people: 500 words per minute."""
MIN_READING_SECONDS = 2.0
"""Minimum reading time, even of a value of one word."""
CHANCE = 0.01
"""Probability below which a row of approvals is not explained by chance."""
_MAX_REMEMBERED = 20_000


class Attention:
    """When users were shown which revisions of proposals, as far as this server knows. Kept in memory only.

    Args:
        records: Returns whether anything may be remembered (`c.HitlNb.record_seconds`).
        clock: Returns the time in seconds.
    """

    def __init__(self, records: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._records = records
        self._clock = clock
        self._lock = threading.Lock()
        self._shown: OrderedDict[tuple[str, str, int], float] = OrderedDict()

    def record_shown(self, user: str, proposal: Proposal) -> None:
        """Note that a user is shown a proposal. The first time counts, so no vote seems faster than it was."""
        if proposal.terms is None or proposal.status != "open" or not self._records():
            return
        with self._lock:
            self._shown.setdefault((user, proposal.id, proposal.revision), self._clock())
            while len(self._shown) > _MAX_REMEMBERED:
                self._shown.popitem(last=False)

    def seconds_since_shown(self, user: str, proposal_id: str, revision: int) -> float | None:
        """Return the seconds since this user was shown this revision; None if unknown."""
        with self._lock:
            at = self._shown.get((user, proposal_id, revision))
        return None if at is None or not self._records() else round(self._clock() - at, 3)


def reviewer_figures(ledger: Ledger, user: str) -> dict[str, Any]:
    """Return the figures of this user's own recent votes, with the fields of `VotingFigures`."""
    since = now() - VOTES_PERIOD
    found = [(proposal, vote) for proposal, vote in _votes_of(ledger, user) if vote.at >= since]
    found.sort(key=lambda one: one[1].at, reverse=True)
    return summarize(found[:MAX_VOTES])


def _votes_of(ledger: Ledger, user: str) -> Iterator[tuple[Proposal, VoteRecord]]:
    for proposal in (*ledger.proposals.list_closed(limit=MAX_VOTES), *ledger.proposals.list_open(limit=MAX_VOTES)):
        yield from ((proposal, vote) for vote in proposal.votes if vote.reviewer == user)


def summarize(found: Iterable[tuple[Proposal, VoteRecord]]) -> dict[str, Any]:
    """Return the figures of votes, with the fields of `VotingFigures`.

    Args:
        found: Proposals with one vote on each, newest first.
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
    """Return how many approvals in a row chance explains for this approval rate.

    Args:
        approvals: Number of votes that approve.
        votes: Number of all votes.

    Returns:
        The shortest length of a row whose probability is at most CHANCE. None if all votes or no votes approve: then
        no length is unlikely.
    """
    if votes == 0 or approvals in (0, votes):
        return None
    return math.ceil(math.log(CHANCE) / math.log(approvals / votes))


def _reading_seconds(proposal: Proposal, vote: VoteRecord) -> float:
    value = vote.value if vote.action == "edit" else proposal.value
    return max(MIN_READING_SECONDS, len(format_value(proposal, value).split()) / WORDS_PER_SECOND)
