"""The call that counts the proposals and runs of the inbox's views."""

from __future__ import annotations

from datetime import datetime, timedelta

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows.proposal_lists import iterate_closed
from hitl_nb.records import VoteRecord, now
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import CountQuery
from hitl_nb.server.messages.response_types.proposals import ProposalCounts
from hitl_nb.server.overviews.proposal_queries import has_seat
from hitl_nb.server.overviews.run_states import ATTENTION, find_run_state

MAX_COUNTED = 1000
"""Maximum number of closed proposals that are read for the counts."""
_DAY = timedelta(days=1)


def count_proposals(request: ApiRequest) -> ProposalCounts:
    """Count the proposals and runs of the inbox's views for the user."""
    wanted: CountQuery = request.query
    ledger, audience = request.ledger, Audience.from_request(request)
    ledger.timers.run_due_steps_quietly()
    waiting = audience.rows.list_open()
    mine = sum(has_seat(entry.proposal, audience) for entry in waiting)
    passed, decided = _count_closed(ledger, audience.viewer.user, request.person.username, wanted.since or now() - _DAY)
    return ProposalCounts(
        mine=mine,
        waiting=len(waiting),
        others=len(waiting) - mine,
        late=sum(entry.proposal.overdue for entry in waiting),
        passed=passed,
        decided_by_me=decided,
        runs=_count_runs(ledger, audience),
    )


def _count_closed(ledger: Ledger, voter: str, user: str, since: datetime) -> tuple[int, int]:
    """Count the newest closed proposals, at most `MAX_COUNTED`: passed by a policy, and decided by the user.

    Args:
        ledger: The ledger.
        voter: Name under which the user votes.
        user: User name of the user.
        since: Only decisions from this time on are counted.
    """
    passed = decided = 0
    for n, proposal in enumerate(iterate_closed(ledger.store, after=None)):
        made = proposal.decision
        if n == MAX_COUNTED or (made is not None and made.decided_at < since):
            break
        if made is not None:
            passed += made.by == "policy"
            decided += made.by == "person" and bool({made.reviewer, *_voters(proposal.votes)} & {voter, user})
    return passed, decided


def _voters(votes: tuple[VoteRecord, ...]) -> set[str]:
    return {vote.reviewer for vote in votes}


def _count_runs(ledger: Ledger, audience: Audience) -> int:
    """Count the runs that need a person although nothing is asked, or because an effect is in doubt."""
    rows = audience.rows
    states = (find_run_state(ledger, run, rows.read_run_figures(run)).state for run in rows.list_unended_runs())
    return sum(state in ATTENTION for state in states)
