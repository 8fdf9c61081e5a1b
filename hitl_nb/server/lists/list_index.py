"""The index of one server: data about proposals that is kept in memory, so that lists are fast."""

from __future__ import annotations

import threading
from typing import NamedTuple

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Run
from hitl_nb.server.lists.closed_index import ClosedEntry, ClosedIndex
from hitl_nb.server.lists.log_follower import NOTHING, LogFollower
from hitl_nb.server.lists.open_index import OpenEntry, OpenIndex
from hitl_nb.server.lists.row_parts import DraftChanges, OpenComments, RowParts
from hitl_nb.server.lists.run_figures import RunFigures
from hitl_nb.server.lists.run_index import RunIndex
from hitl_nb.server.lists.saved_notebooks import Gone, find_gone_part_of_question


class RowExtras(NamedTuple):
    """The parts of a row that are not in the proposal's record."""

    summary: str
    alike: str
    numbers: dict[str, float]
    draft: DraftChanges
    comments: OpenComments
    gone: Gone | None


class ListIndex:
    """Data about proposals that a server keeps in memory. It is read when it is first needed, or by `fill`.

    Before each use it is renewed from the audit log. So it is as new as the store, also if other processes write.

    Attributes:
        parts: Parts of the rows of lists.
        open: The open proposals.
        closed: The newest decisions.
        runs: The runs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._follower = LogFollower()
        self.parts = RowParts()
        self.open = OpenIndex(self._lock, self._follow)
        self.closed = ClosedIndex(self._lock, self._follow)
        self.runs = RunIndex(self._lock, self._follow)

    def look(self, ledger: Ledger) -> ListReader:
        """Renew the index from the audit log, and return a reader for one request."""
        with self._lock:
            self._follow(ledger)
        return ListReader(ledger, self, ledger.store.drafts.version())

    def fill(self, ledger: Ledger) -> None:
        """Read everything that lists need, so that the first list is as fast as later ones. This may take seconds."""
        version = ledger.store.drafts.version()
        self.open.fill(ledger)
        self.closed.fill(ledger)
        self.runs.fill(ledger)
        self.open.renew_drafts(ledger, version)

    def _follow(self, ledger: Ledger) -> None:
        """Read the new events of the audit log, and renew everything. The caller has the lock."""
        try:
            changes = self._follower.poll(ledger)
            if changes is not NOTHING:
                self.parts.forget(changes)
                for index in (self.open, self.closed, self.runs):
                    index.renew(ledger, changes)
        except BaseException:
            self._follower.reset()  # some parts may lack these changes, so the next look renews all of them
            raise


class ListReader:
    """Reads the index for one request.

    Args:
        ledger: The ledger.
        index: The index.
        drafts_version: Version of the store of drafts at the beginning of the request.
    """

    def __init__(self, ledger: Ledger, index: ListIndex, drafts_version: int) -> None:
        self._ledger = ledger
        self._index = index
        self._drafts_version = drafts_version

    def read_extras(self, proposal: Proposal) -> RowExtras:
        """Return the parts of a proposal's row that are not in its record."""
        parts, ledger = self._index.parts, self._ledger
        is_open = proposal.status == "open"
        return RowExtras(
            parts.summary(proposal),
            parts.similarity_key(proposal),
            parts.numbers(proposal),
            parts.draft_changes(ledger, proposal, self._drafts_version) if is_open else parts.decided_changes(proposal),
            parts.open_comments(ledger, proposal),
            find_gone_part_of_question(proposal),
        )

    def list_open(self, *, drafts: bool = False) -> list[OpenEntry]:
        """Return all open proposals, oldest first. The caller must not change the list.

        Args:
            drafts: Whether the texts of drafts are needed. Default: False.
        """
        if drafts:
            self._index.open.renew_drafts(self._ledger, self._drafts_version)
        return self._index.open.list_entries(self._ledger)

    def find_closed(self, proposal_id: str) -> OpenEntry | None:
        """Return the last entry of a proposal that was open when the index was read and is closed now; else None."""
        return self._index.open.find_closed(proposal_id)

    def list_decisions(self) -> list[ClosedEntry]:
        """Return the newest decisions in no order, at most `closed_index.MAX_COUNTED`."""
        return self._index.closed.list_entries(self._ledger)

    def list_unended_runs(self) -> list[Run]:
        """Return the runs that are neither finished nor cancelled."""
        return self._index.runs.list_unended(self._ledger)

    def read_run_figures(self, run: Run) -> RunFigures:
        """Return the figures of a run: how much was decided, and for how long the run has worked and waited."""
        return self._index.runs.figures_of(self._ledger, run)
