"""Absences of users, and the deputies who vote for them.

The key `away/<user>` has every absence that the user ever recorded. So a vote can be checked later with the absences
that were known when it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from hitl_nb.ledger.rows import requesters
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.policies.terms.seats import People
from hitl_nb.records import Proposal, Record
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import StoreReader
from hitl_nb.structs import prepare_structs


class Absence(Record, frozen=True, kw_only=True):
    """A period in which a user is away.

    Attributes:
        start: Begin of the period, which is included.
        until: End of the period, not included.
        to: User name of the deputy; None: no deputy.
        set_at: Time when the absence was recorded. Earlier votes are not affected.
        ended_at: Time when the user withdrew or replaced the absence; None: the user has not.
    """

    start: datetime
    until: datetime
    to: str | None = None
    set_at: datetime
    ended_at: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Return whether the user is away at the time `at` because of this absence.

        Only what was recorded at that time counts: the absence must have been recorded already, and not yet withdrawn.
        """
        known = self.set_at <= at and (self.ended_at is None or at < self.ended_at)
        return known and self.start <= at < self.until


class Away(Record, frozen=True, kw_only=True):
    """All recorded absences of a user, oldest first."""

    user: str
    absences: tuple[Absence, ...] = ()


def read_absentees(reads: StoreReader, at: datetime) -> dict[str, str | None]:
    """Return the users who are away at a time, with their deputies.

    Args:
        reads: The store, or a transaction.
        at: The time.

    Returns:
        A dict from the user name of each absent user to the user name of the deputy; None: no deputy.
    """
    found: dict[str, str | None] = {}
    for key, raw in reads.scan(*chunked_values.prefix_range("away/")):
        said = rows.decode_record(chunked_values.join_chunks(reads, key, raw), Away, key)
        for one in said.absences:
            if one.covers(at):
                found[said.user] = one.to
    return found


def load_people(reads: StoreReader, proposal: Proposal, at: datetime) -> People:
    """Return the facts about people that decide whose votes on a proposal count at a time.

    Args:
        reads: The store, or a transaction.
        proposal: The proposal.
        at: The time, for absences.

    Returns:
        The people who started or continued the run, the absent people with their deputies, and the operating system's
        user.

    Raises:
        UnknownRun: The run of the proposal is missing.
    """
    return load_people_around(reads, proposal.requesters or rows.load_run(reads, proposal.run).requesters, at)


def load_people_around(reads: StoreReader, asked_by: Sequence[str], at: datetime) -> People:
    """Return the facts about people that decide whose votes count at a time, for given requesters.

    Args:
        reads: The store, or a transaction.
        asked_by: User names of the people who started or continued the run.
        at: The time, for absences.

    Returns:
        The requesters `asked_by`, the absent people with their deputies, and the user of the operating system.
    """
    return People(frozenset(asked_by), read_absentees(reads, at), requesters.os_user())


def load_away(reads: StoreReader, user: str) -> Away:
    """Return all recorded absences of a user; without any, a record with an empty list."""
    raw = chunked_values.get_whole(reads, away_key(user))
    return Away(user=user) if raw is None else rows.decode_record(raw, Away, away_key(user))


def away_key(user: str) -> str:
    """Return the store key of the absences of a user."""
    return f"away/{quote(user, safe='')}"


prepare_structs(globals())
