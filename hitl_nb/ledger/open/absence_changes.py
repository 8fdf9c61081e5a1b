"""Saying that somebody is away, and what that changes for the proposals that wait for them.

When an absence begins, ends or is taken back, it is looked at once whether somebody may still decide what is open: see
`seat_rechecks.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from hitl_nb.ledger.decisions.absences import Absence, Away, away_key, load_away, read_absentees
from hitl_nb.ledger.open.due_actions import ProposalTimers
from hitl_nb.ledger.open.seat_rechecks import drop_recheck, put_recheck
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.storage.interface import Transaction

MAX_USER_NAME_CHARS = 200
"""Most characters of a user name."""


class Absences(ProposalTimers):
    """Who is away, of a store."""

    def set_away(self, user: str, start: datetime | None, until: datetime | None, to: str | None = None) -> Away:
        """Say that a user is away from `start` to `until`, and that `to` votes in their place.

        It replaces what they said before. Without `start`: from now on. Without `until`: the user is not away, now or
        later; `to` is not looked at then. Whoever calls this knows that it is the user who says it. Raises ValueError.

        Open proposals that nobody may decide from then on are escalated to their fallback, or marked, at once; those
        of a later absence when it begins.
        """
        _check_name("user", user)
        if to is not None:
            _check_name("to", to)
            if to.startswith("@") or not to.isprintable() or to != to.strip():
                raise ValueError(f"to is {to!r}; name one user: only a person can stand in for another")
        if to == user:
            raise ValueError(f"to is {to!r}, who is away themselves; name somebody else, or nobody")

        def work(transaction: Transaction) -> Away:
            now = clock.store_now(transaction)
            before = load_away(transaction, user)
            kept = [_end_absence(one, now) for one in before.absences]
            if until is not None:
                begins = now if start is None else start
                _check_times(begins, until, now)
                kept.append(Absence(start=begins.astimezone(UTC), until=until.astimezone(UTC), to=to, set_at=now))
            said = Away(user=user, absences=tuple(kept))
            if said == before:
                return said
            _plan_rechecks(transaction, before, said, now)
            records = rows.put_record(transaction, away_key(user), said)
            times = {} if until is None else {"from": kept[-1].start.isoformat(), "until": until.isoformat(), "to": to}
            chain.append_event(transaction, "away.set", actor=user, data={"user": user, **times}, records=records)
            return said

        said = self.store.transact(work)
        self.run_due_steps_quietly()
        return said

    def current_absence(self, user: str) -> Absence | None:
        """The time for which the user said last that they are away, if it is not over."""
        absences = load_away(self.store, user).absences
        last = absences[-1] if absences else None
        over = last is None or last.ended_at is not None or last.until <= clock.store_now(self.store)
        return None if over else last

    def absentees_at(self, at: datetime) -> dict[str, str | None]:
        """Who was away at a time, and who stood in for them."""
        return read_absentees(self.store, at)


def _plan_rechecks(transaction: Transaction, before: Away, said: Away, now: datetime) -> None:
    """Have it looked at what is open now, and when the new absence begins and ends; no more for the one before."""
    for one in before.absences[-1:]:
        drop_recheck(transaction, said.user, one.start)
        drop_recheck(transaction, said.user, one.until)
    put_recheck(transaction, said.user, now)
    for one in said.absences[-1:]:
        if one.ended_at is None:
            put_recheck(transaction, said.user, max(one.start, now))
            put_recheck(transaction, said.user, one.until)


def _end_absence(one: Absence, now: datetime) -> Absence:
    over = one.ended_at is not None or one.until <= now
    return one if over else msgspec.structs.replace(one, ended_at=now)


def _check_name(what: str, name: str) -> None:
    if not name or len(name) > MAX_USER_NAME_CHARS:
        raise ValueError(f"{what} must be a user name of at most {MAX_USER_NAME_CHARS} characters")


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
