"""The store's clock: what time it is for timers, deadlines and conditions on `now`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hitl_nb.errors import HitlError
from hitl_nb.ledger.rows import audit_log as chain
from hitl_nb.records import now
from hitl_nb.settings import CLOCK
from hitl_nb.storage.interface import StoreReader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_replacement_clock: Callable[[], datetime] | None = None


def replace_clock(read: Callable[[], datetime] | None) -> None:
    """Let this process read the time from `read`, which gives an aware datetime in UTC; None: from its own clock again.

    A decisions file that answers in place of people brings a clock of its own, which stands still but for its waits.
    """
    global _replacement_clock
    _replacement_clock = read


def replaced_now() -> datetime | None:
    """The time of the clock in place of this machine's; None if there is none."""
    return None if _replacement_clock is None else _replacement_clock()


def store_now(reads: StoreReader) -> datetime:
    """What time it is for conditions and timelines: this machine's, or that of the clock in its place."""
    return replaced_now() or machine_now(reads)


def machine_now(reads: StoreReader) -> datetime:
    """This machine's time, but never before the newest event: a clock that was set back makes nothing happen twice.

    Raises HitlError for a frozen clock whose time cannot be read.
    """
    stopped = frozen_time()
    if stopped is not None:
        return stopped
    here, newest = now(), chain.newest_event_time(reads)
    return here if newest is None or here > newest else newest


def local_microseconds() -> int:
    """This machine's time, or the frozen clock's, in whole microseconds since 1970; nothing is read."""
    stopped = frozen_time()
    return time.time_ns() // 1000 if stopped is None else (stopped - _EPOCH) // timedelta(microseconds=1)


def frozen_time() -> datetime | None:
    """The time at which the clock stands still; None if it does not. Raises HitlError if it cannot be read."""
    text = CLOCK.read()
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise HitlError(f"{CLOCK.name} is {text!r}; it must be a time with its zone, as 2026-01-05T09:00:00Z")
    return at.astimezone(UTC)
