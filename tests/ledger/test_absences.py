"""People go away after they were asked, or come back: what waits for them is looked at again, at that time and once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hitl_nb.ledger.decisions.notices import Notice
from hitl_nb.ledger.open import seat_rechecks as rechecks
from hitl_nb.ledger.rows.stored_records import decode_record
from hitl_nb.records import Proposal
from tests.ledger.test_votes import TONIGHT, Desk, desk, home
from tests.policies.casework import T0, terms

__all__ = ["desk", "home"]

HOUR = timedelta(hours=1)


def list_told(desk: Desk, kind: str) -> list[str]:
    """Who is told so, in no order."""
    rows = desk.ledger.store.scan("notice/", "notice0")
    return sorted(one.to for one in (decode_record(raw, Notice, key) for key, raw in rows) if one.kind == kind)


def now(desk: Desk) -> Proposal:
    assert desk.ledger.audit.verify().ok
    return desk.ledger.proposals.load(desk.p.id)


def stuck_events(desk: Desk) -> list[tuple[str, str | None]]:
    return [(event.type, event.proposal) for event in desk.ledger.audit.read_events() if "stuck" in event.type]


def test_the_fallback_is_asked_when_the_last_one_goes_away(desk: Desk) -> None:
    desk.ask(terms("1 of bo", fallback=("lea",)))
    desk.ledger.reviewers.set_away("bo", None, TONIGHT)
    assert desk.types()[-3:] == ["away.set", "proposal.stuck", "proposal.escalated"]
    assert (now(desk).widened, now(desk).stuck) == (("lea",), "")
    assert "lea" in list_told(desk, "escalated")
    assert desk.vote("lea") == "approve by lea"
    desk.check()


def test_without_a_fallback_it_is_marked_until_somebody_is_back(desk: Desk) -> None:
    desk.ask(terms("2 of bo, cy"))
    desk.ledger.reviewers.set_away("bo", None, TONIGHT)
    assert "cy can now" in now(desk).stuck
    assert list_told(desk, "stuck") == ["bo", "cy"]
    desk.ledger.reviewers.set_away("cy", None, TONIGHT)
    assert "nobody can now" in now(desk).stuck
    assert list_told(desk, "stuck") == ["bo", "cy"]  # that it is stuck is no news any more
    desk.ledger.reviewers.set_away("cy", None, None)
    desk.ledger.reviewers.set_away("bo", None, None)
    assert now(desk).stuck == ""
    assert desk.types()[-1] == "proposal.unstuck"
    assert desk.ledger.timers.next_due() is None


def test_it_begins_and_ends_at_its_time(desk: Desk) -> None:
    desk.ask(terms("1 of bo"))
    desk.ledger.reviewers.set_away("bo", T0 + HOUR, T0 + 3 * HOUR)
    assert (now(desk).stuck, desk.ledger.timers.next_due()) == ("", T0 + HOUR)
    desk.at(minutes=59)
    assert now(desk).stuck == ""
    desk.at(hours=1)
    assert now(desk).stuck
    assert desk.ledger.timers.next_due() == T0 + 3 * HOUR
    desk.at(hours=3)
    assert now(desk).stuck == ""
    assert (desk.ledger.timers.next_due(), len(stuck_events(desk))) == (None, 2)


def test_an_absence_that_was_taken_back_changes_nothing_later(desk: Desk) -> None:
    desk.ask(terms("1 of bo"))
    desk.ledger.reviewers.set_away("bo", T0 + HOUR, T0 + 3 * HOUR)
    desk.ledger.reviewers.set_away("bo", None, None)
    assert desk.ledger.timers.next_due() is None
    desk.at(hours=2)
    assert (now(desk).stuck, stuck_events(desk)) == ("", [])


def test_who_stands_in_for_them_may_be_away_too(desk: Desk) -> None:
    desk.ask(terms("1 of bo", fallback=("lea",)))
    desk.ledger.reviewers.set_away("bo", None, TONIGHT, "dee")
    assert (now(desk).widened, stuck_events(desk)) == ((), [])
    desk.ledger.reviewers.set_away("dee", None, TONIGHT)  # nothing names dee
    assert now(desk).widened == ("lea",)


def test_who_voted_may_go(desk: Desk) -> None:
    desk.ask(terms("2 of bo, cy", undo=3600))
    assert desk.vote("bo") == "recorded"
    desk.ledger.reviewers.set_away("bo", None, TONIGHT)
    assert (now(desk).stuck, stuck_events(desk)) == ("", [])
    assert desk.vote("cy", "edit", 41) == "recorded"  # bo agreed to another value
    assert "cy can now" in now(desk).stuck
    assert desk.vote("bo") == "settling"  # who is away may still vote
    assert now(desk).stuck == ""
    desk.ledger.proposals.undo_approval(desk.p.id, reviewer="bo")
    assert "cy can now" in now(desk).stuck


@pytest.mark.parametrize("page", [1, 3, 4, 7])
def test_all_that_is_open_is_looked_at_page_by_page(desk: Desk, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "RECHECK_PAGE_SIZE", page)
    desk.ask(terms("1 of bo"), n=6)
    desk.ledger.reviewers.set_away("bo", None, TONIGHT)
    assert stuck_events(desk) == [("proposal.stuck", p.id) for p in desk.asked]
    assert desk.ledger.timers.next_due() == TONIGHT
    assert desk.ledger.audit.verify().ok


def test_what_is_damaged_keeps_nothing_else_waiting(desk: Desk) -> None:
    desk.ask(terms("1 of bo"), n=2)
    lost, kept = desk.asked
    desk.ledger.store.transact(lambda tx: tx.put(f"proposal/{lost.id}", b"no record"))
    desk.ledger.reviewers.set_away("bo", None, TONIGHT)
    assert stuck_events(desk) == [("proposal.stuck", kept.id)]
