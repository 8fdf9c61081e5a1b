"""What happens to an open proposal that has terms: votes, what the clock does, and taking back. Pure.

Every function takes the proposal as it is and gives it as it is then, with what the log and people are told. The store
does each in one transaction, after it has let the clock do what is due: see `ledger/open/votes.py` and
`ledger/open/due_actions.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from hitl_nb.errors import AlreadyDecided, NotAReviewer, StaleDraft, TooLate
from hitl_nb.policies.terms.closed_proposals import refuse_closed
from hitl_nb.policies.terms.decision_check import verify_made
from hitl_nb.policies.terms.edit_terms import Judged, judge_again
from hitl_nb.policies.terms.seats import People, check_seat, explain_stuck
from hitl_nb.policies.terms.timeline import last_step_at, next_due, next_step, shift_after
from hitl_nb.policies.terms.vote_counts import (
    NeedProgress,
    are_met,
    completes,
    current_value,
    decide_by,
    find_blind_decider,
    hash_terms,
    hash_value,
    is_hidden,
    made_under,
    progress,
    votes_for,
)
from hitl_nb.records import Action, Authn, DecisionRecord, Proposal, TimelineStep, Vote

__all__ = [
    "Change",
    "NeedProgress",
    "People",
    "ask_fallback",
    "begin",
    "check_may",
    "next_due",
    "prepare",
    "progress",
    "tick",
    "undo",
    "verify_made",
    "vote",
]

DEADLINE = "deadline"
"""The reviewer of what the clock decides."""
_TOLD = {"remind": "reminded", "overdue": "overdue", "escalate": "escalated"}


@dataclass(frozen=True)
class Change:
    """What became of a proposal.

    Attributes:
        proposal: as it is then; if it is decided, with its decision, whose `event` is not set yet.
        events: type and data of what the log is told, in order, but for the event of the decision.
        notices: kinds of what people are told.
        decision: the one that was made, if one was.
        due: when the clock's step was due, if the clock did it.
    """

    proposal: Proposal
    events: tuple[tuple[str, dict[str, Any]], ...] = ()
    notices: tuple[str, ...] = ()
    decision: DecisionRecord | None = None
    due: datetime | None = None


def begin(p: Proposal, people: People) -> Change:
    """A proposal that is about to be asked, with its deadline; its fallback is asked at once if nobody else can be."""
    asked = msgspec.structs.replace(p, deadline=last_step_at(p), requesters=tuple(sorted(people.requesters)))
    return ask_fallback(Change(asked), people)


def check_may(
    p: Proposal, people: People, user: str, action: Action, authn: Authn | None, *, os_user: str | None = None
) -> str:
    """In whose place this person may do this now.

    Raises AlreadyDecided, also while an approval settles; NotAReviewer, OwnRequest; ValueError if the proposal does not
    allow the action.
    """
    as_if = Vote(reviewer=user, action=action, at=p.created_at, authn=authn)
    return _check(p, _with_user(people, os_user), as_if)[0]


def prepare(p: Proposal, vote: Vote, people: People, *, judged: Judged | None = None) -> Vote:
    """A vote with all that it is bound to: seats, value, revision, terms; so it can be signed. Raises as `vote`."""
    seats = _check(p, people, vote)
    value = vote.value if vote.action in ("edit", "respond") else current_value(p)
    return msgspec.structs.replace(
        vote,
        seat=seats[0],
        seats=seats,
        value_sha256="" if vote.action == "reject" else hash_value(value),
        revision=p.revision,
        terms_sha256=hash_terms(judge_again(p, vote, people, judged).terms),
    )


def vote(p: Proposal, vote: Vote, people: People, now: datetime, *, judged: Judged | None = None) -> Change:
    """Somebody votes. What was due before `now` must have been done by `tick`.

    `judged` is what the policy says of an edited value. Raises what `check_may` does; StaleDraft for a vote on another
    value than the one that people vote on now; InvalidEdit for a value that the policy blocks.
    """
    due = next_due(p)
    if due is not None and due <= now:
        raise AlreadyDecided(f"proposal {p.id} ({p.title}): what was due at {due.isoformat()} comes first", p)
    if not vote.seats:
        vote = prepare(p, vote, people, judged=judged)
    _check(p, people, vote)
    if vote.action == "approve" and vote.value_sha256 != hash_value(current_value(p)):
        raise StaleDraft(f"{p.title!r} was edited since it was shown; look at it again, then decide")
    was, p = p, judge_again(p, vote, people, judged)
    others = tuple(one for one in p.votes if one.reviewer != vote.reviewer)
    p = msgspec.structs.replace(p, votes=(*others, vote))
    change = _counted(p, vote, people, now, was_hidden=is_hidden(was))
    events = [("vote", _told_vote(change.proposal, vote, people))]
    if p.terms != was.terms or p.allow != was.allow:
        events.append(("terms.changed", _told_terms(was, change.proposal, f"{vote.reviewer} edited it", now)))
    return ask_fallback(Change(change.proposal, tuple(events), change.notices, change.decision), people)


def tick(p: Proposal, people: People, now: datetime) -> Change | None:
    """What the clock does at `now`, one step at most; None if nothing is due."""
    due, step = next_due(p), next_step(p)
    if due is None or now < due:
        return None
    settled = completes(p)
    if settled is not None:
        return _decided(p, decide_by(p, settled, now, due), due)
    if step is None:
        return None
    if step.does in ("reject", "approve") and _may_decide(p, step):
        return _decided(p, _decide_by_clock(p, step, now), due)
    shift = shift_after(p, p.step, now, p.shift)
    told: dict[str, Any] = {"due": due.isoformat(), "at": now.isoformat(), "step": step.text, "n": p.step}
    p = msgspec.structs.replace(p, step=p.step + 1, shift=shift)
    does = step.does if step.does in _TOLD else "overdue"  # the clock may not decide this one
    if does == "escalate":
        people_asked = step.people or (p.terms.fallback if p.terms is not None else ())
        p = _widened(p, people_asked)
        p = msgspec.structs.replace(p, stuck=_explain_stuck(p, people))
        told["people"] = list(people_asked)
    elif does == "overdue":
        p = msgspec.structs.replace(p, overdue=True)
    elif step.people:
        told["people"] = list(step.people)
    p = msgspec.structs.replace(p, deadline=last_step_at(p))
    return Change(p, ((f"proposal.{_TOLD[does]}", told),), (_TOLD[does],), due=due)


def undo(p: Proposal, people: People, user: str, now: datetime) -> Change:
    """Somebody takes the approval back that completed the votes. Raises TooLate; NotAReviewer for anybody else."""
    if p.status != "open":
        raise TooLate(f"{p.title!r} is decided; what was approved can no longer be taken back")
    settled = completes(p)
    if settled is None or p.settles_at is None:
        raise TooLate(f"there is no approval of {p.title!r} that can be taken back")
    if settled.reviewer != user:
        raise NotAReviewer(f"{settled.reviewer} approved {p.title!r} last, and nobody else can take that back")
    if now >= p.settles_at:
        raise TooLate(f"{p.title!r} could be taken back until {p.settles_at.isoformat()}; it is decided")
    left = p.votes[:-1]
    back = msgspec.structs.replace(p, votes=left, settles_at=None)
    if settled.action == "edit":
        edits = [one.value for one in left if one.action == "edit"]
        back = _voting_on(back, edits[-1] if edits else p.value)
    told: dict[str, Any] = {"action": settled.action, "value_sha256": settled.value_sha256, "vote": settled.event}
    told["at"] = now.isoformat()
    return ask_fallback(Change(back, (("vote.withdrawn", told),)), people)


def _check(p: Proposal, people: People, vote: Vote) -> tuple[str, ...]:
    """The seats of who votes. Raises what `check_may` does."""
    refuse_closed(p)
    if vote.action not in p.allow:
        allowed = ", ".join(p.allow)
        raise ValueError(f"{vote.action!r} is not allowed for proposal {p.id} ({p.title}); it allows {allowed}")
    seats = check_seat(p, people, vote)
    settled = completes(p)
    if settled is not None and p.settles_at is not None and vote.action in ("approve", "edit"):
        until = p.settles_at.isoformat(sep=" ", timespec="seconds")
        raise AlreadyDecided(f"proposal {p.id} ({p.title}) is approved by {settled.reviewer}; it settles at {until}", p)
    return seats


def _counted(p: Proposal, vote: Vote, people: People, now: datetime, *, was_hidden: bool) -> Change:
    """What a vote makes that is among the votes by now."""
    if is_hidden(p):
        return Change(p)
    blind = p.terms is not None and p.terms.blind
    refusing = find_blind_decider(p) if blind else vote if vote.action in ("reject", "respond") else None
    if refusing is not None:
        return _decided(p, decide_by(p, refusing, now))
    edits = [one.value for one in p.votes if one.action == "edit"]
    if vote.action == "edit":
        p = _voting_on(p, vote.value)
    elif was_hidden and edits and not are_met(p, hash_value(current_value(p)), people):
        p = _voting_on(p, edits[-1])  # the votes are shown from here on, and this is what is voted on
    if not are_met(p, hash_value(current_value(p)), people):
        return Change(p)
    window = p.terms.undo if p.terms is not None else None
    if window:
        return Change(msgspec.structs.replace(p, settles_at=now + timedelta(seconds=window)))
    return _decided(p, decide_by(p, vote, now))


def _decided(p: Proposal, decision: DecisionRecord, due: datetime | None = None) -> Change:
    closed = {"status": "decided", "decision": decision, "revision": p.revision + 1, "settles_at": None, "stuck": ""}
    return Change(msgspec.structs.replace(p, **closed), (), ("decided",), decision, due)


def _decide_by_clock(p: Proposal, step: TimelineStep, now: datetime) -> DecisionRecord:
    return DecisionRecord(
        action="approve" if step.does == "approve" else "reject",
        reason=f"nobody decided in time ({step.text or step.does})",
        reviewer=DEADLINE,
        by="deadline",
        decided_at=now,
        fingerprint=p.fingerprint,
        **made_under(p, now),
    )


def _may_decide(p: Proposal, step: TimelineStep) -> bool:
    """Whether the clock may decide a proposal: never what happened in the world, nor over a person's edit."""
    untouched = p.candidate is UNSET and not any(one.action != "approve" for one in p.votes)
    return step.does in p.allow and p.doubt is None and (step.does == "reject" or untouched)


