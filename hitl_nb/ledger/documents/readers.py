"""Who has had a shared draft before their eyes, and when last.

read/<document>/<user name, quoted>    Reader (in `Store.drafts`)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from hitl_nb.ledger.rows import layout as rows
from hitl_nb.records import Record, now
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import Store, Transaction
from hitl_nb.structs import prepare_structs

REFRESH_INTERVAL = timedelta(minutes=1)
"""Somebody who looks on is written down again after this long."""


class DraftReader(Record, frozen=True, kw_only=True):
    """Somebody who has read a draft; `name` is how they are shown."""

    username: str
    name: str
    at: datetime

    def write_to(self, document: str) -> Callable[[Transaction], None]:
        """What keeps this, in a transaction of `Store.drafts`."""
        return lambda tx: tx.put(f"read/{document}/{quote(self.username, safe='')}", self.json())


def record_reading(username: str, name: str, before: DraftReader | None) -> DraftReader:
    """This person reads now: what was known of them, if that is new enough."""
    at = now()
    if before is not None and at - before.at < REFRESH_INTERVAL:
        return before
    return DraftReader(username=username, name=name, at=at)


def list_readers(store: Store, document: str) -> list[DraftReader]:
    """Everybody who has read a draft."""
    return [
        rows.decode_record(raw, DraftReader, key) for key, raw in store.drafts.scan(*prefix_range(f"read/{document}/"))
    ]


prepare_structs(globals())
