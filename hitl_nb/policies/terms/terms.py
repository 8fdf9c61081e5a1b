"""Changes of an open proposal that has terms: votes, due actions of the clock, and votes that are taken back.

An open proposal waits for a decision. Its *terms* say how many votes of which people are needed, and what the clock
does if nobody decides (the *timeline*). A *seat* is a named person's right to vote; a deputy can use it while that
person is away. The *fallback* are people who are asked if nobody else may decide.

The functions are pure: each takes the current proposal and returns the changed one, with the events and notices to
write. The store does each in one transaction, after the clock has done everything that is due. See
`ledger/open/votes.py` and `ledger/open/due_actions.py`.
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
from hitl_nb.policies.terms.decision_check import verify_decision_votes
from hitl_nb.policies.terms.edit_terms import EditPlan, add_edit_terms
from hitl_nb.policies.terms.seats import People, check_seat, explain_stuck
from hitl_nb.policies.terms.timeline import last_step_time, next_due_time, next_step, shift_after
from hitl_nb.policies.terms.vote_counts import (
    NeedProgress,
    are_met,
    current_value,
    decision_terms_fields,
    find_blind_decider,
    find_completing_vote,
    find_withdrawable_vote,
    hash_terms,
    hash_value,
    is_hidden,
    list_votes_for,
    make_vote_decision,
    need_progress,
)
from hitl_nb.records import Action, Authn, DecisionRecord, Proposal, TimelineStep, VoteRecord

__all__ = [
    "Change",
    "NeedProgress",
    "People",
    "ask_fallback",
    "begin_proposal",
    "cast_vote",
    "check_permission",
    "need_progress",
    "next_due_time",
    "prepare_vote",
    "run_due_step",
    "undo_approval",
    "verify_decision_votes",
]

DEADLINE_ACTOR = "deadline"
"""Name that a decision by the clock has in place of a reviewer's name."""
_STEP_EVENTS = {"remind": "reminded", "overdue": "overdue", "escalate": "escalated"}


@dataclass(frozen=True)
class Change:
    """A computed change of a proposal, for the store to write: the changed proposal, log events and notifications.

    Attributes:
        proposal: The changed proposal. If it is decided, the `event` of its decision is not yet set.
        events: Pairs of event type and data to write to the audit log, in order. The decision's own event is not
            included.
        notices: Kinds of the notifications to send: "decided", "escalated", "overdue", "reminded", "stuck".
        decision: The decision, if the change decides the proposal.
        due: For an action of the clock (a reminder, a deadline ...): the time when it was due.
    """

    proposal: Proposal
    events: tuple[tuple[str, dict[str, Any]], ...] = ()
    notices: tuple[str, ...] = ()
    decision: DecisionRecord | None = None
    due: datetime | None = None


def begin_proposal(proposal: Proposal, people: People) -> Change:
    """Prepare a new proposal for storing: set its deadline and its requesters (the people who started the run).

    If nobody else may decide it, the people of the policy's `fallback` are asked at once.

    Args:
        proposal: The new proposal.
        people: The requesters of the run, and the people who are away.

    Returns:
        The change for the store to write.
    """
    asked = msgspec.structs.replace(
        proposal, deadline=last_step_time(proposal), requesters=tuple(sorted(people.requesters))
    )
    return ask_fallback(Change(asked), people)


def check_permission(
    proposal: Proposal, people: People, user: str, action: Action, authn: Authn | None, *, os_user: str | None = None
) -> str:
    """Check that a person may take an action on a proposal now.

    Args:
        proposal: The proposal.
        people: The requesters of the run, and the people who are away.
        user: Name of the person.
        action: The action, such as "approve".
        authn: How a server knows the person; None: without a server.
        os_user: Name of the user of the operating system, in place of the one in `people`. None: unchanged.

    Returns:
        The person for whom `user` acts: `user`, or a person whose deputy `user` is.

    Raises:
        AlreadyDecided: The proposal is closed, or it is approved and the approval may still be taken back.
        NotAReviewer: The terms do not allow this person to vote, or their login does not count.
        OwnRequest: The person started or continued the run, and the terms demand four eyes.
        ValueError: The proposal does not allow the action.
    """
    as_if = VoteRecord(reviewer=user, action=action, at=proposal.created_at, authn=authn)
    return _check_voter(proposal, _with_user(people, os_user), as_if)[0]


