"""Log of the statements that took long since the run's last event. The timeline shows it between two pauses.

The log is only information for people. It is stored with the next event of the run. If the process dies before that,
the log is lost.
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
"""Minimum duration, in seconds, of a statement that is logged."""
MAX_STATEMENTS = 200
"""Maximum number of statements that are kept: the longest."""
MAX_LINE_CHARS = 100
"""Maximum number of characters of a statement's text that are kept."""


class Worklog:
    """Log of the slow statements of one run in this process, for the timeline."""

    def __init__(self) -> None:
        self._found: list[Statement] = []
        self.begin_statement()

    def begin_statement(self) -> None:
        """Start to measure the time of the next statement."""
        self._began = time.perf_counter()

    def record_statement(self, frame: FrameType, at: float) -> None:
        """Record that a statement has ended; it is logged if it took `LONG_SECONDS` or more.

        Args:
            frame: Frame of the statement. Its current line is the line of the statement.
            at: Time of the end, by `time.perf_counter()`.
        """
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
        """List the longest statements, at most `MAX_STATEMENTS`, in the order of their start."""
        longest = sorted(self._found, key=lambda one: one.seconds, reverse=True)[:MAX_STATEMENTS]
        return sorted(longest, key=lambda one: one.at)
