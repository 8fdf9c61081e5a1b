"""Votes and seats: who may vote on a proposal, in whose place, and whether the agreeing people are enough.

A seat is a named person's right to vote in a need. A deputy may vote for a person who is away; that person may still
vote. The agreeing people are matched to seats, one person to one seat. So no number of delegations lets one person
count as two.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hitl_nb.errors import NotAReviewer, OwnRequest
from hitl_nb.policies.documents.grammar import ANYONE
from hitl_nb.records import Need, Proposal, Terms, VoteRecord

MAX_DEPUTY_CHAIN = 3
"""Longest chain of delegations that is followed."""
_MADE_UP = re.compile(r"[0-9a-f]{32}")


def is_made_up(user: str) -> bool:
    """Return whether Jupyter invented this user name, for a request with the server's password or token only.

    Such a name is a random UUID. It differs in each browser, so that one person could have two.
    """
    return _MADE_UP.fullmatch(user) is not None


@dataclass(frozen=True)
class People:
    """State of the people at one moment.

    Attributes:
        requesters: User names of those who started or continued the run.
        away: The people who are away, with their deputies. None: no deputy.
        os_user: User of the operating system. Its votes count too if `identity` is "local".
    """

    requesters: frozenset[str] = frozenset()
    away: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    os_user: str | None = None


def find_deputy(person: str, away: Mapping[str, str | None]) -> str:
    """Return the person who acts in a person's place now, or the person if they are present or have no deputy.

    At most `MAX_DEPUTY_CHAIN` delegations are followed. A circle ends where it began.
    """
    reached, seen = person, {person}
    for _ in range(MAX_DEPUTY_CHAIN):
        following = away.get(reached)
        if following is None:
            return reached
        if following in seen:
            return person
        seen.add(following)
        reached = following
    return reached


def seats_of(proposal: Proposal, people: People, user: str) -> tuple[str, ...]:
    """Return the people in whose place `user` may vote now, `user` first if they have a seat. Empty: no seat."""
    terms = proposal.terms
    if terms is None:
        return (user,)
    named = {name for need in terms.needs for name in need.people} | set(proposal.widened)
    mine = {name for name in named if user in (name, find_deputy(name, people.away))}
    if any(not need.people for need in terms.needs):
        mine.add(user)
    return tuple(sorted(mine, key=lambda name: (name != user, name)))


def check_seat(proposal: Proposal, people: People, vote: VoteRecord) -> tuple[str, ...]:
    """Return `seats_of` for a person who votes now.

    Raises:
        NotAReviewer: The person has no seat.
        OwnRequest: The person requested this, and four eyes are needed.
    """
    terms, user = proposal.terms, vote.reviewer
    if terms is None:
        return (user,)
    seats = seats_of(proposal, people, user)
    if not seats:
        raise NotAReviewer(
            f"{user} may not decide {proposal.title!r}: it takes {format_needs(proposal)}{_format_rules(terms)}"
        )
    if is_own_request(proposal, people, vote):
        raise OwnRequest(
            f"{user} started or continued this run, so somebody else has to {vote.action} {proposal.title!r}: "
            f"it takes {format_needs(proposal)}{_format_rules(terms)}; {user} may only reject it"
        )
    if not any(takes_vote(proposal, need, vote, seats, people) for need in terms.needs):
        raise NotAReviewer(
            f"{proposal.title!r} takes {format_needs(proposal)}{_format_rules(terms)}. "
            "A vote counts only from somebody who logged in to the Jupyter server: "
            f"log in there with your own name, then decide at hitl_nb/review/{proposal.id}"
            f"{_explain_login(terms)}"
        )
    return seats


def is_own_request(proposal: Proposal, people: People, vote: VoteRecord) -> bool:
    """Return whether a requester decides their own request without the right to. A rejection is always allowed."""
    return bool(
        proposal.terms and proposal.terms.four_eyes and vote.action != "reject" and vote.reviewer in people.requesters
    )


def takes_vote(proposal: Proposal, need: Need, vote: VoteRecord, seats: Collection[str], people: People) -> bool:
    """Return whether a vote from these seats can count in a need, by its seat and by how its reviewer is known."""
    terms = proposal.terms
    if terms is None or _is_for_anyone(need, terms):
        return True
    if need.people and not set(seats) & (set(need.people) | set(proposal.widened)):
        return False
    if is_made_up(vote.reviewer):
        return False
    if vote.authn == "login" or vote.by == "script":
        return True
    return terms.identity == "local" and vote.reviewer == people.os_user


def count_seats(proposal: Proposal, need: Need, votes: Iterable[VoteRecord], people: People) -> int:
    """Count the seats of a need that these votes fill: the size of a largest matching of people and seats."""
    named = set(need.people) | set(proposal.widened)
    options: dict[str, list[str]] = {}
    for one in votes:
        if takes_vote(proposal, need, one, one.seats, people):
            options[one.reviewer] = [seat for seat in one.seats if seat in named] if need.people else [one.reviewer]
    return count_matching(options)


def count_matching(options: Mapping[str, Collection[str]]) -> int:
    """Return the size of a largest matching. Each person takes at most one seat, each seat at most one person."""
    taken: dict[str, str] = {}

    def find_seat(person: str, tried: set[str]) -> bool:
        for seat in options[person]:
            if seat in tried:
                continue
            tried.add(seat)
            if seat not in taken or find_seat(taken[seat], tried):
                taken[seat] = person
                return True
        return False

    return sum(find_seat(person, set()) for person in options)


def explain_stuck(proposal: Proposal, people: People, votes: Collection[VoteRecord] = ()) -> str:
    """Explain, in a sentence, why the people who are present cannot meet the needs. "" if they can.

    Args:
        proposal: The proposal.
        people: State of the people.
        votes: Votes that already count, also if their voter has left since.
    """
    terms = proposal.terms
    for need in () if terms is None else terms.needs:
        if not need.people:
            continue
        options: dict[str, set[str]] = {}
        for name in {*need.people, *proposal.widened}:
            for person in {name, find_deputy(name, people.away)}:
                if person not in people.away and not (terms and terms.four_eyes and person in people.requesters):
                    options.setdefault(person, set()).add(name)
        for vote in votes:
            if takes_vote(proposal, need, vote, vote.seats, people):
                named = {*need.people, *proposal.widened} & set(vote.seats)
                options.setdefault(vote.reviewer, set()).update(named)
        if count_matching(options) < need.count:
            there = ", ".join(sorted(options)) or "nobody"
            return f"{need.text} must agree, and of those who may, {there} can now: the others are away or asked for it"
    return ""


def format_needs(proposal: Proposal) -> str:
    """Describe all needs: "2 of ada, bo and 1 of cy"."""
    terms = proposal.terms
    if terms is None:
        return format_need(Need())
    texts = [_format_need_with_names(need) for need in terms.needs]
    widened = f" (or, since it was escalated, {', '.join(proposal.widened)})" if proposal.widened else ""
    return " and ".join(texts) + widened


def _format_need_with_names(need: Need) -> str:
    names = ", ".join(need.people)
    return f"{need.text} ({names})" if names and "@" in need.text else format_need(need)


def format_need(need: Need) -> str:
    """Describe one need: "2 of @finance", "1 person"."""
    return format_need_text(need.text)


def format_need_text(text: str) -> str:
    """Describe a need like `format_need`, from its text alone."""
    count, _, names = text.partition(" of ")
    return text if names != ANYONE else "1 person" if count == "1" else f"{count} people"


def format_need_progress(
    text: str, have: int, count: int, voted: Sequence[str] = (), waiting: Sequence[str] = ()
) -> str:
    """Describe how far a need is met.

    "1 of 2 of @finance: bo; waiting for ada or cy", "1 of 2 people: bo; anyone may decide". If one is enough:
    "1 of @finance: waiting for ada or bo", "1 person: anyone may decide".
    """
    what = format_need_text(text)
    anyone = what != text and have < count
    rest = "anyone may decide" if anyone else f"waiting for {join_names(waiting, 'or')}" if waiting else ""
    agreed = ["a guest" if is_made_up(name) else name for name in voted]
    said = "; ".join(part for part in (join_names(agreed, "and"), rest) if part)
    head = what if count == 1 else f"{have} of {what}"
    return f"{head}: {said}" if said else head


def join_names(names: Sequence[str], word: str) -> str:
    """Join names with commas and a last `word`: "ada, bo or cy"."""
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)


def _format_rules(terms: Terms) -> str:
    return f" ({', '.join(terms.rules)})" if terms.rules else ""


def _explain_login(terms: Terms) -> str:
    """Describe the way out if the server knows nobody by login."""
    login = " (with JupyterHub, or a password and no token; a token alone names nobody)"
    local = '; or write identity = "local" into hitl-policy.toml for your own votes here, then `hitl-nb policy apply`'
    return login + (local if terms.identity == "login" else "")


def _is_for_anyone(need: Need, terms: Terms) -> bool:
    """Return whether any person who may decide at all can decide, independent of their name."""
    return not need.people and need.count <= 1 and not terms.four_eyes
