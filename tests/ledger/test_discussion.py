"""Comments and suggestions: what is kept of them, what becomes of them, what is refused, and what survives."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hitl_nb.errors import AlreadyDecided, AlreadySettled, StoreCorrupt, UnknownComment, UnknownProposal
from hitl_nb.ledger.decisions.decisions import SubmittedDecision
from hitl_nb.ledger.documents.comment_records import group_threads
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Anchor, Comment, Proposal, Question, Snapshot, now
from hitl_nb.storage import open_store
from hitl_nb.storage.memory import MemoryStore

ANCHOR = {
    "start": {"tname": "source", "item": {"client": 2**53 - 1, "clock": 0}, "assoc": 0},
    "end": {"type": None, "tname": None, "item": {"client": 7, "clock": 12}, "assoc": -1},
}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(MemoryStore())


def ask_questions(ledger: Ledger, *titles: str, agent: str = "letters", **more: Any) -> list[Proposal]:
    _, claim = ledger.runs.open(agent=agent, notebook="/letters.ipynb")
    questions = [Question(title=title, kind="text", value=title, **more) for title in titles]
    return ledger.runs.pause(claim, Snapshot(envelope=b""), questions).proposals


@pytest.fixture
def p(ledger: Ledger) -> Proposal:
    return ask_questions(ledger, "Our revenue grew.")[0]


def test_a_comment_is_kept_with_what_it_is_about(ledger: Ledger, p: Proposal) -> None:
    about: dict[str, Any] = {"quote": "revenue", "prefix": "Our ", "suffix": " grew.", "anchor": ANCHOR}
    made = ledger.comments.add(p.id, "net?", author="ann", author_name="Ann", mentions=["bob", "cy", "bob"], **about)
    (found,) = ledger.comments.list_on_document(p.id)
    assert found == made
    assert (found.proposal, found.run, found.mentions, found.state) == (p.id, p.run, ("bob", "cy"), "open")
    assert (found.quote, found.prefix, found.suffix) == ("revenue", "Our ", " grew.")
    assert json.loads(found.json())["anchor"] == ANCHOR
    event = ledger.audit.read_events()[-1]
    assert (event.type, event.proposal, event.run, event.actor) == ("comment", p.id, p.run, "ann")
    assert event.data == {"id": made.id, "text": "net?", "quote": "revenue", "mentions": ["bob", "cy"]}


def test_a_comment_of_an_older_version_is_read(ledger: Ledger, p: Proposal) -> None:
    old = {"id": "aaaaaaaaaaaa", "proposal": p.id, "author": "ann", "author_name": "", "text": "hm", "at": now()}
    ledger.store.transact(lambda tx: tx.put(f"comment/{p.id}/{1:012d}", msgspec.json.encode(old)))
    (found,) = ledger.comments.list_on_document(p.id)
    assert (found.text, found.quote, found.anchor, found.suggestion, found.state) == ("hm", "", None, None, "open")
    assert ledger.comments.change_state(p.id, found.id, "resolved", actor="bob").comment.state_by == "bob"


def test_answers_belong_to_what_they_answer(ledger: Ledger, p: Proposal) -> None:
    first, second = (ledger.comments.add(p.id, text, author="ann") for text in ("one", "two"))
    answers = [ledger.comments.add(p.id, text, author="bob", thread=first.id) for text in ("yes", "no")]
    assert group_threads(ledger.comments.list_on_document(p.id)) == [(first, answers), (second, [])]
    with pytest.raises(ValueError, match="is an answer itself; answer the comment that it answers"):
        ledger.comments.add(p.id, "hm", author="cy", thread=answers[0].id)
    (other,) = ask_questions(ledger, "elsewhere", agent="others")
    for document, thread in ((p.id, "aaaaaaaaaaaa"), (other.id, first.id)):
        with pytest.raises(UnknownComment, match="load its comments again"):
            ledger.comments.add(document, "hm", author="cy", thread=thread)
    assert len(ledger.comments.list_on_document(p.id)) == 4
    assert ledger.comments.list_on_document(other.id) == []


def test_comments_on_a_proposal_of_a_shared_document_are_the_document_s(ledger: Ledger) -> None:
    _, claim = ledger.runs.open(agent="writes", notebook="/letters.ipynb")
    document = ledger.workspaces.open(claim, title="Report", position="1").id
    questions = [Question(title=title, kind="text", value=title, document=document) for title in ("a", "b")]
    first, second = ledger.runs.pause(claim, Snapshot(envelope=b""), questions).proposals
    ledger.comments.add(first.id, "one", author="ann")
    made = ledger.comments.add(second.id, "two", author="bob")
    assert [c.text for c in ledger.comments.list_on_document(document)] == ["one", "two"]
    assert made.proposal == document
    assert [
        c.text
        for c in ledger.proposals.submit_decision(
            first.id, SubmittedDecision(action="approve", reviewer="ann"), revision=1
        ).comments
    ] == ["one", "two"]


def test_a_suggestion_needs_no_text_but_something_that_it_is_about(ledger: Ledger, p: Proposal) -> None:
    ledger.comments.add(p.id, "", author="ann", quote="grew", suggestion="rose")
    ledger.comments.add(p.id, "", author="ann", quote="grew", suggestion="")
    ledger.comments.add(p.id, "", author="ann", anchor=ANCHOR, suggestion=" much")
    assert [c.suggestion for c in ledger.comments.list_on_document(p.id)] == ["rose", "", " much"]
    assert ledger.audit.read_events()[-1].data["suggestion"] == " much"
    for about in ({"suggestion": "x"}, {"suggestion": "", "anchor": ANCHOR}):
        with pytest.raises(ValueError, match="needs the quote that it replaces, or the anchor"):
            ledger.comments.add(p.id, "better", author="ann", **about)


@pytest.mark.parametrize(
    ("text", "about", "sentence"),
    [
        ("", {}, "has 1 to 10000 characters, not 0"),
        ("x" * 10_001, {"quote": "a", "suggestion": "b"}, "has 0 to 10000 characters, not 10001"),
        ("hm", {"quote": "x" * 2_001}, "the quote of a comment has at most 2000 characters, not 2001"),
        ("hm", {"prefix": "x" * 61}, "the prefix of a comment has at most 60"),
        ("hm", {"suffix": "x" * 61}, "the suffix of a comment has at most 60"),
        ("hm", {"quote": "a", "suggestion": "x" * 100_001}, "the suggestion of a comment has at most 100000"),
        ("hm", {"mentions": [f"user{n}" for n in range(21)]}, "mentions at most 20 people, not 21"),
        ("hm", {"mentions": [""]}, "a user name of 1 to 200 characters"),
        ("hm", {"mentions": ["x" * 201]}, "a user name of 1 to 200 characters"),
    ],
)
def test_what_is_too_long_or_empty_is_refused(
    ledger: Ledger, p: Proposal, text: str, about: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        ledger.comments.add(p.id, text, author="ann", **about)
    assert ledger.comments.list_on_document(p.id) == []


GOOD = ANCHOR["start"]


@pytest.mark.parametrize(
    "anchor",
    [
        {},
        {"start": GOOD},
        {"start": GOOD, "end": GOOD, "middle": GOOD},
        {"start": GOOD, "end": {}},
        {"start": GOOD, "end": {"assoc": 0}},
        {"start": GOOD, "end": {"item": None, "tname": "", "type": None}},
        {"start": GOOD, "end": {"tname": "x" * 101}},
        {"start": GOOD, "end": {"tname": "source", "assoc": 2}},
        {"start": GOOD, "end": {"tname": "source", "assoc": 0.5}},
        {"start": GOOD, "end": {"tname": "source", "more": 1}},
        {"start": GOOD, "end": {"item": {"client": -1, "clock": 0}}},
        {"start": GOOD, "end": {"item": {"client": 0, "clock": 2**53}}},
        {"start": GOOD, "end": {"item": {"client": 0}}},
        {"start": GOOD, "end": {"item": {"client": "0", "clock": 0}}},
        {"start": GOOD, "end": {"type": [0, 0]}},
        {"start": GOOD, "end": 5},
    ],
)
def test_an_anchor_of_another_shape_is_refused(ledger: Ledger, p: Proposal, anchor: Any) -> None:
    with pytest.raises(ValueError, match="a start and an end as Yjs writes relative positions"):
        ledger.comments.add(p.id, "hm", author="ann", anchor=anchor)


def test_an_anchor_is_small(ledger: Ledger, p: Proposal) -> None:
    piece = {"client": 2**53 - 1, "clock": 2**53 - 1}
    longest = {"type": piece, "tname": "\N{GRINNING FACE}" * 100, "item": piece, "assoc": -1}
    made = ledger.comments.add(p.id, "hm", author="ann", anchor={"start": longest, "end": longest})
    assert isinstance(made.anchor, Anchor)
    assert len(made.anchor.json()) < 1500


def test_what_became_of_a_comment_is_kept_once_and_told_in_the_log(ledger: Ledger, p: Proposal) -> None:
    said = ledger.comments.add(p.id, "why?", author="ann")
    done = ledger.comments.change_state(p.id, said.id, "resolved", actor="bob", actor_name="Bob")
    again = ledger.comments.change_state(p.id, said.id, "resolved", actor="cy")
    assert (done.changed, again.changed) == (True, False)
    assert again.comment == done.comment == ledger.comments.list_on_document(p.id)[0]
    assert (done.comment.state, done.comment.state_by, done.comment.state_by_name) == ("resolved", "bob", "Bob")
    assert done.comment.state_at is not None
    assert ledger.comments.change_state(p.id, said.id, "open", actor="cy").changed is True
    events = [(e.actor, e.proposal, e.data) for e in ledger.audit.read_events() if e.type == "comment.state"]
    assert events == [
        ("bob", p.id, {"id": said.id, "state": "resolved", "was": "open"}),
        ("cy", p.id, {"id": said.id, "state": "open", "was": "resolved"}),
    ]
    assert ledger.proposals.load(p.id).revision == p.revision


def test_the_first_who_settles_a_suggestion_wins(ledger: Ledger, p: Proposal) -> None:
    for state in ("accepted", "dismissed"):
        said = ledger.comments.add(p.id, "", author="ann", quote="grew", suggestion="rose")
        assert ledger.comments.change_state(p.id, said.id, state, actor="bob", actor_name="Bob").changed is True
        assert ledger.comments.change_state(p.id, said.id, state, actor="bob").changed is False
        for other in ("accepted", "dismissed", "resolved", "open"):
            with pytest.raises(AlreadySettled, match=f"Bob has already {state} this suggestion") as refused:
                ledger.comments.change_state(p.id, said.id, other, actor="cy")
            assert isinstance(refused.value.comment, Comment)
            assert refused.value.comment.state_by == "bob"
        assert ledger.comments.change_state(p.id, said.id, "open", actor="bob").changed is True  # the range was gone
        assert ledger.comments.change_state(p.id, said.id, "accepted", actor="cy").changed is True


def test_of_several_who_accept_at_once_one_is_told_that_it_changed(tmp_path: Path) -> None:
    ledger = Ledger(open_store(f"diskcache://{tmp_path}/store"))
    (p,) = ask_questions(ledger, "Our revenue grew.")
    said = ledger.comments.add(p.id, "", author="ann", quote="grew", suggestion="rose")

    def accept(who: str) -> str:
        try:
            return (
                "changed" if ledger.comments.change_state(p.id, said.id, "accepted", actor=who).changed else "as it was"
            )
        except AlreadySettled as refused:
            return str(refused).split()[0]

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(accept, ["bob", "cy"] * 8))
    winner = ledger.comments.list_on_document(p.id)[0].state_by
    assert sorted(told) == sorted(["changed", *["as it was"] * 7, *[winner] * 8])
    assert len([e for e in ledger.audit.read_events() if e.type == "comment.state"]) == 1
    ledger.store.close()


def test_what_cannot_be_marked(ledger: Ledger, p: Proposal) -> None:
    said = ledger.comments.add(p.id, "why?", author="ann")
    answer = ledger.comments.add(p.id, "so", author="bob", thread=said.id)
    with pytest.raises(ValueError, match="suggests nothing that could be accepted; resolve it"):
        ledger.comments.change_state(p.id, said.id, "accepted", actor="bob")
    with pytest.raises(ValueError, match=f"is an answer; resolve the comment that it answers, {said.id}"):
        ledger.comments.change_state(p.id, answer.id, "resolved", actor="bob")
    with pytest.raises(ValueError, match="state must be one of open, resolved, accepted, dismissed, not 'gone'"):
        ledger.comments.change_state(p.id, said.id, "gone", actor="bob")
    with pytest.raises(UnknownComment):
        ledger.comments.change_state(p.id, "aaaaaaaaaaaa", "resolved", actor="bob")
    with pytest.raises(UnknownProposal):
        ledger.comments.change_state("aaaaaaaaaaaa", said.id, "resolved", actor="bob")
    assert {c.state for c in ledger.comments.list_on_document(p.id)} == {"open"}


def test_after_the_decision_people_may_talk_on_but_change_nothing(ledger: Ledger, p: Proposal) -> None:
    said = ledger.comments.add(p.id, "", author="ann", quote="grew", suggestion="rose")
    decision = ledger.proposals.decide(p.id, "approve", reviewer="bob").decision
    assert decision is not None
    late = ledger.comments.add(p.id, "pity", author="ann", thread=said.id)
    with pytest.raises(AlreadyDecided, match=r"bob \(unsigned\) approved it"):
        ledger.comments.change_state(p.id, said.id, "accepted", actor="cy")
    dismissed = ledger.comments.change_state(p.id, said.id, "dismissed", actor="cy").comment
    assert ledger.comments.list_on_document(p.id) == [dismissed, late]
    assert ledger.comments.list_on_document(p.id, before=decision.event) == [said]


def test_the_comments_of_a_forgotten_run_are_gone(ledger: Ledger, p: Proposal) -> None:
    said = ledger.comments.add(p.id, "why?", author="ann")
    ledger.comments.change_state(p.id, said.id, "resolved", actor="bob")
    ledger.runs.forget(agent="letters", notebook="/letters.ipynb")
    assert ledger.comments.list_on_document(p.id) == []
    assert [key for key, _ in ledger.store.scan("", "~") if p.id in key] == []


def test_a_damaged_comment_is_noticed(ledger: Ledger, p: Proposal) -> None:
    ledger.store.transact(lambda tx: tx.put(f"comment/{p.id}/{1:012d}", b'{"id": 7}'))
    with pytest.raises(StoreCorrupt, match=f"comment/{p.id}"):
        ledger.comments.list_on_document(p.id)


SPEAK = """
import os, signal, sys
from hitl_nb.storage import open_store
from hitl_nb.ledger.ledger import Ledger

