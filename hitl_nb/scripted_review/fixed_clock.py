"""The clock that a decisions file sets. It does not run by itself, so policies give the same result in every run."""

from __future__ import annotations

from datetime import datetime


class ManualClock:
    """A clock that moves only when `move_to` is called, and never back.

    Args:
        at: Initial time; aware, UTC.
    """

    def __init__(self, at: datetime) -> None:
        self._at = at

    def current_time(self) -> datetime:
        """Return the time of the clock."""
        return self._at

    def move_to(self, at: datetime) -> None:
        """Set the clock to `at`, unless that is earlier than its time."""
        self._at = max(self._at, at)
