"""The call that counts the proposals and runs of the inbox's views."""

from __future__ import annotations

from datetime import timedelta

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import now
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import CountQuery
from hitl_nb.server.messages.response_types.proposals import ProposalCounts
from hitl_nb.server.overviews.proposal_queries import has_seat
from hitl_nb.server.overviews.run_states import ATTENTION, find_run_state

_DAY = timedelta(days=1)


def count_proposals(request: ApiRequest) -> ProposalCounts:
    """Count the proposals and runs of the inbox's views for the user."""
    wanted: CountQuery = request.query
    ledger, audience = request.ledger, Audience.from_request(request)
    ledger.timers.run_due_steps_quietly()
    waiting = audience.rows.list_open()
    mine = sum(has_seat(entry.proposal, audience) for entry in waiting)
    decisions = [one for one in audience.rows.list_decisions() if one.at >= (wanted.since or now() - _DAY)]
    own_names = {audience.viewer.user, request.person.username}
    return ProposalCounts(
        mine=mine,
        waiting=len(waiting),
        others=len(waiting) - mine,
        late=sum(entry.proposal.overdue for entry in waiting),
        passed=sum(one.by == "policy" for one in decisions),
        decided_by_me=sum(one.by == "person" and not own_names.isdisjoint(one.people) for one in decisions),
        runs=_count_runs(ledger, audience),
    )


def _count_runs(ledger: Ledger, audience: Audience) -> int:
    """Count the runs that need a person although nothing is asked, or because an effect is in doubt."""
    rows = audience.rows
    states = (find_run_state(ledger, run, rows.read_run_figures(run)).state for run in rows.list_unended_runs())
    return sum(state in ATTENTION for state in states)