def _voting_on(p: Proposal, value: Any) -> Proposal:
    """The proposal with another value that people vote on; its revision grows if it is another."""
    sha256 = hash_value(value)
    if sha256 == hash_value(current_value(p)):
        return p
    candidate = UNSET if sha256 == hash_value(p.value) else value
    return msgspec.structs.replace(p, candidate=candidate, revision=p.revision + 1)


def _widened(p: Proposal, more: Iterable[str]) -> Proposal:
    return msgspec.structs.replace(p, widened=tuple(dict.fromkeys((*p.widened, *more))))


def ask_fallback(change: Change, people: People) -> Change:
    """The change, with the fallback asked at once if nobody else may decide; it is marked if nobody is left.

    It is said once: a proposal that is marked like this already, and whose fallback was asked, stays as it is.
    """
    p = change.proposal
    if p.terms is None or p.status != "open":
        return change
    why = _explain_stuck(p, people)
    more = [one for one in p.terms.fallback if one not in p.widened] if why else []
    if why == p.stuck and not more:
        return change
    events: list[tuple[str, dict[str, Any]]] = [("proposal.stuck", {"why": why}) if why else ("proposal.unstuck", {})]
    notices = ["stuck"] if why and not p.stuck else []
    if more:
        p = _widened(p, more)
        events.append(("proposal.escalated", {"people": more, "why": why}))
        notices.append("escalated")
    p = msgspec.structs.replace(p, stuck=_explain_stuck(p, people))
    return Change(p, (*change.events, *events), (*change.notices, *notices), change.decision, change.due)


