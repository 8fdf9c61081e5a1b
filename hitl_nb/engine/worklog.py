"""Which statements took long, since the run's last event: what its timeline shows between two pauses.

Only a note for people, kept with the event that ends the stretch of work; a process that dies takes it along.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from ..records import Statement, now

if TYPE_CHECKING:
    from .layout import Op
    from .stack import Frame

LONG = 0.01
"""Seconds from which a statement is noted."""
MOST = 200
"""Most statements that are kept: the longest."""
WIDEST = 100
"""Characters of a statement that are kept."""


class Worklog:
    """The long statements of one process at work on a run."""

    def __init__(self) -> None:
        self._found: list[Statement] = []
        self.begin()

    def begin(self) -> None:
        """The next statement begins now."""
        self._began = time.perf_counter()

    def took(self, frame: Frame, op: Op, at: float) -> None:
        """`op` has ended at `at`, by the performance counter."""
        seconds = at - self._began
        self._began = at
        if seconds < LONG:
            return
        lines = frame.unit.program.source.split("\n")
        n = op.line - frame.unit.line  # a function counts the lines of its file, and its source begins with itself
        text = lines[n].strip()[:WIDEST] if 0 <= n < len(lines) else ""
        began = now() - timedelta(seconds=seconds)
        self._found.append(Statement(line=op.line, text=text, at=began, seconds=round(seconds, 4)))
        if len(self._found) > 2 * MOST:
            self._found = self.statements()

    def statements(self) -> list[Statement]:
        """The longest of them, in order."""
        longest = sorted(self._found, key=lambda one: one.seconds, reverse=True)[:MOST]
        return sorted(longest, key=lambda one: one.at)
