"""Runs in memory: those that have not ended well, for counts, and the figures of runs that were listed."""

from __future__ import annotations

from hitl_nb.errors import UnknownRun
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.rows.run_lists import iterate_newest
from hitl_nb.records import Run
from hitl_nb.server.lists.log_follower import LoggedChanges
from hitl_nb.server.lists.run_figures import RunFigures, read_run_figures

_ENDED = ("finished", "cancelled")
_PAGE_SIZE = 200
_MAX_FIGURES = 5000


class RunIndex:
    """The runs that are neither finished nor cancelled, and figures of runs. The caller has a lock."""

    def __init__(self) -> None:
        self._unended: dict[str, Run] | None = None
        self._figures: dict[str, RunFigures] = {}

    def renew(self, ledger: Ledger, changes: LoggedChanges) -> None:
        """Read changed runs again, and forget their figures."""
        if changes.is_everything:
            self._unended, self._figures = None, {}
            return
        for one in changes.runs:
            self._figures.pop(one, None)
            if self._unended is not None:
                self._unended.pop(one, None)
                run = _load_run(ledger, one)
                if run is not None and run.status not in _ENDED:
                    self._unended[one] = run

    def list_unended(self, ledger: Ledger) -> list[Run]:
        """Return the runs that are neither finished nor cancelled. The first call reads all runs."""
        if self._unended is None:
            found = iterate_newest(ledger.store, before=None, page=_PAGE_SIZE)
            self._unended = {run.id: run for run in found if run.status not in _ENDED}
        return list(self._unended.values())

    def figures_of(self, ledger: Ledger, run: Run) -> RunFigures:
        """Return the figures of a run."""
        found = self._figures.get(run.id)
        if found is None:
            if len(self._figures) >= _MAX_FIGURES:
                self._figures.clear()
            found = self._figures[run.id] = read_run_figures(ledger, run)
        return found


def _load_run(ledger: Ledger, run_id: str) -> Run | None:
    try:
        return rows.load_run(ledger.store, run_id)
    except UnknownRun:
        return None
