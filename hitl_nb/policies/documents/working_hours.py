"""Working hours: when a duration that counts them only is over. Pure; time zones and their changes by `zoneinfo`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hitl_nb.records import Office

_MAX_DAYS = 5000
"""Days after which the search for a working day is given up: only an office that hardly ever opens needs more."""


def add_working_seconds(start: datetime, seconds: float, office: Office) -> datetime:
    """The time at which `seconds` of working hours have passed since `start` (aware); in UTC.

    With 0 seconds: `start` itself if it is within working hours, else when they begin next. Raises ValueError for an
    office that does not open for as long.
    """
    left = timedelta(seconds=seconds)
    for opens, closes in _iterate_openings(start, office):
        begins = max(start, opens)
        if closes <= begins:
            continue
        if left <= closes - begins:
            return begins + left
        left -= closes - begins
    raise ValueError(f"{seconds / 3600:g} working hours do not come within {_MAX_DAYS} days: look at the office's days")


def count_working_seconds(start: datetime, end: datetime, office: Office) -> float:
    """How many seconds of working hours lie between two times; 0 if `end` is not later. Raises ValueError."""
    total = timedelta()
    for opens, closes in _iterate_openings(start, office):
        if opens >= end:
            return total.total_seconds()
        total += max(timedelta(), min(end, closes) - max(start, opens))
    raise ValueError(f"{end} is more than {_MAX_DAYS} days after {start}")


def is_working(at: datetime, office: Office) -> bool:
    """Whether a time is within working hours; their end is not."""
    for opens, closes in _iterate_openings(at, office):
        if opens > at:
            return False
        if at < closes:
            return True
    return False


def _iterate_openings(start: datetime, office: Office) -> Iterator[tuple[datetime, datetime]]:
    """When the office opens and closes, in UTC, from the day before `start` on (a shift may end after midnight).

    The hours are those of a clock in the office: on the day of a change to or from summer time as on all others.
    """
    zone = ZoneInfo(office.timezone)
    opens, closes = _parse_minutes(office.opens), _parse_minutes(office.closes)
    first = start.astimezone(zone).date() - timedelta(days=1)
    holidays = frozenset(office.holidays)
    for n in range(_MAX_DAYS):
        day = first + timedelta(days=n)
        if day.weekday() in office.days and day not in holidays:
            end = closes if closes > opens else closes + 24 * 60
            yield _time_at(day, opens, zone), _time_at(day, end, zone)


def _parse_minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _time_at(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    days, rest = divmod(minutes, 24 * 60)
    shown = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)
    return shown.astimezone(UTC)
