"""Calculation with working hours: adding them to a time, counting them, and whether a time is within them.

An *office* (`Office`) is the record of working hours: days, opening and closing time, holidays, time zone. The
functions are pure; `zoneinfo` gives the time zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hitl_nb.records import Office

_MAX_DAYS = 5000
"""Days after which the search for a working day stops. Only an office that is almost never open reaches it."""


def add_working_seconds(start: datetime, seconds: float, office: Office) -> datetime:
    """Return the time, in UTC, at which `seconds` of working hours have passed since `start`.

    Args:
        start: An aware time.
        seconds: Seconds of working hours. With 0, the result is `start` if it is within working hours, else the next
            opening time.
        office: The working hours.

    Raises:
        ValueError: The working hours of the next 5000 days are fewer than `seconds`.
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
    """Count the seconds of working hours between two aware times. The result is 0 if `end` is not after `start`.

    Raises:
        ValueError: The times are more than 5000 days apart.
    """
    total = timedelta()
    for opens, closes in _iterate_openings(start, office):
        if opens >= end:
            return total.total_seconds()
        total += max(timedelta(), min(end, closes) - max(start, opens))
    raise ValueError(f"{end} is more than {_MAX_DAYS} days after {start}")


def is_working(at: datetime, office: Office) -> bool:
    """Return whether an aware time is within working hours.

    The opening time itself is within working hours, the closing time is not.
    """
    for opens, closes in _iterate_openings(at, office):
        if opens > at:
            return False
        if at < closes:
            return True
    return False


def _iterate_openings(start: datetime, office: Office) -> Iterator[tuple[datetime, datetime]]:
    """Yield pairs of an opening time and the closing time after it, in UTC, for up to 5000 days.

    The first pair may be of the day before `start`, because a shift may end after midnight. The hours are those of a
    clock in the office, also on the day of a change to or from summer time.
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
