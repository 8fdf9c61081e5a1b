"""Renames of notebooks, and the current path of a notebook for kernels that were started before a rename.

A kernel keeps the path that it was started with. For such a kernel, only renames after its start count: another
notebook may get the old path later.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.records import Record, now
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

_MAX_RENAMES = 1000
"""Most successive renames of one notebook that are followed."""


class NotebookRename(Record, frozen=True):
    """A rename of a notebook.

    Attributes:
        old: Path before the rename.
        new: Path after the rename.
        at: Time of the rename.
    """

    old: str
    new: str
    at: datetime


def record_rename(transaction: Transaction, old: str, new: str) -> Digests:
    """Record that the notebook at the path `old` is now at the path `new`.

    Returns:
        Digest of the record by its key, for the audit log event of this change.
    """
    move = NotebookRename(old=old, new=new, at=now())
    return rows.put_record(transaction, f"{_rename_prefix(old)}{layout.sortable_time(move.at)}", move)


def current_path(reads: StoreReader, notebook: str, since: datetime) -> str:
    """Return the current path of the notebook that was at the path `notebook` at the time `since`.

    Args:
        reads: The store, or a transaction.
        notebook: Path of the notebook at the time `since`.
        since: Time with time zone, for example the start of a kernel. Earlier renames are ignored.

    Returns:
        The path after all renames since then; `notebook` if there were none.
    """
    for _ in range(_MAX_RENAMES):
        start, stop = prefix_range(_rename_prefix(notebook))
        found = reads.scan(f"{start}{layout.sortable_time(since.astimezone(UTC))}", stop, limit=1)
        if not found:
            break
        key, raw = found[0]
        move = rows.decode_record(raw, NotebookRename, key)
        notebook, since = move.new, move.at
    return notebook


def _rename_prefix(notebook: str) -> str:
    return f"moved/{hashlib.sha256(notebook.encode()).hexdigest()[:24]}/"


prepare_structs(globals())
