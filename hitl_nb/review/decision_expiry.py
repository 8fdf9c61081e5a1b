"""Explain why the decisions of a run's last pause are not used, for people who are asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hitl_nb.records import Run

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

EXPIRED_NOTE = "The last decision was not used: "
"""Beginning of a note that says so."""


def explain_expiry(ledger: Ledger, run: Run) -> str:
    """Return why the questions of the last pause are asked again."""
    for event in reversed(ledger.run_events(run.id)):
        if event.type == "decision.expired" and event.data is not None and event.data["pause"] == run.pauses:
            return str(event.data["why"])
    return "it has expired"
