"""Assignment of a question to a person: by a user, or to the person with the fewest open questions by its terms.

The assignment is only a hint: other people may decide too.

assignedat/<user>    the time of the last question that was assigned to the user in this way
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

import msgspec

from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.proposal_lists import require_proposal
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.policies.terms.seats import People
from hitl_nb.records import Proposal
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import StoreReader, Transaction

_MAX_COUNTED_PROPOSALS = 2000
"""Most open proposals that are counted."""


def assign_least_busy(transaction: Transaction, proposal: Proposal, people: People) -> Proposal:
    """Assign a proposal to the person of its first need who has the fewest open proposals.

    Of several such people, the one whose last assignment is oldest is chosen. Absent people are not chosen and, under a
    four-eyes rule, neither are requesters.

    Returns:
        The assigned proposal; unchanged if there is no such person, or if the terms do not require an assignment.
    """
    terms = proposal.terms
    if terms is None or not terms.assign or not terms.needs:
        return proposal
    asked_by = people.requesters if terms.four_eyes else frozenset[str]()
    there = [one for one in terms.needs[0].people if one not in people.away and one not in asked_by]
    if not there:
        return proposal
    busy = _count_open(transaction)
    chosen = min(there, key=lambda one: (busy[one], transaction.get(_assignee_key(one)) or b"", one))
    transaction.put(
        _assignee_key(chosen), f"{layout.sortable_time(proposal.created_at)}-{proposal.ordinal:06d}".encode()
    )
    return msgspec.structs.replace(proposal, assignee=chosen)


def assign_proposal(transaction: Transaction, proposal_id: str, assignee: str | None, actor: str) -> Proposal:
    """Assign an open proposal to a person.

    Args:
        transaction: The transaction to write in.
        proposal_id: Full id of the proposal.
        assignee: User name; None: no person.
        actor: User or process for the event.

    Returns:
        The proposal afterwards.

    Raises:
        UnknownProposal: No proposal has this id.
        AlreadyDecided: The proposal is no longer open.
    """
    proposal = require_proposal(transaction, proposal_id)
    refuse_closed(proposal)
    proposal = msgspec.structs.replace(proposal, assignee=assignee)
    records = rows.put_proposal(transaction, proposal)
    data = {"assignee": assignee}
    chain.append_event(
        transaction, "assigned", actor=actor, run=proposal.run, proposal=proposal.id, data=data, records=records
    )
    return proposal


def _count_open(reads: StoreReader) -> Counter[str]:
    """Count the open proposals by assignee."""
    found: Counter[str] = Counter()
    for entry in reads.scan(*prefix_range("open/"), limit=_MAX_COUNTED_PROPOSALS):
        proposal = rows.load_proposal(reads, layout.decode_index_id(*entry))
        if proposal is not None and proposal.assignee:
            found[proposal.assignee] += 1
    return found


def _assignee_key(user: str) -> str:
    return f"assignedat/{quote(user, safe='')}"
