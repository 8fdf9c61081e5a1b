"""The words of a card: its state, the label of its primary button, its outcome.

The extension has the same words (`extension/src/components/`). The command line and `text/plain` outputs keep older
ones, because saved notebooks are compared with them.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from hitl_nb.kinds.changes.model import count_of
from hitl_nb.kinds.registry import find_kind
from hitl_nb.ledger.decisions.reviewers import POLICY_REVIEWER
from hitl_nb.policies.terms.seats import format_need
from hitl_nb.records import DecisionRecord, Known, Need, Proposal, effect_happened

ANSWER_LEAD = "The agent gets this text in place of a decision."
REJECT_LEAD = "Why? The agent continues with what you write."

MAX_LINE_CHARS = 120
"""Maximum length of a reason or an answer in a closed card."""

_ACTION_WORDS = {
    "approve": "Approved",
    "edit": "Approved with edits",
    "reject": "Rejected",
    "respond": "Answered",
}
_STATUS_WORDS = {"expired": "Asked again", "superseded": "Withdrawn"}
_DOUBT_WORDS = {True: "Answered, it happened", False: "Answered, it did not happen", None: "Run stopped"}


def outcome_word(proposal: Proposal) -> str:
    """Return what became of a proposal that is no longer open: "Approved with edits", "Passed by policy"."""
    made = proposal.decision
    if proposal.status != "decided" or made is None:
        return _STATUS_WORDS.get(proposal.status, proposal.status.capitalize())
    if proposal.doubt is not None:
        return _doubt_word(made.value)
    if made.by == "policy":
        return "Passed by policy" if made.action == "approve" else "Blocked by policy"
    word = _ACTION_WORDS[made.action]
    return f"{word} by the deadline" if made.by == "deadline" else word


def _doubt_word(value: Any) -> str:
    try:
        return _DOUBT_WORDS[effect_happened(value)]
    except ValueError:
        return "Answered"


def outcome_sign(proposal: Proposal) -> str:
    """Return the sign before the word of an outcome: ✓ approved, ✎ with edits, ✗ rejected, ↩ answered, ○ by nobody."""
    made = proposal.decision
    if proposal.status != "decided" or made is None or made.by in ("policy", "deadline"):
        return "○"
    return {"approve": "✓", "edit": "✎", "reject": "✗", "respond": "↩"}[made.action]


def outcome_tone(proposal: Proposal) -> str:
    """Return the tone of a proposal's edge: "success", "error", "brand", "warn" or "none"."""
    made = proposal.decision
    if proposal.status != "decided" or made is None:
        return "warn" if proposal.status == "expired" else "brand" if proposal.status == "open" else "none"
    if made.by == "policy" and made.action == "approve":
        return "none"
    return {"reject": "error", "respond": "brand"}.get(made.action, "success")


def short_decider(made: DecisionRecord, known: Known | None) -> str:
    """Return who decided, in the few words of a closed card. "(unsigned)": any program can have written the name.

    Args:
        made: The decision.
        known: How the person was identified (see `ledger/decisions/reviewers.py`).
    """
    match known:
        case "login":
            return " ".join(made.reviewer_name.split()) or made.reviewer
        case "token" | "anonymous":
            return "a guest"
        case "policy":
            return f"the policy {made.reviewer.removeprefix(POLICY_REVIEWER)}"
        case "deadline":
            return "the deadline"
        case "script":
            return f"the script {made.reviewer_name or made.reviewer}"
        case _:
            return f"{made.reviewer} (unsigned)"


def subject(proposal: Proposal) -> str:
    """Return the kind of the value for the head of a card: "refund()" for a call of the tool, else the kind's name."""
    if proposal.doubt is not None:
        return f"{proposal.doubt.step}()"
    return f"{proposal.tool}()" if proposal.tool else find_kind(proposal.kind).name


def waits_for(proposal: Proposal) -> str:
    """Return whom an open proposal waits for, for outputs that everybody sees: "Waits for 2 of @finance"."""
    if proposal.doubt is not None:
        return "In doubt"
    needs = proposal.terms.needs if proposal.terms is not None else (Need(),)
    return f"Waits for {' and '.join(map(format_need, needs))}"


def open_state(proposal: Proposal, told: dict[str, Any], *, edited: bool, wrong: bool = False) -> str:
    """Return the state of an open proposal for one person: "Your decision", "Waits for others", "Edited".

    Args:
        proposal: The proposal.
        told: Its description by `describe_progress` for this person.
        edited: Whether the person's draft differs from the value that people decide on.
        wrong: Whether the draft is not valid.
    """
    if proposal.doubt is not None:
        return "In doubt"
    if proposal.settles_at is not None:
        return "Approved" if proposal.candidate is UNSET else "Approved with edits"
    if proposal.stuck:
        return "Nobody can decide"
    have, count = count_votes(told)
    if any(vote["own"] and vote["counts"] and vote["action"] in ("approve", "edit") for vote in told["votes"]):
        return f"You approved, {have} of {count}"
    if not told["may"]["decide"]:
        return "Waits for others"
    if edited or wrong:
        return "Edited"
    return "Your vote" if count > 1 else "Your decision"


def count_votes(told: dict[str, Any]) -> tuple[int, int]:
    """Return how many approvals a proposal has and how many it needs, for all its needs together."""
    needs = told["needs"]
    return sum(need["have"] for need in needs), sum(need["count"] for need in needs) or 1


def primary_label(told: dict[str, Any], *, edited: bool) -> str:
    """Return the label of the button that approves. It says what will happen: "Approve, 2nd of 2".

    Args:
        told: A description by `describe_progress`.
        edited: Whether the draft differs from the value that people decide on. Votes then begin again with the edit.
    """
    have, count = count_votes(told)
    if edited:
        return "Approve with edits"
    return "Approve" if count == 1 else f"Approve, {ordinal(have + 1)} of {count}"


def ordinal(number: int) -> str:
    """Return a number as "1st", "2nd", "3rd", "11th"."""
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def reject_heading(title: str) -> str:
    """Return the heading above the reason of a rejection."""
    return f"Reject “{title}”"


def format_count(count: int | None) -> str:
    """Return "1 change", "3 changes", or "changes" if they were not counted (None)."""
    return "changes" if count is None else count_of(count, "change")


def dropped_changes_note(count: int | None) -> str:
    """Return what becomes of a person's changes when they reject or answer; "" for 0. None: not counted."""
    if count == 0:
        return ""
    stay, them = ("stays", "it") if count == 1 else ("stay", "them")
    return f"Your {format_count(count)} {stay} in the history, the agent does not get {them}."


def shorten_line(text: str) -> str:
    """Return a text on one line, cut after `MAX_LINE_CHARS` characters."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_LINE_CHARS else f"{line[:MAX_LINE_CHARS]}…"
