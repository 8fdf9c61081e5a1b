"""Error for people who decide a proposal that is no longer open."""

from __future__ import annotations

from hitl_nb.errors import AlreadyDecided
from hitl_nb.records import Action, Proposal

_ACTION_WORDS: dict[Action, str] = {
    "approve": "approved",
    "edit": "edited and approved",
    "reject": "rejected",
    "respond": "responded to",
}


def refuse_closed(proposal: Proposal) -> None:
    """Raise an error if the proposal is closed, because a closed proposal cannot be decided. Do nothing if it is open.

    Raises:
        AlreadyDecided: The proposal is decided, expired or superseded. The message says which person or deadline
            decided it, and how.
    """
    if proposal.status == "open":
        return
    if proposal.decision is None:
        raise AlreadyDecided(
            f"proposal {proposal.id} ({proposal.title}) {_say_why(proposal)}; it can no longer be decided", proposal
        )
    made, done = proposal.decision, _ACTION_WORDS[proposal.decision.action]
    if made.by == "deadline":
        at = made.decided_at.isoformat(sep=" ", timespec="seconds")
        raise AlreadyDecided(
            f"proposal {proposal.id} ({proposal.title}) is already decided: the deadline {done} it at {at}", proposal
        )
    by = made.reviewer + (" (unsigned)" if made.by == "person" and made.signature is None else "")
    reason = f" ({made.reason})" if made.reason else ""
    raise AlreadyDecided(
        f"proposal {proposal.id} ({proposal.title}) is already decided: {by} {done} it{reason}", proposal
    )


def _say_why(proposal: Proposal) -> str:
    if proposal.status == "expired":
        return "has expired"
    if proposal.held:
        return "was withdrawn: the program that asked no longer waits for an answer"
    return "was superseded: its run was cancelled or restarted"
