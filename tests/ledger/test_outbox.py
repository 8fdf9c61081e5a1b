"""Notices in the store: written by what causes them, taken by one sender at a time, tried again, dropped when old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_nb import settings
from hitl_nb.ledger.decisions.notices import NOTICE_RETENTION, Notice, write_notice
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open import judged_questions as judged
from hitl_nb.ledger.open.notice_sending import LEASE_TIME, RETRY_DELAYS
from hitl_nb.ledger.open.watchers import WATCHER_TIMEOUT
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.ledger.runs.process import ProcessIdentity
from hitl_nb.policies.rules.rules import Plan
from hitl_nb.records import Need, Proposal, Question, Snapshot, Terms, TimelineStep, new_id
from hitl_nb.storage import open_store
from hitl_nb.storage.interface import Store

T0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FINANCE = Terms(needs=(Need(count=2, people=("ada", "bo"), text="2 of @finance"),))


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"memory:{new_id()}" if request.param == "memory" else f"diskcache://{tmp_path}/store")
    yield opened
    opened.close()


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store)


def ask(ledger: Ledger, title: str = "Refund 150", terms: Terms | None = FINANCE, **more: Any) -> Proposal:
    _, claim = ledger.runs.open(agent=title, notebook="/a.ipynb")
    p = ledger.runs.pause(claim, Snapshot(envelope=b"s"), [Question(title=title, kind="text", value="x")]).proposals[0]
    return msgspec.structs.replace(p, terms=terms, **more)


def put(ledger: Ledger, p: Proposal, kind: Any = "asked", at: datetime = T0, **more: Any) -> list[Notice]:
    ledger.store.transact(lambda tx: write_notice(tx, kind=kind, proposal=p, at=at, **more))
    return waiting_notices(ledger)


def waiting_notices(ledger: Ledger) -> list[Notice]:
    return [rows.decode_record(raw, Notice, key) for key, raw in ledger.store.scan("notice/", "notice0")]


def take(ledger: Ledger, at: datetime, sender: str = "s") -> Notice:
    found = ledger.notices.take_first(at, sender=sender)
    assert found is not None
    return found


def of_type(ledger: Ledger, type_: str) -> list[Any]:
    return [e for e in ledger.audit.read_events() if e.type == type_]


def test_who_is_told_is_who_may_decide_by_name_and_by_group(ledger: Ledger) -> None:
    p = ask(ledger, widened=("lea", "bo"))
    assert {n.to for n in put(ledger, p)} == {"@finance", "ada", "bo", "lea"}


def test_where_nobody_is_named_anyone_is_told(ledger: Ledger) -> None:
    assert [n.to for n in put(ledger, ask(ledger, terms=Terms()))] == ["anyone"]


def test_a_step_of_the_timeline_that_names_people_tells_these_alone(ledger: Ledger) -> None:
    assert {n.to for n in put(ledger, ask(ledger), "escalated", to=("lea", "@leads"))} == {"lea", "@leads"}


def test_who_requested_is_told_what_was_decided(ledger: Ledger) -> None:
    p = ask(ledger)
    run = msgspec.structs.replace(ledger.runs.load(p.run), requesters=("cy",))
    ledger.store.transact(lambda tx: rows.put_run(tx, run))
    assert {n.to for n in put(ledger, p, "decided")} == {"cy", "requester"}


def test_a_proposal_without_terms_has_no_notices(ledger: Ledger) -> None:
    assert put(ledger, ask(ledger, terms=None), to=("ada",)) == []


def test_a_transaction_that_fails_leaves_no_notice(ledger: Ledger) -> None:
    p = ask(ledger)

    def work(tx: Any) -> None:
        write_notice(tx, kind="asked", proposal=p, at=T0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        ledger.store.transact(work)
    assert waiting_notices(ledger) == []


def test_a_notice_is_one_senders_for_sixty_seconds(ledger: Ledger) -> None:
    put(ledger, ask(ledger, terms=Terms()))
    mine = take(ledger, T0, "first")
    assert ledger.notices.take_first(T0 + LEASE_TIME - timedelta(microseconds=1), sender="second") is None
    theirs = take(ledger, T0 + LEASE_TIME, "second")
    assert theirs.id == mine.id
    ledger.notices.finish(mine, sent=["json"], actor="first")  # too late: it is the second's
    assert of_type(ledger, "notice.sent") == []
    assert [n.sender for n in waiting_notices(ledger)] == ["second"]
    ledger.notices.finish(theirs, sent=["json"], actor="second")
    assert [(e.actor, e.data["to"], e.data["services"]) for e in of_type(ledger, "notice.sent")] == [
        ("second", "anyone", ["json"])
    ]
    assert waiting_notices(ledger) == []
    assert ledger.audit.verify().ok


def test_nothing_is_taken_before_it_is_due(ledger: Ledger) -> None:
    put(ledger, ask(ledger, terms=Terms()))
    assert ledger.notices.take_first(T0 - MINUTE, sender="s") is None
    assert ledger.notices.next_due() == T0


def test_a_notice_that_fails_is_tried_five_times_more(ledger: Ledger) -> None:
    p = ask(ledger, terms=Terms())
    put(ledger, p)
    at = T0
    for wait in RETRY_DELAYS:
        later = ledger.notices.fail(take(ledger, at), at, services=["0:json"], actor="s")
        assert later is not None
        assert later.services == ("0:json",)
        assert ledger.notices.take_first(at + wait - timedelta(seconds=1), sender="s") is None
        at += wait
    assert [int(w / MINUTE) for w in RETRY_DELAYS] == [1, 5, 25, 60, 60]
    assert ledger.notices.fail(take(ledger, at), at, services=["0:json"], actor="s") is None
    assert waiting_notices(ledger) == []
    (failed,) = of_type(ledger, "notice.failed")
    assert (failed.proposal, failed.data["to"], failed.data["services"]) == (p.id, "anyone", ["0:json"])
    assert ledger.audit.verify().ok


def test_what_is_held_is_taken_together_and_waits_no_longer_than_the_first(ledger: Ledger) -> None:
    hour = timedelta(hours=1)
    for n in range(3):
        at = T0 + n * MINUTE
        put(ledger, ask(ledger, f"p{n}", Terms()), at=at)
        ledger.notices.hold(take(ledger, at), at + hour)
    put(ledger, ask(ledger, "another's", FINANCE), at=T0 + 2 * hour)
    assert ledger.notices.take_first(T0 + hour - MINUTE, sender="s") is None
    first = take(ledger, T0 + hour)
    more = ledger.notices.take_held(first, T0 + hour, sender="s")
    assert sorted(n.at for n in (first, *more)) == [T0 + n * MINUTE for n in range(3)]
    assert ledger.notices.take_held(first, T0 + hour, sender="other") == []


def test_what_nobody_takes_does_not_pile_up(ledger: Ledger) -> None:
    p = ask(ledger, terms=Terms())
    for n in range(5):
        put(ledger, p, at=T0 + n * MINUTE)
    late = T0 + NOTICE_RETENTION + 10 * MINUTE
    for _ in range(2):
        put(ledger, p, at=late)
    assert {n.at for n in waiting_notices(ledger)} == {late}


def test_a_forgotten_run_leaves_nothing_that_stops_a_sender(ledger: Ledger) -> None:
    p = ask(ledger, terms=Terms())
    put(ledger, p, at=ledger.now())
    taken = take(ledger, ledger.now())
    _, claim = ledger.runs.open(agent="other", notebook="/b.ipynb")
    plans = [Plan("ask", (), (), Terms(), ("reject",))]
    questions = [Question(title="x", kind="text", value="x", position="0")]
    [other] = ledger.runs.pause(claim, Snapshot(envelope=b"s"), questions, plans=plans).proposals
    ledger.runs.forget(agent=p.agent, notebook=p.notebook)
    assert {n.proposal for n in waiting_notices(ledger)} == {other.id}
    before = ledger.audit.newest_event_number()
    ledger.notices.finish(taken, sent=["json"], actor="s")
    assert ledger.audit.newest_event_number() == before
    assert ledger.audit.verify().ok


def test_who_watches_is_known_for_ninety_seconds(ledger: Ledger) -> None:
    owner = ProcessIdentity.current("watch")
    assert not ledger.watchers.are_missing(T0)  # there is no timer
    ledger.store.transact(lambda tx: tx.put("due/00000000000000000-aaaa", b""))
    assert ledger.watchers.are_missing(T0)
    ledger.watchers.record_heartbeat(owner, T0)
    assert [one.label for one in ledger.watchers.list_running(T0 + WATCHER_TIMEOUT)] == ["watch"]
    assert ledger.watchers.are_missing(T0 + WATCHER_TIMEOUT + timedelta(seconds=1))
    ledger.watchers.remove_heartbeat(owner)
    assert ledger.watchers.are_missing(T0)


def test_a_heartbeat_of_a_process_that_has_died_does_not_count(ledger: Ledger) -> None:
    dead = msgspec.structs.replace(ProcessIdentity.current("watch"), pid=2**22 + 1)
    ledger.watchers.record_heartbeat(dead, T0)
    assert ledger.watchers.list_running(T0) == []
    ledger.watchers.record_heartbeat(ProcessIdentity.current("server"), T0 + 2 * WATCHER_TIMEOUT)  # removes what is old
    assert len(ledger.store.scan("watching/", "watching0")) == 1


@given(st.lists(st.sampled_from(["take", "die", "finish", "fail", "hold", "wait"]), max_size=40))
def test_no_notice_is_lost_whatever_senders_do(steps: list[str]) -> None:
    """Each notice is sent, or failed with an event, or still there; never two senders have one."""
    ledger = Ledger(open_store(f"memory:{new_id()}"))
    try:
        p = ask(ledger)
        ids = {n.id for n in put(ledger, p)}
        at, taken = T0, dict[str, Notice]()
        for step in steps:
            one = next(iter(taken.values()), None)
            if step == "wait":
                at += timedelta(minutes=7)
                taken.clear()
            elif step == "take" and (found := ledger.notices.take_first(at, sender=new_id())):
                assert found.id not in taken
                taken[found.id] = found
            elif one is not None:
                del taken[one.id]
                if step == "finish":
                    ledger.notices.finish(one, sent=["json"], actor="s")
                elif step == "fail":
                    ledger.notices.fail(one, at, services=["0:json"], actor="s")
                elif step == "hold":
                    ledger.notices.hold(one, at + MINUTE)
        ended = [e.data["id"] for e in ledger.audit.read_events() if e.type in ("notice.sent", "notice.failed")]
        left = [n.id for n in waiting_notices(ledger)]
        assert sorted(ended + left) == sorted(ids)
    finally:
        ledger.store.close()


# What becomes of a proposal whose people could not be told

HOUR = timedelta(hours=1)
TIMELINE = (
    TimelineStep(does="remind", seconds=3600, text="1h remind"),
    TimelineStep(does="escalate", seconds=4 * 3600, people=("lea",), text="4h escalate @leads"),
    TimelineStep(does="reject", seconds=8 * 3600, text="8h reject"),
)


def asked_under(ledger: Ledger, *steps: TimelineStep) -> Proposal:
    """A proposal that is asked at T0 and has a timeline; its notices are gone but the one to "ada"."""
    terms = Terms(needs=(Need(people=("ada",), text="1 of ada"),), timeline=steps)
    _, claim = ledger.runs.open(agent="refunds", notebook="/a.ipynb")
    plans = [Plan("ask", (), (), terms, ("approve", "reject"))]
    questions = [Question(title="Refund", kind="text", value="x", position="0")]
    return ledger.runs.pause(claim, Snapshot(envelope=b"s"), questions, plans=plans).proposals[0]


@pytest.fixture
def at_t0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.CLOCK.name, T0.isoformat())
    monkeypatch.setattr(judged, "now", lambda: T0)


def fail_all(ledger: Ledger, at: datetime) -> datetime:
    """Let the first notice fail as often as it is tried; when that was the last time."""
    for wait in (*RETRY_DELAYS, timedelta(0)):
        ledger.notices.fail(take(ledger, at), at, services=["0:json"], actor="s")
        at += wait
    return at


@pytest.mark.usefixtures("at_t0")
def test_after_the_last_try_others_are_asked_at_once_and_the_rest_of_the_timeline_stays(ledger: Ledger) -> None:
    p = asked_under(ledger, *TIMELINE)
    end = fail_all(ledger, T0)
    now_is = rows.load_proposal(ledger.store, p.id)
    assert now_is is not None
    assert (now_is.untold, now_is.widened, now_is.step) == (("ada",), ("lea",), 2)
    assert (now_is.terms, now_is.deadline, ledger.timers.next_due()) == (p.terms, T0 + 8 * HOUR, T0 + 8 * HOUR)
    assert {n.to for n in waiting_notices(ledger) if n.kind == "escalated"} == {"lea", "@leads"}
    assert [(e.actor, e.data["due"]) for e in of_type(ledger, "proposal.escalated")] == [("deadline", end.isoformat())]
    assert ledger.audit.verify().ok


@pytest.mark.usefixtures("at_t0")
def test_without_an_escalation_it_is_only_said_who_could_not_be_told(ledger: Ledger) -> None:
    p = asked_under(ledger, TIMELINE[0], TIMELINE[2])
    fail_all(ledger, T0)
    now_is = rows.load_proposal(ledger.store, p.id)
    assert now_is == msgspec.structs.replace(p, untold=("ada",))
    assert ledger.timers.next_due() == T0 + HOUR
    assert ledger.audit.verify().ok


@pytest.mark.usefixtures("at_t0")
def test_an_escalation_on_a_date_comes_at_once_too(ledger: Ledger) -> None:
    dated = TimelineStep(does="escalate", at=T0 + timedelta(days=3), people=("lea",), text="escalate @leads")
    p = asked_under(ledger, dated)
    fail_all(ledger, T0)
    now_is = rows.load_proposal(ledger.store, p.id)
    assert now_is is not None
    assert now_is.widened == ("lea",)


@pytest.mark.usefixtures("at_t0")
def test_what_is_decided_meanwhile_is_not_escalated(ledger: Ledger) -> None:
    p = asked_under(ledger, *TIMELINE)
    ledger.store.transact(lambda tx: rows.put_proposal(tx, msgspec.structs.replace(p, status="superseded")))
    fail_all(ledger, T0)
    assert of_type(ledger, "proposal.escalated") == []


@pytest.mark.usefixtures("at_t0")
def test_who_stands_in_for_somebody_who_is_away_is_told_too(ledger: Ledger) -> None:
    ledger.reviewers.set_away("ada", None, T0 + HOUR, "dee")
    assert {n.to for n in put(ledger, ask(ledger))} == {"@finance", "ada", "bo", "dee"}
