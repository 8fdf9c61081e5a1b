"""Who watches the timelines of a store and sends its notices: servers and `hitl-nb watch`, known by a heartbeat."""

from __future__ import annotations

from datetime import datetime, timedelta

from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.runs.process import LIVE_TOKENS, ProcessIdentity
from hitl_nb.records import Record
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import Store, Transaction
from hitl_nb.structs import prepare_structs

HEARTBEAT_INTERVAL = timedelta(seconds=30)
"""How often a watcher says that it is there."""
WATCHER_TIMEOUT = timedelta(seconds=90)
"""How long after its last heartbeat a watcher counts."""
UNWATCHED_MESSAGE = (
    "nobody watches deadlines: reminders and deadlines wait until somebody looks, and no notifications are sent; "
    "start a Jupyter server with hitl_nb, or run `hitl-nb watch`"
)
"""What is said where a timeline is open and nobody watches."""


class Heartbeat(Record, frozen=True, kw_only=True):
    """A watcher's last sign of life: which process, and when."""

    owner: ProcessIdentity
    at: datetime


class DeadlineWatchers:
    """The watchers of a store."""

    store: Store

    def record_heartbeat(self, owner: ProcessIdentity, now: datetime) -> None:
        """Say that this process watches; heartbeats of the dead are removed."""

        def work(transaction: Transaction) -> None:
            for key, raw in transaction.scan(*prefix_range("watching/")):
                if abs(now - rows.decode_record(raw, Heartbeat, key).at) > WATCHER_TIMEOUT:
                    transaction.delete(key)
            transaction.put(f"watching/{owner.token}", Heartbeat(owner=owner, at=now).json())

        LIVE_TOKENS.add(owner.token)
        self.store.transact(work)

    def stop_watching(self, owner: ProcessIdentity) -> None:
        """Say that this process watches no more."""
        LIVE_TOKENS.discard(owner.token)
        self.store.transact(lambda tx: tx.delete(f"watching/{owner.token}"))

    def list_watchers(self, now: datetime) -> list[ProcessIdentity]:
        """Which processes watch."""
        found = (rows.decode_record(raw, Heartbeat, key) for key, raw in self.store.scan(*prefix_range("watching/")))
        return [
            one.owner for one in found if abs(now - one.at) <= WATCHER_TIMEOUT and one.owner.is_alive() is not False
        ]

    def has_timers(self) -> bool:
        """Whether the clock has something to do with an open proposal, now or later."""
        return bool(self.store.scan(*prefix_range("due/"), limit=1))

    def is_unwatched(self, now: datetime) -> bool:
        """Whether a timeline is open and nobody watches it."""
        return self.has_timers() and not self.list_watchers(now)


prepare_structs(globals())
