"""The call that counts the proposals and runs of the inbox's views."""

from __future__ import annotations

from datetime import timedelta

from hitl_nb.records import now
from hitl_nb.server.messages.audience import Audience
from hitl_nb.server.messages.request import ApiRequest
from hitl_nb.server.messages.request_schemas import CountQuery
from hitl_nb.server.messages.response_types.proposals import ProposalCounts
from hitl_nb.server.overviews.proposal_queries import has_seat
from hitl_nb.server.overviews.run_states import needs_attention

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
        runs=sum(needs_attention(ledger, run, audience.rows) for run in audience.rows.list_unended_runs()),
    )