def prepare_vote(proposal: Proposal, vote: VoteRecord, people: People, *, judged: EditPlan | None = None) -> VoteRecord:
    """Return the vote with its missing fields set, so that it can be signed.

    These fields are `seat` and `seats` (the people for whom the reviewer votes), `value_sha256`, `revision` and
    `terms_sha256`.

    Args:
        proposal: The proposal.
        vote: The vote. Its reviewer and action are set.
        people: The requesters of the run, and the people who are away.
        judged: Plan of the policy for an edited value. None: it was not judged.

    Raises:
        AlreadyDecided: The proposal is closed, or it is approved and the approval may still be taken back.
        NotAReviewer, OwnRequest: The reviewer may not vote, or not with this action.
        ValueError: The proposal does not allow the action.
        InvalidEdit: The policy blocks the edited value.
    """
    seats = _check_voter(proposal, people, vote)
    value = vote.value if vote.action in ("edit", "respond") else current_value(proposal)
    return msgspec.structs.replace(
        vote,
        seat=seats[0],
        seats=seats,
        value_sha256="" if vote.action == "reject" else hash_value(value),
        revision=proposal.revision,
        terms_sha256=hash_terms(add_edit_terms(proposal, vote, people, judged).terms),
    )


def cast_vote(
    proposal: Proposal, vote: VoteRecord, people: People, now: datetime, *, judged: EditPlan | None = None
) -> Change:
    """Add a vote to a proposal, and decide the proposal if the votes are now enough.

    Due actions of the clock come first: all that are due at `now` must have been done by `run_due_step`.

    Args:
        proposal: The open proposal.
        vote: The vote, from `prepare_vote`.
        people: The requesters of the run, and the people who are away.
        now: The current time.
        judged: Plan of the policy for an edited value. None: it was not judged.

    Returns:
        The change: the proposal with the vote, and the decision if there is one.

    Raises:
        AlreadyDecided: An action of the clock is due, the proposal is closed, or its approval may still be taken
            back.
        NotAReviewer, OwnRequest: The reviewer may not vote, or not with this action.
        ValueError: The proposal does not allow the action.
        StaleDraft: The vote approves a value that is no longer the current one, because somebody edited it.
        InvalidEdit: The policy blocks the edited value.
    """
    due = next_due_time(proposal)
    if due is not None and due <= now:
        raise AlreadyDecided(
            f"proposal {proposal.id} ({proposal.title}): an action of the clock was due at {due.isoformat()} "
            "and must be taken first",
            proposal,
        )
    if not vote.seats:
        vote = prepare_vote(proposal, vote, people, judged=judged)
    _check_voter(proposal, people, vote)
    if vote.action == "approve" and vote.value_sha256 != hash_value(current_value(proposal)):
        raise StaleDraft(
            f"{proposal.title!r} was edited after you opened it. Your decision was not saved. "
            "Reload the proposal and decide again."
        )
    was, proposal = proposal, add_edit_terms(proposal, vote, people, judged)
    others = tuple(one for one in proposal.votes if one.reviewer != vote.reviewer)
    proposal = msgspec.structs.replace(proposal, votes=(*others, vote))
    change = _count_vote(proposal, vote, people, now, was_hidden=is_hidden(was))
    events = [("vote", _vote_event_data(change.proposal, vote, people))]
    if proposal.terms != was.terms or proposal.allow != was.allow:
        events.append(("terms.changed", _terms_event_data(was, change.proposal, f"{vote.reviewer} edited it", now)))
    return ask_fallback(Change(change.proposal, tuple(events), change.notices, change.decision), people)


