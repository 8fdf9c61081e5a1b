"""Description of a proposal under its terms: why people are asked, votes needed and given, and the next deadline.

Terms are the conditions that the policy sets for a review: who must agree, by when. The result is a dictionary. The
server, the command line and the notebook all use this module, so they show the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from hitl_nb.errors import AlreadyDecided, HitlError, NotAReviewer
from hitl_nb.ledger.decisions.absences import load_people
from hitl_nb.ledger.decisions.reviewers import identify_checked_voter
from hitl_nb.policies.terms.seats import People, count_seats, find_deputy, seats_of
from hitl_nb.policies.terms.terms import check_permission
from hitl_nb.policies.terms.timeline import next_due_time, next_step, remaining_steps
from hitl_nb.policies.terms.vote_counts import (
    current_value,
    find_withdrawable_vote,
    hash_value,
    is_hidden,
    list_votes_for,
)
from hitl_nb.records import Action, Authn, Known, Need, Proposal, Terms, TimelineStep, VoteRecord
from hitl_nb.review.terms_sentences import format_read_only, format_refusal

if TYPE_CHECKING:
    from hitl_nb.ledger.ledger import Ledger


@dataclass(frozen=True)
class Viewer:
    """The person for whom a proposal is described: that person's permissions and own hidden votes are shown.

    Attributes:
        user: User name.
        authn: How a server knows the person; None if there is no server.
        refusal: Why the person may not decide any proposal, as a sentence; None if there is no such reason.
    """

    user: str
    authn: Authn | None = None
    refusal: str | None = None
    decidable_terms: set[tuple[Any, ...]] = field(default_factory=set[tuple[Any, ...]], compare=False, repr=False)
    """Cache: terms (with the state of their people) under which this person may take every action.

    Many proposals of a list have the same terms, so their permissions are computed once.
    """


NOBODY = Viewer("")


def load_current_people(ledger: Ledger, proposal: Proposal) -> People:
    """Load which people requested the proposal's run, and which people that its terms name are away now.

    For a proposal without terms, nothing is read and the result is empty.
    """
    return _NO_PEOPLE if proposal.terms is None else load_people(ledger.store, proposal, ledger.now())


_NO_PEOPLE = People()


def voter_identities(ledger: Ledger, proposal: Proposal) -> Callable[[VoteRecord], Known]:
    """Return a function that tells how the identity of a voter is known: it verifies the signature of the vote.

    Args:
        ledger: Ledger that has the proposal.
        proposal: The proposal whose votes are passed to the function.
    """
    return lambda vote: ledger.reviewers.identify_voter(proposal, vote)


def describe_progress(
    proposal: Proposal, people: People, viewer: Viewer = NOBODY, known: Callable[[VoteRecord], Known] | None = None
) -> dict[str, Any]:
    """Describe the state of a proposal's review: reasons, needed and given votes, next deadline, permissions.

    Args:
        proposal: The proposal.
        people: Current state of the people whom the proposal names.
        viewer: The person who reads the description. Default: nobody; the result then has no permissions (`may`) and no
            hidden votes.
        known: Function that returns how a voter is known. None, for lists of proposals: the votes have no field
            `known`, and only the next step of the timeline is described.

    Returns:
        Field names and values for a JSON encoder that can encode datetimes and records.
    """
    told = {
        "tags": proposal.tags,
        "confidence": proposal.confidence,
        "guardrails": proposal.guardrails,
        "why": proposal.why,
        "overdue": proposal.overdue,
        "stuck": proposal.stuck,
        "fallback": proposal.terms.fallback if proposal.stuck and proposal.terms is not None else (),
        "untold": proposal.untold,
        "settles_at": proposal.settles_at,
        **(
            _FIELDS_WITHOUT_TERMS
            if proposal.terms is None
            else _describe_terms(proposal, proposal.terms, people, viewer, known)
        ),
    }
    if proposal.candidate is not UNSET:
        told["candidate"] = proposal.candidate
    if viewer is not NOBODY:
        told["may"] = describe_permissions(proposal, people, viewer)
    return told


_FIELDS_WITHOUT_TERMS: dict[str, Any] = {
    "rules": (),
    "needs": (),
    "votes": (),
    "blind": False,
    "timer": None,
    "on_deadline": None,
    "batch": None,
}


def _describe_terms(
    proposal: Proposal, terms: Terms, people: People, viewer: Viewer, known: Callable[[VoteRecord], Known] | None
) -> dict[str, Any]:
    last = terms.timeline[-1].does if terms.timeline else None
    is_open = proposal.status == "open"
    value = hash_value(_voted_value(proposal)) if proposal.votes else ""
    return {
        "rules": terms.rules,
        "needs": [_describe_need(proposal, terms, one, people, value) for one in terms.needs] if is_open else (),
        "votes": [_describe_vote(one, value, known, viewer.user) for one in visible_votes(proposal, viewer.user)],
        "blind": is_hidden(proposal),
        "timer": describe_timer(proposal, whole=known is not None)
        if is_open and (terms.timeline or proposal.settles_at)
        else None,
        "on_deadline": last if is_open and last in ("reject", "approve") else None,
        "batch": terms.batch,
    }


def describe_checked_votes(proposal: Proposal) -> list[dict[str, Any]]:
    """Describe the votes on a proposal as dictionaries, with the fields that `describe_progress` gives a vote.

    Signatures are not verified. They must have been verified already, as in the proposals that
    `ledger.proposals.list_of_run` returns.
    """
    value = hash_value(_voted_value(proposal)) if proposal.votes else ""
    return [_describe_vote(one, value, _identify_checked_voter, "") for one in visible_votes(proposal, "")]


def _identify_checked_voter(vote: VoteRecord) -> Known:
    return "script" if vote.by == "script" else identify_checked_voter(vote)


def visible_votes(proposal: Proposal, user: str) -> Sequence[VoteRecord]:
    """Return the votes on a proposal that a person may see: all votes, or only their own while votes are hidden."""
    return [one for one in proposal.votes if one.reviewer == user] if is_hidden(proposal) else proposal.votes


def _describe_vote(
    vote: VoteRecord, value: str, known: Callable[[VoteRecord], Known] | None, user: str
) -> dict[str, Any]:
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


def _voted_value(proposal: Proposal) -> Any:
    """Return the value that people vote on now, or the value that was decided."""
    edited = proposal.decision is not None and proposal.decision.action == "edit"
    return proposal.decision.value if edited and proposal.decision is not None else current_value(proposal)


def _describe_need(proposal: Proposal, terms: Terms, need: Need, people: People, value: str) -> dict[str, Any]:
    hidden = is_hidden(proposal)
    votes = proposal.votes if hidden or not proposal.votes else list_votes_for(proposal, value)
    have = min(count_seats(proposal, need, votes, people), need.count) if votes else 0
    voted = [] if hidden else [one.reviewer for one in votes if _counts_for(proposal, need, one)]
    return {
        "text": need.text,
        "have": have,
        "count": need.count,
        "voted": voted,
        "waiting": []
        if hidden or have >= need.count
        else list(_iterate_possible_voters(proposal, terms, need, people, voted)),
    }


def _counts_for(proposal: Proposal, need: Need, vote: VoteRecord) -> bool:
    return not need.people or bool({*vote.seats, vote.seat} & {*need.people, *proposal.widened})


def _iterate_possible_voters(
    proposal: Proposal, terms: Terms, need: Need, people: People, voted: list[str]
) -> Iterator[str]:
    """Yield the user names of people who can still vote for a need (required votes), in the order of the policy.

    In place of a person who is away, the deputy is yielded. Left out are people who voted already, and requesters if
    the terms demand four eyes. Nothing is yielded if anyone may vote.
    """
    seen = set(voted)
    for name in (*need.people, *proposal.widened) if need.people else ():
        person = find_deputy(name, people.away)
        if person in seen or person in people.away or (terms.four_eyes and person in people.requesters):
            continue
        seen.add(person)
        yield person


def describe_timer(proposal: Proposal, *, whole: bool) -> dict[str, Any] | None:
    """Describe the next action that the clock takes on an open proposal, such as a reminder or a rejection.

    Args:
        proposal: The proposal.
        whole: Whether to add a list of all remaining actions.

    Returns:
        None if the clock has nothing to do. Otherwise a dictionary with `at` (time), `does` (action) and `people` (user
        names of those who are asked or reminded). `does` is "settle" if an approval becomes final, else the action of a
        timeline step. If `whole` is true, `steps` lists all remaining actions.
    """
    due, step = next_due_time(proposal), next_step(proposal)
    told: dict[str, Any]
    if proposal.settles_at is not None:
        told = {"at": proposal.settles_at, "does": "settle", "people": []}
    elif due is not None and step is not None:
        told = _describe_step(proposal, due, step)
    else:
        return None
    return {**told, "steps": [_describe_step(proposal, *one) for one in remaining_steps(proposal)]} if whole else told


def _describe_step(proposal: Proposal, at: datetime, step: TimelineStep) -> dict[str, Any]:
    people = step.people or (proposal.terms.fallback if proposal.terms is not None and step.does == "escalate" else ())
    return {"at": at, "does": step.does, "people": list(people)}


def describe_permissions(proposal: Proposal, people: People, viewer: Viewer) -> dict[str, Any]:
    """Describe which actions a person may take on a proposal now, and the reason if some are refused.

    Args:
        proposal: The proposal.
        people: Current state of the people whom the proposal names.
        viewer: The person.

    Returns:
        A dictionary. `decide`: whether the person may decide. `why_not`: the reason if an action is refused, else
        None. `actions`: the allowed actions. `undo`: whether the person can take their vote back.
    """
    if proposal.status != "open":
        return {"decide": False, "why_not": None, "actions": [], "undo": False}
    if viewer.refusal is not None:
        return {"decide": False, "why_not": format_read_only(viewer.refusal), "actions": [], "undo": False}
    refused = _refused_actions(proposal, people, viewer)
    why_not = next(iter(refused.values()), None)
    return {
        "decide": _is_enough_to_decide(proposal, refused),
        "why_not": None if why_not is None else _explain_refusal(proposal, people, viewer, why_not),
        "actions": [one for one in proposal.allow if one not in refused],
        "undo": find_withdrawable_vote(proposal, viewer.user) is not None,
    }


def may_decide(proposal: Proposal, people: People, viewer: Viewer) -> bool:
    """Return whether a person may decide an open proposal now: `decide` of `describe_permissions`, but faster."""
    if proposal.status != "open" or viewer.refusal is not None:
        return False
    return _is_enough_to_decide(proposal, _refused_actions(proposal, people, viewer))


def _is_enough_to_decide(proposal: Proposal, refused: Mapping[Action, HitlError]) -> bool:
    """Return whether a person may approve or, if the proposal cannot be approved, take another action."""
    if "approve" in proposal.allow:
        return "approve" not in refused
    return len(refused) < len(proposal.allow)


def _refused_actions(proposal: Proposal, people: People, viewer: Viewer) -> dict[Action, NotAReviewer | AlreadyDecided]:
    """Return the actions that a person may not take on an open proposal now, each with the error that it would cause.

    Args:
        proposal: The proposal.
        people: Current state of the people whom the proposal names.
        viewer: The person.
    """
    if proposal.terms is None:
        return {}
    key = (
        proposal.terms,
        proposal.widened,
        proposal.allow,
        people.requesters,
        people.os_user,
        frozenset(people.away.items()),
    )
    if proposal.settles_at is None and key in viewer.decidable_terms:
        return {}
    refused: dict[Action, NotAReviewer | AlreadyDecided] = {}
    for action in proposal.allow:
        try:
            check_permission(proposal, people, viewer.user, action, viewer.authn)
        except (NotAReviewer, AlreadyDecided) as error:
            refused[action] = error
        else:
            if action == "approve":  # a person who may approve may take every action
                break
    if proposal.settles_at is None and not refused:
        viewer.decidable_terms.add(key)
    return refused


def _explain_refusal(proposal: Proposal, people: People, viewer: Viewer, error: HitlError) -> str:
    """Return the sentence that says why a person may not decide, and who can."""
    if proposal.terms is None:
        return str(error)
    value = hash_value(_voted_value(proposal)) if proposal.votes else ""
    needs = [_describe_need(proposal, proposal.terms, one, people, value) for one in proposal.terms.needs]
    return format_refusal(error, needs, has_seat=bool(seats_of(proposal, people, viewer.user)))
