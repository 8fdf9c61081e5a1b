"""A call that waits for decisions, as it is saved with the position."""

from __future__ import annotations

from typing import Any

from hitl_nb.review.decision import Decision, LiveQuestion


class PendingCall:
    """A call that waits for decisions. It is saved with the position, and completed in place of being repeated.

    Attributes:
        pause: the number of the pause that asked; 0 in snapshots of older versions: the run's last one.
        shown: whether what was decided at the run's last pause is among the saved outputs.
    """

    pause = 0
    shown = False

    def __init__(self, asked: list[LiveQuestion]) -> None:
        self.asked = asked

    def complete(self, decisions: list[Decision]) -> Any:
        """Compute the value of the call, now that people decided; may raise, may return an awaitable."""
        raise AssertionError
