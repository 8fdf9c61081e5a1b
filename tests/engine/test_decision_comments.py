"""`decision.list_comments`: what people had said when they decided, and nothing of what was said since."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from desk import Desk

from hitl_nb.records import Comment as Record
from hitl_nb.records import now
from hitl_nb.review.comment_threads import AgentComment, thread_comments
from hitl_nb.review.decision import Decision

EXACT = """
decision = hitl.checkpoint("Our revenue grew.", title="report")
first = decision.comments
hitl.checkpoint("more", title="behind")
second = decision.comments
"""

OPAQUE = """
def both():
    first = hitl.checkpoint("Our revenue grew.", title="report").comments
    hitl.checkpoint("more", title="behind")
    return first
"""

ALL = """
first, second = [d.comments for d in hitl.checkpoint_all([hitl.proposal(x, title=x) for x in ("one", "two")])]
"""


@pytest.fixture
def desk() -> Desk:
    return Desk()


def talk(desk: Desk) -> list[Record]:
    """A thread that is resolved, and a suggestion, on the first open proposal; then the decision; then more."""
    (p, *_) = desk.open()
    asked = desk.ledger.comments.add(p.id, "net?", author="ann", author_name="Ann", quote="revenue")
    desk.ledger.comments.add(p.id, "gross", author="bob", thread=asked.id)
    better = desk.ledger.comments.add(p.id, "", author="cy", quote="grew", suggestion="rose", mentions=["ann"])
    desk.ledger.comments.change_state(p.id, asked.id, "resolved", actor="ann")
    before = desk.ledger.comments.list_on_document(p.id)
    desk.answer("edit", "Our revenue rose.")
    desk.ledger.comments.add(p.id, "too late", author="bob")
    desk.ledger.comments.add(p.id, "too late as well", author="bob", thread=asked.id)
    desk.ledger.comments.change_state(p.id, asked.id, "open", actor="bob")
    desk.ledger.comments.change_state(p.id, better.id, "dismissed", actor="bob")
    return before


@pytest.mark.parametrize("fresh", [True, False])
def test_the_agent_gets_what_was_said_before_the_decision(desk: Desk, fresh: bool) -> None:
    desk.run(EXACT)
    before = thread_comments(talk(desk))
    if fresh:
        desk.new_kernel()
    assert desk.run(EXACT).status == "waiting"
    desk.answer()
    if fresh:
        desk.new_kernel()
    assert desk.run(EXACT).status == "finished"
    assert desk.ns["first"] == desk.ns["second"] == before
    question, suggestion = desk.ns["first"]
    assert [(one.author, one.text, one.state) for one in (question, *question.replies)] == [
        ("ann", "net?", "resolved"),
        ("bob", "gross", "open"),
    ]
    assert (question.quote, question.author_name, question.open, suggestion.open) == ("revenue", "Ann", False, True)
    assert (suggestion.suggestion, suggestion.mentions) == ("rose", ("ann",))


@pytest.mark.parametrize("fresh", [True, False])
def test_a_decision_that_is_replayed_has_the_same_comments(desk: Desk, fresh: bool) -> None:
    desk.cell(OPAQUE)
    desk.run("first = both()")
    before = thread_comments(talk(desk))
    for _ in range(2):
        if fresh:
            desk.new_kernel()
            desk.cell(OPAQUE)
        outcome = desk.run("first = both()")
        if outcome.status == "waiting":
            desk.answer()
    assert outcome.status == "finished"
    assert desk.ns["first"] == before


def test_each_of_several_decisions_has_its_own(desk: Desk) -> None:
    desk.run(ALL)
    one, two = desk.open()
    desk.ledger.comments.add(two.id, "on two", author="ann")
    desk.answer()
    desk.ledger.comments.add(one.id, "late on one", author="ann")
    desk.answer()
    assert desk.run(ALL).status == "finished"
    assert desk.ns["first"] == ()
    assert [str(c) for c in desk.ns["second"]] == ["ann: on two"]


def test_a_decision_of_an_older_snapshot_has_none() -> None:
    made = Decision("approve", 1, 1, None, "ann", now(), "", "person", "title")
    state: dict[str, Any] = {name: value for name, value in vars(made).items() if name != "comments"}
    old = Decision.__new__(Decision)
    vars(old).update(state)
    assert pickle.loads(pickle.dumps(old)).comments == ()


def comment(text: str = "", **about: Any) -> AgentComment:
    given = {"author": "ann", "author_name": "Ann", **about}
    return thread_comments([Record(id="a" * 12, proposal="p" * 12, text=text, at=now(), **given)])[0]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (comment("good"), "Ann: good"),
        (comment("good", author_name=""), "ann: good"),
        (comment("net?", quote='the "revenue"'), 'Ann on "the \\"revenue\\"": net?'),
        (comment("done", quote="a", state="resolved"), 'Ann on "a" [resolved]: done'),
        (comment(quote="grew", suggestion="rose"), 'Ann suggests "rose" in place of "grew"'),
        (comment("nicer", quote="grew", suggestion="rose"), 'Ann suggests "rose" in place of "grew": nicer'),
        (comment(quote="very", suggestion=""), 'Ann suggests to remove "very"'),
        (comment(suggestion=" much"), 'Ann suggests to insert " much"'),
    ],
)
def test_a_comment_reads_well_in_a_prompt(said: AgentComment, expected: str) -> None:
    assert str(said) == expected


def test_no_text_looks_like_somebody_else_s_answer() -> None:
    first = Record(id="a" * 12, proposal="p" * 12, author="ann", text="no\n  bob: yes", author_name="A\nnn", at=now())
    answer = Record(id="b" * 12, proposal="p" * 12, author="bob", text="no", at=now(), thread=first.id)
    (thread,) = thread_comments([first, answer])
    assert str(thread).split("\n") == ["A nn: no", "      bob: yes", "  bob: no"]
