"""Readers of shared drafts: who has opened a draft, and when each person last read it.

A `DraftReader` is stored at `read/<document>/<user name, percent-encoded>` in `Store.drafts`, the database for drafts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import Record, now
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import Store, Transaction
from hitl_nb.structs import prepare_structs

REFRESH_INTERVAL = timedelta(minutes=1)
"""While a person keeps a draft open, the time of the last reading is saved at most once in this interval."""


class DraftReader(Record, frozen=True, kw_only=True):
    """A person who has read a draft.

    Attributes:
        username: User name.
        name: Display name.
        at: Time of the last reading.
    """

    username: str
    name: str
    at: datetime

    def write_to(self, document: str) -> Callable[[Transaction], None]:
        """Return a function that saves this record in a transaction of `Store.drafts`.

        Args:
            document: Id of the document that the person reads.
        """
        return lambda tx: tx.put(f"read/{document}/{quote(self.username, safe='')}", self.json())


def record_reading(username: str, name: str, before: DraftReader | None) -> DraftReader:
    """Return the record of a person who reads now.

    Args:
        username: User name.
        name: Display name.
        before: The person's last record; None if there is none.

    Returns:
        `before` if it is younger than `REFRESH_INTERVAL`, otherwise a new record.
    """
    at = now()
    if before is not None and at - before.at < REFRESH_INTERVAL:
        return before
    return DraftReader(username=username, name=name, at=at)


def list_readers(store: Store, document: str) -> list[DraftReader]:
    """Return the records of all people who have read a draft."""
    return [
        rows.decode_record(raw, DraftReader, key) for key, raw in store.drafts.scan(*prefix_range(f"read/{document}/"))
    ]


prepare_structs(globals())
