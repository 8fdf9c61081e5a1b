"""Parsers of the short texts in a policy file: durations, needs, timeline steps, working hours, names of people.

A *need* says how many votes of which people are needed: "2 of @finance". A *timeline* is a list of steps that the clock
takes if nobody decides: "4h escalate @leads". Every function raises PolicyError with a sentence that names the error
and the correct form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Any, cast, get_args

from hitl_nb.errors import PolicyError
from hitl_nb.policies.documents.conditions import suggest_word
from hitl_nb.records import Office, TimelineAction

STEP_ACTIONS: tuple[TimelineAction, ...] = get_args(TimelineAction)
DECIDING_ACTIONS = ("reject", "approve")
"""Actions of timeline steps that decide a proposal, so no later step can follow them."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "wh": 3600.0}
_MAX_SECONDS = 3650 * 86400.0
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(s|m|h|d|wh)")
_NEED = re.compile(r"(\d{1,4}) of (.+)")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_NAME = re.compile(r"@?[^\s,@][^\s,]*")
ANYONE = "anyone"


@dataclass(frozen=True)
class UnresolvedNeed:
    """A need as a policy document has it: "2 of @finance" (`count` is 2, `names` is ("@finance",)).

    `count` is the number of votes. `names` are user names and group names that are not yet replaced by people. Empty:
    anyone may vote.
    """

    count: int
    names: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class UnresolvedStep:
    """A timeline step as a policy document has it: "4h escalate @leads".

    Attributes:
        does: The action: "escalate".
        seconds: Time since the question was asked.
        working: Whether `seconds` counts only working hours.
        names: User names and group names that are not yet replaced by people.
        text: The text of the step.
    """

    does: TimelineAction
    seconds: float
    working: bool
    names: tuple[str, ...]
    text: str


def parse_duration(text: Any, *, working: bool = False) -> tuple[float, bool]:
    """Parse a duration such as "90s", "4h" or "4wh" (four working hours).

    Args:
        text: The duration. Any type is accepted, so that a wrong type gets the same error message.
        working: Whether working hours ("wh") are accepted.

    Returns:
        The number of seconds, and whether they are seconds of working hours.

    Raises:
        PolicyError: The text is not a duration, is zero, or is longer than ten years.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    units = "s m h d wh" if working else "s m h d"
    if found is None:
        raise PolicyError(f"{text!r} is not a duration; write a number and one of {units}, such as '4h'")
    if found[2] == "wh" and not working:
        raise PolicyError(f"{text!r}: working hours belong to a timeline; write s, m, h or d here")
    seconds = float(found[1]) * _SECONDS[found[2]]
    if not 0 < seconds <= _MAX_SECONDS:
        raise PolicyError(f"{text!r} must be longer than zero and at most ten years")
    return seconds, found[2] == "wh"


def parse_names(text: str) -> tuple[str, ...]:
    """Parse user names and group names that are separated by commas, such as "ada, @finance". Each name is kept once.

    Raises:
        PolicyError: A part of the text is not such a name.
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        check_name(name)
    return tuple(dict.fromkeys(names))


