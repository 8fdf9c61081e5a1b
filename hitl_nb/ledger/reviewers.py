"""The people who decide: how a server identified them, and when they are away.

When an absence begins, ends or is withdrawn, all open proposals are checked again: is there still a person who may
decide each of them? `ledger/open/seat_rechecks.py` makes this check.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from hitl_nb.ledger.decisions.absences import Absence, Away, away_key, load_away, read_absentees
from hitl_nb.ledger.decisions.reviewers import identify_reviewer, identify_speaker, identify_voter
from hitl_nb.ledger.open.due_actions import ProposalTimers
from hitl_nb.ledger.open.seat_rechecks import drop_recheck, put_recheck
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.ledger.rows import store_clock as clock
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import Known, Proposal, Speaker, VoteRecord
from hitl_nb.storage.interface import Store, Transaction

MAX_USER_NAME_CHARS = 200
"""Longest user name, in characters."""


class Reviewers:
    """The people who decide on a store's proposals.

    Args:
        store: The store of the absences.
        store_id: Id of the store, for the check of signatures.
        timers: Automatic actions on open proposals, such as the check after a new absence.
    """

    def __init__(self, store: Store, store_id: str, timers: ProposalTimers) -> None:
        self._store = store
        self._store_id = store_id
        self._timers = timers

    def identify(self, proposal: Proposal) -> Known | None:
        """Check the signature of a proposal's decision, and return how the person who decided was identified.

        Returns:
            "login", "token", "anonymous" or "unsigned" for a person; "policy", "deadline" or "script" if no person
            decided. None: the proposal is not decided.
        """
        return identify_reviewer(self._store_id, proposal)

    def identify_voter(self, proposal: Proposal, vote: VoteRecord) -> Known:
        """Check the signature of a vote, and return how the voter was identified.

        Returns:
            "login", "token", "anonymous" or "unsigned" for a person; "script" for a vote of a decisions file.
        """
        return identify_voter(self._store_id, proposal, vote)

    def identify_flagger(self, proposal: Proposal) -> Speaker | None:
        """Check the signature of a proposal's flag, and return how the person who set the flag was identified.

        Returns:
            "login", "token", "anonymous" or "unsigned". None: nobody has said that the approval was wrong.
        """
        flag = proposal.flag
        return None if flag is None else identify_speaker(self._store_id, proposal.id, flag, flag.reviewer)

    def set_away(self, user: str, start: datetime | None, until: datetime | None, to: str | None = None) -> Away:
        """Record that a user is away, and who votes for the user (the deputy).

        This replaces the absence that the user recorded before. The caller must have checked that the request comes
        from this user. When the absence begins, there may be open proposals that no person may decide any more. For
        such a proposal, the people of its `fallback` may decide too; without a fallback, the proposal is marked as
        stuck.

        Args:
            user: User name.
            start: Begin of the absence, with time zone. None: the absence begins now.
            until: End of the absence, with time zone. None: the user is not away, now or later, and `to` is ignored.
            to: User name of the deputy. None (default): no deputy.

        Returns:
            All recorded absences of the user.

        Raises:
            ValueError: A name or a time is not valid, or the deputy is the user.
        """
        _check_name("user", user)
        if to is not None:
            _check_name("to", to)
            if to.startswith("@") or not to.isprintable() or to != to.strip():
                raise ValueError(f"to is {to!r}; name one user: the deputy must be a person, not a group")
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

        said = self._store.transact(work)
        self._timers.run_due_steps_quietly()
        return said

    def find_absence(self, user: str) -> Absence | None:
        """Return the absence of a user that the user recorded last, if it has not ended; None otherwise."""
        absences = load_away(self._store, user).absences
        last = absences[-1] if absences else None
        over = last is None or last.ended_at is not None or last.until <= clock.store_now(self._store)
        return None if over else last

    def list_absentees(self, at: datetime) -> dict[str, str | None]:
        """Return the users who were away at a time, with their deputies.

        Returns:
            A dict from the user name of each absent user to the user name of the deputy; None: no deputy.
        """
        return read_absentees(self._store, at)


def _plan_rechecks(transaction: Transaction, before: Away, said: Away, now: datetime) -> None:
    """Plan checks of all open proposals for now, and for the begin and the end of a new absence.

    The planned checks of the previous absence are removed.

    Args:
        transaction: The transaction to write in.
        before: Absences of the user before the change.
        said: Absences of the user after the change.
        now: The current time.
    """
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
        for moment in (start, until):
            moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(
            f"from and until must be times of the years 1 to 9999 in UTC, not {start} and {until}"
        ) from None
    if until <= now:
        raise ValueError(f"until ({until.isoformat()}) is over; it is {now.isoformat(timespec='seconds')}")
    if until <= start:
        raise ValueError(f"until ({until.isoformat()}) must be later than from ({start.isoformat()})")
