"""The current time for timers, deadlines and conditions on `now`.

It is the time of this machine, or the time of the newest event in the audit log if that is later. `HITL_NB_CLOCK` sets
a fixed time instead. A decisions file that answers in place of people has a clock of its own (the *replacement clock*).
"""

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
    """Replace the clock for timelines and conditions in this process.

    A decisions file that answers in place of people has its own clock, which only advances when the file waits.

    Args:
        read: Function that returns the time as an aware datetime in UTC. None: use this machine's clock again.
    """
    global _replacement_clock
    _replacement_clock = read


def replaced_now() -> datetime | None:
    """Return the time of the replacement clock (see `replace_clock`); None if the clock is not replaced."""
    return None if _replacement_clock is None else _replacement_clock()


def store_now(reads: StoreReader) -> datetime:
    """Return the current time for conditions and timelines.

    It is the time of the replacement clock, if one is set (see `replace_clock`); otherwise, the result of
    `machine_now`.

    Args:
        reads: The store, or a transaction.

    Raises:
        HitlError: The value of `HITL_NB_CLOCK` is not a time.
    """
    return replaced_now() or machine_now(reads)


def machine_now(reads: StoreReader) -> datetime:
    """Return this machine's time, or the time of the newest event in the audit log if that is later.

    So no automatic action runs twice after the machine's clock was set back. If `HITL_NB_CLOCK` sets a fixed time, that
    time is returned.

    Args:
        reads: The store, or a transaction.

    Raises:
        HitlError: The value of `HITL_NB_CLOCK` is not a time.
    """
    stopped = frozen_time()
    if stopped is not None:
        return stopped
    here, newest = now(), chain.newest_event_time(reads)
    return here if newest is None or here > newest else newest


def local_microseconds() -> int:
    """Return the current time in whole microseconds since 1970 (UTC), without reading the store.

    It is this machine's time or, if that is set, the fixed time of `HITL_NB_CLOCK`.

    Raises:
        HitlError: The value of `HITL_NB_CLOCK` is not a time.
    """
    stopped = frozen_time()
    return time.time_ns() // 1000 if stopped is None else (stopped - _EPOCH) // timedelta(microseconds=1)


def frozen_time() -> datetime | None:
    """Return the fixed time that `HITL_NB_CLOCK` sets, in UTC; None if the variable is not set.

    Raises:
        HitlError: The value of `HITL_NB_CLOCK` is not a time with a time zone.
    """
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
