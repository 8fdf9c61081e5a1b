"""Checks of all open proposals when a user goes away or comes back: is there still a person who may decide each one?

Such a check is planned for the begin and the end of an absence. It is stored at `due/<microseconds>-away-<user,
hashed>`, and `due_actions.py` runs it once at that time. Each transaction checks `RECHECK_PAGE_SIZE` proposals; the
stored record keeps the progress.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from hitl_nb.errors import StoreCorrupt, UnknownRun
from hitl_nb.ledger.decisions.absences import read_absentees
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.rows import layout, requesters
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.policies.terms.seats import People
from hitl_nb.policies.terms.terms import Change, ask_fallback
from hitl_nb.records import Record
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

RECHECK_PAGE_SIZE = 50
"""Most proposals that are checked in one transaction."""


class Recheck(Record, frozen=True, kw_only=True):
    """A planned check of all open proposals: is there still a person who may decide each one?

    Attributes:
        user: User name of the person who goes away or comes back.
        after: Key in the index of open proposals at which the check continues; "": it has not begun.
    """

    user: str
    after: str = ""


def put_recheck(transaction: Transaction, user: str, at: datetime) -> None:
    """Plan a check of all open proposals at the time `at`, because `user` goes away or comes back then."""
    transaction.put(_recheck_key(user, at), Recheck(user=user).json())


def drop_recheck(transaction: Transaction, user: str, at: datetime) -> None:
    """Remove the check that was planned for `user` at the time `at`."""
    transaction.delete(_recheck_key(user, at))


def is_recheck(raw: bytes) -> bool:
    """Return True if the value of an entry `due/...` is a planned check; False if it is the id of a proposal."""
    return raw.startswith(b"{")


def run_recheck_page(transaction: Transaction, key: str, raw: bytes, now: datetime) -> int:
    """Check for the next `RECHECK_PAGE_SIZE` open proposals whether a person may still decide each one.

    If no person may, the people of the terms' `fallback` are asked, or the proposal is marked as stuck. After the last
    proposal, the planned check is removed.

    Args:
        transaction: The transaction to write in.
        key: Key of the planned check.
        raw: The stored value at this key.
        now: The current time.

    Returns:
        Number of proposals that were changed.
    """
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
    """Return the change of one open proposal after a user has gone away or come back; None if it does not change.

    Args:
        reads: The store, or a transaction.
        entry: Key and value of the proposal in the index of open proposals.
        away: User name of the deputy by the user name of each absent user; None: no deputy.
    """
    try:
        proposal = rows.load_proposal(reads, layout.decode_index_id(*entry))
        if proposal is None or proposal.status != "open" or proposal.terms is None:
            return None
        run = rows.load_run(reads, proposal.run)
    except (StoreCorrupt, UnknownRun):
        return None  # `Audit.verify` reports the damage; the other proposals must not wait for it
    change = ask_fallback(
        Change(proposal), People(frozenset(proposal.requesters or run.requesters), away, requesters.os_user())
    )
    return None if change.proposal is proposal or run.status != "waiting" else change


def _recheck_key(user: str, at: datetime) -> str:
    return f"due/{layout.sortable_time(at)}-away-{hashlib.sha256(user.encode()).hexdigest()[:24]}"


prepare_structs(globals())
