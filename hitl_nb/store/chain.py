"""The audit log: events, each holding the hash of the one before it.

`event/<n>` holds the exact bytes that are hashed; `meta/events` names the newest event and its hash, so that
a cut-off end is noticed too. Who can write the store can rewrite all of it: against that, keep a head elsewhere.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from hitl_nb.errors import StoreCorrupt
from hitl_nb.records import Event, Record, now
from hitl_nb.store import large
from hitl_nb.store.base import Reads, Transaction
from hitl_nb.store.rows import decode

_HEAD = "meta/events"
_PAGE = 1000


class Head(Record, frozen=True):
    """The newest event's number (0: none yet) and hash (hex)."""

    n: int = 0
    h: str = ""


class Verification(Record, frozen=True):
    """What checking the log found: how many events are sound, and the first problem in plain words."""

    ok: bool
    events: int
    problem: str | None = None


def digest(raw: bytes) -> str:
    """The hash of one event's bytes (hex)."""
    return hashlib.sha256(b"hitl/ev/v1\x00" + raw).hexdigest()


def head(reads: Reads) -> Head:
    """The newest event."""
    raw = reads.get(_HEAD)
    return Head() if raw is None else decode(raw, Head, _HEAD)


def append(
    tx: Transaction, type_: str, *, actor: str, run: str | None = None, proposal: str | None = None, data: Any = None
) -> int:
    """Add one event to the log; its number. Events of a run are listed for `of_run`, but for its many steps."""
    last = head(tx)
    event = Event(n=last.n + 1, at=now(), type=type_, run=run, proposal=proposal, actor=actor, data=data, prev=last.h)
    raw = event.json()
    large.put(tx, _key(event.n), raw)
    if run is not None and type_ != "step.done":
        tx.put(f"{_run_prefix(run)}{event.n:012d}", b"")
    tx.put(_HEAD, Head(n=event.n, h=digest(raw)).json())
    return event.n


def read(reads: Reads, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Numbers and bytes of at most `limit` events that follow number `after`."""
    pairs = reads.scan(_key(after + 1), "event0", limit=limit)
    return [(_number(key), large.whole(reads, key, value)) for key, value in pairs]


def at(reads: Reads, n: int) -> Event | None:
    """Event number `n`."""
    raw = large.get(reads, _key(n))
    return None if raw is None else decode(raw, Event, _key(n))


def of_run(reads: Reads, run: str, limit: int) -> list[Event]:
    """The newest `limit` events of a run, oldest first, without those of its steps."""
    found = reads.scan(*large.span(_run_prefix(run)), limit=limit, reverse=True)
    events = (at(reads, _number(key.rsplit("/", 1)[1])) for key, _ in reversed(found))
    return [event for event in events if event is not None]


def forget_run(tx: Transaction, run: str) -> None:
    """Remove a run's list of events; the events stay."""
    for key, _ in tx.scan(*large.span(_run_prefix(run))):
        tx.delete(key)


def verify(reads: Reads) -> Verification:
    """Check every event against the one before it, and the last against the head."""
    n, h = 0, ""
    try:
        while page := _next_page(reads, n):
            for number, raw in page:
                problem = _link_problem(number, raw, n, h)
                if problem is not None:
                    return Verification(ok=False, events=n, problem=problem)
                n, h = number, digest(raw)
        problem = _end_problem(head(reads), n, h)
    except StoreCorrupt as damage:
        problem = str(damage)
    return Verification(ok=problem is None, events=n, problem=problem)


def _next_page(reads: Reads, n: int) -> list[tuple[int, bytes]]:
    page = read(reads, n, _PAGE)
    if not page and head(reads).n > n:
        page = read(reads, n, _PAGE)  # written meanwhile: an event and its head arrive together
    return page


def _link_problem(number: int, raw: bytes, n: int, h: str) -> str | None:
    if number != n + 1:
        return f"event {n + 1} was removed"
    try:
        event = msgspec.json.decode(raw, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError) as damage:
        return f"event {number} is unreadable: {damage}"
    if event.n != number:
        return f"event {number} was moved: it says that it is number {event.n}"
    if event.prev != h:
        return f"event {n} was changed: event {number} does not follow it" if n else "event 1 was changed"
    return None


def _end_problem(last: Head, n: int, h: str) -> str | None:
    if last.n > n:
        return f"the end was cut off: events {n + 1} to {last.n} were removed"
    if last.n < n:
        return f"the head was changed: it names event {last.n}, but there are {n}"
    return None if last.h == h else f"event {n} was changed: the head has another hash"


def _run_prefix(run: str) -> str:
    return f"happened/{run}/"


def _key(n: int) -> str:
    return f"event/{n:012d}"


def _number(key: str) -> int:
    try:
        return int(key.removeprefix("event/"))
    except ValueError:
        raise StoreCorrupt(f"{key!r} among the events is not an event") from None
