"""Responses about the audit log."""

from __future__ import annotations

from typing import Any, Literal

from hitl_nb.ledger.verification import RecordDifference, Verification
from hitl_nb.records import Event
from hitl_nb.server.messages.response_types.base import At, Count, ResponseStruct, same_fields
from hitl_nb.structs import prepare_structs


class EventInfo(ResponseStruct):
    """An entry of the audit log.

    `n` is its number in the log, from 1. `actor` is the user or process that caused it. `data` has details. `prev` is
    the hash of the previous entry. `records` has the SHA-256 hashes of the records that it changed, by their keys.
    """

    n: Count
    at: At
    type: str
    run: str | None
    proposal: str | None
    actor: str
    data: Any
    prev: str
    records: dict[str, str]

    @classmethod
    def of(cls, record: Event) -> EventInfo:
        """Build the response from an event."""
        return cls(**same_fields(cls, record))


class EventPage(ResponseStruct):
    """A page of the audit log. `next` is the value of the parameter `after` for the next page; null at the end."""

    events: list[EventInfo]
    next: Count | None


class RecordDifferenceInfo(ResponseStruct):
    """A record of the store that differs from its hash in the audit log.

    `record` is the key of the record, and `text` a sentence about the problem. `event` is the number of the event that
    recorded the hash; null if there is none.
    """

    record: str
    problem: Literal["changed", "missing", "unknown", "unreadable"]
    text: str
    event: Count | None

    @classmethod
    def of(cls, found: RecordDifference) -> RecordDifferenceInfo:
        """Build the response from a difference that a verification found."""
        return cls(**same_fields(cls, found))


class VerificationResponse(ResponseStruct):
    """Result of verifying the audit log and the records of the store.

    `events` is the number of valid events, and `problem` a sentence about the first invalid event, or null. `differs`
    has the records that differ from the log.
    """

    ok: bool
    events: Count
    problem: str | None
    differs: list[RecordDifferenceInfo]

    @classmethod
    def of(cls, result: Verification) -> VerificationResponse:
        """Build the response from the result of a verification."""
        differs = [RecordDifferenceInfo.of(one) for one in result.differs]
        return cls(ok=result.ok, events=result.events, problem=result.problem, differs=differs)


class RunVerification(ResponseStruct):
    """Result of verifying the audit log for one run.

    `ok` is true if the whole log is valid, and the records of this run agree with it. `events` is the number of valid
    events of the run. `problem` is a sentence about the first invalid event of the log, or about the first record that
    differs, or null. `differs` has the records of the run that differ from the log.
    """

    ok: bool
    events: Count
    problem: str | None
    differs: list[RecordDifferenceInfo]


prepare_structs(globals())
