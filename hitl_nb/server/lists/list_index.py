"""The index of one server: data about proposals that is kept in memory, so that lists are fast."""

from __future__ import annotations

import threading
from typing import NamedTuple

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal
from hitl_nb.server.lists.log_follower import NOTHING, LogFollower
from hitl_nb.server.lists.open_index import OpenEntry, OpenIndex
from hitl_nb.server.lists.row_parts import UNEDITED, DraftChanges, OpenComments, RowParts


class RowExtras(NamedTuple):
    """The parts of a row that are not in the proposal's record."""

    summary: str
    alike: str
    draft: DraftChanges
    comments: OpenComments


class ListIndex:
    """Data about proposals that a server keeps in memory. It is read when it is first needed.

    Before each use it is renewed from the audit log. So it is as new as the store, also if other processes write.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._follower = LogFollower()
        self._parts = RowParts()
        self._open = OpenIndex()

    def look(self, ledger: Ledger) -> ListReader:
        """Renew the index from the audit log, and return a reader for one request."""
        with self._lock:
            changes = self._follower.poll(ledger)
            if changes is not NOTHING:
                self._parts.forget(changes)
                self._open.renew(ledger, changes)
        return ListReader(ledger, self._lock, self._parts, self._open, ledger.store.drafts.version())


class ListReader:
    """Reads the index for one request.

    Args:
        ledger: The ledger.
        lock: Lock of the index.
        parts: The parts of rows.
        open_index: The open proposals.
        drafts_version: Version of the store of drafts at the beginning of the request.
    """

    def __init__(
        self, ledger: Ledger, lock: threading.Lock, parts: RowParts, open_index: OpenIndex, drafts_version: int
    ) -> None:
        self._ledger = ledger
        self._lock = lock
        self._parts = parts
        self._open = open_index
        self._drafts_version = drafts_version

    def read_extras(self, proposal: Proposal) -> RowExtras:
        """Return the parts of a proposal's row that are not in its record."""
        parts, ledger = self._parts, self._ledger
        is_open = proposal.status == "open"
        return RowExtras(
            parts.summary(proposal),
            parts.similarity_key(proposal),
            parts.draft_changes(ledger, proposal, self._drafts_version) if is_open else UNEDITED,
            parts.open_comments(ledger, proposal),
        )

    def list_open(self, *, drafts: bool = False) -> list[OpenEntry]:
        """Return all open proposals, oldest first. The caller must not change the list.

        Args:
            drafts: Whether the texts of drafts are needed. Default: False.
        """
        with self._lock:
            if drafts:
                self._open.renew_drafts(self._ledger, self._drafts_version)
            return self._open.list_entries(self._ledger)

    def find_closed(self, proposal_id: str) -> OpenEntry | None:
        """Return the last entry of a proposal that was open when the index was read and is closed now; else None."""
        with self._lock:
            return self._open.find_closed(proposal_id)
