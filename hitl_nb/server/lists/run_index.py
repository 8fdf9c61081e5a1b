"""Runs in memory: those that have not ended well, for counts, and the figures of runs that were listed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hitl_nb.errors import UnknownRun
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.run_lists import iterate_newest
from hitl_nb.records import Run
from hitl_nb.server.lists.followed_index import FollowedIndex
from hitl_nb.server.lists.log_follower import LoggedChanges
from hitl_nb.server.lists.run_figures import RunFigures, read_run_figures

_ENDED = ("finished", "cancelled")
_PAGE_SIZE = 200
_MAX_FIGURES = 5000


class RunIndex(FollowedIndex[Run]):
    """The runs that are neither finished nor cancelled, and figures of runs.

    Args:
        lock: As for `FollowedIndex`.
        follow: As for `FollowedIndex`.
    """

    def __init__(self, lock: threading.Lock, follow: Callable[[Ledger], None]) -> None:
        super().__init__(lock, follow)
        self._figures: dict[str, RunFigures] = {}
        self._readings: dict[str, object] = {}  # which reading of a run's events is newest, while one is under way

    def renew(self, ledger: Ledger, changes: LoggedChanges) -> None:
        """Read changed runs again, and forget their figures. The caller has the lock."""
        if changes.is_everything:
            self._figures, self._readings = {}, {}
        for one in changes.runs:
            self._figures.pop(one, None)
            self._readings.pop(one, None)
        super().renew(ledger, changes)

    def list_unended(self, ledger: Ledger) -> list[Run]:
        """Return the runs that are neither finished nor cancelled. The first call reads all runs."""
        return self._use(ledger, lambda entries: list(entries.values()))

    def figures_of(self, ledger: Ledger, run: Run) -> RunFigures:
        """Return the figures of a run. Its events are read without the lock, because there may be many."""
        this = object()
        with self._lock:
            found = self._figures.get(run.id)
            if found is not None:
                return found
            self._readings[run.id] = this
        found = read_run_figures(ledger, run)
        with self._lock:
            if self._readings.get(run.id) is this:  # else the run has changed meanwhile, or is being read again
                del self._readings[run.id]
                if len(self._figures) >= _MAX_FIGURES:
                    self._figures.clear()
                self._figures[run.id] = found
        return found

    def _read_all(self, ledger: Ledger) -> dict[str, Run]:
        found = iterate_newest(ledger.store, before=None, page=_PAGE_SIZE)
        return {run.id: run for run in found if run.status not in _ENDED}

    def _apply(self, ledger: Ledger, entries: dict[str, Run], changes: LoggedChanges) -> None:
        for one in changes.runs:
            entries.pop(one, None)
            run = _load_run(ledger, one)
            if run is not None and run.status not in _ENDED:
                entries[one] = run


def _load_run(ledger: Ledger, run_id: str) -> Run | None:
    try:
        return rows.load_run(ledger.store, run_id)
    except UnknownRun:
        return None
