"""Why the decisions of a run's last pause are not used, for those who are asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hitl_nb.records import Run

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

EXPIRED_NOTE = "The last decision was not used: "
"""What a note begins with that says so."""


def explain_expiry(ledger: Ledger, run: Run) -> str:
    """Why what the last pause asked is asked again."""
    for event in reversed(ledger.run_events(run.id)):
        if event.type == "decision.expired" and event.data is not None and event.data["pause"] == run.pauses:
            return str(event.data["why"])
    return "it has expired"
