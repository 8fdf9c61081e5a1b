"""The clock of a decisions file: it stands still, so that conditions and timelines give the same on every run."""

from __future__ import annotations

from datetime import datetime


class ManualClock:
    """A clock that only moves when it is told to, and never back.

    Args:
        at: the time that it begins with; aware, UTC.
    """

    def __init__(self, at: datetime) -> None:
        self._at = at

    def current_time(self) -> datetime:
        """What time it is."""
        return self._at

    def move_to(self, at: datetime) -> None:
        """Let it be `at`, unless that is earlier than now."""
        self._at = max(self._at, at)
