"""Who is away, and who stands in for them meanwhile.

away/<user> keeps all that the user ever said about it, so that a vote can be checked later as when it was cast.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from hitl_nb.policies.seats import People
from hitl_nb.records import Proposal, Record
from hitl_nb.store import chain, clock, large, requesters, rows
from hitl_nb.store.base import Reads, Store, Transaction

LONGEST = 200
"""Most characters of a user name."""


class Absence(Record, frozen=True, kw_only=True):
    """A time in which somebody is away.

    Attributes:
        start, until: from when to when.
        to: user name of who stands in; None: nobody.
        set_at: when it was said: votes that were cast before do not know of it.
        ended_at: when it was taken back, or something else was said; None if that was never.
    """

    start: datetime
    until: datetime
    to: str | None = None
    set_at: datetime
    ended_at: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Whether they are away at this time, as far as was known then."""
        known = self.set_at <= at and (self.ended_at is None or at < self.ended_at)
        return known and self.start <= at < self.until


class Away(Record, frozen=True, kw_only=True):
    """All that a user said about being away, oldest first."""

    user: str
    absences: tuple[Absence, ...] = ()


class Absences:
    """Who is away, of a store."""

    store: Store

    def set_away(self, user: str, start: datetime | None, until: datetime | None, to: str | None = None) -> Away:
        """Say that a user is away from `start` to `until`, and that `to` votes in their place.

        It replaces what they said before. Without `start`: from now on. Without `until`: the user is not away, now or
        later; `to` is not looked at then. Whoever calls this knows that it is the user who says it. Raises ValueError.
        """
        _check_name("user", user)
        if to is not None:
            _check_name("to", to)
            if to.startswith("@") or not to.isprintable() or to != to.strip():
                raise ValueError(f"to is {to!r}; name one user: only a person can stand in for another")
        if to == user:
            raise ValueError(f"to is {to!r}, who is away themselves; name somebody else, or nobody")

        def work(tx: Transaction) -> Away:
            now = clock.store_now(tx)
            before = _load(tx, user)
            kept = [_end(one, now) for one in before.absences]
            if until is not None:
                begins = now if start is None else start
                _check_times(begins, until, now)
                kept.append(Absence(start=begins.astimezone(UTC), until=until.astimezone(UTC), to=to, set_at=now))
            said = Away(user=user, absences=tuple(kept))
            if said == before:
                return said
            records = rows.put_record(tx, _key(user), said)
            times = {} if until is None else {"from": kept[-1].start.isoformat(), "until": until.isoformat(), "to": to}
            chain.append(tx, "away.set", actor=user, data={"user": user, **times}, records=records)
            return said

        return self.store.transact(work)

    def away(self, user: str) -> Absence | None:
        """The time for which the user said last that they are away, if it is not over."""
        absences = _load(self.store, user).absences
        last = absences[-1] if absences else None
        over = last is None or last.ended_at is not None or last.until <= clock.store_now(self.store)
        return None if over else last

    def away_at(self, at: datetime) -> dict[str, str | None]:
        """Who was away at a time, and who stood in for them."""
        return away_within(self.store, at)


def away_within(reads: Reads, at: datetime) -> dict[str, str | None]:
    """`Absences.away_at`, within a transaction."""
    found: dict[str, str | None] = {}
    for key, raw in reads.scan(*large.span("away/")):
        said = rows.decode(large.whole(reads, key, raw), Away, key)
        for one in said.absences:
            if one.covers(at):
                found[said.user] = one.to
    return found


def find_people(reads: Reads, p: Proposal, at: datetime) -> People:
    """How things were with the people of a proposal at a time."""
    return people_around(reads, p.requesters or rows.load_run(reads, p.run).requesters, at)


def people_around(reads: Reads, asked_by: Sequence[str], at: datetime) -> People:
    """How things were at a time with the people around a run that these started or continued."""
    return People(frozenset(asked_by), away_within(reads, at), requesters.os_user())


def _end(one: Absence, now: datetime) -> Absence:
    over = one.ended_at is not None or one.until <= now
    return one if over else msgspec.structs.replace(one, ended_at=now)


def _check_name(what: str, name: str) -> None:
    if not name or len(name) > LONGEST:
        raise ValueError(f"{what} must be a user name of at most {LONGEST} characters")


def _check_times(start: datetime, until: datetime, now: datetime) -> None:
    if start.tzinfo is None or until.tzinfo is None:
        raise ValueError("from and until must be times with their zone, as 2026-01-05T09:00:00Z")
    try:
        start.astimezone(UTC), until.astimezone(UTC)  # pyright: ignore[reportUnusedExpression]
    except OverflowError:
        raise ValueError(
            f"from and until must be times of the years 1 to 9999 in UTC, not {start} and {until}"
        ) from None
    if until <= now:
        raise ValueError(f"until ({until.isoformat()}) is over; it is {now.isoformat(timespec='seconds')}")
    if until <= start:
        raise ValueError(f"until ({until.isoformat()}) must be later than from ({start.isoformat()})")


def _load(reads: Reads, user: str) -> Away:
    raw = large.get(reads, _key(user))
    return Away(user=user) if raw is None else rows.decode(raw, Away, _key(user))


def _key(user: str) -> str:
    return f"away/{quote(user, safe='')}"
