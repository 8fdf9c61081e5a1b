"""Changes of a store since the last look, found in its audit log, for data that is kept in memory."""

from __future__ import annotations

from typing import NamedTuple

from hitl_nb.ledger.event_reader import EventReader, MemoryCursor
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Event
from hitl_nb.storage.interface import Store

_MAX_EVENTS = 2000


class LoggedChanges(NamedTuple):
    """Ids of the records that changed.

    Attributes:
        proposals: Ids of changed proposals.
        documents: Ids of documents with new comments or with changed comments.
        runs: Ids of changed runs.
        is_everything: True if too much has changed to list it; then all data that is kept must be read again.
    """

    proposals: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    is_everything: bool = False

    def join(self, later: LoggedChanges) -> LoggedChanges:
        """Return these changes and later ones together."""
        return LoggedChanges(
            self.proposals | later.proposals,
            self.documents | later.documents,
            self.runs | later.runs,
            self.is_everything or later.is_everything,
        )


NOTHING = LoggedChanges()
EVERYTHING = LoggedChanges(is_everything=True)


class LogFollower:
    """Follows the audit log of one server's store. The first look finds that everything has changed.

    Not thread-safe: the caller has a lock.
    """

    def __init__(self) -> None:
        self._store: Store | None = None
        self._version = 0
        self._reader: EventReader | None = None

    def poll(self, ledger: Ledger) -> LoggedChanges:
        """Return what has changed since the last call.

        Args:
            ledger: The ledger. If it has another store than before, everything has changed.
        """
        if self._reader is None or self._store is not ledger.store:
            self._store = ledger.store
            return self._begin_at_end(ledger)
        version = ledger.store.version()
        if version == self._version:
            return NOTHING
        events = self._reader.poll(_MAX_EVENTS)
        if len(events) == _MAX_EVENTS:
            return self._begin_at_end(ledger)
        self._version = version
        if events:
            self._reader.mark_handled(events[-1])
        return _changes_in(events)

    def reset(self) -> None:
        """Forget the position in the log. The next call of `poll` finds that everything has changed.

        For a caller that failed to use the changes of the last call, because these are not reported again.
        """
        self._reader = None

    def _begin_at_end(self, ledger: Ledger) -> LoggedChanges:
        self._version = ledger.store.version()
        self._reader = EventReader(ledger.store, MemoryCursor(ledger.audit.newest_event_number()))
        return EVERYTHING


def _changes_in(events: list[Event]) -> LoggedChanges:
    proposals: set[str] = set()
    documents: set[str] = set()
    runs: set[str] = set()
    if any(event.type == "run.forgotten" for event in events):
        return EVERYTHING  # the event does not list the removed proposals
    for event in events:
        if event.proposal is not None:
            proposals.add(event.proposal)
        if event.run is not None:
            runs.add(event.run)
        for key in event.records:
            kind, _, rest = key.partition("/")
            if kind == "proposal":
                proposals.add(rest)
            elif kind in ("comment", "marked"):
                documents.add(rest.partition("/")[0])
    return LoggedChanges(frozenset(proposals), frozenset(documents), frozenset(runs))
