"""What is said to somebody who decides a proposal that is no longer open."""

from __future__ import annotations

from hitl_nb.errors import AlreadyDecided
from hitl_nb.records import Action, Proposal

_DONE: dict[Action, str] = {
    "approve": "approved",
    "edit": "edited and approved",
    "reject": "rejected",
    "respond": "responded to",
}


def refuse_closed(p: Proposal) -> None:
    """Raises AlreadyDecided, with who decided what, unless `p` is open."""
    if p.status == "open":
        return
    if p.decision is None:
        why = "has expired" if p.status == "expired" else "was superseded: its run was cancelled or started anew"
        raise AlreadyDecided(f"proposal {p.id} ({p.title}) {why}; it can no longer be decided", p)
    made, done = p.decision, _DONE[p.decision.action]
    if made.by == "deadline":
        at = made.decided_at.isoformat(sep=" ", timespec="seconds")
        raise AlreadyDecided(f"proposal {p.id} ({p.title}) is already decided: the deadline {done} it at {at}", p)
    by = made.reviewer + (" (unsigned)" if made.by == "person" and made.signature is None else "")
    reason = f" ({made.reason})" if made.reason else ""
    raise AlreadyDecided(f"proposal {p.id} ({p.title}) is already decided: {by} {done} it{reason}", p)
