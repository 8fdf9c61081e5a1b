"""How much attention votes had: how long a person had what they voted on, and what that looks like over many votes.

A person sees their own figures and nobody else's; they advise, and refuse nothing.
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
"""Votes that are older are not counted."""
MAX_VOTES = 500
"""Closed proposals, and open ones, that are looked at, the newest; and votes that are counted."""
WORDS_PER_SECOND = 8.3
"""How fast people read at most: 500 words a minute."""
MIN_READING_SECONDS = 2.0
"""How long even a value of one word takes."""
CHANCE = 0.01
"""How unlikely a row of approvals must be so that chance does not explain it."""
_MAX_REMEMBERED = 20_000


class Attention:
    """When people were shown which revisions of proposals, as far as this server knows: in memory only.

    Args:
        records: whether anything is remembered (`c.HitlNb.record_seconds`).
    """

    def __init__(self, records: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._records = records
        self._clock = clock
        self._lock = threading.Lock()
        self._shown: OrderedDict[tuple[str, str, int], float] = OrderedDict()

    def record_shown(self, user: str, proposal: Proposal) -> None:
        """Note that a person is shown a proposal; the first time counts, so no vote seems faster than it was."""
        if proposal.terms is None or proposal.status != "open" or not self._records():
            return
        with self._lock:
            self._shown.setdefault((user, proposal.id, proposal.revision), self._clock())
            while len(self._shown) > _MAX_REMEMBERED:
                self._shown.popitem(last=False)

    def seconds_since_shown(self, user: str, proposal_id: str, revision: int) -> float | None:
        """Seconds since this person was shown this revision; None if that is not known."""
        with self._lock:
            at = self._shown.get((user, proposal_id, revision))
        return None if at is None or not self._records() else round(self._clock() - at, 3)


def reviewer_figures(ledger: Ledger, user: str) -> dict[str, Any]:
    """How this person's own votes look."""
    since = now() - VOTES_PERIOD
    found = [(proposal, vote) for proposal, vote in _votes_of(ledger, user) if vote.at >= since]
    found.sort(key=lambda one: one[1].at, reverse=True)
    return summarize(found[:MAX_VOTES])


def _votes_of(ledger: Ledger, user: str) -> Iterator[tuple[Proposal, VoteRecord]]:
    for proposal in (*ledger.list_closed(limit=MAX_VOTES), *ledger.list_open(limit=MAX_VOTES)):
        yield from ((proposal, vote) for vote in proposal.votes if vote.reviewer == user)


def summarize(found: Iterable[tuple[Proposal, VoteRecord]]) -> dict[str, Any]:
    """The figures of some votes, the newest first."""
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
    """How many approvals in a row chance explains, for somebody who approves so many of so many; None if any."""
    if votes == 0 or approvals in (0, votes):
        return None
    return math.ceil(math.log(CHANCE) / math.log(approvals / votes))


def _reading_seconds(proposal: Proposal, vote: VoteRecord) -> float:
    value = vote.value if vote.action == "edit" else proposal.value
    return max(MIN_READING_SECONDS, len(format_value(proposal, value).split()) / WORDS_PER_SECOND)
