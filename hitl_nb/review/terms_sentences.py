"""Sentences about the terms of a proposal (who must agree, by when) and its votes, for people who read plain text.

They are made from the dictionary that `progress.describe_progress` returns; the argument `told` is this dictionary. The
extension has its own sentences with the same content (`extension/src/components/terms-sentences.ts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_nb.errors import HitlError, OwnRequest
from hitl_nb.ledger.decisions.reviewers import format_person
from hitl_nb.policies.terms.seats import format_need, format_need_progress, is_made_up, join_names
from hitl_nb.records import GuardrailResult, Proposal

ACTION_WORDS = {"approve": "approved", "edit": "approved with edits", "reject": "rejected", "respond": "responded"}
"""Past participle of each action, for sentences."""
ENOUGH_NOTE = (
    "Enough people agree since the terms were changed. One more approval decides. "
    "A person who has approved before may give it."
)
_STEP_SENTENCES = {
    "remind": "A reminder is sent at {at}.",
    "overdue": "It is overdue from {at} on.",
    "reject": "Until {at}; then it is rejected.",
    "approve": "Until {at}; then it is approved, although nobody has decided.",
}


def review_sections(proposal: Proposal, told: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the sections of a proposal's description: pairs of a heading and its sentences.

    Empty sections are left out.

    Args:
        proposal: The proposal.
        told: Its description by `describe_progress`.
    """
    is_open = proposal.status == "open"
    found = [
        (_why_heading(proposal), format_reasons(proposal)),
        (
            "Needed",
            [*format_needs(told["needs"]), *_format_hidden_votes(told), *_format_met_needs(told)] if is_open else [],
        ),
        ("Nobody can decide", [told["stuck"]] if is_open and told["stuck"] else []),
        ("Votes", [format_vote(vote) for vote in told["votes"]]),
        ("Until", list(format_clock(told)) if is_open else []),
        ("Not for you", [told["may"]["why_not"]] if is_open and told.get("may", {}).get("why_not") else []),
    ]
    return [(heading, lines) for heading, lines in found if lines]


def lasting_sections(proposal: Proposal) -> list[tuple[str, list[str]]]:
    """Return the sections of a proposal's description that do not change with time: no votes and no times.

    Each section is a pair of a heading and its sentences. A saved cell output has only these sections.
    """
    why = format_reasons(proposal)
    found = [(_why_heading(proposal), why)] if why else []
    if proposal.terms is None or proposal.status != "open":
        return found
    steps = [step.text for step in proposal.terms.timeline if step.text]
    found.append(("Needed", [format_need(need) for need in proposal.terms.needs]))
    return [*found, ("Then", steps)] if steps else found


def _why_heading(proposal: Proposal) -> str:
    if proposal.decision is None:
        return "Why you are asked" if proposal.status == "open" else "Why it was asked"
    if proposal.decision.by != "policy":
        return "Why it was asked"
    return "Why it is blocked" if proposal.decision.action == "reject" else "Why nobody was asked"


def format_reasons(proposal: Proposal) -> list[str]:
    """Return sentences that say why people are asked, or why a policy passed or blocked the proposal, and its rules.

    A guardrail's message is added only if no other sentence contains it.
    """
    lines = list(proposal.why)
    said = [one for one in proposal.guardrails if one.verdict != "pass"]
    lines += [
        _format_guardrail(one) for one in said if not one.message or not any(one.message in why for why in proposal.why)
    ]
    rules = proposal.terms.rules if proposal.terms is not None else ()
    return [*lines, *([f"{'Rule' if len(rules) == 1 else 'Rules'}: {', '.join(rules)}"] if rules else [])]


def _format_guardrail(one: GuardrailResult) -> str:
    does = "blocks it" if one.verdict == "block" else "asks for a person"
    return f"The guardrail {one.name} {does}" + (f": {one.message}" if one.message else "")


def format_needs(needs: Sequence[dict[str, Any]]) -> list[str]:
    """Return a sentence for each need (required votes): how many people agree, their names, and who can still vote.

    An example is "1 of 2 of @finance: bo; waiting for ada or cy".

    Args:
        needs: The field `needs` of a description by `describe_progress`.
    """
    return [format_need_progress(**need) for need in needs]


