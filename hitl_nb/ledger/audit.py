"""The audit log of a store, for readers: its events, their raw bytes, and the check of the whole log."""

from __future__ import annotations

from hitl_nb.ledger import verification
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.page_limits import check_limit
from hitl_nb.ledger.verification import Verification
from hitl_nb.records import Event
from hitl_nb.storage.interface import Store


class Audit:
    """The audit log of a store.

    Args:
        store: The store of the log.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def read_events(self, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return at most `limit` events with a number above `after`, in order.

        Raises:
            ValueError: `limit` is below 1.
            StoreCorrupt: A stored event is damaged.
        """
        check_limit(limit)
        return [rows.decode_record(raw, Event, f"event {n}") for n, raw in chain.read_events(self._store, after, limit)]

    def read_raw_events(self, *, after: int = 0, limit: int = 1000) -> list[bytes]:
        """Return at most `limit` events with a number above `after`, as the exact bytes that are hashed.

        For export: the hash chain can be checked without this program.

        Raises:
            ValueError: `limit` is below 1.
        """
        check_limit(limit)
        return [raw for _, raw in chain.read_events(self._store, after, limit)]

    def read_run_events(self, run_id: str, *, limit: int = 2000) -> list[Event]:
        """Return the newest `limit` events of a run, oldest first.

        Ends of steps and decisions by policies are left out; `Steps.list_of_run` returns the steps. Empty if there is
        no such run.

        Raises:
            ValueError: `limit` is below 1.
        """
        check_limit(limit)
        return chain.events_of_run(self._store, run_id, limit) if layout.is_id(run_id) else []

    def newest_event_number(self) -> int:
        """Return the number of the newest event; 0 if there is none."""
        return chain.read_head(self._store).n

    def verify(self) -> Verification:
        """Check the whole log, and every record against it.

        The check covers two things. No event was edited, removed, reordered or cut off. And every run, proposal,
        decision, comment, step, workspace and saved state agrees with the newest event about it.

        Returns:
            The result, with the first problem and the records that differ.
        """
        return verification.verify_log(self._store)
