"""The audit log of a store, for readers: its events, their raw bytes, and the check of the whole log."""

from __future__ import annotations

from hitl_nb.ledger import verification
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.page_limits import check_limit
from hitl_nb.ledger.verification import Verification
from hitl_nb.records import Event
from hitl_nb.records.event_csv import EVENT_CSV_HEAD, format_event_csv
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

    def export(self, run_id: str | None = None, *, after: int = 0, limit: int = 1000) -> tuple[list[bytes], int | None]:
        """Return events of the log or of one run, as the exact bytes that are hashed. No event is left out.

        Args:
            run_id: Id of the run. None (default): all events.
            after: Second result of the call before. Default: 0, the beginning of the log.
            limit: Number of events of the log to search. Default: 1000.

        Returns:
            The events among the searched ones, oldest first; and the number of the last searched event, or None if the
            log has no more events.

        Raises:
            ValueError: `limit` is below 1.
        """
        check_limit(limit)
        start = after
        if run_id is not None and after == 0:
            first = chain.first_event_of_run(self._store, run_id) if layout.is_id(run_id) else None
            if first is None:
                return [], None
            start = first - 1
        found = chain.read_events(self._store, start, limit)
        mine = [raw for _, raw in found if run_id is None or chain.is_about_run(raw, run_id)]
        return mine, found[-1][0] if len(found) == limit else None

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

    def verify(self, run_id: str | None = None) -> Verification:
        """Check the whole log, and every record against it.

        The check covers two things. No event was edited, removed, reordered or cut off. And every run, proposal,
        decision, comment, step, workspace and saved state agrees with the newest event about it.

        Args:
            run_id: Id of a run: only the records of this run are checked, and the whole log. None (default): all.

        Returns:
            The result, with the first problem and the records that differ.
        """
        return verification.verify_log(self._store, run_id)


def format_export(events: list[bytes], *, as_csv: bool = False, is_first: bool = True) -> bytes:
    """Return events as lines of JSON, byte for byte as they are hashed, or as CSV.

    Args:
        events: The events as they are stored.
        as_csv: Whether to return CSV. Default: False.
        is_first: Whether these are the first events of the export; the CSV then begins with the names of the columns.
            Default: True.
    """
    if as_csv:
        return (EVENT_CSV_HEAD if is_first else b"") + format_event_csv(events)
    return b"".join(raw + b"\n" for raw in events)
