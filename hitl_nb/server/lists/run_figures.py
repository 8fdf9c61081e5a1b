"""Figures of a run: how many questions were decided by whom, and for how long the run has worked and waited.

They are computed from the run's events in the audit log. So no value of a proposal is read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.rows import audit_log
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import Event, Proposal, Run
from hitl_nb.storage import chunked_values

_BEGINS = ("run.opened", "run.resumed")
_ENDS = ("run.paused", "run.failed", "run.finished", "run.cancelled", "run.handed_back")
_LARGE_BYTES = 256 << 10


class RunFigures(NamedTuple):
    """Figures of a run.

    Attributes:
        asked: Number of questions that people were asked.
        people: Number of questions that people decided.
        script: Number of questions that a script or a decisions file decided in place of people.
        deadline: Number of questions that a deadline decided.
        changed: Number of values that people changed.
        worked: Seconds in which processes worked on the run, up to `working_since`.
        working_since: Time since which a process works on the run; None if none does.
        waited: Seconds in which the run waited for people, up to `waiting_since`.
        waiting_since: Time since which the run waits; None if it does not wait.
        last_event_at: Time of the newest event.
        is_in_doubt: True if people are asked now whether a call took effect.
        waits_for: Title of the first question of the pause that is open now; "" if none is.
    """

    asked: int = 0
    people: int = 0
    script: int = 0
    deadline: int = 0
    changed: int = 0
    worked: float = 0.0
    working_since: datetime | None = None
    waited: float = 0.0
    waiting_since: datetime | None = None
    last_event_at: datetime | None = None
    is_in_doubt: bool = False
    waits_for: str = ""


def read_run_figures(ledger: Ledger, run: Run) -> RunFigures:
    """Compute the figures of a run from its events."""
    count = _FigureCount(ledger)
    for event in audit_log.iterate_run_events(ledger.store, run.id, oldest_first=True):
        count.add(event)
    found = count.figures
    if run.status != "waiting":
        return found
    asked = rows.find_proposals(ledger.store, run.id, run.pauses)
    first = _load_small(ledger, asked[0]) if asked else None
    return found._replace(
        is_in_doubt=first is not None and first.doubt is not None,
        waits_for=next(iter(count.open.values()), ""),
    )


class _FigureCount:
    """Counts the events of one run, oldest first.

    Attributes:
        figures: The figures as of the last counted event.
        open: Titles of the questions that are open after it, by the ids of the proposals.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.figures = RunFigures()
        self.open: dict[str, str] = {}

    def add(self, event: Event) -> None:
        """Count one event."""
        data: dict[str, Any] = event.data or {}
        if event.type in (*_BEGINS, *_ENDS):
            self._end_work(event)
        if event.type in _BEGINS:
            self._end_wait(event.at)
            self.figures = self.figures._replace(working_since=event.at)
        elif event.type == "run.paused":
            self.open = {one["id"]: one["title"] for one in data.get("proposals", ())}
            asked = self.figures.asked + len(self.open)
            self.figures = self.figures._replace(asked=asked, waiting_since=event.at)
        elif event.type == "run.cancelled":
            self._end_wait(event.at)
        elif event.type == "decision":
            self._add_decision(event, data)
        self.figures = self.figures._replace(last_event_at=event.at)

    def _end_work(self, event: Event) -> None:
        """End the work of a process. If the process died, it ended with its last event."""
        found = self.figures
        since = found.working_since
        if since is not None:
            died = event.type in _BEGINS
            end = (found.last_event_at or since) if died else event.at
            worked = found.worked + (end - since).total_seconds()
            self.figures = found._replace(worked=worked, working_since=None)

    def _end_wait(self, at: datetime) -> None:
        since = self.figures.waiting_since
        if since is not None:
            waited = self.figures.waited + (at - since).total_seconds()
            self.figures = self.figures._replace(waited=waited, waiting_since=None)

    def _add_decision(self, event: Event, data: dict[str, Any]) -> None:
        found, by = self.figures, data.get("by")
        is_change = data.get("action") == "edit" and by == "person" and not self._is_about_effect(event)
        self.figures = found._replace(
            people=found.people + (by == "person"),
            script=found.script + (by == "script"),
            deadline=found.deadline + (by == "deadline"),
            changed=found.changed + is_change,
        )
        self.open.pop(event.proposal or "", None)
        if not self.open:
            self._end_wait(event.at)

    def _is_about_effect(self, event: Event) -> bool:
        proposal = _load_small(self._ledger, event.proposal or "")
        return proposal is not None and proposal.doubt is not None


def _load_small(ledger: Ledger, proposal_id: str) -> Proposal | None:
    """Return a proposal; None if there is none, or if it is too large to be about an effect in doubt."""
    key = f"proposal/{proposal_id}"
    raw = ledger.store.get(key)
    if raw is None or chunked_values.whole_size(key, raw) > _LARGE_BYTES:
        return None
    return rows.load_proposal(ledger.store, proposal_id)
