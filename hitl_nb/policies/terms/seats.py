"""Seats: which people may vote on a proposal, for whom, and whether the agreeing people are enough.

A *need* says how many votes of which people are needed: "2 of ada, bo". A *seat* is the right of one of these people to
vote. A deputy may use the seat of a person who is away; that person may still vote. People are matched to seats, one
person to one seat. So one person never counts as two, however many people that person is the deputy of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hitl_nb.errors import NotAReviewer, OwnRequest
from hitl_nb.policies.documents.grammar import ANYONE
from hitl_nb.records import Need, Proposal, Terms, VoteRecord

MAX_DEPUTY_CHAIN = 3
"""Maximum number of deputies of deputies that are followed, from the person who is away."""
_MADE_UP = re.compile(r"[0-9a-f]{32}")


def is_made_up(user: str) -> bool:
    """Return whether Jupyter invented this user name, for a request that has only the server's password or token.

    Such a name is a random UUID without hyphens. It differs in each browser, so one person could have two names.
    """
    return _MADE_UP.fullmatch(user) is not None


@dataclass(frozen=True)
class People:
    """Facts about people that decide whose votes count, at one moment.

    Attributes:
        requesters: User names of the people who started or continued the run. With four eyes they may only reject.
        away: User names of the people who are away. Maps each to the deputy's user name; None: no deputy.
        os_user: User name in the operating system. Votes of this user count too if the terms have `identity = "local"`.
    """

    requesters: frozenset[str] = frozenset()
    away: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    os_user: str | None = None


def find_deputy(person: str, away: Mapping[str, str | None]) -> str:
    """Return the user name of the person who acts for `person` now.

    This is `person` if that person is present, has no deputy, or if the deputies form a circle. If the deputy is also
    away, the deputy's deputy is used, and so on for at most `MAX_DEPUTY_CHAIN` people.

    Args:
        person: User name.
        away: Maps each person who is away to the deputy's user name; None: no deputy.
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
    """Return the user names of the people for whom `user` may vote on the proposal now. Empty: `user` may not vote.

    The first name is `user`, if the proposal's terms name that person or ask for anyone. The other names are people who
    are away and whose deputy is `user`.
    """
    terms = proposal.terms
    if terms is None:
        return (user,)
    named = {name for need in terms.needs for name in need.people} | set(proposal.widened)
    mine = {name for name in named if user in (name, find_deputy(name, people.away))}
    if any(not need.people for need in terms.needs):
        mine.add(user)
    return tuple(sorted(mine, key=lambda name: (name != user, name)))


