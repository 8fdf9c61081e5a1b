"""Assignment of a proposal to a person: by a user, or automatically to the person with the fewest open proposals.

The assignment is only a hint: other people may decide too. The terms (review rules) of a proposal say whether it is
assigned automatically. The key `assignedat/<user>` has the time of the last automatic assignment to a user.
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
"""Most open proposals that are read to find the person with the fewest."""


def assign_least_busy(transaction: Transaction, proposal: Proposal, people: People) -> Proposal:
    """Assign a new proposal to the person with the fewest open proposals, if its terms (review rules) require it.

    Only people whom the first need of the terms names are considered.

    Of several people with equally many, the one whose last assignment is oldest is chosen. Absent people are left out;
    under a four-eyes rule, also the people who started or continued the run.

    Args:
        transaction: The transaction to write in.
        proposal: The new proposal.
        people: The requesters of the run, and the people who are away.

    Returns:
        The proposal with its assignee, for the caller to store. Unchanged if the terms require no assignment, or if no
        person is left.
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
    """Assign an open proposal to a person, or remove its assignment.

    Args:
        transaction: The transaction to write in.
        proposal_id: Full id of the proposal.
        assignee: User name; None: remove the assignment.
        actor: User or process that the audit log event names.

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
    """Return the number of open proposals that are assigned to each person, by user name."""
    found: Counter[str] = Counter()
    for entry in reads.scan(*prefix_range("open/"), limit=_MAX_COUNTED_PROPOSALS):
        proposal = rows.load_proposal(reads, layout.decode_index_id(*entry))
        if proposal is not None and proposal.assignee:
            found[proposal.assignee] += 1
    return found


def _assignee_key(user: str) -> str:
    return f"assignedat/{quote(user, safe='')}"
