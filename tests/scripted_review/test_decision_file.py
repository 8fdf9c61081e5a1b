"""The format of decisions files: what is read, what is written back, and the sentence for each mistake."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import hitl_nb as hitl
from hitl_nb.scripted_review.decision_file import DEFAULT_CLOCK, DecisionFile, format_document, parse_document


def parse(document: Any) -> DecisionFile:
    return parse_document(json.dumps(document).encode(), "a.decisions.json")


WHOLE = {
    "version": 1,
    "clock": "2026-03-27T16:30:00Z",
    "requesters": ["ann"],
    "writing": [{"person": "ann", "type": "x"}],
    "decisions": [
        {"agent": "refunds", "title": "One", "action": "edit", "value": {"amount": 5}, "reason": "less"},
        {
            "title": "Two",
            "votes": [
                {"as": "bo", "action": "approve"},
                {"as": "cy", "action": "edit", "value": 7, "reason": "é"},
                {"as": "bo", "action": "respond", "value": "why?"},
            ],
        },
        {"title": "Three", "action": "wait"},
    ],
}


def test_what_is_read_is_written_back() -> None:
    found = parse(WHOLE)
    assert json.loads(format_document(found)) == WHOLE
    assert found.clock == datetime(2026, 3, 27, 16, 30, tzinfo=UTC)


def test_the_clock_is_a_monday_morning_unless_the_file_says_otherwise() -> None:
    found = parse({"version": 1})
    assert found.clock == DEFAULT_CLOCK == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert "clock" not in format_document(found)
    assert parse({"version": 1, "clock": "2026-01-05T10:00:00+01:00"}).clock == DEFAULT_CLOCK


@pytest.mark.parametrize("clock", ["2026-01-05", "2026-01-05T09:00:00", "Monday", "", "2026-13-05T09:00:00Z"])
def test_a_clock_without_a_time_zone_is_refused(clock: str) -> None:
    with pytest.raises(hitl.HitlError, match=rf'^a\.decisions\.json: "clock" is \'{clock}\'.*"2026-01-05T09:00:00Z"$'):
        parse({"version": 1, "clock": clock})


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"title": "One"}, ': has neither "action" nor "votes"; give it one of them'),
        ({"action": "approve", "votes": []}, ' has "action" and "votes"; give each person\'s action in their vote'),
        ({"votes": []}, ' has an empty "votes"; write {"as": NAME, "action": ...} for each person'),
        (
            {"votes": [{"as": "bo", "action": "approve"}], "reason": "no"},
            ' has "votes" and a "value" or "reason" beside them; move that into the vote that it belongs to',
        ),
        ({"votes": [{"as": "bo", "action": "edit"}]}, '.votes[0] is an "edit" without a "value"'),
        ({"votes": [{"as": "", "action": "approve"}]}, '.votes[0] has an empty "as"; name the person who votes'),
        ({"action": "wait", "reason": "x"}, ' is a "wait" with a "value" or "reason"; remove it: nobody decides'),
        ({"action": "wait", "value": None}, ' is a "wait" with a "value" or "reason"; remove it: nobody decides'),
    ],
)
def test_an_entry_with_a_mistake_is_named_with_its_number(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(hitl.HitlError) as refused:
        parse({"version": 1, "decisions": [{"action": "approve"}, entry]})
    assert str(refused.value) == f"a.decisions.json: decisions[1]{says}"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"version": 1, "trust": ["small-refund"]}, "unknown field `trust`"),
        (
            {"version": 1, "decisions": [{"action": "approve", "check": True}]},
            "unknown field `check` - at `$.decisions[0]`",
        ),
        (
            {"version": 1, "decisions": [{"votes": [{"action": "approve"}]}]},
            "missing required field `as` - at `$.decisions[0].votes[0]`",
        ),
        (
            {"version": 1, "decisions": [{"votes": [{"as": "bo", "action": "wait"}]}]},
            "Invalid enum value 'wait' - at `$.decisions[0].votes[0].action`",
        ),
        ({"version": 1, "clock": 5}, "Expected `str | null`, got `int` - at `$.clock`"),
    ],
)
def test_an_unknown_or_missing_field_is_named_with_its_place(document: Any, says: str) -> None:
    first = r'^a\.decisions\.json is not a decisions file.*"votes".*"clock"'
    with pytest.raises(hitl.HitlError, match=first) as refused:
        parse(document)
    assert says in str(refused.value)