def _explain_stuck(p: Proposal, people: People) -> str:
    votes = p.votes if is_hidden(p) else votes_for(p, hash_value(current_value(p)))
    return explain_stuck(p, people, votes)


def _told_vote(p: Proposal, vote: Vote, people: People) -> dict[str, Any]:
    """What the log says of a vote: all of it but the value, which is there as its hash."""
    told: dict[str, Any] = msgspec.to_builtins(vote)
    for name in ("value", "reviewer", "at", "event"):
        told.pop(name)
    told["fingerprint"] = p.fingerprint
    told["at"] = vote.at.isoformat()
    told["needs"] = [[one.text, one.have, one.count] for one in progress(p, people)] if p.status == "open" else []
    if p.settles_at is not None:
        told["settles_at"] = p.settles_at.isoformat()
    return told


def _told_terms(was: Proposal, p: Proposal, why: str, at: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {"why": why, "from": hash_terms(was.terms), "to": hash_terms(p.terms)}
    told |= {"at": at.isoformat(), "begins": False}
    if p.settles_at is not None:
        told["settles_at"] = p.settles_at.isoformat()
    if p.terms is not None:
        told |= {"needs": [need.text for need in p.terms.needs], "rules": list(p.terms.rules)}
    return told


def _with_user(people: People, os_user: str | None) -> People:
    return people if os_user is None else People(people.requesters, people.away, os_user)
