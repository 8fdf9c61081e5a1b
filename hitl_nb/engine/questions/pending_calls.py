"""The pending call of a pause: the call, such as `checkpoint(...)`, with which the agent waits for decisions."""

from __future__ import annotations

from typing import Any

from hitl_nb.review.decision import Decision, LiveQuestion


class PendingCall:
    """A call of the agent, such as `checkpoint(...)`, that waits for decisions of people.

    It is saved with the run's position. A resume computes the result of the call from the decisions; the call is not
    made again.

    Args:
        asked: The questions of the call.

    Attributes:
        asked: The questions of the call.
        pause: Number of the pause at which it asked. 0 in snapshots of older versions, which means the run's last
            pause.
        shown: True if the decisions of the run's last pause are among the saved outputs of the cell.
    """

    pause = 0
    shown = False

    def __init__(self, asked: list[LiveQuestion]) -> None:
        self.asked = asked

    def complete(self, decisions: list[Decision]) -> Any:
        """Return the result of the call, computed from the decisions of people. It may be an awaitable.

        Args:
            decisions: One decision for each question in `asked`.

        Raises:
            Exception: The call raises it, for example because people rejected the proposal.
        """
        raise AssertionError
