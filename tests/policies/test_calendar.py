"""Working hours: weekends, holidays, changes of the clock, time zones."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_nb.policies.documents.working_hours import add_working_seconds, count_working_seconds, is_working
from hitl_nb.records import Office

BERLIN = Office(timezone="Europe/Berlin")
ZONE = ZoneInfo("Europe/Berlin")
HOUR = 3600.0


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("start", "hours", "office", "end"),
    [
        pytest.param("2026-01-09 16:00", 4, BERLIN, "2026-01-12 12:00", id="vector 22, over a weekend"),
        pytest.param(
            *("2026-01-09 16:00", 4, Office(timezone="Europe/Berlin", holidays=(date(2026, 1, 12),))),
            "2026-01-13 12:00",
            id="vector 22, Monday a holiday",
        ),
        pytest.param("2026-01-10 12:00", 1, BERLIN, "2026-01-12 10:00", id="vector 22, begun on a Saturday"),
        pytest.param("2026-03-27 16:30", 1, BERLIN, "2026-03-30 09:30", id="vector 22, to summer time"),
        pytest.param("2026-10-23 16:30", 1, BERLIN, "2026-10-26 09:30", id="from summer time"),
        pytest.param("2026-01-09 16:00", 1, BERLIN, "2026-01-09 17:00", id="to the end of the day"),
        pytest.param("2026-01-09 07:00", 1, BERLIN, "2026-01-09 10:00", id="before the day begins"),
        pytest.param("2026-01-09 18:00", 0, BERLIN, "2026-01-12 09:00", id="no time at all, in the evening"),
        pytest.param("2026-01-09 10:00", 80, BERLIN, "2026-01-23 10:00", id="two weeks"),
        pytest.param(
            *("2026-01-09 23:00", 2, Office(timezone="Europe/Berlin", opens="22:00", closes="06:00")),
            "2026-01-10 01:00",
            id="at night",
        ),
        pytest.param(
            *("2026-01-10 05:00", 2, Office(timezone="Europe/Berlin", opens="22:00", closes="06:00")),
            "2026-01-12 23:00",
            id="at night, into the weekend",
        ),
        pytest.param(
            *("2026-03-28 12:00", 24, Office(timezone="Europe/Berlin", days=(5, 6), opens="00:00", closes="24:00")),
            "2026-03-29 13:00",
            id="a day and a night of 23 hours",
        ),
    ],
)
def test_working_hours_end(start: str, hours: float, office: Office, end: str) -> None:
    assert add_working_seconds(at(start).astimezone(UTC), hours * HOUR, office) == at(end)


def test_the_end_is_told_in_summer_time() -> None:
    """vector 22: Monday 09:30, two hours from UTC."""
    end = add_working_seconds(at("2026-03-27 16:30"), HOUR, BERLIN).astimezone(ZONE)
    assert end.isoformat() == "2026-03-30T09:30:00+02:00"


def test_an_office_that_never_opens_is_said_to() -> None:
    with pytest.raises(ValueError, match="do not come"):
        add_working_seconds(at("2026-01-09 16:00"), HOUR, Office(days=()))


def test_the_end_of_the_day_is_not_within_it() -> None:
    assert is_working(at("2026-01-09 09:00"), BERLIN)
    assert not is_working(at("2026-01-09 17:00"), BERLIN)
    assert not is_working(at("2026-01-10 12:00"), BERLIN)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - naive on purpose
    st.integers(1, 400_000),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.sets(st.dates(date(2025, 1, 1), date(2027, 1, 1)), max_size=9),
)
def test_what_is_added_lies_between(start: datetime, seconds: int, zone: str, holidays: set[date]) -> None:
    office = Office(timezone=zone, holidays=tuple(holidays))
    end = add_working_seconds(start, seconds, office)
    assert count_working_seconds(start, end, office) == seconds
    assert is_working(end - timedelta(seconds=1), office)
    assert end.astimezone(ZoneInfo(zone)).date() not in holidays
