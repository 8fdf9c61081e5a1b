"""How a person's own votes look: computed from them alone, and remembered only if that is on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hitl_nb.records import Proposal, Terms, VoteRecord
from hitl_nb.server.base.vote_attention import Attention, longest_by_chance, summarize


def make_proposal(value: Any) -> Proposal:
    made: dict[str, Any] = {"id": "aaaaaaaaaaaa", "run": "r", "agent": "a", "notebook": "n", "pause": 1}
    made |= {"fingerprint": "f", "created_at": datetime.now(UTC), "title": "Refund", "terms": Terms()}
    return Proposal(kind="text" if isinstance(value, str) else "json", value=value, **made)


def make_vote(action: Any, seconds: float | None, words: int, minutes: int = 0) -> tuple[Proposal, VoteRecord]:
    p = make_proposal("word " * words)
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    return p, VoteRecord(reviewer="bo", action=action, at=at, seconds=seconds, value="x" if action == "edit" else None)


def test_own_figures_are_those_of_the_votes() -> None:
    found = [make_vote("approve", 1.0, 1), make_vote("approve", 30.0, 400, 5), make_vote("reject", 60.0, 400, 90)]
    found.append(make_vote("approve", None, 1, 95))
    said = summarize(found)
    assert said == {
        "votes": 4,
        "timed": 3,
        "median_seconds": 30.0,
        "fast": pytest.approx(2 / 3),
        "approvals_in_a_row": 2,
        "chance": 17,
        "last_hour": 2,
    }
    nothing = summarize([])
    assert (nothing["votes"], nothing["median_seconds"], nothing["fast"], nothing["chance"]) == (0, None, None, None)


@pytest.mark.parametrize(("share", "row"), [(0.5, 7), (0.8, 21), (0.9, 44), (0.95, 90)])
def test_how_many_approvals_in_a_row_chance_explains(share: float, row: int) -> None:
    assert longest_by_chance(int(share * 100), 100) == row
    assert longest_by_chance(100, 100) is None


def test_how_long_a_person_had_a_revision_is_remembered_unless_that_is_off() -> None:
    clock, on = [10.0], [True]
    attention = Attention(lambda: on[0], lambda: clock[0])
    p = make_proposal({"amount": 4})
    attention.record_shown("bo", p)
    clock[0] = 14.5
    attention.record_shown("bo", p)  # read again since somebody said something: it does not begin anew
    assert attention.seconds_since_shown("bo", p.id, p.revision) == 4.5
    assert attention.seconds_since_shown("cy", p.id, p.revision) is None
    assert attention.seconds_since_shown("bo", p.id, p.revision + 1) is None
    on[0] = False
    assert attention.seconds_since_shown("bo", p.id, p.revision) is None
    attention.record_shown("cy", p)
    on[0] = True
    assert attention.seconds_since_shown("cy", p.id, p.revision) is None
