"""A proposal with terms and a clock of its own, for tests of the pure machine."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from hitl_nb.policies.terms import terms as machine
from hitl_nb.policies.terms.terms import Change, People
from hitl_nb.records import Action, Authn, Need, Proposal, Terms, TimelineStep, VoteRecord, fingerprint

T0 = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def need(text: str) -> Need:
    """ "2 of ada, bo" """
    count, _, names = text.partition(" of ")
    people = () if names == "anyone" else tuple(name.strip() for name in names.split(","))
    return Need(count=int(count), people=people, text=text)


def step(text: str) -> TimelineStep:
    """ "4h escalate lea" """
    after, does, *people = text.split()
    seconds = float(after[:-1]) * _SECONDS[after[-1]]
    return TimelineStep(does=does, seconds=seconds, people=tuple(people), text=text)


def terms(*needs: str, timeline: tuple[str, ...] = (), **more: Any) -> Terms:
    return Terms(policy="p", rules=("r",), needs=tuple(map(need, needs)), timeline=tuple(map(step, timeline)), **more)


def proposal(made_under: Terms, value: Any = "v0", **more: Any) -> Proposal:
    print_ = fingerprint("run", "0", "json", "Refund", value)
    fields: dict[str, Any] = {"title": "Refund", "kind": "json", "value": value, "position": "0", "id": "aaaa"}
    fields |= {"run": "run", "agent": "a", "notebook": "n", "pause": 1, "fingerprint": print_, "created_at": T0}
    return Proposal(**fields, terms=made_under, **more)


@dataclass
class Case:
    """What became of one proposal; times are seconds, or "h:mm:ss", since it was asked."""

    p: Proposal
    people: People = field(default_factory=People)
    change: Change | None = None
    numbers: Any = None

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        self.take(machine.begin_proposal(self.p, self.people))

    def take(self, change: Change | None) -> Change | None:
        self.change = change
        if change is not None:
            self.p = change.proposal
        return change

    def tick(self, when: str | float = 0) -> Change | None:
        return self.take(machine.run_due_step(self.p, self.people, at(when)))

    def vote(
        self,
        user: str,
        action: Action = "approve",
        value: Any = None,
        *,
        when: str | float = 0,
        authn: Authn | None = "login",
        judged: Any = None,
        **more: Any,
    ) -> str:
        """What the proposal is then: "open", or "reject by cy"."""
        self.tick(when)
        one = VoteRecord(
            reviewer=user, action=action, value=value, at=at(when), authn=authn, event=next(self.numbers), **more
        )
        self.take(machine.cast_vote(self.p, one, self.people, at(when), judged=judged))
        return self.state

    def undo(self, user: str, when: str | float) -> str:
        self.take(machine.undo_approval(self.p, self.people, user, at(when)))
        return self.state

    @property
    def state(self) -> str:
        made = self.p.decision
        if made is None:
            return "settling" if self.p.settles_at is not None else self.p.status
        return f"{made.action} by {made.reviewer}"

    @property
    def have(self) -> list[str]:
        return [f"{one.have}/{one.count}" for one in machine.need_progress(self.p, self.people)]

    @property
    def wrong(self) -> str | None:
        return machine.verify_decision_votes(self.p, self.people)

    def away(self, **who: str | None) -> None:
        self.people = msgspec_replace(self.people, away=who)


def msgspec_replace(people: People, **changes: Any) -> People:
    fields = {"requesters": people.requesters, "away": people.away, "os_user": people.os_user}
    return People(**{**fields, **changes})


def at(when: str | float) -> datetime:
    if isinstance(when, str):
        parts = [int(part) for part in when.split(":")]
        when = sum(part * 60**n for n, part in zip((2, 1, 0), parts, strict=False))
    return T0 + timedelta(seconds=when)


def with_fields(p: Proposal, **fields: Any) -> Proposal:
    return msgspec.structs.replace(p, **fields)
