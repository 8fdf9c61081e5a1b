"""What reviewing adds to a store: what was decided, comments, whose a proposal is, what happened in a run."""

from __future__ import annotations

import pytest

from hitl_nb.errors import AlreadyDecided, UnknownProposal
from hitl_nb.ledger.ledger import Ledger
from hitl_nb.records import Proposal, Question, Snapshot
from hitl_nb.review.timeline import build_timeline
from hitl_nb.storage.memory import MemoryStore


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(MemoryStore())


def ask_questions(ledger: Ledger, *titles: str, agent: str = "letters") -> list[Proposal]:
    _, claim = ledger.runs.open(agent=agent, notebook="/letters.ipynb")
    questions = [Question(title=title, kind="text", value=title) for title in titles]
    return ledger.runs.pause(claim, Snapshot(envelope=b""), questions).proposals


def test_what_was_decided_is_listed_newest_first_by_the_page(ledger: Ledger) -> None:
    made = ask_questions(ledger, "a", "b", "c", "d")
    for p, who in zip(made[:3], ("ann", "bob", "ann"), strict=True):
        ledger.proposals.decide(p.id, "approve", reviewer=who)
    first = ledger.proposals.list_closed(limit=2)
    rest = ledger.proposals.list_closed(limit=2, after=first[-1].id)
    assert [p.title for p in first + rest] == ["c", "b", "a"]
    assert [p.title for p in ledger.proposals.list_closed(reviewer="ann")] == ["c", "a"]
    assert ledger.proposals.list_closed(status="superseded") == ledger.proposals.list_closed(agent="others") == []
    ledger.runs.cancel(made[0].run, actor="ann")
    assert [p.title for p in ledger.proposals.list_closed(status="superseded")] == ["d"]
    ledger.runs.forget(agent="letters", notebook="/letters.ipynb")
    assert ledger.proposals.list_closed() == []


def test_comments_are_kept_in_order_and_in_the_audit_log(ledger: Ledger) -> None:
    (p,) = ask_questions(ledger, "a")
    ledger.comments.add(p.id, " why? ", author="ann", author_name="Ann")
    ledger.comments.add(p.id, "because", author="bob")
    assert [(c.author, c.text) for c in ledger.comments.list_on_document(p.id)] == [("ann", "why?"), ("bob", "because")]
    assert [event.type for event in ledger.audit.read_events()][-2:] == ["comment", "comment"]
    assert ledger.proposals.load(p.id).revision == p.revision
    for text in ("", "  ", "x" * 10_001):
        with pytest.raises(ValueError, match="1 to 10000 characters"):
            ledger.comments.add(p.id, text, author="ann")
    with pytest.raises(UnknownProposal):
        ledger.comments.add("aaaaaaaaaaaa", "hello", author="ann")
    assert len(ledger.comments.list_on_document(p.id)) == 2


def test_assigning_makes_no_decision_stale(ledger: Ledger) -> None:
    (p,) = ask_questions(ledger, "a")
    assert ledger.proposals.assign(p.id, "bob", actor="ann").assignee == "bob"
    decided = ledger.proposals.decide(p.id, "approve", reviewer="bob", revision=p.revision, fingerprint=p.fingerprint)
    assert (decided.assignee, decided.status) == ("bob", "decided")
    with pytest.raises(AlreadyDecided, match=r"bob \(unsigned\) approved it"):
        ledger.proposals.assign(p.id, "carl", actor="ann")
    assert ledger.proposals.load(p.id).assignee == "bob"


def test_the_timeline_has_work_waits_decisions_and_steps(ledger: Ledger) -> None:
    run, claim = ledger.runs.open(agent="letters", notebook="/letters.ipynb")
    ledger.steps.start(claim, "1", "send")
    ledger.steps.finish(claim, "1", result=b"", status="done").result()
    (p,) = ledger.runs.pause(
        claim, Snapshot(envelope=b""), [Question(title="Letter", kind="text", value="Dear")]
    ).proposals
    ledger.comments.add(p.id, "hm", author="ann")
    ledger.proposals.decide(p.id, "reject", reason="no", reviewer="ann")
    _, claim = ledger.runs.claim(run.id)
    ledger.steps.start(claim, "2", "send")
    ledger.runs.fail(claim, None, "ValueError: no")
    found = build_timeline(ledger, run.id)
    assert [entry.at for entry in found] == sorted(entry.at for entry in found)
    kinds = [entry.type for entry in found]
    assert kinds.count("working") == 2
    assert {"opened", "step", "paused", "waiting", "comment", "decision", "resumed", "doubt", "failed"} <= set(kinds)
    wait = next(entry for entry in found if entry.type == "waiting")
    assert wait.until is not None
    assert wait.seconds == (wait.until - wait.at).total_seconds()
    assert next(entry.what for entry in found if entry.type == "decision") == "reject: Letter"
    assert next(entry.what for entry in found if entry.type == "doubt").startswith(
        "send() (it is unknown whether it happened)"
    )


def test_the_timeline_of_a_process_that_died_ends_with_its_last_sign(ledger: Ledger) -> None:
    run, claim = ledger.runs.open(agent="letters", notebook="/letters.ipynb")
    ledger.steps.start(claim, "1", "send")
    ledger.steps.finish(claim, "1", result=b"", status="done").result()
    ledger.claims.release(claim)
    ledger.runs.claim(run.id)
    dead, alive = (entry for entry in build_timeline(ledger, run.id) if entry.type == "working")
    assert dead.what == "working (the process ended unexpectedly)"
    assert dead.until == ledger.steps.list_of_run(run.id)[0].finished_at
    assert alive.until is None
