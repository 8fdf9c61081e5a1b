"""Looking again whether somebody may decide what is open: when somebody goes away, or comes back.

due/<microseconds>-away-<user, hashed> is when to look; the clock's part (`due_actions.py`) does it, once.
All open proposals are looked at, `RECHECK_PAGE_SIZE` of them in one transaction; the row keeps how far that has come.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from hitl_nb.errors import StoreCorrupt, UnknownRun
from hitl_nb.ledger.decisions.absences import read_absentees
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import requesters
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.policies.terms.seats import People
from hitl_nb.policies.terms.terms import Change, ask_fallback
from hitl_nb.records import Record
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

RECHECK_PAGE_SIZE = 50
"""Most proposals that are looked at in one transaction."""


class Recheck(Record, frozen=True, kw_only=True):
    """That it is to be looked at what is open.

    Attributes:
        user: who goes away or comes back.
        after: from where on in the index of what is open; "": all of it.
    """

    user: str
    after: str = ""


def put_recheck(transaction: Transaction, user: str, at: datetime) -> None:
    """Have it looked at what is open, at a time."""
    transaction.put(_recheck_key(user, at), Recheck(user=user).json())


def drop_recheck(transaction: Transaction, user: str, at: datetime) -> None:
    transaction.delete(_recheck_key(user, at))


def is_recheck(raw: bytes) -> bool:
    """Whether a row of what is due is one of these, and names no proposal."""
    return raw.startswith(b"{")


def run_recheck_page(transaction: Transaction, key: str, raw: bytes, now: datetime) -> int:
    """Look at the next open proposals, of the row at `key`; how many were changed by that."""
    told = rows.decode_record(raw, Recheck, key)
    pairs = (
        transaction.scan(told.after or "open/", "open0", limit=RECHECK_PAGE_SIZE)
        if formats.has_terms(transaction)
        else []
    )
    away, changed = read_absentees(transaction, now), 0
    for entry in pairs:
        change = _find_change(transaction, entry, away)
        if change is not None:
            write_change(transaction, change, actor=told.user, at=now)
            changed += 1
    if len(pairs) < RECHECK_PAGE_SIZE:
        transaction.delete(key)
    else:
        transaction.put(key, Recheck(user=told.user, after=pairs[-1][0] + "\0").json())
    return changed


def _find_change(reads: StoreReader, entry: tuple[str, bytes], away: dict[str, str | None]) -> Change | None:
    """What becomes of one open proposal, if anything does."""
    try:
        proposal = rows.load_proposal(reads, rows.decode_index_id(*entry))
        if proposal is None or proposal.status != "open" or proposal.terms is None:
            return None
        run = rows.load_run(reads, proposal.run)
    except (StoreCorrupt, UnknownRun):
        return None  # the comparison with the log names it; the others are not kept waiting
    change = ask_fallback(
        Change(proposal), People(frozenset(proposal.requesters or run.requesters), away, requesters.os_user())
    )
    return None if change.proposal is proposal or run.status != "waiting" else change


def _recheck_key(user: str, at: datetime) -> str:
    return f"due/{rows.sortable_time(at)}-away-{hashlib.sha256(user.encode()).hexdigest()[:24]}"


prepare_structs(globals())