def run_due_step(proposal: Proposal, people: People, now: datetime) -> Change | None:
    """Do the next action of the clock on a proposal, such as a reminder or a rejection at the deadline, if it is due.

    If an approval can be taken back for some time, the action at the end of that time is to make it the decision.

    Args:
        proposal: The proposal.
        people: The requesters of the run, and the people who are away.
        now: The current time.

    Returns:
        The change for the store to write. None if nothing is due. Call again after a change, because more may be due.
    """
    due, step = next_due_time(proposal), next_step(proposal)
    if due is None or now < due:
        return None
    settled = find_completing_vote(proposal)
    if settled is not None:
        return _make_decision_change(proposal, make_vote_decision(proposal, settled, now, due), due)
    if step is None:
        return None
    if step.does in ("reject", "approve") and _may_clock_decide(proposal, step):
        return _make_decision_change(proposal, _decide_by_clock(proposal, step, now), due)
    shift = shift_after(proposal, proposal.step, now, proposal.shift)
    told: dict[str, Any] = {"due": due.isoformat(), "at": now.isoformat(), "step": step.text, "n": proposal.step}
    proposal = msgspec.structs.replace(proposal, step=proposal.step + 1, shift=shift)
    does = step.does if step.does in _STEP_EVENTS else "overdue"  # also a step that decides, if the clock may not
    if does == "escalate":
        people_asked = step.people or (proposal.terms.fallback if proposal.terms is not None else ())
        proposal = _with_more_people(proposal, people_asked)
        proposal = msgspec.structs.replace(proposal, stuck=_explain_stuck(proposal, people))
        told["people"] = list(people_asked)
    elif does == "overdue":
        proposal = msgspec.structs.replace(proposal, overdue=True)
    elif step.people:
        told["people"] = list(step.people)
    proposal = msgspec.structs.replace(proposal, deadline=last_step_time(proposal))
    return Change(proposal, ((f"proposal.{_STEP_EVENTS[does]}", told),), (_STEP_EVENTS[does],), due=due)


def undo_approval(proposal: Proposal, people: People, user: str, now: datetime) -> Change:
    """Take back the vote that a person gave on an open proposal.

    While votes of other people are needed, each person may take back their own. The approval that completed the votes
    can be taken back before it becomes the decision, if the terms allow some time for this.
    If nobody else voted for the value of an edit, people vote again on the newest remaining edit, or else on the
    proposed value.

    Args:
        proposal: The proposal.
        people: The requesters of the run, and the people who are away.
        user: Name of the person who takes the vote back.
        now: The current time.

    Returns:
        The change for the store to write.

    Raises:
        TooLate: The proposal is decided, the person has no vote to take back, or the time for that is over.
        NotAReviewer: The votes are enough, and another person gave the last one.
    """
    if proposal.status != "open":
        raise TooLate(f"{proposal.title!r} is decided; the approval can no longer be taken back")
    vote = find_withdrawable_vote(proposal, user)
    completing = find_completing_vote(proposal)
    if vote is None and completing is not None:
        last = completing.reviewer
        raise NotAReviewer(f"{last} approved {proposal.title!r} last, and nobody else can take that back")
    if vote is None:
        raise TooLate(f"there is no vote of {user} on {proposal.title!r} that can be taken back")
    if proposal.settles_at is not None and now >= proposal.settles_at:
        raise TooLate(f"{proposal.title!r} could be taken back until {proposal.settles_at.isoformat()}; it is decided")
    left = tuple(one for one in proposal.votes if one is not vote)
    back = msgspec.structs.replace(proposal, votes=left, settles_at=None)
    if not list_votes_for(back, hash_value(current_value(back))):
        edits = [one.value for one in left if one.action == "edit"]
        back = _with_voted_value(back, edits[-1] if edits else proposal.value)
    told: dict[str, Any] = {"action": vote.action, "value_sha256": vote.value_sha256, "vote": vote.event}
    told["at"] = now.isoformat()
    return ask_fallback(Change(back, (("vote.withdrawn", told),)), people)


