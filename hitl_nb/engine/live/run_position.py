"""Where a run is, as the engine saves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hitl_nb.engine.call_keys.keys import KeyCounts
from hitl_nb.engine.position.frames.frames import SavedStack


@dataclass
class RunPosition:
    """Where a run is, as it is saved.

    Attributes:
        stack: its frames, outermost first; none: the code has ended.
        counts: the counts that the names of its calls continue from.
        result: what the code returned.
        find_line: gives `line`, while the run is still there: few positions are told.
    """

    stack: SavedStack
    counts: KeyCounts
    result: Any = None
    find_line: Callable[[], str] = str

    @property
    def line(self) -> str:
        """The place as sentences name it: "line 3", "line 7 of refund"."""
        return self.find_line()