def check_seat(proposal: Proposal, people: People, vote: VoteRecord) -> tuple[str, ...]:
    """Check that the reviewer of a vote may give it now. Return the user names of the people for whom it may count.

    Raises:
        NotAReviewer: The proposal's terms do not let this person vote, or only people who logged in may vote.
        OwnRequest: The person started or continued the run, and the terms demand four eyes: such a person may only
            reject.
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
    """Return whether a vote breaks the four-eyes rule: a requester of the run approves, edits or responds.

    A requester is a person who started or continued the run. False if the terms do not demand four eyes.
    """
    return bool(
        proposal.terms and proposal.terms.four_eyes and vote.action != "reject" and vote.reviewer in people.requesters
    )


def takes_vote(proposal: Proposal, need: Need, vote: VoteRecord, seats: Collection[str], people: People) -> bool:
    """Return whether a vote can count for a need (a number of votes of certain people).

    It can if the need asks for anyone, or if one of the `seats` is of a person whom the need names. The reviewer must
    also have logged in to a server, or be the OS user if the terms allow that. A need for one vote of anyone takes
    every vote.

    Args:
        proposal: The proposal.
        need: The need.
        vote: The vote.
        seats: User names of the people for whom the reviewer may vote.
        people: The requesters of the run, the people who are away, and the OS user.
    """
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
    """Count how many of the votes that a need (a number of votes of certain people) requires are given by `votes`.

    A deputy may vote for several people, but counts for only one. Each named person's right to vote is used once. The
    largest number that is possible in this way is returned.
    """
    named = set(need.people) | set(proposal.widened)
    options: dict[str, list[str]] = {}
    for one in votes:
        if takes_vote(proposal, need, one, one.seats, people):
            options[one.reviewer] = [seat for seat in one.seats if seat in named] if need.people else [one.reviewer]
    return count_matching(options)


def count_matching(options: Mapping[str, Collection[str]]) -> int:
    """Return the largest number of people who can each have a seat (a right to vote) of their own.

    Each person takes at most one seat, and each seat is taken by at most one person (a largest bipartite matching).

    Args:
        options: Maps each person to the seats that this person may take.
    """
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
    """Explain in a sentence why a proposal cannot be decided now: too few of the people who may vote are present.

    Args:
        proposal: The proposal.
        people: The requesters of the run, and the people who are away.
        votes: Votes that were given already. They count even if their reviewer is now away.

    Returns:
        The sentence, about the first need (required votes) that cannot be met. "" if all needs can be met.
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
    """Describe for people which votes a proposal requires: "2 of ada, bo and 1 of cy". Without terms: "1 person".

    If the proposal was escalated, the people who may also decide since then are added.
    """
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
    """Describe one need (how many votes of which people) in words: "2 of @finance", "1 person", "2 people"."""
    return format_need_text(need.text)


def format_need_text(text: str) -> str:
    """Describe a need (how many votes of which people) in words: "1 of anyone" becomes "1 person".

    Args:
        text: The need as the policy has it. A text that names people is returned unchanged.
    """
    count, _, names = text.partition(" of ")
    return text if names != ANYONE else "1 person" if count == "1" else f"{count} people"


def format_need_progress(
    text: str, have: int, count: int, voted: Sequence[str] = (), waiting: Sequence[str] = ()
) -> str:
    """Describe in words how many of the votes that a need requires are given, and who can still vote.

    Examples: "1 of 2 of @finance: bo; waiting for ada or cy", "1 of 2 people: bo; anyone may decide". If one vote is
    enough: "1 of @finance: waiting for ada or bo", "1 person: anyone may decide".

    Args:
        text: The need as the policy has it: "2 of @finance".
        have: Number of votes that are given.
        count: Number of votes that the need requires.
        voted: Names of the people who voted.
        waiting: Names of the people who can still vote.
    """
    what = format_need_text(text)
    anyone = what != text and have < count
    rest = "anyone may decide" if anyone else f"waiting for {join_names(waiting, 'or')}" if waiting else ""
    agreed = ["a guest" if is_made_up(name) else name for name in voted]
    said = "; ".join(part for part in (join_names(agreed, "and"), rest) if part)
    head = what if count == 1 else f"{have} of {what}"
    return f"{head}: {said}" if said else head


def join_names(names: Sequence[str], word: str) -> str:
    """Join names with commas, and with `word` before the last name: "ada, bo or cy"."""
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)


def _format_rules(terms: Terms) -> str:
    return f" ({', '.join(terms.rules)})" if terms.rules else ""


def _explain_login(terms: Terms) -> str:
    """Return a hint for a user whose vote does not count without a login: how to log in to the Jupyter server.

    If the proposal's terms count only votes of logged-in people, the hint also names the setting that counts the OS
    user's votes.
    """
    login = " (with JupyterHub, or a password and no token; a token alone names nobody)"
    local = '; or write identity = "local" into hitl-policy.toml for your own votes here, then `hitl-nb policy apply`'
    return login + (local if terms.identity == "login" else "")


def _is_for_anyone(need: Need, terms: Terms) -> bool:
    """Return whether one vote of any person meets the need (no people are named, no four eyes).

    Then it does not matter how the voter's name is known.
    """
    return not need.people and need.count <= 1 and not terms.four_eyes
