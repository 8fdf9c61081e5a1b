"""Which statements took long, since the run's last event: what its timeline shows between two pauses.

Only a note for people, kept with the event that ends the stretch of work; a process that dies takes it along.
"""

from __future__ import annotations

import linecache
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from hitl_nb.records import Statement, now

if TYPE_CHECKING:
    from types import FrameType

LONG_SECONDS = 0.01
"""Seconds from which a statement is noted."""
MAX_STATEMENTS = 200
"""Most statements that are kept: the longest."""
MAX_LINE_CHARS = 100
"""Characters of a statement that are kept."""


class Worklog:
    """The long statements of one process at work on a run."""

    def __init__(self) -> None:
        self._found: list[Statement] = []
        self.begin_statement()

    def begin_statement(self) -> None:
        """Begin the next statement."""
        self._began = time.perf_counter()

    def record_statement(self, frame: FrameType, at: float) -> None:
        """Record that the statement at the line of `frame` has ended at `at`, by the performance counter."""
        seconds = at - self._began
        self._began = at
        if seconds < LONG_SECONDS:
            return
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals).strip()[:MAX_LINE_CHARS]
        began = now() - timedelta(seconds=seconds)
        self._found.append(Statement(line=frame.f_lineno, text=text, at=began, seconds=round(seconds, 4)))
        if len(self._found) > 2 * MAX_STATEMENTS:
            self._found = self.list_longest()

    def list_longest(self) -> list[Statement]:
        """List the longest of them, in order."""
        longest = sorted(self._found, key=lambda one: one.seconds, reverse=True)[:MAX_STATEMENTS]
        return sorted(longest, key=lambda one: one.at)