def check_name(name: Any) -> str:
    """Check that `name` is a user name such as "ada" or a group name such as "@finance", and return it.

    Raises:
        PolicyError: `name` is neither.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PolicyError(f"{name!r} is not the name of a user or a group; write 'ada' or '@finance'")
    if name == ANYONE:
        raise PolicyError("'anyone' is not the name of a user; only a need can say 'N of anyone'")
    return name


def parse_need(text: Any) -> UnresolvedNeed:
    """Parse a need (how many votes of which people are needed): "2 of ada, bo, @group" or "1 of anyone".

    Raises:
        PolicyError: The text has another form, or the number is zero.
    """
    found = _NEED.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or int(found[1]) < 1:
        more = f"; without a count, '1 of {text.strip()}'" if isinstance(text, str) and text.startswith("@") else ""
        raise PolicyError(f"{text!r} is not a need; write '2 of ada, bo, @group' or '1 of anyone'{more}")
    names = () if found[2].strip() == ANYONE else parse_names(found[2])
    return UnresolvedNeed(int(found[1]), names, f"{int(found[1])} of {', '.join(names) or ANYONE}")


def parse_step(text: Any) -> UnresolvedStep:
    """Parse a timeline step (a time and an action of the clock): "1h remind", "4wh escalate @leads", "8h reject".

    Raises:
        PolicyError: The text has another form, or it names people for an action other than "remind" and "escalate".
    """
    words = text.split(None, 2) if isinstance(text, str) else []
    if len(words) < 2:
        raise PolicyError(f"{text!r} is not a step; write a duration and what is done, such as '4h escalate @leads'")
    seconds, working = parse_duration(words[0], working=True)
    if words[1] not in STEP_ACTIONS:
        raise PolicyError(f"{text!r}: {words[1]!r} is not a step; {suggest_word(words[1], STEP_ACTIONS)}")
    names = parse_names(words[2]) if len(words) > 2 else ()
    if names and words[1] not in ("remind", "escalate"):
        raise PolicyError(f"{text!r}: only remind and escalate name people")
    return UnresolvedStep(words[1], seconds, working, names, " ".join(text.split()))


def parse_timeline(items: Sequence[Any]) -> tuple[UnresolvedStep, ...]:
    """Parse the steps of a timeline, such as ["1h remind", "8h reject"].

    Raises:
        PolicyError: A step is invalid, or a step that decides ("reject", "approve") is not the last one.
    """
    steps = tuple(parse_step(item) for item in items)
    for step in steps[:-1]:
        if step.does in DECIDING_ACTIONS:
            raise PolicyError(f"{step.text!r} decides, so no step can follow it; move it to the end")
    last = steps[-1] if steps else None
    if last and last.does in DECIDING_ACTIONS:
        for step in steps[:-1]:
            if step.working == last.working and step.seconds >= last.seconds:
                raise PolicyError(f"{step.text!r} is not before {last.text!r}, which decides; give it less time")
    return steps


def parse_office(table: dict[str, Any], timezone: str) -> Office:
    """Parse working hours from the table `[office]` of a policy document.

    Args:
        table: The table's keys ("days", "hours", "holidays") and values. Missing keys mean Monday to Friday, 09:00 to
            17:00, and no holidays.
        timezone: IANA name of the time zone of the hours.

    Raises:
        PolicyError: A value is invalid.
    """
    hours = table.get("hours", "09:00-17:00")
    found = _HOURS.fullmatch(hours) if isinstance(hours, str) else None
    opens, _, closes = str(hours).partition("-")
    if found is None or opens == closes:
        raise PolicyError(f"office.hours is {hours!r}; write '09:00-17:00', or '22:00-06:00' for a night")
    holidays = table.get("holidays", [])
    if not isinstance(holidays, (list, tuple)):
        raise PolicyError(f"office.holidays is {holidays!r}; write a list of dates, such as [2026-12-25]")
    days = _parse_days(table.get("days", "Mon-Fri"))
    dates = sorted({_parse_date(day) for day in cast("list[Any]", holidays)})
    return Office(days=days, opens=opens, closes=closes, holidays=tuple(dates), timezone=timezone)


def _parse_days(text: Any) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(",") if isinstance(text, str) else [""]:
        first, dash, last = part.strip().partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise PolicyError(f"office.days is {text!r}; write 'Mon-Fri' or 'Mon, Wed, Fri'")
        start, end = DAYS.index(first), DAYS.index(last if dash else first)
        found.update(range(start, end + 1) if start <= end else [*range(start, 7), *range(end + 1)])
    return tuple(sorted(found))


def _parse_date(day: Any) -> date:
    if isinstance(day, str):
        try:
            return date.fromisoformat(day)
        except ValueError:
            pass
    if isinstance(day, date) and not isinstance(day, datetime):
        return day
    raise PolicyError(f"office.holidays has {day!r}; write dates, such as 2026-12-25")


def find_timezone(name: Any) -> tzinfo:
    """Return the time zone that has an IANA name, such as "Europe/Berlin".

    Raises:
        PolicyError: The time zone data of this computer has no such name.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name == "UTC":
        return UTC
    try:
        if isinstance(name, str) and name:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise PolicyError(f"timezone is {name!r}, which is not known here; write an IANA name, such as 'Europe/Berlin'")
