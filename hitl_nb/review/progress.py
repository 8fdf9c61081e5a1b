"""What people are told of a proposal's terms: why it is asked, who must agree and has, what the clock does.

One place for the server, the command line and the notebook, so that all of them say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from hitl_nb.errors import AlreadyDecided, NotAReviewer
from hitl_nb.ledger.decisions.absences import find_people
from hitl_nb.ledger.decisions.reviewers import known_voter
from hitl_nb.policies.terms.seats import People, count_seats, find_deputy
from hitl_nb.policies.terms.terms import check_may
from hitl_nb.policies.terms.timeline import next_due, next_step, remaining_steps
from hitl_nb.policies.terms.vote_counts import completes, current_value, hash_value, is_hidden, votes_for
from hitl_nb.records import Action, Authn, Known, Need, Proposal, Terms, TimelineStep, Vote

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger


@dataclass(frozen=True)
class Viewer:
    """Who is told.

    Attributes:
        user: their user name.
        authn: how a server knows them; None without one.
        refusal: why they may decide nothing at all, in a sentence; None if they may.
    """

    user: str
    authn: Authn | None = None
    refusal: str | None = None
    _seated: set[tuple[Any, ...]] = field(default_factory=set[tuple[Any, ...]], compare=False, repr=False)
    """Under which terms they may do everything, as far as that was found out: a list has many rows with the same."""


NOBODY = Viewer("")


def people_of(ledger: Ledger, p: Proposal) -> People:
    """How things are with the people whom a proposal names, now; nothing is read for one without terms."""
    return _NO_PEOPLE if p.terms is None else find_people(ledger.store, p, ledger.now())


_NO_PEOPLE = People()


def vote_known(ledger: Ledger, p: Proposal) -> Callable[[Vote], Known]:
    """How it is known who gave a vote of `p`, its signature checked."""
    return lambda vote: ledger.vote_known(p, vote)


def describe(
    p: Proposal, people: People, viewer: Viewer = NOBODY, known: Callable[[Vote], Known] | None = None
) -> dict[str, Any]:
    """The fields of P that a policy fills, for a JSON encoder that knows times and records.

    `known` tells how it is known who gave a vote; without it, as in lists, nothing is said of that, and of the clock's
    steps the next one alone. Without a viewer nothing is said of what they may do, and no hidden
    vote is shown.
    """
    told = {
        "tags": p.tags,
        "confidence": p.confidence,
        "guardrails": p.guardrails,
        "why": p.why,
        "overdue": p.overdue,
        "stuck": p.stuck,
        "untold": p.untold,
        "settles_at": p.settles_at,
        **(_WITHOUT if p.terms is None else _of_terms(p, p.terms, people, viewer, known)),
    }
    if p.candidate is not UNSET:
        told["candidate"] = p.candidate
    if viewer is not NOBODY:
        told["may"] = may(p, people, viewer)
    return told


_WITHOUT: dict[str, Any] = {
    "rules": (),
    "needs": (),
    "votes": (),
    "blind": False,
    "timer": None,
    "on_deadline": None,
    "batch": None,
}


def _of_terms(
    p: Proposal, terms: Terms, people: People, viewer: Viewer, known: Callable[[Vote], Known] | None
) -> dict[str, Any]:
    last = terms.timeline[-1].does if terms.timeline else None
    is_open = p.status == "open"
    value = hash_value(_voted_on(p)) if p.votes else ""
    return {
        "rules": terms.rules,
        "needs": [_need(p, terms, one, people, value) for one in terms.needs] if is_open else (),
        "votes": [_vote(one, value, known, viewer.user) for one in shown_votes(p, viewer.user)],
        "blind": is_hidden(p),
        "timer": timer(p, whole=known is not None) if is_open and (terms.timeline or p.settles_at) else None,
        "on_deadline": last if is_open and last in ("reject", "approve") else None,
        "batch": terms.batch,
    }


def told_votes(p: Proposal) -> list[dict[str, Any]]:
    """The votes of a proposal whose signatures are checked already, as `Ledger.proposals` checks them."""
    value = hash_value(_voted_on(p)) if p.votes else ""
    return [_vote(one, value, _known_if_checked, "") for one in shown_votes(p, "")]


def _known_if_checked(vote: Vote) -> Known:
    return "script" if vote.by == "script" else known_voter(vote)


def shown_votes(p: Proposal, user: str) -> Sequence[Vote]:
    """The votes that a person may see: their own alone, as long as votes are hidden."""
    return [one for one in p.votes if one.reviewer == user] if is_hidden(p) else p.votes


def _vote(vote: Vote, value: str, known: Callable[[Vote], Known] | None, user: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "own": vote.reviewer == user,
        "reviewer": vote.reviewer,
        "reviewer_name": vote.reviewer_name,
        "action": vote.action,
        "reason": vote.reason,
        "at": vote.at,
        "seat": vote.seat,
        "surface": vote.surface,
        "counts": vote.action not in ("approve", "edit") or vote.value_sha256 == value,
    }
    return told if known is None else {**told, "known": known(vote)}


def _voted_on(p: Proposal) -> Any:
    """What people vote on, or what they have decided."""
    edited = p.decision is not None and p.decision.action == "edit"
    return p.decision.value if edited and p.decision is not None else current_value(p)


def _need(p: Proposal, terms: Terms, need: Need, people: People, value: str) -> dict[str, Any]:
    hidden = is_hidden(p)
    votes = p.votes if hidden or not p.votes else votes_for(p, value)
    have = min(count_seats(p, need, votes, people), need.count) if votes else 0
    voted = [] if hidden else [one.reviewer for one in votes if _is_for(p, need, one)]
    return {
        "text": need.text,
        "have": have,
        "count": need.count,
        "voted": voted,
        "waiting": [] if hidden or have >= need.count else list(_who_may_still(p, terms, need, people, voted)),
    }


def _is_for(p: Proposal, need: Need, vote: Vote) -> bool:
    return not need.people or bool({*vote.seats, vote.seat} & {*need.people, *p.widened})


def _who_may_still(p: Proposal, terms: Terms, need: Need, people: People, voted: list[str]) -> Iterator[str]:
    """Those whose vote can still count, as they are there now; in the order in which the policy names them."""
    seen = set(voted)
    for name in (*need.people, *p.widened) if need.people else ():
        person = find_deputy(name, people.away)
        if person in seen or person in people.away or (terms.four_eyes and person in people.requesters):
            continue
        seen.add(person)
        yield person


def timer(p: Proposal, *, whole: bool) -> dict[str, Any] | None:
    """What the clock does next to an open proposal: when, what, and who is asked or told then.

    `whole`: with all steps that are still to come.
    """
    due, step = next_due(p), next_step(p)
    told: dict[str, Any]
    if p.settles_at is not None:
        told = {"at": p.settles_at, "does": "settle", "people": []}
    elif due is not None and step is not None:
        told = _step(p, due, step)
    else:
        return None
    return {**told, "steps": [_step(p, *one) for one in remaining_steps(p)]} if whole else told


def _step(p: Proposal, at: datetime, step: TimelineStep) -> dict[str, Any]:
    people = step.people or (p.terms.fallback if p.terms is not None and step.does == "escalate" else ())
    return {"at": at, "does": step.does, "people": list(people)}


def may(p: Proposal, people: People, viewer: Viewer) -> dict[str, Any]:
    """What a person may do about a proposal, and why not more."""
    if p.status != "open":
        return {"decide": False, "why_not": None, "actions": [], "undo": False}
    if viewer.refusal is not None:
        return {"decide": False, "why_not": viewer.refusal, "actions": [], "undo": False}
    if p.terms is None:
        return {"decide": True, "why_not": None, "actions": p.allow, "undo": False}
    key = (p.terms, p.widened, p.allow, people.requesters, people.os_user, frozenset(people.away.items()))
    if p.settles_at is None and key in viewer._seated:  # pyright: ignore[reportPrivateUsage]
        return {"decide": True, "why_not": None, "actions": p.allow, "undo": False}
    why_not = _why_not(p, people, viewer, p.allow)
    if p.settles_at is None and not why_not:
        viewer._seated.add(key)  # pyright: ignore[reportPrivateUsage]
    actions = [one for one in p.allow if one not in why_not]
    decides = "approve" in actions or ("approve" not in p.allow and bool(actions))
    settled = completes(p)
    undo = settled is not None and settled.reviewer == viewer.user
    return {"decide": decides, "why_not": next(iter(why_not.values()), None), "actions": actions, "undo": undo}


def _why_not(p: Proposal, people: People, viewer: Viewer, actions: Sequence[Action]) -> dict[Action, str]:
    """Those actions that a person may not do now, each with the reason."""
    refused: dict[Action, str] = {}
    for action in actions:
        try:
            check_may(p, people, viewer.user, action, viewer.authn)
        except (NotAReviewer, AlreadyDecided) as error:
            refused[action] = str(error)
        else:
            if action == "approve":  # who may approve may do everything
                break
    return refused