def _format_hidden_votes(told: dict[str, Any]) -> list[str]:
    return ["Votes are hidden until everybody has voted."] if told["blind"] else []


def _format_met_needs(told: dict[str, Any]) -> list[str]:
    """Return a note if an open proposal has all required votes and is still open, else an empty list.

    This can happen after its terms were changed, if that change does not decide it. One more approval then decides.
    """
    met = bool(told["needs"]) and all(need["have"] >= need["count"] for need in told["needs"])
    return [ENOUGH_NOTE] if met and told["settles_at"] is None and not told["blind"] else []


def format_still_needed(proposal: Proposal, told: dict[str, Any]) -> str:
    """Return a sentence for a person whose vote did not decide the proposal: the votes that are still needed.

    If the votes are enough but the approval can be taken back, the sentence says until when, and how.

    Args:
        proposal: The proposal after the vote.
        told: Its description by `describe_progress`.
    """
    if proposal.settles_at is not None:
        return (
            f"it settles at {_format_time(proposal.settles_at)}; until then `hitl-nb undo {proposal.id}` takes it back"
        )
    return f"recorded as a vote; it has {', and '.join(format_needs(told['needs']))}"


def format_refusal(error: HitlError, needs: Sequence[dict[str, Any]], *, has_seat: bool) -> str:
    """Return the sentence that says why a person may not decide a proposal, and who can.

    Examples: "You asked for this, so somebody else must approve it: bo or cy", "This needs @finance: bo or cy".

    Args:
        error: The error that a decision of this person would cause.
        needs: The field `needs` of a description by `describe_progress`.
        has_seat: Whether the policy lets this person vote. If the vote is refused all the same, the error says why.
    """
    missing = [need for need in needs if need["waiting"]]
    who = join_names(list(dict.fromkeys(name for need in missing for name in need["waiting"])), "or")
    if isinstance(error, OwnRequest):
        return f"You asked for this, so somebody else must approve it{f': {who}' if who else ''}"
    if has_seat or not who:
        return str(error)
    people = (need["text"].partition(" of ")[2] for need in missing)
    groups = join_names(list(dict.fromkeys(one for one in people if "@" in one)), "and")
    return f"This needs {groups}: {who}" if groups else f"This needs {who}"


def format_read_only(reason: str) -> str:
    """Return the sentence for a person whom the server lets decide nothing. `reason` says why."""
    return f"You may look, not decide: {reason}"


def format_vote(vote: dict[str, Any]) -> str:
    """Describe a vote in a sentence: action, person, how the person is known, time and reason.

    Args:
        vote: An item of the field `votes` of a description by `describe_progress`.
    """
    who = format_person(vote["reviewer"], vote["reviewer_name"], vote.get("known"), vote["surface"])
    line = f"{ACTION_WORDS[vote['action']].capitalize()} by {who}"
    if vote["seat"] and vote["seat"] != vote["reviewer"]:
        line += f", for {vote['seat']}"
    elif vote.get("known") in ("token", "anonymous") and not is_made_up(vote["reviewer"]):
        line += f", as {vote['reviewer']}"  # the name under which the vote counts
    line += f", {_format_time(vote['at'])}"
    if vote["reason"]:
        line += f". Reason: {vote['reason']}"
    return line if vote["counts"] else f"{line} (of another value: it does not count)"


def format_clock(told: dict[str, Any]) -> Iterator[str]:
    """Yield sentences about the timed actions on an open proposal, in order, such as "A reminder is sent at ...".

    Args:
        told: The proposal's description by `describe_progress`.
    """
    if told["overdue"]:
        yield "Overdue."
    if told["settles_at"] is not None:
        yield f"Approved; it settles at {_format_time(told['settles_at'])}, and can be taken back until then."
        return
    if told["timer"] is None:
        return
    for step in told["timer"]["steps"]:
        at, people = _format_time(step["at"]), join_names(step["people"], "or")
        escalates = f"From {at} on {people} may decide too." if people else f"It is escalated at {at}."
        yield _STEP_SENTENCES.get(step["does"], escalates).format(at=at)
    if told["on_deadline"] is None:
        yield "After that it keeps waiting."


def _format_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%SZ")