def _check_voter(proposal: Proposal, people: People, vote: VoteRecord) -> tuple[str, ...]:
    """Check that a vote is allowed now, and return the user names of the people for whom it may count.

    These are the reviewer, and people whose deputy the reviewer is.

    Raises:
        AlreadyDecided: The proposal is closed, or it is approved and the approval may still be taken back.
        NotAReviewer: The terms do not allow this person to vote, or their login does not count.
        OwnRequest: The person started or continued the run, and the terms demand four eyes.
        ValueError: The proposal does not allow the action.
    """
    refuse_closed(proposal)
    if vote.action not in proposal.allow:
        allowed = ", ".join(proposal.allow)
        raise ValueError(
            f"{vote.action!r} is not allowed for proposal {proposal.id} ({proposal.title}); it allows {allowed}"
        )
    seats = check_seat(proposal, people, vote)
    settled = find_completing_vote(proposal)
    if settled is not None and proposal.settles_at is not None and vote.action in ("approve", "edit"):
        until = proposal.settles_at.isoformat(sep=" ", timespec="seconds")
        raise AlreadyDecided(
            f"proposal {proposal.id} ({proposal.title}) is approved by {settled.reviewer}; it settles at {until}",
            proposal,
        )
    return seats


def _count_vote(proposal: Proposal, vote: VoteRecord, people: People, now: datetime, *, was_hidden: bool) -> Change:
    """Return the change that a new vote makes: it decides the proposal if the votes are now enough.

    A vote that rejects or responds decides at once, unless votes are hidden. If the terms let an approval be taken
    back, the proposal is not yet decided, and only the time for that begins. If the votes are not enough, the proposal
    stays open.

    Args:
        proposal: The proposal, which already has the new vote.
        vote: The new vote.
        people: The requesters of the run, and the people who are away.
        now: The current time.
        was_hidden: Whether the votes were hidden from people before this vote (terms with `blind`).
    """
    if is_hidden(proposal):
        return Change(proposal)
    blind = proposal.terms is not None and proposal.terms.blind
    refusing = find_blind_decider(proposal) if blind else vote if vote.action in ("reject", "respond") else None
    if refusing is not None:
        return _make_decision_change(proposal, make_vote_decision(proposal, refusing, now))
    edits = [one.value for one in proposal.votes if one.action == "edit"]
    if vote.action == "edit":
        proposal = _with_voted_value(proposal, vote.value)
    elif was_hidden and edits and not are_met(proposal, hash_value(current_value(proposal)), people):
        proposal = _with_voted_value(
            proposal, edits[-1]
        )  # the votes are visible from now on, so people vote on this value
    if not are_met(proposal, hash_value(current_value(proposal)), people):
        return Change(proposal)
    window = proposal.terms.undo if proposal.terms is not None else None
    if window:
        return Change(msgspec.structs.replace(proposal, settles_at=now + timedelta(seconds=window)))
    return _make_decision_change(proposal, make_vote_decision(proposal, vote, now))


def _make_decision_change(proposal: Proposal, decision: DecisionRecord, due: datetime | None = None) -> Change:
    closed = {
        "status": "decided",
        "decision": decision,
        "revision": proposal.revision + 1,
        "settles_at": None,
        "stuck": "",
    }
    return Change(msgspec.structs.replace(proposal, **closed), (), ("decided",), decision, due)


def _decide_by_clock(proposal: Proposal, step: TimelineStep, now: datetime) -> DecisionRecord:
    return DecisionRecord(
        action="approve" if step.does == "approve" else "reject",
        reason=f"nobody decided in time ({step.text or step.does})",
        reviewer=DEADLINE_ACTOR,
        by="deadline",
        decided_at=now,
        fingerprint=proposal.fingerprint,
        **decision_terms_fields(proposal, now),
    )


