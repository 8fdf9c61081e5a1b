"""The store's clock: the time for timers, deadlines and conditions on `now`."""

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
    """Replace the clock of this process.

    A decisions file that answers in place of people has its own clock, which only advances when the file waits.

    Args:
        read: Function that returns the time as an aware datetime in UTC. None: use this machine's clock again.
    """
    global _replacement_clock
    _replacement_clock = read


def replaced_now() -> datetime | None:
    """Return the time of the replacement clock; None if there is none."""
    return None if _replacement_clock is None else _replacement_clock()


def store_now(reads: StoreReader) -> datetime:
    """Return the time for conditions and timelines: of the replacement clock if there is one, else `machine_now`.

    Raises:
        HitlError: The value of `HITL_NB_CLOCK` is not a time.
    """
    return replaced_now() or machine_now(reads)


def machine_now(reads: StoreReader) -> datetime:
    """Return this machine's time, but never a time before the newest event.

    So no action runs twice after the machine's clock was set back.

    Raises:
        HitlError: The value of `HITL_NB_CLOCK` is not a time.
    """
    stopped = frozen_time()
    if stopped is not None:
        return stopped
    here, newest = now(), chain.newest_event_time(reads)
    return here if newest is None or here > newest else newest


def local_microseconds() -> int:
    """Return the time of this machine or of the frozen clock in whole microseconds since 1970 (UTC).

    This does not read the store.

    Raises:
        HitlError: The value of `HITL_NB_CLOCK` is not a time.
    """
    stopped = frozen_time()
    return time.time_ns() // 1000 if stopped is None else (stopped - _EPOCH) // timedelta(microseconds=1)


def frozen_time() -> datetime | None:
    """Return the fixed time of `HITL_NB_CLOCK`; None if that is not set.

    Raises:
        HitlError: The value of `HITL_NB_CLOCK` is not a time.
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
