"""The audit log: a chain of events, each with the hash of the previous one.

The key `event/<n>` has the exact bytes that are hashed. The key `meta/events` has the number and the hash of the newest
event, so that removing the last events is detected too. A program that can write to the store can rewrite the whole
chain. To detect that, keep a copy of the newest hash at another place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from hitl_nb.errors import StoreCorrupt
from hitl_nb.ledger.rows.record_digests import Digests
from hitl_nb.ledger.rows.stored_records import decode_record
from hitl_nb.records import Event, Record, now
from hitl_nb.storage import chunked_values
from hitl_nb.storage.interface import StoreReader, Transaction
from hitl_nb.structs import prepare_structs

_HEAD_KEY = "meta/events"
_PAGE_SIZE = 1000
_STATE = b"state"
_SMALL_PAGE_SIZE = 20


class LogHead(Record, frozen=True):
    """The end of the audit log.

    Attributes:
        n: Number of the newest event; 0: the log is empty.
        h: Hash (hex) of the newest event; "" if the log is empty.
    """

    n: int = 0
    h: str = ""


def hash_event(raw: bytes) -> str:
    """Return the SHA-256 (hex) of the stored bytes of an event. The next event contains this hash as `prev`."""
    return hashlib.sha256(b"hitl/ev/v1\x00" + raw).hexdigest()


def read_head(reads: StoreReader) -> LogHead:
    """Return the number and the hash of the newest event; number 0 if the log is empty."""
    raw = reads.get(_HEAD_KEY)
    return LogHead() if raw is None else decode_record(raw, LogHead, _HEAD_KEY)


class _EventTime(Record, frozen=True):
    at: datetime


def newest_event_time(reads: StoreReader) -> datetime | None:
    """Return the time of the newest event in the audit log; None if the log is empty."""
    n = read_head(reads).n
    raw = chunked_values.get_whole(reads, _event_key(n)) if n else None
    return None if raw is None else decode_record(raw, _EventTime, _event_key(n)).at


def append_event(
    transaction: Transaction,
    type_: str,
    *,
    actor: str,
    run: str | None = None,
    proposal: str | None = None,
    data: Any = None,
    records: Digests | None = None,
) -> int:
    """Append one event to the audit log.

    Every event of a run is also listed in the run's own list of events, except frequent types (see `run_list_entry`).

    Args:
        transaction: The transaction that makes the logged change.
        type_: Type of the event, for example "run.paused".
        actor: User or process that causes the event.
        run: Id of the run that the event is about. None (default): no run.
        proposal: Id of the proposal that the event is about. None (default): no proposal.
        data: Further data of the event, as plain JSON data.
        records: For every record that the event is about: its key, and the digest of its content at the end of the
            transaction. None (default): no records.

    Returns:
        Number of the event.
    """
    last = read_head(transaction)
    event = Event(
        n=last.n + 1,
        at=now(),
        type=type_,
        run=run,
        proposal=proposal,
        actor=actor,
        data=data,
        prev=last.h,
        records=records or {},
    )
    raw = event.json()
    chunked_values.put_new(transaction, _event_key(event.n), raw)
    entry = run_list_entry(event)
    if entry is not None:
        transaction.put(*entry)
    transaction.put(_HEAD_KEY, LogHead(n=event.n, h=hash_event(raw)).json())
    return event.n


def run_list_entry(event: Event) -> tuple[str, bytes] | None:
    """Return the entry for an event in the list of its run's events.

    Returns:
        Key and value of the entry. The value is `b"state"` if the event saved the run's state, otherwise `b""`. None:
        the event is about no run, or has a frequent type that is not listed (the end of a step, a policy's decision).
    """
    if event.run is None or _is_unlisted(event):
        return None
    return f"{_run_prefix(event.run)}{event.n:012d}", _STATE if f"snapshot/{event.run}" in event.records else b""


def _is_unlisted(event: Event) -> bool:
    """Return True if an event has a frequent type: the end of a step, or a decision by a policy.

    The lists of events leave these out; the records of the step and of the proposal have the same data.
    """
    if event.type == "decision":
        return isinstance(event.data, dict) and event.data.get("by") == "policy"
    return event.type == "step.done"


def read_events(reads: StoreReader, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Return events in order, as stored.

    Args:
        reads: The store, or a transaction.
        after: Only events with a higher number are returned.
        limit: Most events to return.

    Returns:
        The number and the stored bytes of each event.
    """
    pairs = reads.scan(_event_key(after + 1), "event0", limit=limit)
    return [(_event_number(key), chunked_values.join_chunks(reads, key, value)) for key, value in pairs]


def read_event(reads: StoreReader, n: int) -> Event | None:
    """Return event number `n`; None if there is none.

    Raises:
        StoreCorrupt: The event is damaged.
    """
    raw = chunked_values.get_whole(reads, _event_key(n))
    return None if raw is None else decode_record(raw, Event, _event_key(n))


def events_of_run(reads: StoreReader, run: str, limit: int) -> list[Event]:
    """Return the newest events of a run, oldest first. Ends of steps and decisions by policies are left out.

    Args:
        reads: The store, or a transaction.
        run: Id of the run.
        limit: Most events to return.
    """
    found = reads.scan(*chunked_values.prefix_range(_run_prefix(run)), limit=limit, reverse=True)
    events = (read_event(reads, _event_number(key.rsplit("/", 1)[1])) for key, _ in reversed(found))
    return [event for event in events if event is not None]


def first_event_of_run(reads: StoreReader, run: str) -> int | None:
    """Return the number of the first event of a run; None if there is no such run."""
    found = reads.scan(*chunked_values.prefix_range(_run_prefix(run)), limit=1)
    return _event_number(found[0][0].rsplit("/", 1)[1]) if found else None


class _EventRun(Record, frozen=True):
    run: str | None = None


def is_about_run(raw: bytes, run: str) -> bool:
    """Return whether a stored event is about a run. A damaged event is not.

    Args:
        raw: The stored bytes of the event.
        run: Id of the run.
    """
    if run.encode() not in raw:  # most events need no decoding
        return False
    try:
        return msgspec.json.decode(raw, type=_EventRun).run == run
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def iterate_run_events(reads: StoreReader, run: str, *, oldest_first: bool = False) -> Iterator[Event]:
    """Iterate over the events of a run, page by page. Ends of steps and decisions by policies are left out.

    Args:
        reads: The store, or a transaction.
        run: Id of the run.
        oldest_first: Whether the oldest event comes first. Default: False, the newest event comes first.
    """
    start, stop = chunked_values.prefix_range(_run_prefix(run))
    while found := reads.scan(start, stop, limit=_SMALL_PAGE_SIZE, reverse=not oldest_first):
        for key, _ in found:
            event = read_event(reads, _event_number(key.rsplit("/", 1)[1]))
            if event is not None:
                yield event
        last = found[-1][0]
        start, stop = (f"{last}\0", stop) if oldest_first else (start, last)


def newest_state_event(reads: StoreReader, run: str) -> Event | None:
    """Return the newest event of a run that saved the run's state; None if there is none.

    The event has the digest of the state in `Event.records`.
    """
    start, stop = chunked_values.prefix_range(_run_prefix(run))
    while found := reads.scan(start, stop, limit=_SMALL_PAGE_SIZE, reverse=True):
        for stop, mark in found:
            if mark == _STATE:
                return read_event(reads, _event_number(stop.rsplit("/", 1)[1]))
    return None


def delete_run_list(transaction: Transaction, run: str) -> None:
    """Remove the list of a run's events. The events themselves stay in the audit log."""
    for key, _ in transaction.scan(*chunked_values.prefix_range(_run_prefix(run))):
        transaction.delete(key)


class LogWalk:
    """Reads the audit log from its first event, and checks each event against the hash of the previous one.

    Attributes:
        number: Number of events so far that are valid.
        problem: The first problem as a sentence; None if none was found.
    """

    def __init__(self) -> None:
        self.number = 0
        self.problem: str | None = None
        self._hash = ""

    def check_events(self, reads: StoreReader) -> Iterator[Event]:
        """Iterate over the valid events that were not read yet.

        The iteration ends after the newest event, or at the first event that is not valid; then `problem` is set. A
        later call continues with the events that were appended since.
        """
        try:
            while self.problem is None:
                page = read_events(reads, self.number, _PAGE_SIZE)
                for number, raw in page:
                    event = self._check_event(number, raw)
                    if event is None:
                        return
                    yield event
                if not page:
                    last = read_head(reads)
                    if last.n <= self.number or not read_events(
                        reads, self.number, 1
                    ):  # otherwise an event was appended after the page was read
                        self.problem = _find_end_problem(last, self.number, self._hash)
                        return
        except StoreCorrupt as damage:
            self.problem = str(damage)

    def _check_event(self, number: int, raw: bytes) -> Event | None:
        """Return the decoded event if it is the valid next one; otherwise set `problem` and return None."""
        if number != self.number + 1:
            self.problem = f"event {self.number + 1} was removed"
            return None
        try:
            event = msgspec.json.decode(raw, type=Event)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as damage:
            self.problem = f"event {number} is unreadable: {damage}"
            return None
        if event.n != number:
            self.problem = f"event {number} was moved: it says that it is number {event.n}"
        elif event.prev != self._hash:
            changed = f"event {self.number} was changed: event {number} does not follow it"
            self.problem = changed if self.number else "event 1 was changed"
        if self.problem is not None:
            return None
        self.number, self._hash = number, hash_event(raw)
        return event


def _find_end_problem(last: LogHead, n: int, last_hash: str) -> str | None:
    if last.n > n:
        return f"the end was cut off: events {n + 1} to {last.n} were removed"
    if last.n < n:
        return f"the head was changed: it names event {last.n}, but there are {n}"
    return None if last.h == last_hash else f"event {n} was changed: the head has another hash"


def _run_prefix(run: str) -> str:
    return f"happened/{run}/"


def _event_key(n: int) -> str:
    return f"event/{n:012d}"


def _event_number(key: str) -> int:
    try:
        return int(key.removeprefix("event/"))
    except ValueError:
        raise StoreCorrupt(f"{key!r} among the events is not an event") from None


prepare_structs(globals())
