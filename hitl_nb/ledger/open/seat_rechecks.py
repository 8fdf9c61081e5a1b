"""Looking again whether somebody may decide what is open: when somebody goes away, or comes back.

due/<microseconds>-away-<user, hashed> is when to look; the clock's part (`due_actions.py`) does it, once.
All open proposals are looked at, `PAGE` of them in one transaction; the row keeps how far that has come.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from hitl_nb.errors import StoreCorrupt, UnknownRun
from hitl_nb.ledger.decisions.absences import away_within
from hitl_nb.ledger.decisions.proposal_changes import write_change
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import requesters
from hitl_nb.ledger.rows import store_format as formats
from hitl_nb.policies.terms.seats import People
from hitl_nb.policies.terms.terms import Change, ask_fallback
from hitl_nb.records import Record
from hitl_nb.storage.interface import Reads, Transaction
from hitl_nb.structs import prepare_structs

PAGE = 50
"""Most proposals that are looked at in one transaction."""


class Recheck(Record, frozen=True, kw_only=True):
    """That it is to be looked at what is open.

    Attributes:
        user: who goes away or comes back.
        after: from where on in the index of what is open; "": all of it.
    """

    user: str
    after: str = ""


def put_recheck(tx: Transaction, user: str, at: datetime) -> None:
    """Have it looked at what is open, at a time."""
    tx.put(_key(user, at), Recheck(user=user).json())


def drop_recheck(tx: Transaction, user: str, at: datetime) -> None:
    tx.delete(_key(user, at))


def is_recheck(raw: bytes) -> bool:
    """Whether a row of what is due is one of these, and names no proposal."""
    return raw.startswith(b"{")


def recheck_page(tx: Transaction, key: str, raw: bytes, now: datetime) -> int:
    """Look at the next open proposals, of the row at `key`; how many were changed by that."""
    told = rows.decode(raw, Recheck, key)
    pairs = tx.scan(told.after or "open/", "open0", limit=PAGE) if formats.has_terms(tx) else []
    away, changed = away_within(tx, now), 0
    for entry in pairs:
        change = _find_change(tx, entry, away)
        if change is not None:
            write_change(tx, change, actor=told.user, at=now)
            changed += 1
    if len(pairs) < PAGE:
        tx.delete(key)
    else:
        tx.put(key, Recheck(user=told.user, after=pairs[-1][0] + "\0").json())
    return changed


def _find_change(reads: Reads, entry: tuple[str, bytes], away: dict[str, str | None]) -> Change | None:
    """What becomes of one open proposal, if anything does."""
    try:
        p = rows.load_proposal(reads, rows.id_at(*entry))
        if p is None or p.status != "open" or p.terms is None:
            return None
        run = rows.load_run(reads, p.run)
    except (StoreCorrupt, UnknownRun):
        return None  # the comparison with the log names it; the others are not kept waiting
    change = ask_fallback(Change(p), People(frozenset(p.requesters or run.requesters), away, requesters.os_user()))
    return None if change.proposal is p or run.status != "waiting" else change


def _key(user: str, at: datetime) -> str:
    return f"due/{rows.microseconds(at)}-away-{hashlib.sha256(user.encode()).hexdigest()[:24]}"


prepare_structs(globals())
