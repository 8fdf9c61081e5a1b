"""No sequence of votes, edits, waits, absences and undo ends in a decision that the needs do not allow.

A model beside the machine keeps who said what, and counts seats by trying all ways to fill them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hitl_nb.errors import AlreadyDecided, InvalidEdit, NotAReviewer, TooLate
from hitl_nb.policies.terms import terms as machine
from hitl_nb.policies.terms.seats import MAX_DEPUTY_CHAIN
from hitl_nb.policies.terms.terms import People
from hitl_nb.records import Proposal, Terms, VoteRecord
from tests.policies.casework import T0, need, proposal, step

NAMED = ("ada", "bo", "cy", "dan")
USERS = (*NAMED, "lea", "zed")
VALUES = ("v0", "v1", "v2")
NEEDS = (
    *("1 of anyone", "2 of anyone", "1 of ada, bo", "2 of bo, cy", "2 of ada, bo, cy", "3 of bo, cy, dan"),
    *("1 of cy, dan", "1 of dan"),
)
TIMELINES: tuple[tuple[str, ...], ...] = (
    (),
    ("1h remind", "4h escalate lea", "8h reject"),
    ("2h escalate lea, zed",),
    ("3h approve",),
    ("1h overdue", "6h reject"),
)
REQUESTERS = frozenset({"ada"})


@dataclass
class Said:
    """What a person said last, in the model."""

    user: str
    action: str
    value: Any
    seats: frozenset[str]
    counts: bool
    at: datetime = T0


@dataclass
class Model:
    """Who said what, and who was away when."""

    said: dict[str, Said] = field(default_factory=dict[str, Said])
    away: list[tuple[datetime, dict[str, str | None]]] = field(default_factory=lambda: [(T0, {})])

    def away_at(self, at: datetime) -> dict[str, str | None]:
        return [away for since, away in self.away if since <= at][-1]


def stand_in(person: str, away: dict[str, str | None]) -> str:
    chain = [person]
    while len(chain) <= MAX_DEPUTY_CHAIN and away.get(chain[-1]) is not None:
        following = away[chain[-1]]
        if following in chain:
            return person
        chain.append(following)
    return chain[-1]


def can_fill(count: int, options: list[frozenset[str]]) -> bool:
    """Whether `count` of these people can sit on different seats, by trying."""
    for group in itertools.combinations(options, count):
        if any(len(set(seats)) == count for seats in itertools.product(*group)):
            return True
    return False


class Review(RuleBasedStateMachine):
    @initialize(
        needs=st.lists(st.sampled_from(NEEDS), min_size=1, max_size=2, unique=True),
        timeline=st.sampled_from(TIMELINES),
        four_eyes=st.booleans(),
        blind=st.booleans(),
        local=st.booleans(),
        undo=st.sampled_from([None, 1800.0]),
    )
    def ask(self, needs: Any, timeline: Any, four_eyes: bool, blind: bool, local: bool, undo: Any) -> None:
        made = Terms(
            rules=("r",),
            needs=tuple(map(need, needs)),
            timeline=tuple(step(text.replace(", ", " ")) for text in timeline),
            four_eyes=four_eyes,
            blind=blind,
            identity="local" if local else "login",
            undo=undo,
            fallback=("lea",),
        )
        self.model = Model()
        self.now = T0
        self.events: list[str] = []
        self.p: Proposal
        self.people = People(REQUESTERS, {}, "bo")
        self.take(machine.begin_proposal(proposal(made), self.people))
        self.last_vote: VoteRecord | None = None

    def take(self, change: machine.Change | None) -> None:
        if change is not None:
            self.p = change.proposal
            self.events += [type_ for type_, _ in change.events]
            assert (change.decision is None) == (self.p.decision is None)

    # What may happen

    @rule(minutes=st.sampled_from([1, 29, 30, 59, 61, 240, 3000]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def look(self) -> None:
        if self.p.status == "open":
            self.take(machine.run_due_step(self.p, self.people, self.now))

    @rule(user=st.sampled_from(NAMED), to=st.sampled_from([*USERS, None]), back=st.booleans())
    def leave(self, user: str, to: str | None, back: bool) -> None:
        away = dict(self.people.away)
        away.pop(user, None)
        if not back and to != user:
            away[user] = to
        self.now += timedelta(seconds=1)
        self.people = People(REQUESTERS, away, "bo")
        self.model.away.append((self.now, away))

    @rule(
        user=st.sampled_from(USERS),
        action=st.sampled_from(["approve"] * 6 + ["edit"] * 3 + ["reject", "respond"]),
        value=st.sampled_from(VALUES),
        authn=st.sampled_from(["login", "login", "login", "token", None]),
        judged=st.sampled_from([None, None, "block", "1 of dan", "2 of cy, dan"]),
    )
    def vote(self, user: str, action: Any, value: str, authn: Any, judged: str | None) -> None:
        if self.p.status == "open":
            while (change := machine.run_due_step(self.p, self.people, self.now)) is not None:
                self.take(change)
                if self.p.status != "open":
                    break
        said = {"edit": value, "respond": "hm"}.get(action)
        one = VoteRecord(reviewer=user, action=action, value=said, at=self.now, authn=authn, event=len(self.events) + 1)
        before = self.p
        try:
            change = machine.cast_vote(self.p, one, self.people, self.now, judged=plan(judged))
        except (NotAReviewer, AlreadyDecided, InvalidEdit):
            assert self.p is before
            return
        on = value if action == "edit" else before.value if before.candidate is msgspec.UNSET else before.candidate
        names = {name for one in before.terms.needs for name in one.people} | set(before.widened)
        away = self.model.away_at(self.now)
        seats = frozenset({name for name in names if user in (name, stand_in(name, away))} | {user})
        known = authn == "login" or (before.terms.identity == "local" and user == "bo")
        self.model.said[user] = Said(user, action, on, seats, known, self.now)
        self.take(change)
        self.last_vote = one

    @rule(user=st.sampled_from(USERS))
    def undo(self, user: str) -> None:
        settling, before = self.p.settles_at, self.p.votes
        try:
            change = machine.undo_approval(self.p, self.people, user, self.now)
        except (TooLate, NotAReviewer):
            return
        if settling is not None:
            assert self.now < settling
            assert before[-1].reviewer == user
        del self.model.said[user]
        self.take(change)
        assert self.p.votes == tuple(one for one in before if one.reviewer != user)
        assert (self.p.status, self.p.settles_at) == ("open", None)

    # What always holds

    @invariant()
    def one_person_has_one_vote(self) -> None:
        voters = [one.reviewer for one in self.p.votes]
        assert len(voters) == len(set(voters))
        assert set(voters) == set(self.model.said)

    @invariant()
    def no_requester_agrees_with_four_eyes(self) -> None:
        if self.p.terms.four_eyes:
            assert not [one for one in self.p.votes if one.reviewer in REQUESTERS and one.action != "reject"]

    @precondition(lambda self: self.p.decision is not None and self.p.decision.by == "person")
    @invariant()
    def people_decided_it_as_the_needs_say(self) -> None:
        event(f"decided: {self.p.decision.action}, needs: {len(self.p.terms.needs)}, votes: {len(self.p.votes)}")
        made = self.p.decision
        assert self.p.settles_at is None
        mine = self.model.said[made.reviewer]
        if made.action in ("reject", "respond"):
            assert mine.action == made.action
        else:
            value = self.p.value if made.action == "approve" else made.value
            agreed = [
                one for one in self.model.said.values() if one.action in ("approve", "edit") and one.value == value
            ]
            assert mine in agreed
            assert not [one for one in self.model.said.values() if one.action in ("reject", "respond")]
            for one in self.p.terms.needs:
                free = not one.people and one.count == 1 and not self.p.terms.four_eyes
                names = frozenset(one.people) | set(self.p.widened)
                options = [
                    said.seats & names if one.people else frozenset({said.user})
                    for said in agreed
                    if said.counts or free
                ]
                assert can_fill(one.count, options)
            if self.p.terms.undo:
                assert made.decided_at >= mine.at + timedelta(seconds=self.p.terms.undo)
        if self.p.terms.blind:
            assert len(self.model.said) >= max(one.count for one in self.p.terms.needs)

    @precondition(lambda self: self.p.decision is not None)
    @invariant()
    def the_votes_on_record_make_it(self) -> None:
        assert machine.verify_decision_votes(self.p, self.people_at) is None
        as_person = msgspec.structs.replace(self.p.decision, by="person", reviewer="cy")
        forged = msgspec.structs.replace(self.p, decision=as_person)
        if self.p.decision.by == "deadline":
            assert machine.verify_decision_votes(forged, self.people_at) is not None

    @precondition(lambda self: self.p.decision is not None and self.p.decision.by != "person")
    @invariant()
    def the_clock_never_reads_like_a_person(self) -> None:
        made = self.p.decision
        assert (made.by, made.reviewer, made.reviewer_name, made.authn, made.signature) == (
            *("deadline", "deadline", ""),
            *(None, None),
        )
        last = self.p.terms.timeline[-1]
        assert last.does == made.action
        assert made.decided_at >= T0 + timedelta(seconds=last.seconds)
        if made.action == "approve":
            assert self.p.candidate is msgspec.UNSET
            assert all(one.action == "approve" for one in self.model.said.values())

    @invariant()
    def what_is_due_is_done(self) -> None:
        due = machine.next_due_time(self.p)
        if due is None:
            assert self.p.status == "decided" or self.p.step == len(self.p.terms.timeline)
        else:
            assert machine.run_due_step(self.p, self.people, due) is not None
            assert machine.run_due_step(self.p, self.people, due - timedelta(microseconds=1)) is None

    def people_at(self, at: datetime) -> People:
        return People(REQUESTERS, self.model.away_at(at), "bo")


def plan(judged: str | None) -> Any:
    if judged is None:
        return None
    made = None if judged == "block" else Terms(rules=("big",), needs=(need(judged),))
    verdict = "block" if judged == "block" else "ask"
    return SimpleNamespace(
        verdict=verdict, rules=("big",), why=(), terms=made, allow=("approve", "edit", "reject", "respond")
    )


TestReview = Review.TestCase
TestReview.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
