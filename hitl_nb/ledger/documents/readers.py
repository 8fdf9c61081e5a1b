"""Who has had a shared draft before their eyes, and when last.

read/<document>/<user name, quoted>    Reader (in `Store.drafts`)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from hitl_nb.ledger.rows import layout as rows
from hitl_nb.records import Record, now
from hitl_nb.storage.chunked import span
from hitl_nb.storage.interface import Store, Transaction
from hitl_nb.structs import prepare_structs

OFTEN = timedelta(minutes=1)
"""Somebody who looks on is written down again after this long."""


class Reader(Record, frozen=True, kw_only=True):
    """Somebody who has read a draft; `name` is how they are shown."""

    username: str
    name: str
    at: datetime

    def put(self, document: str) -> Callable[[Transaction], None]:
        """What keeps this, in a transaction of `Store.drafts`."""
        return lambda tx: tx.put(f"read/{document}/{quote(self.username, safe='')}", self.json())


def saw(username: str, name: str, before: Reader | None) -> Reader:
    """This person reads now: what was known of them, if that is new enough."""
    at = now()
    if before is not None and at - before.at < OFTEN:
        return before
    return Reader(username=username, name=name, at=at)


def readers(store: Store, document: str) -> list[Reader]:
    """Everybody who has read a draft."""
    return [rows.decode(raw, Reader, key) for key, raw in store.drafts.scan(*span(f"read/{document}/"))]


prepare_structs(globals())