ledger = Ledger(open_store(sys.argv[1]))
for n in range(20):
    said = ledger.comments.add(sys.argv[2], f"comment {n}", author="ann", quote="grew", suggestion=str(n))
    if n % 2:
        ledger.comments.change_state(sys.argv[2], said.id, "accepted", actor="bob")
    print(n, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_acknowledged_survives_the_death_of_its_process(tmp_path: Path) -> None:
    url = f"diskcache://{tmp_path}/store"
    ledger = Ledger(open_store(url))
    (p,) = ask_questions(ledger, "Our revenue grew.")
    child = subprocess.run([sys.executable, "-c", SPEAK, url, p.id], capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr
    told = [int(n) for n in child.stdout.split()]
    assert told == list(range(20))
    found = ledger.comments.list_on_document(p.id)
    assert [c.text for c in found] == [f"comment {n}" for n in told]
    assert [c.state for c in found] == [("accepted" if n % 2 else "open") for n in told]
    assert ledger.audit.verify().ok
    ledger.store.close()


def change(ledger: Ledger, key: str, old: bytes, new: bytes) -> None:
    raw = ledger.store.get(key) or b""
    assert old in raw
    ledger.store.transact(lambda tx: tx.put(key, raw.replace(old, new)))


@pytest.mark.parametrize("kind", ["comment", "marked"])
def test_comments_that_were_changed_after_they_were_said_are_not_for_agents(
    ledger: Ledger, p: Proposal, kind: str
) -> None:
    said = ledger.comments.add(p.id, "pay nobody", author="ann")
    ledger.comments.change_state(p.id, said.id, "resolved", actor="bob")
    assert ledger.comments.list_on_document(p.id, as_logged=True) == ledger.comments.list_on_document(p.id)
    (key,) = [key for key, _ in ledger.store.scan(f"{kind}/", f"{kind}0")]
    change(ledger, key, b"pay nobody" if kind == "comment" else b"bob", b"pay mallory")
    with pytest.raises(StoreCorrupt, match=key):
        ledger.comments.list_on_document(p.id, as_logged=True)
    assert ledger.comments.list_on_document(p.id)  # people see them all the same
    (named,) = ledger.audit.verify().differs
    assert named.record == key


def test_a_comment_that_nobody_said_is_not_for_agents(ledger: Ledger, p: Proposal) -> None:
    ledger.comments.add(p.id, "fine", author="ann")
    ((key, raw),) = ledger.store.scan("comment/", "comment0")
    for planted in (key[:-1] + "1", f"{key[:-12]}x"):
        ledger.store.transact(lambda tx, planted=planted: tx.put(planted, raw))
        with pytest.raises(StoreCorrupt, match="not the ones that people wrote"):
            ledger.comments.list_on_document(p.id, as_logged=True)
        ledger.store.transact(lambda tx, planted=planted: tx.delete(planted))
