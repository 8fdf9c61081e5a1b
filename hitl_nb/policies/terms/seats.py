"""Who may vote on a proposal, in whose place, and whether the people who agree are enough.

A seat is a named person's right in a need. Whoever is away is stood in for; the person themselves may still vote. The
people who agree are matched to seats, one person to one seat, so that no number of delegations makes one person two.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hitl_nb.errors import NotAReviewer, OwnRequest
from hitl_nb.policies.documents.grammar import ANYONE
from hitl_nb.records import Need, Proposal, Terms, VoteRecord

MAX_DEPUTY_CHAIN = 3
"""Most delegations in a row that are followed."""
_MADE_UP = re.compile(r"[0-9a-f]{32}")


def is_made_up(user: str) -> bool:
    """Whether Jupyter made this name up, for somebody who knows the server's one password or token.

    It is a random UUID, another one in each browser: one person could be two.
    """
    return _MADE_UP.fullmatch(user) is not None


@dataclass(frozen=True)
class People:
    """How things are with people at one moment.

    Attributes:
        requesters: who started or continued the run.
        away: who is away, and who stands in for them; None: nobody does.
        os_user: the operating system's user, whose votes count too where `identity` is "local".
    """

    requesters: frozenset[str] = frozenset()
    away: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    os_user: str | None = None


def find_deputy(person: str, away: Mapping[str, str | None]) -> str:
    """Who acts in a person's place now: they themselves if they are there, or nobody else is named.

    At most `MAX_DEPUTY_CHAIN` delegations are followed; a circle ends where it began.
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
    """The people in whose place `user` may vote now, `user` first if they may for themselves; empty: no seat."""
    terms = proposal.terms
    if terms is None:
        return (user,)
    named = {name for need in terms.needs for name in need.people} | set(proposal.widened)
    mine = {name for name in named if user in (name, find_deputy(name, people.away))}
    if any(not need.people for need in terms.needs):
        mine.add(user)
    return tuple(sorted(mine, key=lambda name: (name != user, name)))


def check_seat(proposal: Proposal, people: People, vote: VoteRecord) -> tuple[str, ...]:
    """`seats_of`, for somebody who votes now. Raises NotAReviewer, OwnRequest."""
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
            f"{proposal.title!r} takes {format_needs(proposal)}{_format_rules(terms)}, and a vote counts only from "
            "somebody who logged in "
            f"to the Jupyter server: log in there with your own name, then decide at hitl_nb/review/{proposal.id}"
            f"{_explain_login(terms)}"
        )
    return seats


def is_own_request(proposal: Proposal, people: People, vote: VoteRecord) -> bool:
    """Whether somebody decides what they asked for themselves, and has no right to; to reject it is always right."""
    return bool(
        proposal.terms and proposal.terms.four_eyes and vote.action != "reject" and vote.reviewer in people.requesters
    )


def takes_vote(proposal: Proposal, need: Need, vote: VoteRecord, seats: Collection[str], people: People) -> bool:
    """Whether a vote from these seats can count in a need: its place, and how its reviewer is known."""
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
    """How many seats of a need these votes fill: the size of a largest matching of people and seats."""
    named = set(need.people) | set(proposal.widened)
    options: dict[str, list[str]] = {}
    for one in votes:
        if takes_vote(proposal, need, one, one.seats, people):
            options[one.reviewer] = [seat for seat in one.seats if seat in named] if need.people else [one.reviewer]
    return count_matching(options)


def count_matching(options: Mapping[str, Collection[str]]) -> int:
    """The size of a largest matching: each person takes at most one of their seats, each seat at most one person."""
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
    """Why the people who are there now cannot meet the needs, in a sentence; "" if they can.

    `votes` are those that count already, whether or not who cast them is still there.
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
    """All that must agree, in words: "2 of ada, bo and 1 of cy"."""
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
    """How many of which people must agree, in words: "2 of @finance", "1 person"."""
    return format_need_text(need.text)


def format_need_text(text: str) -> str:
    """`format_need`, of a need's text alone."""
    count, _, names = text.partition(" of ")
    return text if names != ANYONE else "1 person" if count == "1" else f"{count} people"


def format_need_progress(
    text: str, have: int, count: int, voted: Sequence[str] = (), waiting: Sequence[str] = ()
) -> str:
    """How far a need is met, in words.

    "1 of 2 of @finance: bo; waiting for ada or cy", "1 of 2 people: bo; anyone may decide"; where one is enough,
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
    """ "ada, bo or cy"."""
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)


def _format_rules(terms: Terms) -> str:
    return f" ({', '.join(terms.rules)})" if terms.rules else ""


def _explain_login(terms: Terms) -> str:
    """What to do where the server knows nobody by login."""
    login = " (with JupyterHub, or a password and no token; a token alone names nobody)"
    local = '; or write identity = "local" into hitl-policy.toml for your own votes here, then `hitl-nb policy apply`'
    return login + (local if terms.identity == "login" else "")


def _is_for_anyone(need: Need, terms: Terms) -> bool:
    """Whether any person who may decide at all can decide: nothing depends on who they are."""
    return not need.people and need.count <= 1 and not terms.four_eyes