def _may_clock_decide(proposal: Proposal, step: TimelineStep) -> bool:
    """Return whether the clock may decide the proposal by a timeline step with the action "reject" or "approve".

    Reviewers must be allowed to take the same action. The clock never answers whether an effect happened, and it does
    not approve if a person has edited the value or voted against it.
    """
    untouched = proposal.candidate is UNSET and not any(one.action != "approve" for one in proposal.votes)
    return step.does in proposal.allow and proposal.doubt is None and (step.does == "reject" or untouched)


def _with_voted_value(proposal: Proposal, value: Any) -> Proposal:
    """Return the proposal with `value` as the value that people vote on.

    The revision grows by 1 if the value differs.
    """
    sha256 = hash_value(value)
    if sha256 == hash_value(current_value(proposal)):
        return proposal
    candidate = UNSET if sha256 == hash_value(proposal.value) else value
    return msgspec.structs.replace(proposal, candidate=candidate, revision=proposal.revision + 1)


def _with_more_people(proposal: Proposal, more: Iterable[str]) -> Proposal:
    return msgspec.structs.replace(proposal, widened=tuple(dict.fromkeys((*proposal.widened, *more))))


def ask_fallback(change: Change, people: People) -> Change:
    """If too few people may decide a proposal now, ask the people of the policy's `fallback`, too.

    If even these are too few, the proposal is marked as stuck. A mark that is no longer right is removed. Nothing is
    added to `change` if the mark and the people asked are already right.

    Args:
        change: The change of the proposal. The result has its events and notices, and further ones.
        people: The requesters of the run, and the people who are away.
    """
    proposal = change.proposal
    if proposal.terms is None or proposal.status != "open":
        return change
    why = _explain_stuck(proposal, people)
    more = [one for one in proposal.terms.fallback if one not in proposal.widened] if why else []
    if why == proposal.stuck and not more:
        return change
    events: list[tuple[str, dict[str, Any]]] = [("proposal.stuck", {"why": why}) if why else ("proposal.unstuck", {})]
    notices = ["stuck"] if why and not proposal.stuck else []
    if more:
        proposal = _with_more_people(proposal, more)
        events.append(("proposal.escalated", {"people": more, "why": why}))
        notices.append("escalated")
    proposal = msgspec.structs.replace(proposal, stuck=_explain_stuck(proposal, people))
    return Change(proposal, (*change.events, *events), (*change.notices, *notices), change.decision, change.due)


def _explain_stuck(proposal: Proposal, people: People) -> str:
    votes = proposal.votes if is_hidden(proposal) else list_votes_for(proposal, hash_value(current_value(proposal)))
    return explain_stuck(proposal, people, votes)


def _vote_event_data(proposal: Proposal, vote: VoteRecord, people: People) -> dict[str, Any]:
    """Return the data of the audit log's event for a vote: field name -> value.

    The data are the fields of the vote, with the voted value replaced by its hash, and the progress of each need
    (required votes).

    Args:
        proposal: The proposal, which already has the vote.
        vote: The vote.
        people: The requesters of the run, and the people who are away.
    """
    told: dict[str, Any] = msgspec.to_builtins(vote)
    for name in ("value", "reviewer", "at", "event"):
        told.pop(name)
    told["fingerprint"] = proposal.fingerprint
    told["at"] = vote.at.isoformat()
    told["needs"] = (
        [[one.text, one.have, one.count] for one in need_progress(proposal, people)]
        if proposal.status == "open"
        else []
    )
    if proposal.settles_at is not None:
        told["settles_at"] = proposal.settles_at.isoformat()
    return told


def _terms_event_data(was: Proposal, proposal: Proposal, why: str, at: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {"why": why, "from": hash_terms(was.terms), "to": hash_terms(proposal.terms)}
    told |= {"at": at.isoformat(), "begins": False}
    if proposal.settles_at is not None:
        told["settles_at"] = proposal.settles_at.isoformat()
    if proposal.terms is not None:
        told |= {"needs": [need.text for need in proposal.terms.needs], "rules": list(proposal.terms.rules)}
    return told


def _with_user(people: People, os_user: str | None) -> People:
    return people if os_user is None else People(people.requesters, people.away, os_user)
