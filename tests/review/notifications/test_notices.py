"""What a notice says, and sending it: text that nothing hostile passes, digests, what is dropped, tries."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_nb import settings
from hitl_nb.ledger.decisions.notices import Notice, write_notice
from hitl_nb.ledger.decisions.reviewers import format_decider
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.ledger.open.notice_sending import RETRY_DELAYS
from hitl_nb.ledger.rows import stored_records as rows
from hitl_nb.records import (
    DecisionRecord,
    Known,
    Need,
    Proposal,
    Question,
    Snapshot,
    Terms,
    TimelineStep,
    VoteRecord,
    new_id,
)
from hitl_nb.review.notifications.channels import Channel
from hitl_nb.review.notifications.notice_text import MAX_TEXT_CHARS, NoticeContext, format_message, neutralize_text
from hitl_nb.review.notifications.outbox import UNCLAIMED_AFTER, NoticeSender
from hitl_nb.storage import open_store

T0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NEED = Need(count=2, people=("ada", "bo"), text="2 of @finance")
TIMELINE = (
    TimelineStep(does="remind", seconds=3600, text="1h remind"),
    TimelineStep(does="escalate", seconds=4 * 3600, people=("lea",), text="4h escalate @leads"),
    TimelineStep(does="reject", seconds=8 * 3600, text="8h reject"),
)
TERMS = Terms(rules=("big-refund",), needs=(NEED,), timeline=TIMELINE)


def proposal(title: str = "Refund 150", value: Any = "Dear Ada", terms: Terms = TERMS, **more: Any) -> Proposal:
    fields: dict[str, Any] = {"kind": "text", "run": "r", "agent": "refunds", "notebook": "/x/desk.ipynb", "pause": 1}
    return Proposal(
        **fields
        | {"id": "abcd", "fingerprint": "f", "created_at": T0, "terms": terms, "title": title, "value": value}
        | more
    )


def notice(kind: Any = "asked", to: str = "ada", **more: Any) -> Notice:
    return Notice(id=new_id(), to=to, kind=kind, proposal="abcd", run="r", at=T0, due=T0, **more)


def text(p: Proposal, kind: Any = "asked", url: str = "https://hub.example/user/ada/", **more: Any) -> str:
    return "\n".join(format_message([NoticeContext(notice(kind, **more), p)], url, T0))


def test_a_message_says_what_why_who_until_when_and_where() -> None:
    voted = VoteRecord(reviewer="bo", action="approve", at=T0)
    p = proposal(votes=(voted,), deadline=T0 + 8 * HOUR)
    assert text(p).splitlines() == [
        "Waiting for a decision: Refund 150",
        "Agent: refunds, in desk․ipynb",
        "Rules: big-refund",
        "Needed: 0 of 2 of ＠finance",
        "May decide: ＠finance, ada, bo",
        "Voted: approved by bo (unsigned: any program of this user can say so)",
        "At 2026-01-05 10:00 UTC: people are reminded.",
        "At 2026-01-05 13:00 UTC: lea may decide too.",
        "At 2026-01-05 17:00 UTC: it is rejected.",
        "https://hub.example/user/ada/hitl_nb/review/abcd",
    ]


def test_only_a_summary_shows_the_value_and_the_sentences() -> None:
    p = proposal(value="the secret", why=("amount is 150",))
    assert "secret" not in text(p)
    assert "150 " not in text(p).replace("Refund 150", "")
    full = text(msgspec.structs.replace(p, terms=msgspec.structs.replace(TERMS, show="summary")))
    assert "Proposed: the secret" in full
    assert "Why: amount is 150" in full


def test_votes_are_not_told_while_they_are_hidden() -> None:
    p = proposal(
        terms=msgspec.structs.replace(TERMS, blind=True), votes=(VoteRecord(reviewer="bo", action="reject", at=T0),)
    )
    assert "reject" not in text(p).replace("it is rejected", "")
    assert "bo rejected" not in text(p)


def test_without_an_address_the_message_says_where_else_to_look() -> None:
    assert text(proposal(), url="").endswith("Decide in JupyterLab's inbox, or see it with: hitl-nb show abcd")
    assert text(proposal(status="decided"), "decided", url="").endswith("\nSee it with: hitl-nb show abcd")


def test_what_the_clock_decided_never_reads_like_a_persons_decision() -> None:
    made: dict[str, Any] = {"decided_at": T0, "fingerprint": "f"}
    person = DecisionRecord(action="approve", reviewer="bo", reviewer_name="Bo", surface="page", **made)
    clock = DecisionRecord(action="reject", reviewer="deadline", by="deadline", **made)
    rule = DecisionRecord(action="reject", reviewer="policy:small", by="policy", **made)
    cases: list[tuple[DecisionRecord, Known, str]] = [
        (person, "login", "Approved by Bo (bo), logged in: "),
        (person, "token", "Approved by a guest (the server knows its token only): "),
        (person, "unsigned", "Approved by bo (unsigned: any program of this user can say so): "),
        (clock, "deadline", "Rejected by the deadline: "),
        (rule, "policy", "Rejected by the policy small: "),
    ]
    for decision, known, words in cases:
        told = NoticeContext(notice("decided"), proposal(status="decided", decision=decision), known=known)
        assert format_message([told], "", T0)[0].startswith(words)


HOSTILE = [
    "<!channel> *urgent* _now_ `rm`",
    "@everyone @here <@U123>",
    "[Approve](https://evil.example/approve)",
    "see https://evil.example/x or evil.example or www.evil.example",
    "javascript:alert(1) mailto:a@b.example data:text/html,x",
    "\u202erefund\u202c \u200b\x1b[31m\x07 two\nlines\r\nthree",
    "HTTPS:\\\\evil.example ~~struck~~",
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("where", ["title", "agent", "notebook", "value", "why", "reviewer", "rules"])
def test_nothing_that_others_wrote_is_markup_a_mention_or_a_link(hostile: str, where: str) -> None:
    voted = VoteRecord(reviewer=hostile if where == "reviewer" else "bo", action="approve", at=T0)
    terms = msgspec.structs.replace(TERMS, show="summary", rules=(hostile,) if where == "rules" else ())
    more: dict[str, Any] = {} if where in ("rules", "reviewer") else {where: (hostile,) if where == "why" else hostile}
    title, body = format_message([NoticeContext(notice(), proposal(terms=terms, votes=(voted,), **more))], "", T0)
    said = title + "\n" + body
    assert not set(said) & set("<*_`@~[]\u202e\u202c\u200b\x1b\x07\r")
    assert "://" not in said
    assert "evil.example" not in said
    assert "javascript:" not in said
    plain = {name: (("x",) if name == "why" else "x") for name in more}
    assert len(said.splitlines()) == len(text(proposal(terms=terms, votes=(voted,), **plain)).splitlines())


@given(st.text(max_size=300))
def test_a_neutralised_text_is_one_short_line_without_what_services_act_on(given_text: str) -> None:
    shown = neutralize_text(given_text)
    assert "\n" not in shown
    assert not set(shown) & set("<*_`@~[]")
    assert "//" not in shown
    assert len(neutralize_text("x" * 1000)) == MAX_TEXT_CHARS


# Sending


class Posted:
    """Takes messages; the services in `failing` refuse."""

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.sent: list[tuple[str, tuple[str, ...], str, str]] = []

    def __call__(
        self, channel: Channel, services: Sequence[str], title: str, body: str, id_: str, goes_on: Any
    ) -> dict[str, str]:
        self.sent.append((channel.name, tuple(services), f"{title}\n{body}", id_))
        return {one: "no" if one in self.failing else "" for one in services}

    def titles(self) -> list[str]:
        return [said.splitlines()[0] for _, _, said, _ in self.sent]


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.CLOCK.name, T0.isoformat())


@pytest.fixture
def ledger() -> Any:
    ledger = Ledger(open_store(f"memory:{new_id()}"))
    yield ledger
    ledger.store.close()


def ask_question(
    ledger: Ledger, title: str, at: datetime = T0, kind: Any = "asked", terms: Terms | None = None
) -> Proposal:
    _, claim = ledger.runs.open(agent=title, notebook="/a.ipynb")
    p = ledger.runs.pause(claim, Snapshot(envelope=b"s"), [Question(title=title, kind="text", value="x")]).proposals[0]
    p = msgspec.structs.replace(p, created_at=T0, terms=terms or Terms())

    def work(tx: Any) -> None:
        rows.put_proposal(tx, p)
        write_notice(tx, kind=kind, proposal=p, at=at)

    ledger.store.transact(work)
    return p


def sender(ledger: Ledger, post: Posted, *channels: Channel, token: str = "s") -> NoticeSender:
    found = {one.name: one for one in channels} if channels else None
    return NoticeSender(ledger, token=token, actor="watch", load=lambda: found, post=post)


def kinds(ledger: Ledger) -> list[str]:
    return [e.type for e in ledger.audit.read_events() if e.type.startswith("notice")]


def count_notices(ledger: Ledger) -> int:
    return len(ledger.store.scan("notice/", "notice0"))


ANYONE = Channel("anyone", ("json://a", "mailto://b"))


def test_what_is_due_is_sent_once_and_logged_without_a_url(ledger: Ledger) -> None:
    ask_question(ledger, "Refund")
    post = Posted()
    one = sender(ledger, post, ANYONE)
    assert one.send_next(T0)
    assert not one.send_next(T0)
    assert post.titles() == ["Waiting for a decision: Refund"]
    (event,) = [e for e in ledger.audit.read_events() if e.type == "notice.sent"]
    assert event.data == {"id": post.sent[0][3], "to": "anyone", "kind": "asked", "services": ["json", "mailto"]}


def test_who_decided_is_named_as_everywhere_else(ledger: Ledger) -> None:
    """The ledger says how it is known; a name alone proves nothing."""
    p = ask_question(ledger, "Refund", kind="decided")
    made = DecisionRecord(action="approve", reviewer="root", decided_at=T0, fingerprint="f", authn="login")
    decided = msgspec.structs.replace(p, status="decided", decision=made)
    ledger.store.transact(lambda tx: rows.put_proposal(tx, decided))
    post = Posted()
    one = sender(ledger, post, Channel("requester", ("json://a",)))
    while one.send_next(T0):
        pass
    assert post.titles() == [f"Approved by {format_decider(made, ledger.reviewers.identify(decided))}: Refund"]
    assert "unsigned" in post.titles()[0]


def test_only_the_services_that_failed_are_tried_again(ledger: Ledger) -> None:
    ask_question(ledger, "Refund")
    post = Posted()
    post.failing = {"1:mailto"}
    one = sender(ledger, post, ANYONE)
    at = T0
    for wait in (*RETRY_DELAYS, None):
        assert one.send_next(at)
        at += wait or HOUR
    assert [services for _, services, _, _ in post.sent] == [("0:json", "1:mailto")] + [("1:mailto",)] * 5
    assert len({id_ for *_, id_ in post.sent}) == 1
    assert kinds(ledger) == ["notice.sent", "notice.failed"]
    assert count_notices(ledger) == 0


def test_who_has_no_channel_is_not_told_and_nothing_is_logged(ledger: Ledger) -> None:
    ask_question(ledger, "Refund")
    post = Posted()
    assert sender(ledger, post, Channel("bo", ("json://b",))).send_next(T0)
    assert (post.sent, kinds(ledger), count_notices(ledger)) == ([], [], 0)


def test_what_was_decided_meanwhile_is_not_asked_any_more(ledger: Ledger) -> None:
    p = ask_question(ledger, "Refund")
    ledger.store.transact(lambda tx: rows.put_proposal(tx, msgspec.structs.replace(p, status="decided")))
    post = Posted()
    assert sender(ledger, post, ANYONE).send_next(T0)
    assert (post.sent, count_notices(ledger)) == ([], 0)


def test_without_channels_others_may_send_what_is_new_and_the_rest_is_dropped(ledger: Ledger) -> None:
    ask_question(ledger, "Refund")
    post = Posted()
    none = sender(ledger, post)
    assert not none.send_next(T0 + HOUR)
    assert count_notices(ledger) == 1
    assert none.send_next(T0 + UNCLAIMED_AFTER + HOUR)
    assert (post.sent, kinds(ledger), count_notices(ledger)) == ([], [], 0)


def test_a_digest_is_one_message_an_interval_oldest_first(ledger: Ledger) -> None:
    hourly = with_digest(ANYONE, HOUR)
    post = Posted()
    one = sender(ledger, post, hourly)
    for n in range(3):
        ask_question(ledger, f"Refund {n}", T0 + n * 10 * MINUTE)
        assert one.send_next(T0 + n * 10 * MINUTE)
    assert not one.send_next(T0 + HOUR - MINUTE)
    assert post.sent == []
    assert one.send_next(T0 + HOUR)
    assert not one.send_next(T0 + HOUR)
    ((_, _, said, ids),) = post.sent
    assert said.startswith("3 notices about agents' proposals\n")
    places = [said.index(f"Refund {n}") for n in range(3)]
    assert places == sorted(places)
    assert len(ids.split(",")) == 3
    assert kinds(ledger) == ["notice.sent"] * 3


def test_a_digest_that_fails_is_tried_again_as_one(ledger: Ledger) -> None:
    post = Posted()
    post.failing = {"0:json"}
    one = sender(ledger, post, with_digest(ANYONE, HOUR))
    for n in range(2):
        ask_question(ledger, f"Refund {n}")
        one.send_next(T0)
    assert one.send_next(T0 + HOUR)
    assert one.send_next(T0 + HOUR + RETRY_DELAYS[0])
    assert not one.send_next(T0 + HOUR + RETRY_DELAYS[0])
    assert [len(ids.split(",")) for *_, ids in post.sent] == [2, 2]
    assert [services for _, services, _, _ in post.sent] == [("0:json", "1:mailto"), ("0:json",)]


def test_a_digest_does_not_hold_back_what_has_its_next_step_within_the_interval(ledger: Ledger) -> None:
    post = Posted()
    one = sender(ledger, post, with_digest(ANYONE, 2 * HOUR))
    ask_question(ledger, "Soon", terms=Terms(timeline=TIMELINE))
    ask_question(ledger, "Later", terms=Terms(timeline=TIMELINE[1:]))
    assert one.send_next(T0)
    assert one.send_next(T0)
    assert post.titles() == ["Waiting for a decision: Soon"]


def with_digest(channel: Channel, digest: timedelta) -> Channel:
    return dataclasses.replace(channel, digest=digest)


def test_of_two_senders_each_notice_is_one_senders(ledger: Ledger) -> None:
    for n in range(20):
        ask_question(ledger, f"Refund {n}")
    first, second = Posted(), Posted()
    one, two = (sender(ledger, post, ANYONE, token=name) for name, post in (("1", first), ("2", second)))
    for _ in range(10):
        assert one.send_next(T0)
        assert two.send_next(T0)
    assert not one.send_next(T0)
    sent = [id_ for *_, id_ in (*first.sent, *second.sent)]
    assert len(sent) == len(set(sent)) == 20
