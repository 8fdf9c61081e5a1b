"""Who is away, and who stands in for them meanwhile.

away/<user> keeps all that the user ever said about it, so that a vote can be checked later as when it was cast.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from hitl_nb.ledger.rows import layout as rows
from hitl_nb.ledger.rows import requesters
from hitl_nb.policies.terms.seats import People
from hitl_nb.records import Proposal, Record
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import StoreReader
from hitl_nb.structs import prepare_structs


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


def read_absentees(reads: StoreReader, at: datetime) -> dict[str, str | None]:
    """Who is away at a time, and who stands in for them."""
    found: dict[str, str | None] = {}
    for key, raw in reads.scan(*chunked_values.prefix_range("away/")):
        said = rows.decode_record(chunked_values.join_chunks(reads, key, raw), Away, key)
        for one in said.absences:
            if one.covers(at):
                found[said.user] = one.to
    return found


def load_people(reads: StoreReader, proposal: Proposal, at: datetime) -> People:
    """How things were with the people of a proposal at a time."""
    return load_people_around(reads, proposal.requesters or rows.load_run(reads, proposal.run).requesters, at)


def load_people_around(reads: StoreReader, asked_by: Sequence[str], at: datetime) -> People:
    """How things were at a time with the people around a run that these started or continued."""
    return People(frozenset(asked_by), read_absentees(reads, at), requesters.os_user())


def load_away(reads: StoreReader, user: str) -> Away:
    """All that a user said about being away."""
    raw = chunked_values.get_whole(reads, away_key(user))
    return Away(user=user) if raw is None else rows.decode_record(raw, Away, away_key(user))


def away_key(user: str) -> str:
    """Where that is kept."""
    return f"away/{quote(user, safe='')}"


prepare_structs(globals())
