"""What `progress.describe` tells of a proposal's terms, in sentences for people who read plain text.

The extension says the same in its own words (`extension/src/view/sentences.ts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from hitl_nb.records import GuardrailResult, Proposal
from hitl_nb.store.reviewers import named

_SAID = {"approve": "Approved", "edit": "Approved with edits", "reject": "Rejected", "respond": "Answered"}
_KNOWN = {
    "login": "{}, logged in",
    "token": "{}, a guest (the server knows its token only)",
    "anonymous": "{}, a guest (not logged in)",
}
ENOUGH = "Enough people agree since the terms were changed. One more approval decides, also by who has approved before."
_DOES = {
    "remind": "a reminder is sent at {at}",
    "overdue": "it is overdue from {at} on",
    "reject": "at {at} it is rejected",
    "approve": "at {at} it is approved",
}


def parts(p: Proposal, told: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Headings and the sentences below each; only those that there are. `told` is what `describe` gave of `p`."""
    is_open = p.status == "open"
    found = [
        (_why_heading(p), why_lines(p)),
        ("Needed", [*need_lines(told["needs"]), *_hidden(told), *_enough(told)] if is_open else []),
        ("Nobody can decide", [told["stuck"]] if is_open and told["stuck"] else []),
        ("Votes", [vote_line(vote) for vote in told["votes"]]),
        ("Until", list(clock_lines(told, p.deadline)) if is_open else []),
        ("Not for you", [told["may"]["why_not"]] if is_open and told.get("may", {}).get("why_not") else []),
    ]
    return [(heading, lines) for heading, lines in found if lines]


def lasting_parts(p: Proposal) -> list[tuple[str, list[str]]]:
    """What a policy said when it was asked, without what becomes another with time: no votes, no times."""
    why = why_lines(p)
    found = [(_why_heading(p), why)] if why else []
    if p.terms is None or p.status != "open":
        return found
    steps = [step.text for step in p.terms.timeline if step.text]
    found.append(("Needed", [need.text for need in p.terms.needs]))
    return [*found, ("Then", steps)] if steps else found


def _why_heading(p: Proposal) -> str:
    if p.decision is None:
        return "Why you are asked" if p.status == "open" else "Why it was asked"
    if p.decision.by != "policy":
        return "Why it was asked"
    return "Why it is blocked" if p.decision.action == "reject" else "Why nobody was asked"


def why_lines(p: Proposal) -> list[str]:
    """Why a proposal is asked, passed or blocked; what a guardrail said only if no other sentence has it."""
    lines = list(p.why)
    said = [one for one in p.guardrails if one.verdict != "pass"]
    lines += [_guardrail(one) for one in said if not one.message or not any(one.message in why for why in p.why)]
    rules = p.terms.rules if p.terms is not None else ()
    return [*lines, *([f"{'Rule' if len(rules) == 1 else 'Rules'}: {', '.join(rules)}"] if rules else [])]


def _guardrail(one: GuardrailResult) -> str:
    does = "blocks it" if one.verdict == "block" else "wants a person to look"
    return f"The guardrail {one.name} {does}" + (f": {one.message}" if one.message else "")


def need_lines(needs: Sequence[dict[str, Any]]) -> list[str]:
    """Of each need how many agree, who, and who may still: "1 of 2 of @finance: bo; waiting for ada or cy"."""
    lines: list[str] = []
    for need in needs:
        waiting = f"waiting for {_any_of(need['waiting'])}" if need["waiting"] else ""
        rest = "; ".join(part for part in (_all_of(need["voted"]), waiting) if part)
        lines.append(f"{need['have']} of {need['text']}" + (f": {rest}" if rest else ""))
    return lines


def _hidden(told: dict[str, Any]) -> list[str]:
    return ["Votes are hidden until everybody has voted."] if told["blind"] else []


def _enough(told: dict[str, Any]) -> list[str]:
    """What an open proposal waits for whose needs are met: they were changed, and no change decides by itself."""
    met = bool(told["needs"]) and all(need["have"] >= need["count"] for need in told["needs"])
    return [ENOUGH] if met and told["settles_at"] is None and not told["blind"] else []


def still_needed(p: Proposal, told: dict[str, Any]) -> str:
    """What a proposal waits for although somebody has just voted on it."""
    if p.settles_at is not None:
        return f"it settles at {_time(p.settles_at)}; until then `hitl-nb undo {p.id}` takes it back"
    return f"recorded as a vote; it has {', and '.join(need_lines(told['needs']))}"


def vote_line(vote: dict[str, Any]) -> str:
    """Who said what, for whom, how that is known, when and why."""
    script = f"the script {vote['reviewer_name']}, as {vote['reviewer']}" if vote.get("known") == "script" else ""
    who = script or _KNOWN.get(vote.get("known", ""), "{} (unsigned: any program of this user can say so)").format(
        named(vote["reviewer"], vote["reviewer_name"])
    )
    line = f"{_SAID[vote['action']]} by {who}"
    if vote["seat"] and vote["seat"] != vote["reviewer"]:
        line += f", for {vote['seat']}"
    line += f", {_time(vote['at'])}"
    if vote["reason"]:
        line += f". Reason: {vote['reason']}"
    return line if vote["counts"] else f"{line} (of another value: it does not count)"


def clock_lines(told: dict[str, Any], deadline: datetime | None) -> Iterator[str]:
    """Until when a proposal waits, and what happens then."""
    if told["overdue"]:
        yield "Overdue."
    if told["settles_at"] is not None:
        yield f"Approved; it settles at {_time(told['settles_at'])}, and can be taken back until then."
        return
    last, timer = told["on_deadline"], told["timer"]
    if deadline is not None and last is not None:
        then = "rejected" if last == "reject" else "approved, although nobody has decided"
        yield f"Until {_time(deadline)}; then it is {then}."
    if timer is not None and timer["at"] != deadline:
        at, people = _time(timer["at"]), _any_of(timer["people"])
        escalates = f"from {at} on {people} may decide too" if people else f"it is escalated at {at}"
        line = _DOES.get(timer["does"], escalates).format(at=at)
        yield f"{line[0].upper()}{line[1:]}."
    if timer is not None and last is None:
        yield "After that it keeps waiting."


def _any_of(names: Sequence[str]) -> str:
    return _joined(names, "or")


def _all_of(names: Sequence[str]) -> str:
    return _joined(names, "and")


def _joined(names: Sequence[str], word: str) -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%SZ")
