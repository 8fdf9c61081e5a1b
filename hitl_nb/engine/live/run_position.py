"""The position of a run in the form in which the engine saves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hitl_nb.engine.call_keys.keys import KeyCounts
from hitl_nb.engine.position.frames.frames import SavedStack


@dataclass
class RunPosition:
    """The position of a run, in the form in which it is saved.

    Attributes:
        stack: The frames of the run, outermost first. Without frames, the code has ended.
        counts: Counters from which the names of the next recorded calls (steps and questions) are made.
        result: Return value of the code, if it has ended.
        find_line: Returns the text for `line`. It is called only if a message needs it, and must be called while the
            run is still at this position.
    """

    stack: SavedStack
    counts: KeyCounts
    result: Any = None
    find_line: Callable[[], str] = str

    @property
    def line(self) -> str:
        """Description of the line for messages: "line 3", "line 7 of refund"."""
        return self.find_line()
