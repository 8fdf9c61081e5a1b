"""Where a renamed notebook is now, for kernels that were started while it had its old name.

A kernel keeps the path that it was started with. It follows the renames that came after its start, and only those: a
notebook that takes the old name later is another one.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import Record, now
from hitl_nb.storage.chunked import span
from hitl_nb.storage.interface import Reads, Transaction
from hitl_nb.structs import prepare_structs

_LONGEST = 1000
"""Most renames that are followed."""


class Move(Record, frozen=True):
    """A notebook's renaming."""

    old: str
    new: str
    at: datetime


def note(tx: Transaction, old: str, new: str) -> Digests:
    """Remember that the notebook at `old` is at `new` from now on; the digest of that, for the caller's event."""
    move = Move(old=old, new=new, at=now())
    return rows.put_record(tx, f"{_prefix(old)}{rows.microseconds(move.at)}", move)


def follow(reads: Reads, notebook: str, since: datetime) -> str:
    """Where the notebook is that was at `notebook` at the time `since`."""
    for _ in range(_LONGEST):
        start, stop = span(_prefix(notebook))
        found = reads.scan(f"{start}{rows.microseconds(since.astimezone(UTC))}", stop, limit=1)
        if not found:
            break
        key, raw = found[0]
        move = rows.decode(raw, Move, key)
        notebook, since = move.new, move.at
    return notebook


def _prefix(notebook: str) -> str:
    return f"moved/{hashlib.sha256(notebook.encode()).hexdigest()[:24]}/"


prepare_structs(globals())
