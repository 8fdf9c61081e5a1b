"""Watchers of a store: processes that take automatic actions on proposals in time, and send notifications.

Watchers are Jupyter servers with hitl_nb, and `hitl-nb watch`. Each one regularly stores its heartbeat (process and
time), so that other processes can see whether a watcher is running.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hitl_nb.ledger.open.due_actions import ProposalTimers
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.runs.process import LIVE_TOKENS, ProcessIdentity
from hitl_nb.records import Record
from hitl_nb.storage.chunked_values import prefix_range
from hitl_nb.storage.interface import Store, Transaction
from hitl_nb.structs import prepare_structs

HEARTBEAT_INTERVAL = timedelta(seconds=30)
"""Time between two heartbeats of a watcher."""
WATCHER_TIMEOUT = timedelta(seconds=90)
"""Time after its last heartbeat at which a watcher no longer counts as running."""
UNWATCHED_MESSAGE = (
    "nobody watches deadlines: reminders and deadlines wait until somebody looks, and no notifications are sent; "
    "start a Jupyter server with hitl_nb, or run `hitl-nb watch`"
)
"""Message to people if automatic actions are planned in a store, and no watcher is running."""


class Heartbeat(Record, frozen=True, kw_only=True):
    """The last heartbeat of a watcher, a process that takes deadline actions in time and sends notifications.

    Attributes:
        owner: The process.
        at: Time of the heartbeat.
    """

    owner: ProcessIdentity
    at: datetime


class DeadlineWatchers:
    """The watchers of a store.

    Args:
        store: The store of the heartbeats.
        timers: Automatic actions on the store's open proposals.
    """

    def __init__(self, store: Store, timers: ProposalTimers) -> None:
        self._store = store
        self._timers = timers

    def record_heartbeat(self, owner: ProcessIdentity, now: datetime) -> None:
        """Record that a watcher is running now, and remove heartbeats older than `WATCHER_TIMEOUT`.

        Args:
            owner: The process that watches.
            now: The current time.
        """

        def work(transaction: Transaction) -> None:
            for key, raw in transaction.scan(*prefix_range("watching/")):
                if abs(now - rows.decode_record(raw, Heartbeat, key).at) > WATCHER_TIMEOUT:
                    transaction.delete(key)
            transaction.put(f"watching/{owner.token}", Heartbeat(owner=owner, at=now).json())

        LIVE_TOKENS.add(owner.token)
        self._store.transact(work)

    def remove_heartbeat(self, owner: ProcessIdentity) -> None:
        """Remove the heartbeat of a watcher (a process that takes deadline actions in time), because it stops."""
        LIVE_TOKENS.discard(owner.token)
        self._store.transact(lambda tx: tx.delete(f"watching/{owner.token}"))

    def list_running(self, now: datetime) -> list[ProcessIdentity]:
        """Return the watchers that are running at the time `now`, according to their heartbeats."""
        found = (rows.decode_record(raw, Heartbeat, key) for key, raw in self._store.scan(*prefix_range("watching/")))
        return [
            one.owner for one in found if abs(now - one.at) <= WATCHER_TIMEOUT and one.owner.is_alive() is not False
        ]

    def are_missing(self, now: datetime) -> bool:
        """Return True if an automatic action on a proposal is planned, and no watcher is running at the time `now`."""
        return self._timers.has_planned_steps() and not self.list_running(now)


prepare_structs(globals())
