"""Reason why a run does not use the decisions of its last pause, for the people who are asked again.

Decisions expire if they wait too long for the run, or if the policy has become stricter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hitl_nb.records import Run

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger

EXPIRED_NOTE = "The last decision was not used: "
"""Beginning of the note that tells people the reason. The reason follows."""


def explain_expiry(ledger: Ledger, run: Run) -> str:
    """Return the reason why the decisions of a run's last pause expired, from the audit log.

    "it has expired" if the log has no reason.
    """
    for event in reversed(ledger.audit.read_run_events(run.id)):
        if event.type == "decision.expired" and event.data is not None and event.data["pause"] == run.pauses:
            return str(event.data["why"])
    return "it has expired"
