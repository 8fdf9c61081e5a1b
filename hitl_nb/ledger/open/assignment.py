"""Assigning a question to the person who has the fewest, where its terms say so: a hint, which binds nobody.

assignedat/<user> is when a question was last assigned to a user like this.
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

import msgspec

from hitl_nb.ledger.rows import layout as rows
from hitl_nb.policies.terms.seats import People
from hitl_nb.records import Proposal
from hitl_nb.storage.chunked import span
from hitl_nb.storage.interface import Reads, Transaction

_LOOKED_AT = 2000
"""Most open proposals that are counted."""


def assign_least_busy(tx: Transaction, p: Proposal, people: People) -> Proposal:
    """The proposal, assigned to the person of its first need who has the fewest open ones.

    Of several, the one to whom nothing was assigned for longest. Nobody who is away is chosen, and with four eyes no
    requester. Without such a person, or if the terms say nothing about it, it stays as it is.
    """
    terms = p.terms
    if terms is None or not terms.assign or not terms.needs:
        return p
    asked_by = people.requesters if terms.four_eyes else frozenset[str]()
    there = [one for one in terms.needs[0].people if one not in people.away and one not in asked_by]
    if not there:
        return p
    busy = _count_open(tx)
    chosen = min(there, key=lambda one: (busy[one], tx.get(_key(one)) or b"", one))
    tx.put(_key(chosen), f"{rows.microseconds(p.created_at)}-{p.ordinal:06d}".encode())
    return msgspec.structs.replace(p, assignee=chosen)


def _count_open(reads: Reads) -> Counter[str]:
    """How many open proposals are assigned to whom."""
    found: Counter[str] = Counter()
    for entry in reads.scan(*span("open/"), limit=_LOOKED_AT):
        p = rows.load_proposal(reads, rows.id_at(*entry))
        if p is not None and p.assignee:
            found[p.assignee] += 1
    return found


def _key(user: str) -> str:
    return f"assignedat/{quote(user, safe='')}"
